"""What a vendor of the fault tests publishes, by which channels it has to leave, and who stands behind them."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from connectors import registry as connectors
from contracts.connector import Simulation

from ..flows.instalments import TOWN
from ..harness import BIANCHI, ROSSI, HubUnderTest, make_item, make_message, make_payment
from .parties.braked import AT_MOST, Braked
from .parties.braked import SOURCE as BRAKED_SOURCE
from .parties.broadcasts import Broadcasts
from .parties.carts import Carts
from .parties.instalments import Instalments
from .parties.party import Party
from .parties.rights import Rights
from .parties.source import Source
from .parties.station import Station
from .parties.tenant import Tenant
from .post import Post

CITIZENS = (ROSSI, BIANCHI)
PORTS = 7
"""So many have the providers of a trade to listen on."""
Item = dict[str, Any]
Providers = dict[str, tuple[str, Simulation]]
"""By the connector's id: its type, and who plays its provider."""
Connectors = dict[str, tuple[str, dict[str, Any]]]

_SAID = ("external_id", "version", "source", "title", "occurred_at", "body_markdown", "reason", "due_date")
_CREDITOR = "00301970190"
_FILE = b"%PDF-1.7 atto"


def _as_given(connectors_: Connectors) -> Connectors:
    return connectors_


@dataclass(frozen=True)
class Trade:
    """`make(name, number)` is an item that names itself, in whatever words the provider gets of it."""

    channels: Mapping[str, str]
    """Each with the member of the ledger's line that says to whom: `tax_code` or `email`."""
    make: Callable[[str, int], Item]
    providers: Callable[[Path, Sequence[int]], Providers]
    """Made in a folder, to listen on ports of loopback; a function of a module, as a process is begun with it."""
    tuned: Callable[[Connectors], Connectors] = _as_given
    """The settings that the providers give, as the hub is to have them."""
    collection: str = "messages"
    prepare: Callable[[HubUnderTest], None] = lambda _: None
    """What has to be there before the first item."""
    settles_later: bool = False
    """A provider's later word decides what nobody knew."""
    parties: tuple[type[Party], ...] = ()
    """Who deals with the hub beside the vendor."""


def fingerprint(item: Mapping[str, Any]) -> str:
    """A hash of what the vendor said, over the vendor's own fields: the same of what was sent and of what is shown."""
    recipient = {name: item["recipient"].get(name) for name in ("tax_code", "email", "digital_address")}
    said = {name: item[name] for name in _SAID if name in item}
    return hashlib.sha256(json.dumps([said, recipient], sort_keys=True).encode()).hexdigest()


def make_numbered(name: str, number: int, **fields: Any) -> Item:
    """A message, for App IO and e-mail unless told otherwise, whose text names it."""
    own: Item = {
        "title": f"Avviso numero {number}",
        "body_markdown": f"Testo dell'avviso {name}.",
        "recipient": {"tax_code": CITIZENS[number % len(CITIZENS)], "email": _address(number)},
    }
    return make_message(name, **(own | fields))


def _address(number: int) -> str:
    return f"cittadino{number}@example.it"


def _io_and_mail(folder: Path, ports: Sequence[int]) -> Providers:
    io = connectors.simulate("app_io", folder / "io", port=ports[0], status_polls=0)
    return {"io": ("app_io", io), "posta": ("email", Post(folder / "mail", ports[1]))}


def _impatient(given: Connectors) -> Connectors:
    kind, settings = given["io"]
    return given | {"io": (kind, settings | {"status_delay_s": 0.05})}


MESSAGES = Trade({"io": "tax_code", "email": "email"}, make_numbered, _io_and_mail, _impatient)


def _io_and_secured_mail(folder: Path, ports: Sequence[int]) -> Providers:
    return _io_and_mail(folder, ports) | {"posta": ("email", Post(folder / "mail", ports[1], certificate="good"))}


SECURED = replace(MESSAGES, providers=_io_and_secured_mail)
"""E-mail goes out under TLS, or not at all."""


