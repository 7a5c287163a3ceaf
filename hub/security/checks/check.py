"""What one check is, and which profiles are held to it."""

from collections.abc import Callable
from dataclasses import dataclass

from hub.profile import Profile

from .state import State

Run = Callable[[State], None]


def always(_: Profile) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Check:
    """One rule. After a failed one that `finds`, nothing further can be said about the request."""

    name: str
    run: Run
    text_it: str
    text_en: str
    finds: bool = False
    when: Callable[[Profile], bool] = always
    """Whether a vendor of that profile is held to it."""


def vouched(profile: Profile) -> bool:
    return profile.authentication == "voucher"


def direct(profile: Profile) -> bool:
    return not vouched(profile)


def audited(profile: Profile) -> bool:
    return profile.audit != "none"


def audited_by_pdnd(profile: Profile) -> bool:
    return audited(profile) and vouched(profile)


def audited_by_itself(profile: Profile) -> bool:
    return audited(profile) and direct(profile)


def correlated(profile: Profile) -> bool:
    return profile.audit == "AUDIT_REST_02"


def pdnd_signed(profile: Profile) -> bool:
    return profile.integrity == "INTEGRITY_REST_02" or audited_by_pdnd(profile)


def possessing(profile: Profile) -> bool:
    return profile.dpop != "never"


def mutual(profile: Profile) -> bool:
    return profile.channel == "ID_AUTH_CHANNEL_02"


def repeatable(profile: Profile) -> bool:
    return profile.max_receipts > 0
