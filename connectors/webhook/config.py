"""The settings of a webhook: where to, how calls are proved, what is told."""

from functools import cached_property
from typing import Annotated, ClassVar, Self

from pydantic import SecretStr, field_validator, model_validator

from contracts.callbacks import CallbackUrl, Hosts, may_be_plain, place_of
from contracts.following import FollowSettings, Listed
from contracts.proving import ProofSettings
from contracts.tls import TlsSettings

from .signing import ID, TIMESTAMP, Secret, read_secrets

PrivateHosts = Annotated[Hosts, Listed]


class Settings(FollowSettings, ProofSettings, TlsSettings):
    """A call is proved by Standard Webhooks signatures (`signing_secrets`), by ModI or PDND (`proof`), or by both."""

    signed_too: ClassVar[tuple[str, ...]] = (ID, TIMESTAMP)

    url: CallbackUrl
    """L'indirizzo https del sistema da informare: host in minuscolo, senza credenziali né frammento. / The https
    address of the system that is told: host in lower case, without credentials and fragment."""
    signing_secrets: SecretStr | None = None
    """Una o più chiavi di Standard Webhooks, separate da spazi o righe, concordate con chi riceve: `whsk_...` (Ed25519,
    da preferire) o `whsec_...` (HMAC). Firmano tutte: mentre chi riceve cambia chiave, la nuova e la vecchia. / One or
    more keys of Standard Webhooks, with blanks or line ends between them, agreed with the receiver: `whsk_...`
    (Ed25519, to be preferred) or `whsec_...` (HMAC). Every one signs: while the receiver changes its key, the new and
    the old."""
    private_hosts: PrivateHosts = ()
    """Gli host che possono stare a un indirizzo privato; http in chiaro solo per quelli di questa macchina. / Hosts
    that may be at a private address; plain http is for those of them on loopback alone."""

    @field_validator("signing_secrets")
    @classmethod
    def _readable(cls, given: SecretStr | None) -> SecretStr | None:
        if given is not None:
            read_secrets(given.get_secret_value())
        return given

    @model_validator(mode="after")
    def _proved(self) -> Self:
        if self.signing_secrets is None and self.proof == "none":
            raise ValueError("signing_secrets: serve, oppure proof / needed, or proof: a call must be proved")
        scheme, host, _ = place_of(self.url)
        if scheme == "http" and not may_be_plain(host, self.private_hosts):
            raise ValueError(
                "url: http solo in locale e se elencato in private_hosts / "
                "plain http is for loopback alone, and listed in private_hosts"
            )
        return self

    @cached_property
    def secrets(self) -> tuple[Secret, ...]:
        """Those of Standard Webhooks."""
        return read_secrets(self.signing_secrets.get_secret_value()) if self.signing_secrets is not None else ()
