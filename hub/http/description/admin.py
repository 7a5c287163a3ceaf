"""What is said of each operation of the administration."""

from dataclasses import replace

from contracts.administration import AdminSession, AuditPage, SignedIn
from hub import errors
from hub.admin import errors as admin_errors
from hub.admin.acting import BEGINS
from hub.security.left import EnteEnded

from . import (
    admin_connectors,
    admin_exports,
    admin_outreach,
    admin_rights,
    admin_simulations,
    admin_sources,
    admin_statistics,
    admin_vendors,
    admin_work,
)
from . import admin_examples as examples
from .admin_parts import ADMIN, listed
from .entries import Answer, Body, Entry, Errors, both
from .publish import ANY_CALLER, status

_STRANGER: Errors = (errors.RequestInvalid, *ANY_CALLER)
_SIGNED_IN = Body(model=SignedIn, examples={"session": examples.SIGNED_IN})

_ENTRIES: dict[str, Entry] = {
    **admin_connectors.ENTRIES,
    **admin_vendors.ENTRIES,
    **admin_work.ENTRIES,
    **admin_sources.ENTRIES,
    **admin_outreach.ENTRIES,
    **admin_rights.ENTRIES,
    **admin_exports.ENTRIES,
    **admin_simulations.ENTRIES,
    **admin_statistics.ENTRIES,
    "show_admin_status": status("admin"),
    "sign_in": Entry(
        tag="sessions",
        summary="Entra con un account locale / Sign in with a local account",
        description=both(
            "Nome e password con HTTP Basic. Dopo alcuni errori di fila si aspetta, come dice `Retry-After`; la "
            "risposta è la stessa per un account che non c'è. Chi ha un secondo fattore (TOTP, RFC 6238) ne manda il "
            "codice in `One-Time-Code`, o uno di recupero: ognuno vale una volta. Alcuni ruoli possono richiederlo.",
            "Name and password by HTTP Basic. After some failures in a row one has to wait, as `Retry-After` says; the "
            "answer is the same for an account that does not exist. Whoever has a second factor (TOTP, RFC 6238) sends "
            "its code in `One-Time-Code`, or a recovery code: each counts once. Some roles may demand it.",
        ),
        parameters=("OneTimeCode", "CorrelationId"),
        answers={
            201: Answer(description="La sessione / The session", body=_SIGNED_IN, headers=("Location",)),
        },
        errors=(
            errors.RequestInvalid,
            admin_errors.CredentialsRefused,
            admin_errors.RoleMissing,
            admin_errors.SecondFactorMissing,
            admin_errors.SecondFactorRefused,
            admin_errors.SecondFactorLocked,
            admin_errors.SecondFactorNotEnrolled,
            admin_errors.SignInThrottled,
            *ANY_CALLER,
        ),
    ),
    "show_session": Entry(
        tag="sessions",
        summary="Chi sono / Who I am",
        description=both(
            "L'account della sessione, i suoi ruoli e quando finisce.",
            "The session's account, its roles and when it ends.",
        ),
        parameters=("CorrelationId",),
        answers={
            200: Answer(
                description="La sessione / The session",
                body=Body(model=AdminSession, examples={"session": examples.SESSION}),
            )
        },
        errors=ADMIN,
    ),
    "sign_out": Entry(
        tag="sessions",
        summary="Esci / Sign out",
        description=both("Il token non vale più, ovunque.", "The token holds no longer, anywhere."),
        parameters=("CorrelationId",),
        answers={204: Answer(description="Chiusa / Ended")},
        errors=ADMIN,
    ),
    "begin_login": Entry(
        tag="sessions",
        summary="Entra con il fornitore di identità / Sign in through the identity provider",
        description=both(
            "Per il browser: porta al fornitore di identità dell'ente (OpenID Connect, codice con PKCE). Il cookie "
            "lega l'accesso a questo browser per dieci minuti. Un rifiuto è una pagina per chi chiede `text/html`.",
            "For the browser: leads to the municipality's identity provider (OpenID Connect, code with PKCE). The "
            "cookie ties the login to this browser for ten minutes. A refusal is a page for who asks for `text/html`.",
        ),
        parameters=("CorrelationId",),
        answers={
            303: Answer(description="Al fornitore / To the provider", headers=("Location", "Set-Cookie")),
        },
        errors=(
            *_STRANGER,
            admin_errors.IdentityProviderUnknown,
            admin_errors.IdentityProviderUnreachable,
        ),
    ),
    "finish_login": Entry(
        tag="sessions",
        summary="Ritorno dal fornitore di identità / Back from the identity provider",
        description=both(
            "`state` vale una volta e per il browser che ha iniziato. I ruoli sono quelli che l'ente dà per ciò che il "
            "fornitore dice della persona; senza alcun ruolo non si entra. A chi chiede `text/html`, come fanno i "
            "browser, risponde una pagina, anche per un rifiuto: col codice della sessione da copiare, o col perché.",
            "`state` counts once, for the browser that began. The roles are those that the municipality gives for what "
            "the provider says of the person; without any nobody signs in. Who asks for `text/html`, as browsers do, "
            "gets a page, for a refusal too: with the session's token to be copied, or with the reason.",
        ),
        parameters=("LoginState", "LoginCode", "CorrelationId"),
        answers={
            200: Answer(
                description="La sessione / The session",
                body=_SIGNED_IN,
                headers=("Set-Cookie",),
                file_types=("text/html",),
            ),
        },
        errors=(
            *_STRANGER,
            admin_errors.LoginRefused,
            admin_errors.RoleMissing,
            admin_errors.IdentityProviderUnknown,
            admin_errors.IdentityProviderUnreachable,
        ),
    ),
    "list_audit_records": listed(
        "audit-records",
        "Che cosa hanno fatto gli amministratori / What administrators did",
        both(
            "Ogni atto, anche della riga di comando e anche rifiutato, dal più recente: chi, che cosa, prima e dopo. "
            "Le righe sono nella catena di hash del registro degli accessi.",
            "Every act, also of the command line and also refused ones, newest first: who, what, before and after. The "
            "lines stand in the hash chain of the access log.",
        ),
        AuditPage,
        examples.AUDIT_RECORD,
        filters=("ActOperation", "ActTarget"),
    ),
}

ENTRIES: dict[str, Entry] = {
    name: replace(entry, errors=(*entry.errors, EnteEnded)) if name in BEGINS else entry
    for name, entry in _ENTRIES.items()
}
