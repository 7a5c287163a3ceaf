"""Which cases a vendor's profile calls for, and what a run leaves untested, and why."""

from collections.abc import Iterator
from typing import Final

from hub.profile import Profile

from . import batches, bulk, good, integrity, parties, possession, repeating, shape, tracking, vouchers
from .case import Case
from .report import Untested
from .several import PLAYS as SEVERAL
from .several import Play

CASES: Final = (
    *good.CASES,
    *shape.CASES,
    *parties.CASES,
    *integrity.CASES,
    *vouchers.CASES,
    *possession.CASES,
    *tracking.CASES,
    *repeating.CASES,
)
PLAYS: Final[tuple[Play, ...]] = (
    *SEVERAL,
    *vouchers.PLAYS,
    *possession.PLAYS,
    *repeating.PLAYS,
    *batches.PLAYS,
    *bulk.PLAYS,
)


def called_for(profile: Profile, *more: Play) -> tuple[Case | Play, ...]:
    """In order: the good request first."""
    everything: tuple[Case | Play, ...] = (*CASES, *PLAYS, *more)
    return tuple(one for one in everything if one.when(profile))


def untested(
    profile: Profile, *, forging: bool, own_api: bool, receipts: bool, callbacks: bool, portal: bool
) -> Iterator[Untested]:
    """What the vendor's profile, or what the run was given, leaves out. `forging`: vouchers are of the kit's making."""
    vouched = profile.authentication == "voucher"
    for what, tried in {
        "ID_AUTH_REST_01": profile.authentication == "ID_AUTH_REST_01",
        "ID_AUTH_REST_02": profile.authentication == "ID_AUTH_REST_02",
        "PDND vouchers": vouched,
        "INTEGRITY_REST_01": profile.integrity == "INTEGRITY_REST_01",
        "INTEGRITY_REST_02": profile.integrity == "INTEGRITY_REST_02",
        "AUDIT_REST_01": profile.audit == "AUDIT_REST_01",
        "AUDIT_REST_02": profile.audit == "AUDIT_REST_02",
        "DPoP": profile.dpop != "never",
        "PROFILE_NON_REPUDIATION_01": profile.max_receipts > 0,
    }.items():
        if not tried:
            yield Untested(what, "not in the vendor's profile; another --profile tries it")
    for what, tried, why in (
        (
            "vouchers with one thing wrong",
            forging or not vouched,
            "PDND alone makes its vouchers; --pdnd-listen simulates one",
        ),
        ("NONBLOCK_PULL_REST, BULK_RESOURCE_REST", own_api, "another API is tried (--path, --body)"),
        (
            "NONBLOCK_PUSH_REST: the hub's calls",
            callbacks or not own_api,
            "no address: --callback-listen and --callback-url",
        ),
        ("BULK_RESOURCE_REST: ranges", portal or not own_api, "the portal reads files: --portal-key and --portal-iss"),
        ("signed answers", receipts, "--no-receipts"),
        ("ID_AUTH_CHANNEL_01, ID_AUTH_CHANNEL_02", False, "TLS ends at the proxy in front of the hub: try it there"),
        ("x5u, CRL, OCSP", False, "they take servers that the hub was told of"),
        ("rights, quotas, suspension", False, "they are this municipality's own settings"),
    ):
        if not tried:
            yield Untested(what, why)
