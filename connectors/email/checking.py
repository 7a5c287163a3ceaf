"""What `check` says of the e-mail connector: the mail server, the DKIM keys in DNS, the mailbox of bounces."""

from collections.abc import Callable

from connectors.base.mail.imap import Mailbox
from contracts.connector import Limits
from contracts.failures import Misconfigured

from .config import Settings
from .dkim_signing import DkimKey, Standing, published

_WITHIN_S = 5.0

_WRONG: dict[Standing, tuple[str, str]] = {
    "missing": ("manca nel DNS: pubblicare il record TXT", "missing in DNS, publish the TXT record"),
    "other": ("nel DNS è un'altra, o revocata: sostituire il record TXT con", "DNS has another, replace the record by"),
}


def check(settings: Settings, limits: Limits, mail_server: Callable[[], str], mailbox: Mailbox | None) -> str:
    """A sentence for each of them. Raises the Failure of the first that does not work."""
    sentences = [mail_server(), *(_key(key, settings, limits) for key in settings.dkim_keys)]
    if mailbox is not None:
        sentences.append(mailbox.check())
    return " ".join(sentences)


def _key(key: DkimKey, settings: Settings, limits: Limits) -> str:
    name = f"{key.selector}._domainkey.{settings.signing_domain}"
    within_s = min(_WITHIN_S, limits.timeout_s)
    match published(key, domain=settings.signing_domain, server=settings.dns_server, within_s=within_s):
        case "right":
            return f"La chiave DKIM {name} è nel DNS. / The DKIM key is in DNS."
        case "unknown":
            return (
                f"Il DNS non ha risposto: non si sa se abbia la chiave DKIM {name}; il record atteso è "
                f"«{key.record}». / DNS did not answer, the key could not be checked."
            )
        case wrong:
            italian, english = _WRONG[wrong]
            raise Misconfigured(f"email.dkim_{wrong}", f"La chiave DKIM {name} {italian} «{key.record}» / {english}.")
