"""What an administrator's browser shows of signing in through an identity provider: how it ended, and where to go on.

A page for whoever asks for one; programs have JSON. What failed is told without what a provider or a token said.
"""

from collections.abc import Mapping
from html import escape
from typing import Final

from pydantic import TypeAdapter, ValidationError
from starlette.responses import Response

from contracts.base import ROME, Code
from hub.admin.errors import (
    AccountDisabled,
    IdentityProviderUnknown,
    IdentityProviderUnreachable,
    LoginDenied,
    LoginExpired,
    LoginRefused,
    RoleMissing,
)
from hub.errors import HubError, QuotaExceeded
from hub.store.administrators import Session

from .accepting import names_html
from .exchange import Exchange
from .public import from_, page

_CODE: TypeAdapter[str] = TypeAdapter(Code)
_ONWARDS = """<p><a class="onwards" href="{url}">{italian} <span lang="en">/ {english}</span></a></p>"""
_DOCS = _ONWARDS.format(url="/docs/admin", italian="Le operazioni che puoi fare", english="What you can do")
_SIGNED_IN = """<p>Hai effettuato l'accesso come <strong>{name}</strong>, con {roles}, fino alle {until}.</p>
<p lang="en">You are signed in as <strong>{name}</strong>, with {roles_en}, until {until} (Rome).</p>
<h2>Il codice della sessione <span lang="en">/ The session's token</span></h2>
<p>Copialo ora: non sarà mostrato di nuovo. Vale come una password: non darlo a nessuno. Ogni chiamata all'API di
amministrazione lo porta nell'intestazione <code>Authorization</code>, dopo la parola <code>Bearer</code>.</p>
<p lang="en">Copy it now: it is not shown again. It is as good as a password: give it to nobody. Each call of the
administration's API carries it in the header <code>Authorization</code>, after the word <code>Bearer</code>.</p>
<p><code class="copied" tabindex="0" aria-label="Codice della sessione / Session token">{token}</code></p>
<p>Per uscire prima <span lang="en">/ To sign out earlier</span>: <code>DELETE /admin/v1/sessions/current</code></p>"""
_REFERENCE = """<p>Codice della richiesta, per chi gestisce Raccordo <span lang="en">/ Request id, for who runs
Raccordo</span>: <code>{request_id}</code></p>"""

_ENDS: Final[Mapping[type[HubError], tuple[str, str, str]]] = {
    LoginExpired: (
        "Accesso scaduto",
        "Il tempo per accedere è passato, oppure questa pagina è stata aperta di nuovo o in un altro browser. "
        "Ricomincia l'accesso.",
        "The time to sign in has passed, or this page was opened again or in another browser. Begin again.",
    ),
    LoginDenied: (
        "Accesso non concesso",
        "Il fornitore di identità non ha concluso l'accesso: è stato annullato, oppure non ti è permesso usarlo per "
        "Raccordo.",
        "The identity provider did not complete the login: it was called off, or you are not allowed to use it for "
        "Raccordo.",
    ),
    AccountDisabled: (
        "Account disattivato",
        "Il tuo account in Raccordo è stato disattivato. Chiedi a chi gestisce gli amministratori del tuo ente.",
        "Your account in Raccordo has been disabled. Ask whoever looks after your public body's administrators.",
    ),
    LoginRefused: (
        "Accesso non riuscito",
        "La risposta del fornitore di identità non è valida, e nessuno ha effettuato l'accesso. Riprova; se succede "
        "ancora, avvisa chi gestisce Raccordo.",
        "The identity provider's answer does not hold, and nobody was signed in. Try again; if it happens again, tell "
        "whoever runs Raccordo.",
    ),
    RoleMissing: (
        "Nessun ruolo in Raccordo",
        "Il fornitore di identità ha confermato chi sei, ma non ti dà nessuno dei ruoli che il tuo ente usa qui. "
        "Chiedi a chi gestisce gli accessi di metterti nel gruppo giusto, poi riprova.",
        "The identity provider has confirmed who you are, but gives you none of the roles that your public body uses "
        "here. Ask whoever manages access to put you into the right group, then try again.",
    ),
    IdentityProviderUnreachable: (
        "Il fornitore di identità non risponde",
        "Raccordo non riceve una risposta utilizzabile dal fornitore di identità. Riprova tra qualche minuto; intanto "
        "chi ha un account locale può usarlo.",
        "Raccordo gets no usable answer from the identity provider. Try again in some minutes; meanwhile whoever has a "
        "local account can use it.",
    ),
    IdentityProviderUnknown: (
        "Indirizzo di accesso sconosciuto",
        "Qui non c'è un fornitore di identità con questo nome: controlla l'indirizzo con chi gestisce Raccordo.",
        "There is no identity provider of this name here: check the address with whoever runs Raccordo.",
    ),
    QuotaExceeded: (
        "Troppi tentativi",
        "Da questo indirizzo sono arrivate troppe richieste. Aspetta un minuto e riprova.",
        "Too many requests came from this address. Wait a minute and try again.",
    ),
    HubError: (
        "Accesso non riuscito",
        "In questo momento Raccordo non può completare l'accesso. Riprova tra poco; se succede ancora, avvisa chi lo "
        "gestisce.",
        "Raccordo cannot complete the login at the moment. Try again soon; if it happens again, tell whoever runs it.",
    ),
}
"""Title, and what to do, in Italian and in English."""
_FINAL: Final = (IdentityProviderUnknown, AccountDisabled)
"""Where beginning again would end the same."""


def for_people(exchange: Exchange, provider_id: str) -> bool:
    """Whether the caller wants pages, by its `Accept`; then errors of the exchange are pages too, with the way to begin
    again at that provider. It may be anything: what is no id leads nowhere."""
    exchange.headers["Vary"] = "Accept"
    if not names_html(exchange.request.headers.get("accept")):
        return False
    try:
        again = f"/admin/v1/identity-providers/{_CODE.validate_python(provider_id)}/logins"
    except ValidationError:
        again = ""
    exchange.refusal = lambda error, told_in: _ended(error, told_in, again)
    return True


def signed_in(exchange: Exchange, token: str, session: Session, ente: str) -> Response:
    """The page with the session's token."""
    one = session.administrator
    roles = ", ".join(f"<strong>{role}</strong>" for role in sorted(one.roles))
    several = len(one.roles) > 1
    body = _SIGNED_IN.format(
        name=escape(one.display_name),
        roles=f"{'i ruoli' if several else 'il ruolo'} {roles}",
        roles_en=f"{'the roles' if several else 'the role'} {roles}",
        until=f"{session.expires_at.astimezone(ROME):%H:%M}",
        token=escape(token),
    )
    return page(exchange, "Accesso riuscito", from_(ente) + body + _DOCS)


def _ended(error: HubError, exchange: Exchange, again: str) -> Response:
    title, italian, english = next(_ENDS[kind] for kind in type(error).__mro__ if kind in _ENDS)
    body = f'<p>{italian}</p><p lang="en">{english}</p>{_REFERENCE.format(request_id=exchange.request_id)}'
    if again and not isinstance(error, _FINAL):
        body += _ONWARDS.format(url=escape(again), italian="Ricomincia l'accesso", english="Begin again")
    exchange.headers |= error.headers
    return page(exchange, title, body, status=error.status)