# --- debt positions


def _make_payment(name: str, number: int) -> Item:
    position = {"debtor_name": "Maria Rossi", "iban": "IT60X0542811101000000123456", "category": "9/0301105TS/"}
    item = make_payment(
        name,
        title=f"Avviso numero {number}",
        reason=f"Avviso numero {number} {name}",
        recipient={"tax_code": CITIZENS[number % len(CITIZENS)], "email": _address(number)},
        creditor_tax_code=_CREDITOR,
        due_date="2199-12-16",
        position=position,
        notify={"channels": []},
    )
    del item["notice_number"]  # the hub gives it
    return item


def _gpd(folder: Path, ports: Sequence[int]) -> Providers:
    return {"pagopa": ("pagopa", connectors.simulate("pagopa", folder / "pagopa", port=ports[0]))}


def _of_acme(given: Connectors) -> Connectors:
    kind, settings = given["pagopa"]
    return {"pagopa": (kind, settings | {"vendor_id": "acme"})}


POSITIONS = Trade({"pagopa": "tax_code"}, _make_payment, _gpd, _of_acme, collection="payments")


# --- legal notifications


def _act_of(tax_code: str) -> str:
    return f"atto-{CITIZENS.index(tax_code)}"


def _make_legal(name: str, number: int) -> Item:
    tax_code = CITIZENS[number % len(CITIZENS)]
    legal = {
        "protocol_number": name,
        "subject": f"Avviso numero {number}",
        "taxonomy_code": "010101P",
        "physical_communication": "AR_REGISTERED_LETTER",
        "recipient_name": "Maria Esposito",
        "postal_address": {"address": "Via Roma 1", "zip": "10100", "municipality": "Torino", "province": "TO"},
    }
    links = [{"rel": "document", "external_id": _act_of(tax_code)}]
    return make_numbered(name, number, kind="outcome", links=links, notify={"channels": ["send"], "legal": legal})


def _publish_acts(hub: HubUnderTest) -> None:
    """The documents to which the notifications refer, with their files."""
    own = {"doc_type": "atto", "filename": "atto.pdf", "media_type": "application/pdf", "size": len(_FILE)}
    own |= {"sha256": hashlib.sha256(_FILE).hexdigest(), "notify": {"channels": []}}
    for tax_code in CITIZENS:
        answer = hub.publish("documents", make_item(_act_of(tax_code), tax_code=tax_code, **own))
        assert answer.status_code == 201, answer.text
        answer = hub.upload(answer.json()["item_id"], _FILE)
        assert answer.status_code == 201, answer.text


def _platform(folder: Path, ports: Sequence[int]) -> Providers:
    return {"send": ("send", connectors.simulate("send", folder / "send", port=ports[0]))}


def _asking_soon(given: Connectors) -> Connectors:
    kind, settings = given["send"]
    return {"send": (kind, settings | {"status_poll_s": 0.05, "poll_every_s": 1.0})}


NOTIFICATIONS = Trade({"send": "tax_code"}, _make_legal, _platform, _asking_soon, prepare=_publish_acts)


# --- PEC


def _make_registered(name: str, number: int) -> Item:
    tax_code, address = CITIZENS[number % len(CITIZENS)], _address(number)
    recipient = {"tax_code": tax_code, "email": address, "digital_address": address}
    return make_numbered(name, number, recipient=recipient, notify={"channels": ["pec"]})


def _pec(folder: Path, ports: Sequence[int]) -> Providers:
    provider = connectors.simulate("pec", folder / "pec", port=ports[0], imap_port=ports[1])
    return {"pec": ("pec", provider)}


def _reading_often(given: Connectors) -> Connectors:
    kind, settings = given["pec"]
    return {"pec": (kind, settings | {"poll_every_s": 1.0})}


REGISTERED = Trade({"pec": "email"}, _make_registered, _pec, _reading_often, settles_later=True)


# --- a source that is read


