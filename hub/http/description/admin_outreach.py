"""What is said of the operations on broadcasts and ranked lists."""

from contracts.broadcasts import Broadcast
from contracts.outreach_administration import (
    BroadcastOutcome,
    BroadcastPage,
    BroadcastPreview,
    BroadcastView,
    BroadcastWish,
    ListCorrection,
    ListPublication,
    NewRankedList,
    RankedListPage,
    RankedListView,
)
from hub import errors, reading_errors
from hub.admin import errors as admin_errors

from .admin_parts import ADMIN, BODILESS, WRITING, listed, shown
from .entries import Answer, Body, Entry, Errors, both
from .json_schema import Json
from .parts import EXAMPLE_ITEM_ID

_AT = "2026-11-23T09:00:00Z"
_CONTENT: Json = {
    "code": "mensa",
    "it": {"title": "Mensa: menu di dicembre", "body": "Il menu di **{service}** cambia dal 1 dicembre."},
}
_BROADCAST: Json = {
    "broadcast_id": EXAMPLE_ITEM_ID,
    "code": "mensa",
    "state": "running",
    "expected": 840,
    "written": 200,
    "failed": 0,
    "created_at": _AT,
    "ended_at": None,
}
_COUNT: Json = {"channel": "io", "state": "delivered", "reason": None, "count": 190}
_SAMPLE: Json = {"title": "Mensa: menu di dicembre", "body": "Il menu di **Mensa** cambia dal 1 dicembre."}
_LIST: Json = {
    "list_id": EXAMPLE_ITEM_ID,
    "code": "nido",
    "title": "Graduatoria nido 2026/27",
    "state": "published",
    "size": 62,
    "frozen_at": _AT,
    "published_at": _AT,
    "until": "2026-12-31T23:00:00Z",
    "withdrawn_at": None,
}
_PLACE: Json = {"position": 1, "pseudonym": "K7QXA-2MZPD", "state": "active", "tied": False, "shown": {"score": 41}}
_SHOWN_BROADCAST = Body(model=BroadcastView, examples={"broadcast": _BROADCAST})
_SHOWN_LIST = Body(model=RankedListView, examples={"list": _LIST | {"corrections": [], "entries": [_PLACE]}})
_OF_BROADCAST: Errors = (admin_errors.BroadcastUnknown, admin_errors.BroadcastElsewhere)
_OF_LIST: Errors = (reading_errors.RankedListUnknown, admin_errors.RankedListElsewhere)
_RELISTING: Errors = (*WRITING, *_OF_LIST, errors.SubscriptionServiceUnknown, admin_errors.RankedListRefused)


def _act(tag: str, summary: str, description: str, body: Body, known: Errors, request: Body | None = None) -> Entry:
    return Entry(
        tag=tag,
        summary=summary,
        description=description,
        parameters=("CorrelationId",),
        request=request,
        answers={200: Answer(description="Com'è ora / As it is now", body=body, headers=("ETag",))},
        errors=known,
    )


