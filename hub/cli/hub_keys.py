"""`keys hub`, `keys rotate-hub`: the hub's own keys, which sign its receipts and what it keeps outside the database."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Annotated

import typer

from hub.keyring import HubKeyType, RotationRefused
from hub.security.token_keys import TokenProblem

from .console import Failed, table, told
from .options import HOME, AsJson, HomeFolder, instant, opened
from .revealing import on_record
from .vault_keys import rotate_vault


def hub(home: HomeFolder = HOME, as_json: AsJson = False) -> None:
    """The hub's own keys: coming, current, retiring (still published) or ended."""
    with opened(home) as one:
        with one.database.read() as connection:
            ring = one.load_keyring(connection)
        now = one.clock.now()
    rows = [
        {
            "kid": key.kid,
            "alg": key.public_jwk["alg"],
            "state": ring.state(key, now),
            "signs_from": key.signs_from if key.signs_from.year > 1970 else None,
            "published_until": key.published_until,
        }
        for key in ring.keys
    ]
    table(rows, as_json=as_json, empty="no key")


def rotate_hub(
    overlap_hours: Annotated[
        float,
        typer.Option("--overlap-hours", min=0, max=9600, help="How long the keys of before stay published."),
    ] = 720,
    begins: Annotated[
        str | None, typer.Option("--from", metavar="TIME", help="RFC 3339: when the new key begins to sign; now.")
    ] = None,
    kind: Annotated[HubKeyType, typer.Option("--kind", help="The algorithm it signs with.")] = "es256",
    uri: Annotated[
        str | None,
        typer.Option(
            "--to", metavar="URI", help="A key that stays in its token: pkcs11:token=...;object=... (not --kind)."
        ),
    ] = None,
    home: HomeFolder = HOME,
    as_json: AsJson = False,
) -> None:
    """A new key for the hub, on every process within seconds; the one before stays published for the overlap."""
    when = instant(begins, name="--from") if begins else None
    with opened(home) as one:
        before = one.key.kid
        try:
            with on_record(one, "rotate_hub_key", None, "keys/hub") as after:
                made = one.rotate_key(kind=kind, begins=when, overlap=timedelta(hours=overlap_hours), uri=uri)
                after |= {"kid": made.kid, "before": before}
        except (RotationRefused, TokenProblem) as refused:
            raise Failed(str(refused)) from None
    told(
        {"kid": made.kid, "before": before, "signs_from": when, "overlap_hours": overlap_hours},
        as_json=as_json,
        text=f"{made.kid} follows {before}; keep a copy of {home / 'hub-key.pem'} apart, as of the one before",
    )


commands: Mapping[str, Callable[..., None]] = {
    "hub": hub,
    "rotate-hub": rotate_hub,
    "rotate-vault": rotate_vault,
}
