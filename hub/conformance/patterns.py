"""Which cases a vendor's profile calls for, and what a run leaves untested, and why."""

from collections.abc import Iterator
from typing import Final

from hub.profile import Profile

from . import (
    batches,
    bulk,
    certified,
    channels,
    good,
    integrity,
    parties,
    possession,
    repeating,
    shape,
    tracking,
    vouchers,
)
from .case import Case, channelled
from .office import Office
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
    *certified.CASES,
    *channels.CASES,
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
    profile: Profile,
    *,
    forging: bool,
    own_api: bool,
    receipts: bool,
    callbacks: bool,
    portal: bool,
    office: Office | None,
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
        "ID_AUTH_CHANNEL_02": channelled(profile),
        "CRL, OCSP": profile.revocation != "off",
        "x5u": bool(profile.x5u_hosts),
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
        (
            "certificates of all sorts",
            office is not None or profile.integrity == "INTEGRITY_REST_02",
            "the vendor's CA alone makes them: --authority, a CA of a test set-up",
        ),
        (
            "CRL, OCSP, x5u: answers of all sorts",
            bool(office is not None and office.url) or not (profile.x5u_hosts or profile.revocation != "off"),
            "they take a place that the hub can reach: --status-listen and --status-url",
        ),
        ("versions and suites of TLS", False, "they are the proxy's in front of the hub: try them there"),
        ("rights, quotas, suspension", False, "they are this municipality's own settings"),
    ):
        if not tried:
            yield Untested(what, why)
