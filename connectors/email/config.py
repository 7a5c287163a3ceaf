"""The settings of the e-mail connector. Their schema is their documentation."""

import re
from functools import cached_property
from typing import Annotated, Self

from pydantic import SecretStr, StringConstraints, model_validator

from connectors.base.mail.addresses import ascii_domain
from connectors.base.mail.settings import Address, Domain, MailboxSettings, SmtpSettings
from contracts.tls import PEM

from .dkim_signing import DkimKey

Selector = Annotated[
    str,
    StringConstraints(max_length=63, to_lower=True, pattern=r"^[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?$"),
]


_RATE = re.compile(r"\d{1,4}(?:\.\d{1,3})?")


class Settings(MailboxSettings, SmtpSettings):
    """How to reach the mail server, who writes, and where what comes back is read."""

    bounce_domain: Domain | None = None
    """Il mittente della busta è `<token>@bounce_domain`, uno per consegna (VERP): vuole un dominio che accetta
    qualsiasi parte locale. / Envelope sender `<token>@bounce_domain`, one per delivery (VERP): needs a domain that
    takes any local part."""
    bounce_plus: bool = False
    """Senza `bounce_domain`: `nome+<token>@...` da `from_address`, se il server conosce gli indirizzi con il più. /
    Without a bounce domain: `name+<token>@...` from `from_address`, where the server knows plus addresses."""
    unsubscribe_mailto: Address | None = None
    """La casella offerta in `List-Unsubscribe` accanto all'indirizzo a un clic. / Mailbox offered beside the one-click
    address in `List-Unsubscribe`."""

    imap_delete: bool = False
    """Se rimbalzi e reclami si cancellano dalla casella una volta tenuti qui; nient'altro lo è mai. / Whether bounces
    and complaints are deleted from the mailbox once they are kept here; anything else never is."""

    domain_rates: Annotated[str, StringConstraints(strip_whitespace=True, max_length=4000)] = ""
    """Avvisi al secondo verso gli indirizzi di un dominio, se meno di quelli del connettore: `gmail.com=2,
    libero.it=0.5`; `*=1` per ciascuno degli altri. Vale per tutti i processi insieme. / Notices a second to the
    addresses of a domain, where fewer than the connector's own rate. Kept by all processes together."""

    dkim_selector: Selector | None = None
    """Il nome della chiave nel DNS, `<selector>._domainkey.<dominio>`. Una chiave nuova ha un nome nuovo. / Name of the
    key in DNS, `<selector>._domainkey.<domain>`. A new key gets a new name."""
    dkim_key: Annotated[SecretStr | None, PEM] = None
    """La chiave privata DKIM in PEM, RSA da 2048 bit in su o Ed25519. Senza, gli avvisi partono non firmati da noi:
    giusto dove firma il server di posta dell'ente. / DKIM's private key in PEM, RSA of 2048 bits or more or Ed25519.
    Without it notices leave unsigned by us: right where the ente's mail server signs them."""
    dkim_second_selector: Selector | None = None
    """Il nome nel DNS della seconda chiave. / Name of the second key in DNS."""
    dkim_second_key: Annotated[SecretStr | None, PEM] = None
    """Una seconda firma: RSA accanto a Ed25519, che non tutti sanno ancora verificare, o la chiave successiva mentre si
    diffonde. / A second signature: RSA beside Ed25519, which not everybody can verify yet, or the next key while it
    spreads."""
    dkim_domain: Domain | None = None
    """Il dominio che firma, se non è quello di `from_address`: quello, o uno sopra (allineamento DMARC). / The domain
    that signs, where not that of `from_address`: it, or one above it (DMARC alignment)."""
    dns_server: Annotated[str, StringConstraints(pattern=r"^[0-9a-fA-F.:]+$", max_length=60)] | None = None
    """L'indirizzo del server DNS a cui la prova chiede la chiave DKIM, al posto di quello del sistema: `192.0.2.53`,
    con `:porta` se non è 53. / Address of the name server that the check asks for the DKIM key, instead of the
    system's: `192.0.2.53`, with `:port` if it is not 53."""

    @model_validator(mode="after")
    def _keys_sign(self) -> Self:
        for name, selector, key in (
            ("dkim_selector", self.dkim_selector, self.dkim_key),
            ("dkim_second_selector", self.dkim_second_selector, self.dkim_second_key),
        ):
            if (selector is None) != (key is None):
                raise ValueError(f"{name}: va con la sua chiave DKIM / a DKIM key and its selector go together")
        own = self.from_address.rpartition("@")[2]
        if self.dkim_domain and own != self.dkim_domain and not own.endswith(f".{self.dkim_domain}"):
            raise ValueError("dkim_domain: deve contenere il dominio di from_address / must be it or above it")
        _ = self.dkim_keys
        return self

    @cached_property
    def dkim_keys(self) -> tuple[DkimKey, ...]:
        """Those that sign each notice. Raises BadKey."""
        pairs = ((self.dkim_selector, self.dkim_key), (self.dkim_second_selector, self.dkim_second_key))
        return tuple(DkimKey.read(name, key.get_secret_value()) for name, key in pairs if name and key)

    @model_validator(mode="after")
    def _rates_are_rates(self) -> Self:
        _ = self.rates
        return self

    @cached_property
    def rates(self) -> dict[str, float]:
        """By domain, `*` for those that are not named. Raises ValueError."""
        found: dict[str, float] = {}
        for each in filter(None, (part.strip() for part in self.domain_rates.split(","))):
            domain, _, rate = (part.strip() for part in each.partition("="))
            name = domain if domain == "*" else ascii_domain(domain)
            if not _RATE.fullmatch(rate) or not 0.001 <= float(rate) <= 1000 or name in found:
                raise ValueError("domain_rates: dominio=messaggi al secondo, da 0.001 a 1000 / messages a second")
            found[name] = float(rate)
        return found

    def rate_of(self, domain: str) -> float | None:
        """None where the domain has no rate of its own."""
        return self.rates.get(domain, self.rates.get("*"))

    @property
    def signing_domain(self) -> str:
        return self.dkim_domain or self.from_address.rpartition("@")[2]

    def envelope_sender(self, token: str) -> str:
        """Where bounces of the delivery named `token` come back."""
        if self.bounce_domain:
            return f"{token}@{self.bounce_domain}"
        if self.bounce_plus:
            local, _, domain = self.from_address.rpartition("@")
            return f"{local}+{token}@{domain}"
        return self.from_address
