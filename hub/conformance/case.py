"""One thing that a hub is tried with: the change to a good request, what must come of it, and why."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from hub.profile import Profile

from .draft import AUTH, SIG, Draft
from .issuing import Simulated

Change = Callable[[Draft], None]
When = Callable[[Profile], bool]
Needs = Literal[
    "",
    "certificate",
    "kid",
    "elliptic",
    "authorization",
    "ids",
    "other-client",
    "authority",
    "status",
    "channel",
    "office",
    "header",
    "handshake",
]
"""With which keys and certificates, and whose vouchers, a case makes sense."""


def always(_profile: Profile) -> bool:
    return True


def direct(profile: Profile) -> bool:
    return profile.authentication != "voucher"


def vouched(profile: Profile) -> bool:
    return profile.authentication == "voucher"


def unique(profile: Profile) -> bool:
    return profile.authentication == "ID_AUTH_REST_02"


def channelled(profile: Profile) -> bool:
    return profile.channel == "ID_AUTH_CHANNEL_02"


def by_pdnd(profile: Profile) -> bool:
    return profile.integrity == "INTEGRITY_REST_02"


@dataclass(frozen=True, slots=True)
class Expected:
    """A class of answers."""

    name: str
    statuses: frozenset[int]

    @property
    def fails(self) -> bool:
        return not any(200 <= status < 300 for status in self.statuses)


ACCEPTED: Final = Expected("2xx", frozenset(range(200, 300)))
REFUSED: Final = Expected("400/401", frozenset({400, 401}))
CONFLICT: Final = Expected("409", frozenset({409}))
TOO_LARGE: Final = Expected("400/401/413/431", frozenset({400, 401, 413, 431}))
UNSUPPORTED: Final = Expected("400/401/415", frozenset({400, 401, 415}))
NOT_SERVED: Final = Expected("400/401/403/404/405/501", frozenset({400, 401, 403, 404, 405, 501}))
NOT_PARTIAL: Final = Expected("200/400/401/416", frozenset({200, 400, 401, 416}))


@dataclass(frozen=True, slots=True)
class Case:
    """`name` is stable: it is what `--only` and JUnit know it by."""

    group: str
    name: str
    it: str
    en: str
    change: Change
    expected: Expected = REFUSED
    needs: Needs = ""
    reads: bool = False
    """On a read without body, which needs the rest of this API (find, show, withdraw); otherwise on a publication."""
    when: When = always
    """With which profiles it says anything."""

    def lacking(self, draft: Draft, *, item: bool) -> str:
        """Why it cannot be tried with this key or target; empty where it can."""
        if self.reads and not item:
            return "not this API"
        party, issuer = draft.party, draft.party.issuer
        signs = draft.keys.get(SIG, party.key)
        office, channel = party.office, party.channel
        by_certificate = bool(party.key.certificates) and not party.by_pdnd
        return {
            "": "",
            "certificate": "" if by_certificate else "the key has no certificate",
            "kid": "" if "kid" in draft.jose.get(SIG, {}) else "the key is named by its certificate",
            "elliptic": "" if signs.alg.startswith("ES") else "the key is not of an elliptic curve",
            "authorization": "" if AUTH in draft.claims else _PDND_ALONE,
            "ids": "" if isinstance(issuer, Simulated) and issuer.ids else "no ids of the e-service are given",
            "other-client": "" if isinstance(issuer, Simulated) else _PDND_ALONE,
            "authority": "" if office is not None and by_certificate else _NO_CA,
            "status": "" if office is not None and office.url and by_certificate else _NO_STATUS,
            "channel": "" if channel is not None else _NO_CHANNEL,
            "office": "" if channel is not None and office is not None else _NO_CA,
            "header": "" if channel is not None and channel.header else "the certificate is shown in the handshake",
            "handshake": "" if channel is not None and not channel.header else "the kit stands for the proxy",
        }[self.needs]


_NO_CA: Final = "the vendor's CA alone makes them: --authority, a CA of a test set-up"
_NO_STATUS: Final = "no place for CRL, OCSP and x5u: --authority, --status-listen and --status-url"
_NO_CHANNEL: Final = "no client certificate: --client-cert and --client-key"
_PDND_ALONE: Final = "PDND alone makes its vouchers: with --pdnd-listen the kit would"
