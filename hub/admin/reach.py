"""How far an administrator's settings may reach inside the machine and its network: as far as its operator allows.

Whoever configures a connector over HTTP is not who runs the machine: a host at a private address could be anybody's
there, a folder anything's. What the command line set, which is the operator's, stays. A name is looked up once, when it
is saved: what it leads to later is for the guards of who connects.
"""

import re
import socket
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from pathlib import Path
from socket import inet_aton, inet_ntoa
from typing import Any, Final
from urllib.parse import urlsplit

from contracts.addresses import LOOPBACK, is_public
from contracts.connector import ConnectorType
from contracts.faults import bilingual
from hub.dispatch.settings_form import schema_of, shown
from hub.errors import ContractViolation, Fault
from hub.store.connector_versions import Content

_NUMBERS: Final = re.compile(r"(0[xX])?[0-9a-fA-F]+(\.(0[xX])?[0-9a-fA-F]+){0,3}")
LOOK_UP_S: Final = 3.0
"""For all names of one saving together; one that is not found by then is not held against it."""
_MOST_NAMES: Final = 50
_NOT_BELOW: Final = bilingual("Non è sotto RACCORDO_TRIAL_FOLDER", "not below RACCORDO_TRIAL_FOLDER")
_LOOKING = ThreadPoolExecutor(8, thread_name_prefix="reach")
_SCHEMES: Final = frozenset({"http", "https"})


def addresses_of(host: str) -> Collection[str]:
    """What a name leads to now; nothing where that cannot be told."""
    try:
        return {str(found[4][0]) for found in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)}
    except (OSError, UnicodeError):
        return ()


@dataclass(frozen=True, slots=True)
class Reach:
    """What the operator allows: hosts at private addresses, and the folder of trials. Where providers are simulated on
    this machine, which is then there for a `trial`, its loopback too."""

    hosts: frozenset[str] = frozenset()
    folder: Path | None = None
    look_up: Callable[[str], Collection[str]] = addresses_of
    trial: Callable[[], bool] = lambda: False

    def check(self, kind: ConnectorType | None, content: Content, before: Content | None = None) -> None:
        """Raises ContractViolation for what the settings name anew, and may not."""
        paths = frozenset() if kind is None else _paths(kind)
        faults = []
        for pointer, value in _anew(_whole(content), {} if before is None else _whole(before)):
            name = next(part for part in reversed(pointer.split("/")) if not part.isdigit())
            if name in paths and not self._holds(value):
                faults.append(Fault(pointer[:500], "folder.not_allowed", _NOT_BELOW))
            elif (host := _host(name, value)) is not None and not self._allows(host):
                faults.append(_not_allowed(pointer, host))
        _refuse(faults)

    def check_names(self, kind: ConnectorType | None, content: Content, before: Content | None = None) -> None:
        """The same for what the names of hosts lead to. It waits for the network: never in a transaction, and after
        `check`. Secrets are not looked at, and a name that leads nowhere yet may be saved."""
        if kind is None:
            return
        named: dict[str, str] = {}
        for pointer, value in _anew(_open_part(kind, content), {} if before is None else _open_part(kind, before)):
            host = _name(pointer.rpartition("/")[2], value)
            if host is not None and not self._allows(host):
                named.setdefault(pointer, host)
        names = dict.fromkeys(named.values())
        if len(names) > _MOST_NAMES:
            detail = bilingual(f"Host nuovi: al massimo {_MOST_NAMES}", f"more than {_MOST_NAMES} new hosts")
            raise ContractViolation(faults=(Fault("/settings", "host.too_many", detail),))
        asked = {host: _LOOKING.submit(self.look_up, host) for host in names}
        done, _ = wait(asked.values(), LOOK_UP_S)
        inside = {
            host
            for host, found in asked.items()
            if found in done and not all(is_public(each) for each in found.result())
        }
        _refuse([_not_allowed(pointer, host) for pointer, host in named.items() if host in inside])

    def _allows(self, host: str) -> bool:
        return host in self.hosts or (host in LOOPBACK and self.trial())

    def _holds(self, value: str) -> bool:
        return self.folder is not None and Path(value).resolve().is_relative_to(self.folder.resolve())


def _not_allowed(pointer: str, host: str) -> Fault:
    detail = bilingual(
        f"{host} è nella rete interna o vi porta: chi gestisce l'hub elenca tali host in RACCORDO_INTERNAL_HOSTS",
        f"{host} is or leads inside: the operator lists such hosts in RACCORDO_INTERNAL_HOSTS",
    )
    return Fault(pointer[:500], "host.not_allowed", detail)


def _refuse(faults: Sequence[Fault]) -> None:
    if faults:
        raise ContractViolation(faults=tuple(faults[:100]))


def _anew(content: Mapping[str, Any], before: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The texts by their pointers that are not what they were before."""
    known = dict(_leaves(before, ""))
    return ((pointer, value) for pointer, value in _leaves(content, "") if known.get(pointer) != value)


def _whole(content: Content) -> Mapping[str, Any]:
    return {"settings": content.settings, "service_overrides": content.overrides}


def _open_part(kind: ConnectorType, content: Content) -> Mapping[str, Any]:
    """The same without secrets, which nobody is to be asked about."""
    schema = schema_of(kind.settings)
    overrides = {name: shown(schema, own)[0] for name, own in content.overrides.items()}
    return {"settings": shown(schema, content.settings)[0], "service_overrides": overrides}


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


def _name(member: str, value: str) -> str | None:
    """The host that a member names, as an address of the web or because it is called a host; None for other texts."""
    try:
        parts = urlsplit(value if "://" in value else f"//{value}")
    except ValueError:
        return None
    is_one = parts.scheme in _SCHEMES if "://" in value else member == "host" or member.endswith("_host")
    host = (parts.hostname or "").rstrip(".") if is_one else ""
    return host if host and len(host) <= 253 else None
