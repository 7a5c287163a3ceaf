"""What `check` tells the administrator of a mailbox that is read over IMAP, Italian first."""

from contracts.failures import Failure

from .settings import MailboxSettings

_SENTENCES: dict[str, tuple[str, str]] = {
    "imap.unreachable": ("La casella non è raggiungibile: controllare nome, porta e firewall", "unreachable"),
    "imap.timeout": ("Il server della casella non ha risposto in tempo", "no answer in time"),
    "imap.connection_lost": ("Il server della casella ha chiuso la connessione a metà", "connection lost"),
    "imap.protocol": ("Quello che risponde non parla IMAP: controllare la porta", "not an IMAP server"),
    "imap.refused": ("Il server della casella rifiuta un comando", "a command was refused"),
    "imap.tls_untrusted": (
        "Il certificato del server della casella non è valido o non è di un'autorità riconosciuta: controllare la "
        "scadenza, il nome del server e imap_ca_file",
        "certificate not trusted",
    ),
    "imap.tls_failed": (
        "La cifratura non è riuscita: controllare che 'imap_security' corrisponda alla porta (993 tls, 143 starttls)",
        "TLS failed",
    ),
    "imap.starttls_missing": (
        "Il server della casella non offre STARTTLS: provare la porta 993 con imap_security 'tls'",
        "STARTTLS not offered",
    ),
    "email.ca_file": ("Il file indicato in imap_ca_file non si legge o non è un certificato PEM", "unreadable file"),
    "imap.auth_missing": ("Il server della casella non offre un accesso con nome e password", "no usable login"),
    "imap.login_refused": ("La casella rifiuta imap_username o imap_password", "login refused"),
    "imap.folder_missing": ("Nella casella manca una cartella di imap_folders", "a folder of imap_folders is missing"),
    "imap.server_busy": ("Il server della casella è occupato: riprovare più tardi", "busy, try later"),
}
_UNKNOWN = ("Il server della casella ha risposto in modo inatteso", "unexpected answer")


def explain_mailbox(exc: Failure, settings: MailboxSettings) -> Failure:
    """The same failure with a sentence as its detail."""
    italian, english = _SENTENCES.get(exc.reason, _UNKNOWN)
    at = f"[{exc.detail}] " if exc.detail else ""
    return type(exc)(exc.reason, f"{italian} ({settings.imap_host}:{settings.imap_port}). {at}/ {english}.")


def mailbox_works(settings: MailboxSettings) -> str:
    """What a check says that found nothing amiss."""
    return (
        f"La casella su {settings.imap_host}:{settings.imap_port} si apre e ha le cartelle indicate. "
        "/ The mailbox opens and has its folders."
    )
