"""Every command of the command line writes what it did into the access log, or it is said here why not."""

import inspect
from collections.abc import Callable, Iterator
from types import CodeType, FunctionType
from typing import Any

import pytest
from typer.main import get_command

from hub.cli.commands import application

TRACES = {"act", "administer", "perform", "carry_out", "on_record", "log_access", "log_reveal", "record_access"}
"""Whatever writes the access log."""

CHANGES = {"write", "committing", "save", "create", "migrate", "replace_vault", "rotate_key"}
"""What a command that leaves no trace does not do: names of what changes a home or its database."""

SETTINGS = "shows what is configured, without secrets"
NUMBERS = "shows ids, counts and states, and nothing of anybody"
NO_HOME = "works without a home"
SERVES = "is the hub at work: its acts are those of others"
UNTRACED = {
    "admin list": SETTINGS,
    "admin provider list": SETTINGS,
    "audit verify": NUMBERS,
    "broadcast list": NUMBERS,
    "compliance": NUMBERS,
    "conformance": NO_HOME,
    "connector list": SETTINGS,
    "connector missing": NUMBERS,
    "connector show": SETTINGS,
    "delegation list": NUMBERS,
    "delivery list": NUMBERS,
    "demo": "plays in a home of its own",
    "document links": NUMBERS,
    "document-type list": SETTINGS,
    "ente list": SETTINGS,
    "ente pdnd-client list": SETTINGS,
    "evidence list": NUMBERS,
    "evidence show": NUMBERS,
    "keys hub": SETTINGS,
    "keys new": NO_HOME,
    "mapping preview": "reads a sample and a mapping from files, and keeps nothing",
    "mapping schema": NO_HOME,
    "mapping test": NO_HOME,
    "openapi": NO_HOME,
    "portal list": SETTINGS,
    "quarantine list": NUMBERS,
    "ranked-list list": NUMBERS,
    "ranked-list show": "shows pseudonyms, as whoever reads the published list sees them",
    "register": SETTINGS,
    "request list": NUMBERS,
    "retention list": SETTINGS,
    "rule list": SETTINGS,
    "rule show": SETTINGS,
    "service list": SETTINGS,
    "service proposals": SETTINGS,
    "service show": SETTINGS,
    "sign": NO_HOME,
    "source list": NUMBERS,
    "subscription-service list": SETTINGS,
    "subscription-service show": SETTINGS,
    "sweep": SERVES,
    "vendor callbacks list": SETTINGS,
    "vendor keys": SETTINGS,
    "vendor list": SETTINGS,
    "vendor show": SETTINGS,
    "verify": "explains a request that the caller holds; nothing is consumed or stored",
    "worker": SERVES,
}
"""Why a command leaves none."""


def _commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    if hasattr(command, "commands"):
        for name, each in command.commands.items():
            yield from _commands(each, (*path, name))
    else:
        yield " ".join(path), command


COMMANDS = dict(_commands(get_command(application("--help"))))


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def reached(function: Callable[..., Any]) -> set[str]:
    """What a function of the command line names, and what those name that it calls there."""
    found: set[str] = set()
    todo, seen = [function], set()
    while todo:
        one = inspect.unwrap(todo.pop())
        if one in seen:
            continue
        seen.add(one)
        names = set(_names(one.__code__))
        found |= names
        called = (one.__globals__.get(name) for name in names)
        todo += [each for each in called if isinstance(each, FunctionType) and each.__module__.startswith("hub.cli.")]
    return found


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_a_command_leaves_a_trace_or_says_why_it_leaves_none(name: str) -> None:
    names = reached(COMMANDS[name].callback)
    if name in UNTRACED:
        assert not names & TRACES, "it leaves a trace: take it off the list"
        assert not names & CHANGES or UNTRACED[name] in (NO_HOME, SERVES) or name == "demo", names & CHANGES
    else:
        assert names & TRACES, "it leaves no line in the access log: let it, or say here why not"


def test_no_reason_is_given_for_a_command_that_is_gone() -> None:
    assert set(UNTRACED) <= set(COMMANDS)