ENTRIES: dict[str, Entry] = {
    "list_broadcasts": listed(
        "broadcasts",
        "Gli invii agli iscritti / The broadcasts",
        both("Dal più vecchio, e a che punto sono.", "Oldest first, and how far they are."),
        BroadcastPage,
        _BROADCAST,
    ),
    "show_broadcast": shown(
        "broadcasts",
        "Un invio agli iscritti / A broadcast",
        both("A che punto è, quante volte si vuole.", "How far it is, as often as one likes."),
        "L'invio / The broadcast",
        _SHOWN_BROADCAST,
        (*ADMIN, admin_errors.BroadcastUnknown),
    ),
    "show_broadcast_outcome": shown(
        "broadcasts",
        "Che ne è dei messaggi di un invio / What became of a broadcast's messages",
        both(
            "Le sue consegne per canale ed esito, senza nomi. Si contano tutte: con centomila iscritti ci vogliono "
            "secondi.",
            "Its deliveries by channel and outcome, without names. All of them are counted: with a hundred thousand "
            "subscribers that takes seconds.",
        ),
        "Le consegne / The deliveries",
        Body(model=BroadcastOutcome, examples={"outcome": {"deliveries": [_COUNT]}}),
        (*ADMIN, admin_errors.BroadcastUnknown),
    ),
    "preview_broadcast": Entry(
        tag="broadcasts",
        summary="Quanti raggiunge un invio / How many a broadcast reaches",
        description=both(
            "Quante persone, ciascuna una volta, e che cosa leggerebbero. Non si scrive a nessuno.",
            "How many persons, each once, and what they would read. Nobody is written to.",
        ),
        parameters=("CorrelationId",),
        request=Body(model=Broadcast, description="Il testo / The text", examples={"canteen": _CONTENT}),
        answers={
            200: Answer(
                description="L'anteprima / The preview",
                body=Body(model=BroadcastPreview, examples={"preview": {"persons": 840, "it": _SAMPLE, "en": None}}),
            )
        },
        errors=(*WRITING, errors.SubscriptionServiceUnknown),
    ),
    "start_broadcast": Entry(
        tag="broadcasts",
        summary="Comincia un invio agli iscritti / Begin a broadcast",
        description=both(
            "`expected_persons` è il numero dell'anteprima: se intanto è cambiato non parte nulla. Poi l'invio va da "
            "sé al suo ritmo, anche dopo un riavvio.",
            "`expected_persons` is the preview's number: where it changed meanwhile nothing begins. Then it goes on by "
            "itself at its pace, also after a restart.",
        ),
        parameters=("CorrelationId",),
        request=Body(
            model=BroadcastWish,
            description="L'invio / The broadcast",
            examples={"canteen": {"broadcast": _CONTENT, "expected_persons": 840}},
        ),
        answers={201: Answer(description="Iniziato / Begun", body=_SHOWN_BROADCAST, headers=("Location", "ETag"))},
        errors=(*WRITING, errors.SubscriptionServiceUnknown, admin_errors.AudienceChanged),
    ),
    "stop_broadcast": _act(
        "broadcasts",
        "Ferma un invio / Stop a broadcast",
        both("Non si scrive più a nessuno; ciò che è scritto resta.", "Nobody more is written to; the rest stays."),
        _SHOWN_BROADCAST,
        (*BODILESS, *_OF_BROADCAST),
    ),
    "resume_broadcast": _act(
        "broadcasts",
        "Riprendi un invio / Resume a broadcast",
        both("Da dove era stato fermato.", "From where it was stopped."),
        _SHOWN_BROADCAST,
        (*BODILESS, *_OF_BROADCAST),
    ),
    "list_ranked_lists": listed(
        "ranked-lists",
        "Le graduatorie / The ranked lists",
        both("Dalla più vecchia, bozze comprese.", "Oldest first, drafts included."),
        RankedListPage,
        _LIST,
    ),
    "show_ranked_list": shown(
        "ranked-lists",
        "Una graduatoria / A ranked list",
        both("Com'è congelata, con gli pseudonimi.", "As it is frozen, under pseudonyms."),
        "La graduatoria / The list",
        _SHOWN_LIST,
        (*ADMIN, reading_errors.RankedListUnknown),
    ),
    "draft_ranked_list": Entry(
        tag="ranked-lists",
        summary="Congela una graduatoria / Freeze a ranked list",
        description=both(
            "Gli iscritti come sono ora, nell'ordine della politica del servizio; nessuno la legge finché non è "
            "pubblicata.",
            "The subscribers as they are now, in the order of the service's policy; nobody reads it until it is "
            "published.",
        ),
        parameters=("CorrelationId",),
        request=Body(
            model=NewRankedList,
            description="La graduatoria / The list",
            examples={"nursery": {"code": "nido", "title": "Graduatoria nido 2026/27"}},
        ),
        answers={201: Answer(description="In bozza / Drafted", body=_SHOWN_LIST, headers=("Location", "ETag"))},
        errors=(*WRITING, errors.SubscriptionServiceUnknown, admin_errors.RankedListRefused),
    ),
    "publish_ranked_list": _act(
        "ranked-lists",
        "Pubblica una graduatoria / Publish a ranked list",
        both("Chiunque la legge, fino alla fine di quel giorno.", "Anybody reads it, until the end of that day."),
        _SHOWN_LIST,
        _RELISTING,
        Body(
            model=ListPublication,
            description="Fino a quando / Until when",
            examples={"year": {"until": "2026-12-31"}},
        ),
    ),
    "correct_ranked_list": _act(
        "ranked-lists",
        "Correggi una graduatoria / Correct a ranked list",
        both(
            "Si congela di nuovo, con una riga nel suo registro pubblico; gli pseudonimi restano.",
            "It is frozen anew, with a line in its public log; pseudonyms stay.",
        ),
        _SHOWN_LIST,
        _RELISTING,
        Body(
            model=ListCorrection,
            description="Perché / Why",
            examples={"late": {"reason": "Accolto un ricorso / An appeal was allowed"}},
        ),
    ),
    "withdraw_ranked_list": _act(
        "ranked-lists",
        "Ritira una graduatoria / Withdraw a ranked list",
        both("Per sempre: le sue righe sono cancellate.", "For good: its entries are deleted."),
        _SHOWN_LIST,
        (*BODILESS, *_OF_LIST),
    ),
}
