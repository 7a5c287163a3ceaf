"""What stands at the head of each description: who, for whom, how to sign, where, and the tags."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version

from hub.http.operations import Api

from .failures import code_table
from .json_schema import Json

PUBLIC_URL = "https://raccordo.comune.example.it"
SANDBOX_URL = "http://127.0.0.1:8765"
OPENAPI_VERSION = "3.0.3"


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """The words and names of one API."""

    api_id: str
    title: str
    summary: str
    italian: str
    english: str
    first_request: str
    scheme: str = ""
    """Empty where the operations have none in common."""
    scheme_description: str = ""
    tags: tuple[tuple[str, str], ...]
    bearer_format: str | None = "JWT"
    more_schemes: Mapping[str, Json] = field(default_factory=dict)
    """By name: of operations that know their caller in another way."""


_STATUS_TAG = ("status", "Stato del servizio. / Status of the service.")
_APPLICATIONS = "Pratiche, a che punto sono. / Applications, and how far they have come."
_SUBSCRIPTIONS = "Iscrizioni ai servizi. / Subscriptions to services."
_DEADLINES = "Scadenze: ciò che va fatto entro quando. / Deadlines: what is to be done by when."
_DOCUMENTS = "Documenti e i loro file. / Documents and their files."

HEADINGS: dict[Api, Heading] = {
    "callbacks": Heading(
        api_id="9d4c7b1e-52a3-4f68-8e0d-6b2f1a7c3d95",
        title="Raccordo callbacks",
        summary="I fornitori chiamano l'hub nella forma che è loro / Providers call the hub in the form that is theirs",
        italian="""Ciò che pagoPA, IO, OpenCity e altri sistemi chiamano da sé: avvisi da verificare e ricevute, testi
lasciati presso l'ente, eventi. Le forme, e le forme degli errori, sono di ciascun fornitore; ciò che la chiamata dice è
conservato prima della risposta.

**Per chi.** Chi configura un fornitore: l'indirizzo è quello dell'ente, poi i codici dell'ente e del connettore. Un
connettore risponde alle sole operazioni del suo tipo: con un altro, o se non c'è, è 404; in pausa, 503.

**Autenticazione.** Quella di ciascun fornitore, nelle impostazioni del connettore; non serve firma ModI.

