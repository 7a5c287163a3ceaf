"""The errors an operation can answer, from hub.errors: a response for each status, an example for each code."""

from collections.abc import Iterable
from typing import Literal

from contracts.faults import Bilingual, bilingual
from hub import errors
from hub.dispatch import cart_errors
from hub.errors import HubError

from .json_schema import Json
from .openapi_schema import reference
from .parts import ALWAYS, EXAMPLE_CORRELATION, EXTRA_BY_STATUS

PROBLEM_MEDIA_TYPE = "application/problem+json"
UNFORESEEN: tuple[type[HubError], ...] = (
    HubError,
    errors.PathUnknown,
    errors.MethodNotAllowed,
    errors.BodyTooLarge,
    errors.BodyTooSlow,
)
"""What any path can answer outside its own statuses; described as `default`."""

_MEANING = {
    400: "Richiesta malformata / Malformed request",
    401: "Richiesta non autenticata / Request not authenticated",
    403: "Non ammesso / Not allowed",
    404: "Non trovato / Not found",
    406: "Formato non disponibile / Not acceptable",
    408: "Corpo troppo lento / Body too slow",
    409: "Conflitto / Conflict",
    412: "Precondizione fallita / Precondition failed",
    413: "Corpo troppo grande / Body too large",
    415: "Formato non ammesso / Unsupported media type",
    416: "Intervallo fuori dal file / Range not satisfiable",
    422: "Contenuto non valido / Unprocessable content",
    429: "Troppe richieste / Too many requests",
    502: "Il sistema chiamato non risponde / The system called does not answer",
    503: "Servizio non disponibile / Service unavailable",
}
_FAULTS: dict[type[HubError], Json] = {
    errors.RequestInvalid: {
        "pointer": "#query/limit",
        "code": "parameter.invalid",
        "detail": "Un numero intero da 1 a 100 / a whole number from 1 to 100",
    },
    cart_errors.PaymentNotPayable: {
        "pointer": "/payments/1",
        "code": "payment.closed",
        "detail": "Non è un pagamento, o una rata, con un avviso pagabile ora / "
        "not a payment, or an instalment, with a notice that can be paid now",
    },
    cart_errors.ReturnUrlForbidden: {
        "pointer": "/return_urls/ok",
        "code": "url.elsewhere",
        "detail": "Non è sul portale che l'ente ha registrato / not at the portal that the ente registered",
    },
    cart_errors.CartNotOffered: {
        "pointer": "/payments/1",
        "code": "creditor.unserved",
        "detail": "Nessuno ne fa carrelli / nobody makes carts of it",
    },
    errors.ContractViolation: {
        "pointer": "/recipient/tax_code",
        "code": "field.invalid",
        "detail": "Carattere di controllo o data sbagliati / the tax code's check character or date is wrong",
    },
}


def problem_type(code: str) -> str:
    """The `type` of a problem: a name, not an address, so that nothing need answer there."""
    return f"urn:raccordo:problem:{code}"


def example_of(error: type[HubError]) -> Json:
    """A problem as the hub would answer it."""
    return {
        "type": problem_type(error.code),
        "title": error.title,
        "status": error.status,
        "detail": _when(error),
        "code": error.code,
        "request_id": EXAMPLE_CORRELATION,
        **({"errors": [_FAULTS[error]]} if error in _FAULTS else {}),
    }


def by_status(classes: Iterable[type[HubError]]) -> dict[int, tuple[type[HubError], ...]]:
    """`classes` under their statuses, in order of status."""
    table: dict[int, tuple[type[HubError], ...]] = {}
    for error in classes:
        table[error.status] = (*table.get(error.status, ()), error)
    return dict(sorted(table.items()))


def response(
    classes: tuple[type[HubError], ...], *, status: int | Literal["default"], more_headers: tuple[str, ...] = ()
) -> Json:
    """The response of one status with every code it can carry."""
    codes = ", ".join(f"`{error.code}`" for error in classes)
    meaning = "Ogni altro errore / Any other error" if status == "default" else _MEANING[status]
    extra = () if status == "default" else EXTRA_BY_STATUS.get(status, ())
    return {
        "description": f"{meaning}: {codes}",
        "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in (*ALWAYS, *extra, *more_headers)},
        "content": {
            PROBLEM_MEDIA_TYPE: {
                "schema": reference("Problem"),
                "examples": {error.code: {"$ref": f"#/components/examples/{example_name(error)}"} for error in classes},
            }
        },
    }


def example_name(error: type[HubError]) -> str:
    return error.__name__


def example_component(error: type[HubError]) -> Json:
    return {"summary": error.title, "value": example_of(error)}


def code_table() -> str:
    """Every code as a Markdown table; it stands in `info.description`."""
    rows = ["| `code` | HTTP | |", "| --- | --- | --- |"]
    merged: dict[str, tuple[list[str], type[HubError]]] = {}
    for error in errors.all_errors():
        statuses, _ = merged.setdefault(error.code, ([], error))
        statuses.append(str(error.status))
    rows += [
        f"| `{code}` | {', '.join(sorted(statuses))} | **{error.title}**. {_when(error)} |"
        for code, (statuses, error) in merged.items()
    ]
    return "\n".join(rows)


def _when(error: type[HubError]) -> Bilingual:
    if error is HubError:
        return bilingual(
            "Qualcosa non ha funzionato nell'hub: `request_id` lo indica nel suo registro.",
            "Something failed inside the hub; `request_id` names it in the hub's log.",
        )
    return error.in_general()
