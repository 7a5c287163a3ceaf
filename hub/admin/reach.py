"""How far an administrator's settings may reach inside the machine and its network: as far as its operator allows.

Whoever configures a connector over HTTP is not who runs the machine: a host at a private address could be anybody's
there, a folder anything's. What the command line set, which is the operator's, stays.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from pathlib import Path
from socket import inet_aton, inet_ntoa
from typing import Any, Final
from urllib.parse import urlsplit

from contracts.addresses import LOOPBACK, is_public
from contracts.connector import ConnectorType
from hub.dispatch.settings_form import schema_of
from hub.errors import ContractViolation, Fault
from hub.store.connector_versions import Content

_NUMBERS: Final = re.compile(r"(0[xX])?[0-9a-fA-F]+(\.(0[xX])?[0-9a-fA-F]+){0,3}")


@dataclass(frozen=True, slots=True)
class Reach:
    """What the operator allows: hosts at private addresses, and the folder of trials."""

    hosts: frozenset[str] = frozenset()
    folder: Path | None = None

    def check(self, kind: ConnectorType | None, content: Content, before: Content | None = None) -> None:
        """Raises ContractViolation for what the settings name anew, and may not."""
        known = {} if before is None else dict(_leaves(_whole(before), ""))
        paths = frozenset() if kind is None else _paths(kind)
        faults = []
        for pointer, value in _leaves(_whole(content), ""):
            if known.get(pointer) == value:
                continue
            name = next(part for part in reversed(pointer.split("/")) if not part.isdigit())
            if name in paths and not self._holds(value):
                faults.append(Fault(pointer[:500], "folder.not_allowed", "not below RACCORDO_TRIAL_FOLDER"))
            elif (host := _host(name, value)) is not None and host not in self.hosts:
                detail = f"{host} is inside: the operator lists such hosts in RACCORDO_INTERNAL_HOSTS"
                faults.append(Fault(pointer[:500], "host.not_allowed", detail[:500]))
        if faults:
            raise ContractViolation(faults=tuple(faults[:100]))

    def _holds(self, value: str) -> bool:
        return self.folder is not None and Path(value).resolve().is_relative_to(self.folder.resolve())


def _whole(content: Content) -> Mapping[str, Any]:
    return {"settings": content.settings, "service_overrides": content.overrides}


def _paths(kind: ConnectorType) -> frozenset[str]:
    """The members that are paths on the machine."""
    members = schema_of(kind.settings).get("properties", {})
    return frozenset(name for name, schema in members.items() if schema.get("format") == "path")


def _leaves(value: Any, pointer: str) -> Iterator[tuple[str, str]]:
    """Every text by its JSON pointer. A list that is written as one text counts as a list."""
    if isinstance(value, Mapping):
        for name, member in value.items():
            yield from _leaves(member, f"{pointer}/{name}")
    elif isinstance(value, list | tuple):
        for number, member in enumerate(value):
            yield from _leaves(member, f"{pointer}/{number}")
    elif isinstance(value, str) and _is_private_list(pointer.rpartition("/")[2]):
        for number, member in enumerate(value.replace(",", " ").split()):
            yield f"{pointer}/{number}", member
    elif isinstance(value, str):
        yield pointer, value


def _is_private_list(name: str) -> bool:
    """`private_hosts`, `private_upload_hosts`: what settings list as inside, whatever its name leads to."""
    return name.startswith("private_") and name.endswith("hosts")


def _host(name: str, value: str) -> str | None:
    """The host that a text names, if it is, or is said to be, at an address inside; None otherwise."""
    text = value.strip()  # as the settings take it
    try:
        host = (urlsplit(text if "://" in text else f"//{_bracketed(text)}").hostname or "").rstrip(".")
    except ValueError:
        host = ""
    if _is_private_list(name):
        return host or value[:100]
    here = host in LOOPBACK or host.endswith(".localhost")  # RFC 6761 6.3
    address = _address(host, is_host="://" in text or name.endswith("host"))
    return host if here or (address is not None and not is_public(address)) else None


def _bracketed(text: str) -> str:
    """A bare address of IPv6 as a URL has it."""
    try:
        return f"[{IPv6Address(text)}]"
    except ValueError:
        return text


def _address(host: str, *, is_host: bool) -> str | None:
    """The address that a host is, if it is one. Where a host is meant, so is an address in the old forms: `127.1`,
    `0x7f000001`, which resolvers take; elsewhere such a text is a number."""
    try:
        return str(ip_address(host))
    except ValueError:
        pass
    try:
        plain = host.encode("idna").decode() if is_host else ""  # dots and digits of other scripts
        return inet_ntoa(inet_aton(plain)) if _NUMBERS.fullmatch(plain) else None
    except (OSError, UnicodeError):
        return None
