"""What `check` tells the administrator, Italian first. Names the server, never a credential or a citizen."""

from contracts.failures import Failure

from .settings import SmtpSettings

_SENTENCES: dict[str, tuple[str, str]] = {
    "email.unreachable": ("Il server di posta non è raggiungibile: controllare nome, porta e firewall", "unreachable"),
    "email.timeout": ("Il server di posta non ha risposto in tempo", "no answer in time"),
    "email.connection_lost": ("Il server di posta ha chiuso la connessione a metà", "connection lost"),
    "email.protocol": ("Quello che risponde non parla SMTP: controllare la porta", "not an SMTP server"),
    "email.tls_untrusted": (
        "Il certificato del server di posta non è valido o non è di un'autorità riconosciuta: controllare la scadenza, "
        "il nome del server e ca_file",
        "certificate not trusted",
    ),
    "email.tls_failed": (
        "La cifratura non è riuscita: controllare che 'security' corrisponda alla porta (587 starttls, 465 tls)",
        "TLS failed",
    ),
    "email.starttls_missing": (
        "Il server di posta non offre STARTTLS e la posta non parte in chiaro: provare la porta 465 con security 'tls'",
        "STARTTLS not offered",
    ),
    "email.ca_file": ("Il file indicato in ca_file non si legge o non è un certificato PEM", "ca_file unreadable"),
    "email.auth_missing": (
        "Il server di posta non offre un accesso con nome utente e password (PLAIN o LOGIN)",
        "no usable AUTH mechanism",
    ),
    "email.login_refused": ("Il server di posta rifiuta nome utente o password, o li richiede", "login refused"),
    "email.sender_refused": ("Il server di posta rifiuta il mittente indicato in from_address", "sender refused"),
    "email.server_refused": ("Il server di posta rifiuta il collegamento da questa macchina", "connection refused"),
    "email.server_busy": ("Il server di posta è occupato: riprovare più tardi", "server busy, try later"),
}
_UNKNOWN = ("Il server di posta ha risposto in modo inatteso", "unexpected answer")

_HOW = {"starttls": "cifra con STARTTLS", "tls": "cifra con TLS", "none": "risponde in chiaro su questa macchina"}


def explain(exc: Failure, settings: SmtpSettings) -> Failure:
    """The same failure with a sentence as its detail."""
    italian, english = _SENTENCES.get(exc.reason, _UNKNOWN)
    at = f"[{exc.detail}] " if exc.detail else ""
    return type(exc)(exc.reason, f"{italian} ({settings.host}:{settings.port}). {at}/ {english}.")


def working(settings: SmtpSettings) -> str:
    login = " e accetta le credenziali" if settings.username else "; nessuna credenziale richiesta da noi"
    return (
        f"Il server di posta {settings.host}:{settings.port} funziona: {_HOW[settings.security]}{login}. "
        "Non è stata inviata alcuna email. / The mail server works; nothing was sent."
    )