**Limiti.** Per indirizzo di chi chiama: ogni risposta porta `X-RateLimit-*`; con 429 e 503 aspettare `Retry-After`.
Nessun corpo oltre il limite dell'hub (`RACCORDO_BODY_LIMIT`, di norma 1 MiB).""",
        english="""What pagoPA, IO, OpenCity and other systems call of themselves: notices to be verified and receipts,
texts that stay with the municipality, events. The forms, and those of errors, are each provider's; what a call tells is
kept before it is answered.

**Who for.** Whoever configures a provider: the address is the municipality's, then its code and the connector's. A
connector answers the operations of its type alone: with another, or where there is none, 404; paused, 503.

**Authentication.** Each provider's own, in the connector's settings; no ModI signature is needed.

**Limits.** By the caller's address: every response carries `X-RateLimit-*`; on 429 and 503 wait for `Retry-After`. No
body beyond the hub's limit (`RACCORDO_BODY_LIMIT`, by default 1 MiB).""",
        first_request="""curl {base}/status""",
        tags=(_STATUS_TAG,),
    ),
    "publish": Heading(
        api_id="5b1f3c52-6f0e-4f4e-9a53-0d8f4f7f2a61",
        title="Raccordo publish",
        summary="I fornitori del Comune pubblicano nell'area personale / The municipality's vendors publish",
        italian="""Raccoglie in un solo punto ciò che i sistemi del Comune hanno da dire a un cittadino:
messaggi, documenti, pagamenti, ricevute. Ogni elemento accettato è durevole prima della risposta; la risposta è
firmata, così che entrambe le parti ne conservino la prova.

**Per chi.** I fornitori dei sistemi del Comune, registrati con le loro chiavi.

**Autenticazione.** ModI: `ID_AUTH_REST_02` in `Authorization: Bearer` e, per ogni richiesta con un corpo,
`INTEGRITY_REST_01` in `Agid-JWT-Signature` con `Digest: SHA-256=…`. `iss` è il fornitore, `aud` l'indirizzo di
questa API, `jti` vale una volta. Altri modelli per accordo con l'ente: `ID_AUTH_REST_01`, voucher PDND (DPoP)
con `INTEGRITY_REST_02` e `AUDIT_REST_01/02`, `ID_AUTH_CHANNEL_02`, `PROFILE_NON_REPUDIATION_01`. Finché la firma non è
verificata ogni rifiuto è `request.refused`, senza altro.

**In prova.** Un fornitore comincia di norma in prova: le risposte sono quelle di sempre, ma tutto va a connettori di
prova, e nessuno ne paga. Nell'area si vede: usare codici fiscali di prova, e un altro `source`, così che in produzione
nomi e versioni siano liberi.

**Limiti.** Ogni risposta porta `X-RateLimit-*`; con 429 e 503 aspettare `Retry-After` e ritentare con un `jti`
nuovo. Dove c'è una quota giornaliera, ricomincia a mezzanotte di Roma; esaurita (`quota.exceeded`), `X-RateLimit-*`
sono i suoi.""",
        english="""Collects in one place what the municipality's systems have to tell a citizen: messages,
documents, payments, receipts. Each accepted item is durable before the answer; the answer is signed, so that both
sides hold evidence.

**Who for.** The vendors of the municipality's systems, registered with their keys.

**Authentication.** ModI: `ID_AUTH_REST_02` in `Authorization: Bearer` and, for every request with a body,
`INTEGRITY_REST_01` in `Agid-JWT-Signature` with `Digest: SHA-256=…`. `iss` is the vendor, `aud` this API's address,
`jti` counts once. By agreement with the municipality the other patterns hold: `ID_AUTH_REST_01`, PDND vouchers (DPoP
too) with `INTEGRITY_REST_02` and `AUDIT_REST_01/02`, `ID_AUTH_CHANNEL_02`, `PROFILE_NON_REPUDIATION_01`. Until the
signature is verified every refusal is `request.refused`, and no more.

**On trial.** A vendor usually begins in its sandbox: answers are as ever, but everything goes to connectors for tests,
and nobody pays any of it. In the area it is seen: use tax codes for tests, and another `source`, so that names and
versions are free in production.

**Limits.** Every response carries `X-RateLimit-*`; on 429 and 503 wait for `Retry-After` and try again with a fresh
`jti`. A daily quota, where there is one, begins anew at midnight in Rome; when it is used up (`quota.exceeded`),
`X-RateLimit-*` are its own.""",
        first_request="""raccordo sign --key chiave.pem --cert certificato.pem \\
  --aud {base} --method POST \\
  --url {base}/messages --body messaggio.json --send""",
        scheme="ModiVendorToken",
        scheme_description=(
            "JWS del fornitore, modello ModI ID_AUTH_REST_02, conforme a RFC8725; algoritmi RS256 ed ES256 secondo la "
            "chiave registrata. / The vendor's JWS, ModI pattern ID_AUTH_REST_02, as RFC8725 demands; algorithms RS256 "
            "and ES256 by the registered key."
        ),
        tags=(
            ("messages", "Messaggi al cittadino. / Messages to the citizen."),
            ("documents", _DOCUMENTS),
            ("payments", "Pagamenti e avvisi pagoPA. / Payments and pagoPA notices."),
            ("receipts", "Ricevute di pagamento. / Receipts of payments."),
            ("applications", _APPLICATIONS),
            ("subscriptions", _SUBSCRIPTIONS),
            ("deadlines", _DEADLINES),
            ("services", "Schede dei servizi. / Cards of services."),
            ("batches", "Molti elementi con una firma. / Many items under one signature."),
            ("events", "Ciò che è successo agli elementi. / What happened to the items."),
            ("items", "Gli elementi pubblicati. / The items published."),
            _STATUS_TAG,
        ),
    ),
    "feed": Heading(
        api_id="c7d3b0a4-1b39-4f0a-8a3e-9b1c5e6d7f20",
        title="Raccordo feed",
        summary="Il portale legge l'area personale del cittadino / The portal reads the citizen's personal area",
        italian="""Dà al portale del Comune tutto ciò che riguarda il cittadino che ha effettuato l'accesso, da
ogni fornitore, in un solo elenco.

**Per chi.** Il portale del Comune, registrato con le sue chiavi.

**Autenticazione.** Il portale: `Authorization: Bearer` con un JWS ModI, `ID_AUTH_REST_01` per leggere e
`ID_AUTH_REST_02` per cambiare, ambiti `feed:read` e `feed:write`. Il cittadino: `Citizen-Assertion`, un JWS del
portale valido al più 5 minuti, con livello SPID/CIE 2 o superiore. Nessuna richiesta nomina il cittadino in altro
modo. Il portale non firma i corpi: i modelli di integrità (`INTEGRITY_REST_01`) escludono PATCH e gli intervalli.

**Limiti.** Ogni risposta porta `X-RateLimit-*`; con 429 e 503 aspettare `Retry-After`.""",
        english="""Gives the municipality's portal all that concerns the citizen who signed in, from every
vendor, in one list.

**Who for.** The municipality's portal, registered with its keys.

**Authentication.** The portal: `Authorization: Bearer` with a ModI JWS, `ID_AUTH_REST_01` to read and
`ID_AUTH_REST_02` to change, scopes `feed:read` and `feed:write`. The citizen: `Citizen-Assertion`, a JWS of the
portal's, valid for at most 5 minutes, at SPID/CIE level 2 or higher. No request names the citizen in any other way.
The portal does not sign bodies: the integrity patterns (`INTEGRITY_REST_01`) exclude PATCH and ranges.

**Limits.** Every response carries `X-RateLimit-*`; on 429 and 503 wait for `Retry-After`.""",
        first_request="""curl {base}/items?limit=20 \\
  -H "Authorization: Bearer $PORTAL_TOKEN" \\
  -H "Citizen-Assertion: $CITIZEN_ASSERTION\"""",
        scheme="PortalToken",
        scheme_description=(
            "JWS del portale, modelli ModI ID_AUTH_REST_01 (lettura) e ID_AUTH_REST_02 (modifica), conforme a "
            "RFC8725. / "
            "The portal's JWS, ModI patterns ID_AUTH_REST_01 (reading) and ID_AUTH_REST_02 (changing), as RFC8725 "
            "demands."
        ),
        tags=(
            ("feed", "La bacheca del cittadino. / The citizen's feed."),
            ("messages", "Messaggi. / Messages."),
            ("documents", _DOCUMENTS),
            ("payments", "Pagamenti. / Payments."),
            ("receipts", "Ricevute. / Receipts."),
            ("applications", _APPLICATIONS),
            ("subscriptions", _SUBSCRIPTIONS),
            ("deadlines", _DEADLINES),
            ("services", "Il catalogo dei servizi. / The catalogue of services."),
            ("changes", "Ciò che è cambiato. / What changed."),
            ("profile", "Recapiti e dati dei registri. / Contacts and data of registers."),
            ("preferences", "Come il cittadino vuole essere avvisato. / How the citizen wishes to be told."),
            ("rights", "I diritti del cittadino sui suoi dati. / The citizen's rights over his data."),
            _STATUS_TAG,
        ),
    ),
    "admin": Heading(
        api_id="2f6a9d18-4c0b-4a7e-b1d5-7e3c9a5f8b64",
        title="Raccordo admin",
        summary="Gli amministratori configurano l'hub mentre lavora / Administrators configure the hub as it works",
        italian="""Connettori, fornitori, servizi, consegne: ciò che un amministratore dell'ente vede e cambia senza
riavvii, con effetto entro due secondi. Ogni atto è nel registro degli accessi, senza segreti; i segreti si scrivono e
non si leggono mai.

**Per chi.** Gli amministratori dell'ente, ciascuno con il suo account; i ruoli sono `operator` (nessun dato personale),
`service-manager`, `data-protection`, `administrator`.

**Autenticazione.** `POST /sessions` con l'account locale, o il fornitore di identità dell'ente (OpenID Connect); poi
`Authorization: Bearer` con il token della sessione, che dura un'ora e si può chiudere prima. L'account dice di quale
ente si tratta: nessuna richiesta lo nomina.

**Cambiamenti.** Le modifiche sono merge patch e accettano `If-Match`.

**Limiti.** Ogni risposta porta `X-RateLimit-*`; con 429 e 503 aspettare `Retry-After`.""",
        english="""Connectors, vendors, services, deliveries: what an administrator of the municipality sees and
changes without a restart, in force within two seconds. Every act stands in the access log, without secrets; secrets are
written and never read.

**Who for.** The municipality's administrators, each with an account; the roles are `operator` (no personal data),
`service-manager`, `data-protection`, `administrator`.

**Authentication.** `POST /sessions` with a local account, or the municipality's identity provider (OpenID Connect);
then `Authorization: Bearer` with the session's token, which lasts an hour and can be ended before. The account says
which municipality it is about: no request names it.

**Changes.** They are merge patches, and take `If-Match`.

**Limits.** Every response carries `X-RateLimit-*`; on 429 and 503 wait for `Retry-After`.""",
        first_request="""curl -X POST {base}/sessions --user anna.verdi""",
        scheme="AdminSession",
        scheme_description=(
            "Token opaco della sessione, dato da `POST /sessions` o al ritorno dal fornitore di identità. / Opaque "
            "token of the session, given by `POST /sessions` or on the way back from the identity provider."
        ),
        tags=(
            ("sessions", "Entrare e uscire. / Signing in and out."),
            (
                "connector-types",
                "I tipi di connettore e le loro impostazioni. / Types of connector, and their settings.",
            ),
            ("connectors", "I connettori: bozze, prove, versioni. / Connectors: drafts, checks, versions."),
            ("vendors", "I fornitori, le loro chiavi, la conformità. / Vendors, their keys, their conformance."),
            ("services", "Il catalogo dei servizi. / The catalogue of services."),
            ("deliveries", "Le consegne, e i nuovi invii. / Deliveries, and sending again."),
            ("subscription-statistics", "Numeri sugli iscritti. / Numbers of subscribers."),
            ("sources", "Ciò che le fonti portano: quarantena, prove. / What sources bring: quarantine, previews."),
            ("broadcasts", "Gli invii a tutti gli iscritti di un servizio. / Broadcasts to a service's subscribers."),
            ("ranked-lists", "Le graduatorie, sotto pseudonimi. / Ranked lists, under pseudonyms."),
            ("rights-requests", "Ciò che chiedono gli interessati. / What data subjects ask for."),
            ("exports", "Tutto ciò che l'hub tiene di un cittadino. / All that the hub holds of a citizen."),
            ("compliance-report", "Quali servizi non rispettano il modello. / Which services fall short."),
            ("erasures", "Che cosa farebbe una cancellazione, e l'ordine. / What an erasure would do, and the order."),
            ("simulations", "Guasti dei fornitori simulati. / Faults of simulated providers."),
            ("audit-records", "Che cosa hanno fatto gli amministratori. / What administrators did."),
            _STATUS_TAG,
        ),
        bearer_format=None,
        more_schemes={
            "LocalAccount": {
                "type": "http",
                "scheme": "basic",
                "description": "Nome e password di un account locale (RFC 7617). / Name and password of an account.",
            }
        },
    ),
}


