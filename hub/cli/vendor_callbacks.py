"""`vendor callbacks`: where a vendor is told things at an address of its own."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from contracts.callbacks import Audience, CallbackSettings, CallbackUrl, Hosts
from hub.admin.acting import Acted
from hub.dispatch.settings_form import is_reference
from hub.home import Home
from hub.registry import Vendor
from hub.store.configuration import ConnectorConfig, hold, withdraw
from hub.store.database import Tx
from hub.store.directory import NotThere
from hub.store.pushing import GONE, TYPE, Lane, connector_of, vendor_of

from .connector_settings import connect
from .console import Failed, WrongUsage, table, told
from .options import HOME, AsJson, EnteCode, HomeFolder, checked, ente_of, opened, read_text
from .revealing import act, operator
from .vendors import VendorId, vendor_there
from .vendors import vendor_of as registered

group = typer.Typer(name="callbacks", help="Where a vendor is told of results and events.")

_LANES: tuple[Lane, ...] = ("replies", "events")
_LONGEST_ID = 56
"""The id of a connector has 64 characters, the longest lane's name and a dot among them."""

ReplyHost = Annotated[
    list[str] | None,
    typer.Option("--reply-host", metavar="HOST[:PORT]", help="A host that X-ReplyTo may name; repeatable."),
]
EventsUrl = Annotated[
    str | None, typer.Option("--events-url", metavar="URL", help="Where events of its items are told.")
]
AudienceOption = Annotated[
    str | None, typer.Option("--audience", help="The vendor's `aud`; default: the address called, without its query.")
]
PrivateHost = Annotated[
    list[str] | None,
    typer.Option("--private-host", metavar="HOST", help="A host that may be at a private address; repeatable."),
]
ClientCertificateOption = Annotated[
    str | None,
    typer.Option(
        "--client-certificate",
        metavar="FILE",
        help="Shown to servers that ask for one: PEM with its chain and key, sealed; or file:NAME, env:NAME.",
    ),
]
ClientKeyOption = Annotated[
    str | None,
    typer.Option("--client-key", metavar="FILE", help="Its private key where it stands apart; the same forms."),
]
AuthoritiesOption = Annotated[
    Path | None,
    typer.Option("--server-authorities", metavar="FILE", help="Authorities (PEM) to believe, not the public ones."),
]


@group.command("set")
def set_(
    vendor_id: VendorId,
    reply_host: ReplyHost = None,
    events_url: EventsUrl = None,
    audience: AudienceOption = None,
    private_host: PrivateHost = None,
    client_certificate: ClientCertificateOption = None,
    client_key: ClientKeyOption = None,
    server_authorities: AuthoritiesOption = None,
    ente: EnteCode = None,
    home: HomeFolder = HOME,
    as_json: AsJson = False,
) -> None:
    """Register hosts for results, an address for events, or both; each replaces what was registered for it."""
    if not reply_host and events_url is None:
        raise WrongUsage("give --reply-host, --events-url, or both")
    with opened(home) as one:
        vendor, issuer = _vendor(one, ente, vendor_id)
        plain = CallbackSettings(
            issuer=issuer,
            audience=checked(Audience | None, audience, name="--audience"),
            private_hosts=checked(Hosts, tuple(private_host or ()), name="--private-host"),
        )
        wanted: dict[Lane, CallbackSettings] = {}
        if reply_host:
            hosts = checked(Hosts, tuple(reply_host), name="--reply-host")
            wanted["replies"] = plain.model_copy(update={"hosts": hosts})
        if events_url is not None:
            url = checked(CallbackUrl, events_url, name="--events-url")
            wanted["events"] = plain.model_copy(update={"url": url})
            if not wanted["events"].admits(events_url):
                raise WrongUsage("--events-url: plain http is for loopback alone, and listed with --private-host")
        secrets = {
            "client_certificate": _secret(client_certificate, "--client-certificate"),
            "client_key": _secret(client_key, "--client-key"),
        }
        if server_authorities is not None:
            secrets["server_authorities"] = read_text(server_authorities, name="--server-authorities")
        configs = [
            ConnectorConfig(
                vendor.ente_id,
                connector_of(lane, vendor.vendor_id),
                TYPE,
                "draft",
                0,
                settings.model_dump(mode="json", exclude=set(secrets)) | secrets,
                {},
            )
            for lane, settings in wanted.items()
        ]
        for config in configs:
            connect(one.types, config).close()
        with one.database.read() as connection:
            there = one.configuration.load(connection).keys()
        is_new = any((config.ente_id, config.connector_id) not in there for config in configs)

        def put(tx: Tx) -> Acted:
            hold(tx, [(config.ente_id, config.connector_id) for config in configs])
            present = one.configuration.load(tx.connection)
            before = [present[key] for config in configs if (key := (config.ente_id, config.connector_id)) in present]
            for config in configs:
                one.configuration.save(
                    tx,
                    ente_id=config.ente_id,
                    connector_id=config.connector_id,
                    type=TYPE,
                    settings=config.settings,
                    limits={},
                    author=operator(),
                )
            return Acted(None, _target(vendor), _by_lane(before), _by_lane(configs))

        act(one, "set_vendor_callbacks" if is_new else "change_vendor_callbacks", vendor.ente_id, put)
    told(
        {"vendor_id": vendor.vendor_id, "lanes": sorted(wanted)},
        as_json=as_json,
        text=f"vendor {vendor.vendor_id}: {' and '.join(sorted(wanted))} registered",
    )


