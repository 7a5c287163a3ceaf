"""Cases of ID_AUTH_CHANNEL_02: the client certificate of the connection (modi 1.1)."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from cryptography.x509.oid import NameOID

from hub.security.channel import Form
from hub.security.keys import new_authority, new_key, new_leaf
from hub.security.sign import SigningKey

from .case import Case, Change, Needs, channelled
from .certified import issued
from .changes import lines
from .connection import Channel
from .draft import Draft, Headers
from .office import Wanted, named

_DAY: Final = timedelta(days=1)
_USUAL: Final = ("Client-Cert", "SSL-Client-Cert", "X-SSL-Client-Cert")
"""Headers in which proxies hand over certificates."""


def _none(draft: Draft) -> None:
    draft.shown = None


def _stranger(draft: Draft) -> None:
    """The same subject under a CA that nobody registered."""
    channel, key = draft.party.channel, new_key("es256")
    assert channel is not None
    now, own = datetime.now(UTC), channel.own.certificates[0]
    organization = named(own, NameOID.ORGANIZATION_IDENTIFIER) or None
    subject = named(own) or organization or "conformance"
    authority = new_authority("Conformance CA", now=now)
    leaf = new_leaf(authority, subject, key.public_key(), now=now, organization_identifier=organization)
    draft.shown = SigningKey(key, (leaf,))


def _issued(wanted: Wanted) -> Callable[[Draft], None]:
    def change(draft: Draft) -> None:
        draft.shown = issued(draft, wanted)

    return change


def _garbage(draft: Draft) -> None:
    lines(lambda found: _replace(found, draft, "not-a-certificate"))(draft)


def _twice(draft: Draft) -> None:
    lines(lambda found: found.extend([one for one in found if one[0] == _header(draft)]))(draft)


def _by_hand(form: Form) -> Change:
    """No certificate in the handshake, but a header that names the vendor's: the proxy must not let it through."""

    def change(draft: Draft) -> None:
        channel = draft.party.channel
        assert channel is not None
        draft.shown = None
        for name in _USUAL:
            draft.headers += Channel(channel.own, name, form).lines(channel.own)[:1]

    return change


def _header(draft: Draft) -> str:
    assert draft.party.channel is not None
    return draft.party.channel.header


def _replace(found: Headers, draft: Draft, value: str) -> None:
    found[:] = [(name, value if name == _header(draft) else one) for name, one in found]


_ROWS: Final[tuple[tuple[str, str, str, Change, Needs], ...]] = (
    ("channel-missing", "nessun certificato client", "no client certificate", _none, "channel"),
    (
        "channel-other-ca",
        "certificato client di un'altra CA",
        "a client certificate of another CA",
        _stranger,
        "channel",
    ),
    (
        "channel-other-subject",
        "certificato client di un altro",
        "another's client certificate",
        _issued(Wanted("conformance-nobody")),
        "office",
    ),
    (
        "channel-expired",
        "certificato client scaduto",
        "an expired client certificate",
        _issued(Wanted(begins=-2 * _DAY, ends=-_DAY)),
        "office",
    ),
    (
        "channel-garbage",
        "certificato client illeggibile",
        "a client certificate that cannot be read",
        _garbage,
        "header",
    ),
    ("channel-twice", "due certificati client", "two client certificates", _twice, "header"),
    (
        "channel-by-hand",
        "certificato dichiarato, non mostrato",
        "a certificate told in a header, not shown",
        _by_hand("rfc9440"),
        "handshake",
    ),
    (
        "channel-by-hand-escaped",
        "lo stesso nella forma di nginx",
        "the same in the form of nginx",
        _by_hand("nginx"),
        "handshake",
    ),
)

CASES: Final = (
    *(Case("channel", name, it, en, change, needs=needs, when=channelled) for name, it, en, change, needs in _ROWS),
    Case(
        "channel",
        "channel-missing-on-read",
        "lettura senza certificato client",
        "a read without client certificate",
        _none,
        needs="channel",
        reads=True,
        when=channelled,
    ),
)