def info(api: Api, base: str) -> Json:
    """`info`; `base` is the address that the first request shows."""
    heading = HEADINGS[api]
    first = heading.first_request.format(base=base)
    return {
        "title": heading.title,
        "version": version("raccordo"),
        "x-summary": heading.summary,
        "description": (
            f"{heading.italian}\n\n**Prima richiesta / First request**\n\n```sh\n{first}\n```\n\n---\n\n"
            f"{heading.english}\n\n---\n\n**Codici di errore / Error codes**\n\n{code_table()}\n"
        ),
        "termsOfService": f"{PUBLIC_URL}/termini",
        "contact": {
            "name": "Ufficio Transizione Digitale",
            "url": f"{PUBLIC_URL}/assistenza",
            "email": "transizione.digitale@comune.example.it",
        },
        "license": {
            "name": "EUPL-1.2",
            "url": "https://joinup.ec.europa.eu/collection/eupl/eupl-text-eupl-12",
        },
        "x-api-id": heading.api_id,
    }


def servers(api: Api, public_url: str | None) -> list[Json]:
    """The running hub's own server, or in the published files the example and the one of a trial on this machine."""
    if public_url is not None:
        own: Json = {"url": f"{public_url.rstrip('/')}/{api}/v1", "description": "Questo server / This server"}
        return [own if own["url"].startswith("https://") else own | {"x-sandbox": True}]
    return [
        {"url": f"{PUBLIC_URL}/{api}/v1", "description": "Esercizio / Production"},
        {
            "url": f"{SANDBOX_URL}/{api}/v1",
            "description": "Prova sul proprio computer (`make demo`) / Trial on one's own computer (`make demo`)",
            "x-sandbox": True,
        },
    ]


def security_schemes(api: Api) -> Json:
    heading = HEADINGS[api]
    form = {"bearerFormat": heading.bearer_format} if heading.bearer_format else {}
    own = {"type": "http", "scheme": "bearer", **form, "description": heading.scheme_description}
    return {heading.scheme: own, **heading.more_schemes}


def tags(api: Api) -> list[Json]:
    return [{"name": name, "description": description} for name, description in HEADINGS[api].tags]