def _io_mail_and_source(folder: Path, ports: Sequence[int]) -> Providers:
    source = connectors.simulate("mapped", folder / "source", port=ports[2], records=0, vendor_id="beta")
    return _io_and_mail(folder, ports) | {"source": ("mapped", source)}


def _silent_source(given: Connectors) -> Connectors:
    """Nobody is told of its items: of those there is another account."""
    kind, settings = given["source"]
    silent = settings | {"mapping": _silent(settings["mapping"]), "poll_every_s": 1.0}
    return _impatient(given) | {"source": (kind, silent)}


def _silent(mapping: Mapping[str, Any]) -> dict[str, Any]:
    silent: dict[str, Any] = json.loads(json.dumps(mapping)) | {"tests": []}
    silent["items"][0]["fields"]["notify"]["fields"]["channels"]["value"] = []
    return silent


READ = replace(MESSAGES, providers=_io_mail_and_source, tuned=_silent_source)
"""Beside the messages there are records at another vendor's own address, which the hub reads."""


# --- a town of which everybody wants something


def _of_a_town(folder: Path, ports: Sequence[int]) -> Providers:
    """Beside App IO, the mail server and the source there are another source, pagoPA's node, GPD and Checkout."""
    return _io_mail_and_source(folder, ports) | {
        "stazione": ("pagopa_node", connectors.simulate("pagopa_node", folder / "node", port=ports[3])),
        "pagopa": ("pagopa", connectors.simulate("pagopa", folder / "pagopa", port=ports[4])),
        "braked": ("mapped", connectors.simulate("mapped", folder / "braked", port=ports[5], records=0)),
    }


_LISTS_ALL = {"lists_all": {"reason": "Non più presente nel gestionale"}}
_PATIENT = {"pass_over_tries": 2, "pass_over_after_s": 0, "since_parameter": None, "changed_at": None}


def _for_the_parties(given: Connectors) -> Connectors:
    """The sources list all they have; pages of them that do not come are passed over soon."""
    tuned = _silent_source(given)
    (_, source), (_, node), (_, pagopa), (_, braked) = (
        tuned[name] for name in ("source", "stazione", "pagopa", "braked")
    )
    own = _silent(braked["mapping"]) | _LISTS_ALL | {"source": BRAKED_SOURCE}
    slow = {"vendor_id": "acme", "mapping": own, "poll_every_s": 1.0, "withdraw_at_most": AT_MOST}
    creditor = {"organization_tax_code": TOWN, "segregation_code": 47, "vendor_id": "acme"}
    return tuned | {
        "source": ("mapped", source | _PATIENT | {"mapping": source["mapping"] | _LISTS_ALL, "withdraw_at_most": 1000}),
        "stazione": ("pagopa_node", node | {"vendor_id": "acme", "poll_every_s": 3600}),
        "pagopa": ("pagopa", pagopa | creditor),
        "braked": ("mapped", braked | _PATIENT | slow),
    }


_EVERYBODY = (Source, Braked, Station, Carts, Instalments, Broadcasts, Rights)
A_TOWN = replace(MESSAGES, providers=_of_a_town, tuned=_for_the_parties, parties=_EVERYBODY)
"""Messages, and everybody else who deals with the hub."""


def _with_a_tenant(folder: Path, ports: Sequence[int]) -> Providers:
    tenant = connectors.simulate("opencity", folder / "tenant", port=ports[6], applications=0)
    return _io_and_mail(folder, ports) | {"tenant": ("opencity", tenant)}


def _of_a_tenant(given: Connectors) -> Connectors:
    kind, settings = given["tenant"]
    own = {"vendor_id": "beta", "poll_every_s": 1.0, "withdraw_at_most": 1000, "service_ids": {"bonus-mensa": "tari"}}
    return _impatient(given) | {"tenant": (kind, settings | own)}


A_TENANT = replace(MESSAGES, providers=_with_a_tenant, tuned=_of_a_tenant, parties=(Tenant,))
"""Messages, and a tenant of OpenCity, which forgets all when it is killed."""
TOWNS = (A_TOWN, A_TENANT)