@group.command("list")
def list_(ente: EnteCode = None, home: HomeFolder = HOME, as_json: AsJson = False) -> None:
    """What is registered for whom."""
    with opened(home) as one, one.database.read() as connection:
        code = ente_of(connection, ente).ente_id if ente else None
        found = one.configuration.load(connection)
    rows = [_shown(config) for config in found.values() if config.type == TYPE and code in (None, config.ente_id)]
    rows.sort(key=lambda row: (row["ente_id"], row["vendor_id"], row["lane"]))
    table(rows, as_json=as_json, empty="no vendor has callbacks")


@group.command("remove")
def remove_(
    vendor_id: VendorId,
    lane: Annotated[str | None, typer.Option("--lane", help="replies or events; default: both.")] = None,
    ente: EnteCode = None,
    home: HomeFolder = HOME,
    as_json: AsJson = False,
) -> None:
    """Tell the vendor nothing any more; what was still to be told is skipped. The events can be read all the same."""
    if lane not in (None, *_LANES):
        raise WrongUsage(f"--lane: one of {', '.join(_LANES)}")
    with opened(home) as one:
        with one.database.read() as connection:
            vendor = registered(connection, ente, vendor_id)

        def put(tx: Tx) -> Acted | Failed:
            skipped, gone = 0, []
            hold(tx, [(vendor.ente_id, connector_of(each, vendor.vendor_id)) for each in _LANES])
            for each in _LANES if lane is None else [name for name in _LANES if name == lane]:
                try:
                    connector_id = connector_of(each, vendor.vendor_id)
                    skipped += withdraw(tx, one.vault, vendor.ente_id, connector_id, reason=GONE)
                    gone.append(each)
                except NotThere:
                    continue
            if not gone:
                return Failed(f"vendor {vendor.vendor_id} has no such callbacks")
            done = {"removed": gone, "skipped": skipped}
            return Acted(done, _target(vendor), after=done)

        done = act(one, "remove_vendor_callbacks", vendor.ente_id, put)
    told(
        {"vendor_id": vendor.vendor_id} | done,
        as_json=as_json,
        text=f"vendor {vendor.vendor_id}: {' and '.join(done['removed'])} removed, "
        f"{done['skipped']} deliveries skipped",
    )


def _secret(given: str | None, option: str) -> str | None:
    """What stands in the file, or the reference itself."""
    return given if given is None or is_reference(given) else read_text(Path(given), name=option)


def _vendor(home: Home, ente: str | None, vendor_id: str) -> tuple[Vendor, str]:
    """The vendor, and the `iss` of what it is told. Raises Failed."""
    with home.database.read() as connection:
        vendor = vendor_there(connection, ente, vendor_id)
        issuer = ente_of(connection, vendor.ente_id).publish_audience
    if len(vendor.vendor_id) > _LONGEST_ID:
        raise Failed(f"a vendor with callbacks has an id of {_LONGEST_ID} characters at most")
    return vendor, issuer


def _shown(config: ConnectorConfig) -> dict[str, Any]:
    lane, vendor_id = vendor_of(config.connector_id)
    settings = config.settings
    return {
        "ente_id": config.ente_id,
        "vendor_id": vendor_id,
        "lane": lane,
        "status": config.status,
        "to": settings.get("url") or " ".join(settings.get("hosts", ())),
        "audience": settings.get("audience"),
        "private_hosts": " ".join(settings.get("private_hosts", ())),
        "client_certificate": _told(settings.get("client_certificate")),
    }


def _by_lane(configs: Iterable[ConnectorConfig]) -> dict[str, Any] | None:
    """The same for the access log."""
    shown = (_shown(config) for config in configs)
    return {one["lane"]: {name: one[name] for name in one if name not in ("lane", "status")} for one in shown} or None


def _target(vendor: Vendor) -> str:
    return f"vendors/{vendor.vendor_id}/callbacks"


def _told(secret: str | None) -> str | None:
    return "sealed" if secret is not None and not is_reference(secret) else secret
