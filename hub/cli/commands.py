"""Where each command is. Its modules are loaded when it is called: nobody waits for those of sixty others, and no
server keeps them in memory."""

from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from typing import Any, Final

import typer

Found = Callable[..., None] | Mapping[str, Callable[..., None]] | typer.Typer

_COMMANDS: Final = {
    "init": "homes",
    "serve": "serving",
    "worker": "working",
    "sweep": "working",
    "migrate": "homes",
    "partition": "partitioning",
    "backup": "backing",
    "restore": "backing",
    "erase": "erasing",
    "compliance": "complying",
    "export": "exporting",
    "restrict": "restricting",
    "breach": "breaching",
    "register": "registering",
    "sign": "signing",
    "verify": "verifying",
    "conformance": "conforming",
    "openapi": "describing",
    "demo": "touring",
    "subscription-statistics": "subscription_statistics",
}
"""Command to its module, which has a function of that name."""

_SUBJECTS: Final[Mapping[str, tuple[str, ...]]] = {
    "admin": ("administrators",),
    "attribute": ("attributes",),
    "audit": ("auditing",),
    "broadcast": ("broadcasting",),
    "connector": ("connectors", "reading_sources.commands"),
    "delegation": ("delegating",),
    "delivery": ("deliveries", "replaying.replay", "closing.close", "receipts.receipts"),
    "document": ("documents",),
    "document-type": ("document_types",),
    "ente": ("homes", "e_services.pdnd", "pdnd_clients.group", "ending.ente"),
    "evidence": ("evidence",),
    "keys": ("keys", "hub_keys.commands"),
    "mapping": ("mappings",),
    "payment": ("reconciling", "paying.commands", "printing.commands"),
    "portal": ("portals",),
    "quarantine": ("quarantine",),
    "ranked-list": ("ranked_lists",),
    "request": ("requesting",),
    "retention": ("retaining",),
    "rule": ("rules",),
    "service": ("services", "proposals.commands"),
    "source": ("sources",),
    "subscription-service": ("subscription_services",),
    "vendor": ("vendors", "vendor_callbacks.group", "vendor_changes.commands", "vendor_keys.commands", "ending.vendor"),
}
"""Subject to the module that has its `group`, and to what other modules add to it: a command, commands, a group."""


def application(called: str = "") -> typer.Typer:
    """The command line with what `called` names, or, where that is no command (`--help`, a mistyped one), with all."""
    made = typer.Typer(
        help="Raccordo: the interoperability hub of a municipality.", add_completion=False, rich_markup_mode=None
    )
    made.callback()(_several)
    wanted = (called,) if called in _COMMANDS or called in _SUBJECTS else (*_COMMANDS, *_SUBJECTS)
    for name in wanted:
        if name in _COMMANDS:
            _add(made, getattr(_module(_COMMANDS[name]), name.replace("-", "_")))
        else:
            made.add_typer(_subject(*_SUBJECTS[name]))
    return made


def _several() -> None:
    """Keeps the one command that was loaded a command: typer makes the only one the whole application."""


@cache
def _subject(own: str, *more: str) -> typer.Typer:
    group: typer.Typer = _module(own).group
    for place in more:
        module, name = place.split(".")
        _add(group, getattr(_module(module), name))
    return group


def _add(group: typer.Typer, found: Found) -> None:
    match found:
        case typer.Typer():
            group.add_typer(found)
        case Mapping():
            for name, command in found.items():
                group.command(name)(command)
        case _:
            group.command()(found)


def _module(name: str) -> Any:
    return import_module(f".{name}", __package__)
