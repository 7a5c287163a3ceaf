"""The settings of the App IO connector. One connector is one service at IO, since a key belongs to a service."""

from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from contracts.base import HttpsUrl, Model
from contracts.identifiers import OrganizationTaxCode


def _sendable(key: SecretStr) -> SecretStr:
    if not key.get_secret_value() or not all("!" <= character <= "~" for character in key.get_secret_value()):
        raise ValueError("printable ASCII without spaces")
    return key


class Settings(Model):
    """How to reach IO, and how long to ask what became of a message."""

    base_url: HttpsUrl = "https://api.io.pagopa.it/api/v1"
    api_key: Annotated[SecretStr, AfterValidator(_sendable)]
    """The primary or secondary key of the service, from the IO back office."""
    organization_tax_code: OrganizationTaxCode | None = None
    """The organisation that the service belongs to at IO. A payment whose creditor is another one is announced without
    payment data, because IO would ask to pay the service's own organisation. None: every creditor is this one."""
    time_to_live: Annotated[int, Field(ge=3600, le=604_800)] = 3600
    """Seconds for which IO tries to reach the citizen's devices."""
    status_checks: Annotated[int, Field(ge=0, le=100)] = 8
    """How often to ask for the outcome before the delivery counts as done with its status unknown."""
    status_delay_s: Annotated[float, Field(gt=0, le=3600)] = 30.0
    """The wait before the first of these questions; each further one waits three times as long, at most an hour."""
