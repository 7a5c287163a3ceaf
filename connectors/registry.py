"""Finds the connectors: each folder here with a `manifest.toml`. Adding one needs no line in any other file.

A folder's package exports `connect(settings, limits) -> Connector`; its module `config` has the model `Settings`. It
may have a module `simulator` with `simulate(folder, **options) -> Simulation`, which plays the provider.
"""

import importlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from pydantic import BaseModel

from contracts.connector import ConnectorType, Manifest, Simulation
from contracts.proving import ProofSettings

from .base.manifest import FILE_NAME, BrokenConnector, read_manifest
from .base.serving import LoopbackServer

_HERE = Path(__file__).parent
_PACKAGE = __package__ or "connectors"


def find_manifests(root: Path = _HERE) -> list[Manifest]:
    """What every connector says of itself, in alphabetical order; none is imported. Raises BrokenConnector."""
    return [read_manifest(folder) for folder in _folders(root)]


class Types(Mapping[str, ConnectorType]):
    """All connectors by name, in alphabetical order, each imported when it is first asked for: all together are some
    13 MB, and a hub has few of them.

    Asking for one raises BrokenConnector where it cannot be used. None is left out in silence.
    """

    def __init__(self, made: Callable[[ConnectorType], ConnectorType] = lambda kind: kind, root: Path = _HERE) -> None:
        """`made` is what becomes of a type before it is handed out."""
        self._made = made
        self._folders = {folder.name: folder for folder in _folders(root)}
        self._loaded: dict[str, ConnectorType] = {}

    def __getitem__(self, name: str) -> ConnectorType:
        if name not in self._loaded:
            self._loaded[name] = self._made(_load(self._folders[name]))
        return self._loaded[name]

    def __contains__(self, name: object) -> bool:
        return name in self._folders

    def __iter__(self) -> Iterator[str]:
        return iter(self._folders)

    def __len__(self) -> int:
        return len(self._folders)


def simulate(name: str, folder: Path, **options: Any) -> Simulation:
    """The simulated provider of a connector, keeping its ledger in `folder`; its module is imported only here.

    Raises:
        LookupError: there is no such connector, or it has no simulator.
    """
    if not (_HERE / name / FILE_NAME).is_file() or not (_HERE / name / "simulator.py").is_file():
        raise LookupError(f"no simulator for connector {name!r}")
    module = importlib.import_module(f"{_PACKAGE}.{name}.simulator")
    simulation: Simulation = module.simulate(folder, **options)
    return simulation


def serve(app: Any) -> LoopbackServer:
    """A simulated service that is no connector's provider, to be started on any free loopback port."""
    return LoopbackServer(app)


def _folders(root: Path) -> list[Path]:
    return [found.parent for found in sorted(root.glob(f"*/{FILE_NAME}"))]


def _load(folder: Path) -> ConnectorType:
    manifest = read_manifest(folder)
    package = _import(folder, f"{_PACKAGE}.{folder.name}")
    config = _import(folder, f"{_PACKAGE}.{folder.name}.config")
    connect = getattr(package, "connect", None)
    settings = getattr(config, "Settings", None)
    if not callable(connect):
        raise BrokenConnector(folder / "__init__.py", "exports no function `connect`")
    if not (isinstance(settings, type) and issubclass(settings, BaseModel)):
        raise BrokenConnector(folder / "config.py", "has no pydantic model `Settings`")
    if manifest.auth == "proof" and not issubclass(settings, ProofSettings):
        raise BrokenConnector(folder / "config.py", '`auth = "proof"` needs a `Settings` that inherits ProofSettings')
    return ConnectorType(manifest=manifest, settings=settings, connect=connect)


def _import(folder: Path, name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    # Whatever an import can raise: the operator needs the folder's name before the trace.
    except Exception as error:
        raise BrokenConnector(folder, f"cannot import {name}: {type(error).__name__}: {error}") from error
