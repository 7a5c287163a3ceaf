"""What a failed check means, in words on which an administrator can act: Italian first, then English."""

from dataclasses import dataclass
from typing import Final

from contracts.failures import Deferred, Failure, Misconfigured


@dataclass(frozen=True, slots=True)
class Advice:
    """What is wrong and what to do about it."""

    it: str
    en: str


_ADDRESS = Advice(
    "L'indirizzo non porta al fornitore: controllare l'indirizzo e il percorso nelle impostazioni.",
    "The address does not lead to the provider: check address and path in the settings.",
)
_CREDENTIALS = Advice(
    "Il fornitore non accetta le credenziali: verificare chiave, utente o certificato, che siano dell'ambiente "
    "giusto e non scaduti.",
    "The provider does not accept the credentials: check key, user or certificate, that they belong to this "
    "environment and have not expired.",
)
_TLS = Advice(
    "La connessione sicura non riesce: il certificato del server non è valido per questo indirizzo, la sua "
    "autorità non è conosciuta, o a quella porta il server non parla TLS.",
    "The secure connection fails: the server's certificate is not valid for this address, its authority is "
    "not known, or the server speaks no TLS at that port.",
)
_NO_STARTTLS = Advice(
    "Il server di posta non offre la cifratura a quella porta: provare la 465 con `security` `tls`, o chiedere a chi "
    "gestisce la posta; in chiaro non si spedisce.",
    "The mail server offers no encryption at that port: try 465 with `security` `tls`, or ask whoever runs the mail; "
    "nothing is sent in clear.",
)
_NAME = Advice(
    "Il nome del server non esiste nel DNS: controllare l'indirizzo, o chiedere a chi gestisce la rete.",
    "The server's name is not in the DNS: check the address, or ask whoever runs the network.",
)
_SILENT = Advice(
    "Il fornitore non risponde: può essere fermo, o un firewall impedisce la connessione dall'hub. Riprovare, "
    "poi verificare indirizzo, porta e firewall.",
    "The provider does not answer: it may be down, or a firewall keeps the hub from it. Try again, then check "
    "address, port and firewall.",
)
_BUSY = Advice(
    "Il fornitore è sovraccarico o in manutenzione: riprovare più tardi; le impostazioni possono essere giuste.",
    "The provider is overloaded or being maintained: try again later; the settings may be right.",
)
_INSIDE = Advice(
    "L'indirizzo è di una rete interna, e non è consentito: se è voluto, elencare il nome fra gli host privati.",
    "The address is of an internal network, which is not allowed: where it is meant, list the name among "
    "private hosts.",
)
_PLAIN = Advice(
    "L'indirizzo deve cominciare con https (http solo su questa macchina).",
    "The address must begin with https (http on this machine alone).",
)

BY_WORD: Final[tuple[tuple[tuple[str, ...], Advice], ...]] = (
    (("address_refused",), _INSIDE),
    (("starttls_missing",), _NO_STARTTLS),
    (("plain_text",), _PLAIN),
    (("tls", "certificate", "ca_file"), _TLS),
    (("dns", "no_such_host", "domain_unknown"), _NAME),
    (("key_refused", "not_authorised", "login_refused", "auth", "unauthorized", "forbidden", "token"), _CREDENTIALS),
    (("not_there", "gone", "redirected", "not_the_api", "not_found"), _ADDRESS),
    (("busy", "unavailable", "throttled", "quota"), _BUSY),
    (("unreachable", "no_answer", "timeout", "disconnect", "connection_lost"), _SILENT),
)
"""By a word in the failure's reason, the first that is found."""

_OURS = Advice(
    "Le impostazioni non vanno bene al fornitore: il codice dice quale; correggerle e provare di nuovo.",
    "The provider cannot do with these settings: the code says with which; correct them and check again.",
)
_THEIRS = Advice(
    "Il fornitore ha rifiutato la prova: il codice dice perché; chiedere al fornitore, citandolo.",
    "The provider refused the check: the code says why; ask the provider, and name it.",
)
_BUG = Advice(
    "Il connettore stesso ha un difetto: segnalarlo, con l'ora della prova; nulla è stato cambiato.",
    "The connector itself has a fault: report it, with the time of the check; nothing was changed.",
)


def advice_on(failure: Exception) -> Advice:
    """What to do about a check that failed so."""
    if not isinstance(failure, Failure):
        return _BUG
    words = failure.reason.partition(".")[2] or failure.reason
    for known, advice in BY_WORD:
        if any(word in words for word in known):
            return advice
    if isinstance(failure, Misconfigured):
        return _OURS
    return _BUSY if isinstance(failure, Deferred) else _THEIRS
