"""Writes `openapi/` anew from the code, and says whether what is there still agrees with it."""

import json
from pathlib import Path
from typing import Any, get_args

import yaml

from contracts.items import COLLECTIONS
from hub.http.description import collection_schema, describe
from hub.http.operations import Api

FOLDER = "openapi"


def write(root: Path) -> list[Path]:
    """Writes every file under `root/openapi`, takes away what is no longer made there, and returns what it wrote."""
    folder, wanted = root / FOLDER, _files()
    for stale in _present(folder) - wanted.keys():
        (folder / stale).unlink()
    written = []
    for name, text in wanted.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
        written.append(path)
    return written


def drift(root: Path) -> list[str]:
    """The names of the files under `root/openapi` that differ from what `write` makes, are missing, or are extra."""
    folder, wanted = root / FOLDER, _files()
    present = _present(folder)
    differing = {name for name in present & wanted.keys() if (folder / name).read_bytes() != wanted[name].encode()}
    return sorted(differing | (present ^ wanted.keys()))


def _files() -> dict[str, str]:
    described = {f"{api}.yaml": _yaml(describe(api)) for api in get_args(Api)}
    schemas = {
        f"schemas/{name}.json": json.dumps(collection_schema(name), ensure_ascii=False, indent=2) + "\n"
        for name in COLLECTIONS
    }
    return described | schemas


def _present(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


class _Dumper(yaml.SafeDumper):
    """Texts of several lines as blocks, no anchors: the files are read by people."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


_Dumper.add_representer(str, _text)


def _yaml(document: dict[str, Any]) -> str:
    return yaml.dump(document, Dumper=_Dumper, sort_keys=False, width=120, allow_unicode=True)
