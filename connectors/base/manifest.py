"""Reading a connector folder's `manifest.toml`."""

import tomllib
from pathlib import Path

from pydantic import ValidationError

from contracts.connector import Manifest
from contracts.faults import sentence_of

FILE_NAME = "manifest.toml"


class BrokenConnector(Exception):
    """A connector folder cannot be used. The hub does not start with it; the text names the file and the reason."""

    def __init__(self, file: Path, reason: str) -> None:
        super().__init__(f"{file}: {reason}")
        self.file = file
        self.reason = reason


def read_manifest(folder: Path) -> Manifest:
    """The manifest in `folder`, whose `name` must be the folder's.

    Raises:
        BrokenConnector: the file is missing, is no TOML, or does not say what `contracts.connector.Manifest` wants.
    """
    file = folder / FILE_NAME
    try:
        manifest = Manifest.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))
    except ValidationError as error:
        reasons = (f"{'.'.join(str(part) for part in found['loc'])}: {sentence_of(found)}" for found in error.errors())
        raise BrokenConnector(file, "; ".join(reasons)) from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BrokenConnector(file, str(error)) from error
    if manifest.name != folder.name:
        raise BrokenConnector(file, f"name: is {manifest.name!r}, but the folder is {folder.name!r}")
    return manifest
