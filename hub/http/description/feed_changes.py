"""What is said of the operations by which a citizen does something: states, preferences, requests, carts."""

from contracts.feed import SubscriptionRequest, SubscriptionRequestView, UserState, UserStatePatch
from contracts.paying import CartView, CartWish
from contracts.preferences import Preferences, PreferencesPatch
from contracts.profile import Profile, ProfilePatch
from contracts.user_states import UserStateOutcomes, UserStateWishes
from hub import errors, reading_errors
from hub.dispatch import cart_errors

from . import feed_examples as examples
from .entries import Answer, Body, Entry, Errors, both
from .rights import CALLER, PORTAL

_BODY: Errors = (errors.BodyTooLarge, errors.BodyTooSlow, errors.MediaUnsupported, errors.ContractViolation)
_PATCHING: Errors = (*PORTAL, errors.TokenReplayed, errors.PreconditionFailed, *_BODY)

ENTRIES: dict[str, Entry] = {
    "change_user_state": Entry(
        tag="feed",
        summary="Cambia lo stato per il cittadino / Change the citizen's own state",
        description=both(
            "Merge patch di `read`, `archived`, `starred`, `confirmed`. Il token del portale è ID_AUTH_REST_02: il suo "
            "`jti` vale una volta. Serve l'ambito `feed:write`.",
            "Merge patch of `read`, `archived`, `starred`, `confirmed`. The portal's token is ID_AUTH_REST_02: its "
            "`jti` "
            "counts once. The scope `feed:write` is needed.",
        ),
        parameters=("IfMatch", *CALLER),
        request=Body(
            media=("application/merge-patch+json",),
            model=UserStatePatch,
            description="Ciò che cambia / What changes",
            examples={"read": examples.USER_STATE_PATCH},
        ),
        answers={
            200: Answer(
                description="Lo stato nuovo / The new state",
                body=Body(model=UserState, examples={"state": examples.USER_STATE}),
                headers=("ETag",),
            )
        },
        errors=(*PORTAL, errors.ItemUnknown, errors.TokenReplayed, errors.PreconditionFailed, *_BODY),
        error_headers={415: ("Accept-Patch",)},
    ),
    "request_subscription_change": Entry(
        tag="subscriptions",
        summary="Chiedi il rinnovo o l'annullamento di un'iscrizione / Ask to renew or cancel a subscription",
        description=both(
            "La richiesta è conservata, inoltrata alla fonte e seguita nella storia dell'elemento, dove stanno anche "
            "`requests`. La stessa richiesta, finché aspetta risposta, è una sola (200). Se lo stato non la ammette o "
            "un'altra è in corso è 409; se le regole del servizio o la finestra non la prevedono è 422: il dettaglio "
            "dice lo stato. Il token del portale è ID_AUTH_REST_02. Serve l'ambito `feed:write`.",
            "The request is kept, relayed to the source and followed in the item's timeline, beside its `requests`. "
            "The same request, as long as it waits for its answer, is one (200). Where the state does not allow it, or "
            "another waits, it is 409; where the service's rules or the window do not offer it, 422: the detail names "
            "the state. The portal's token is ID_AUTH_REST_02. The scope `feed:write` is needed.",
        ),
        parameters=CALLER,
        request=Body(
            model=SubscriptionRequest,
            description="Che cosa si chiede / What is asked for",
            examples={"renew": examples.SUBSCRIPTION_REQUEST},
        ),
        answers={
            200: Answer(
                description="Già in corso / Under way already",
                body=Body(model=SubscriptionRequestView, examples={"request": examples.SUBSCRIPTION_REQUEST_VIEW}),
            ),
            201: Answer(
                description="Inoltrata / Relayed",
                body=Body(model=SubscriptionRequestView, examples={"request": examples.SUBSCRIPTION_REQUEST_VIEW}),
                headers=("Location",),
            ),
        },
        errors=(
            *PORTAL,
            errors.ItemUnknown,
            errors.TokenReplayed,
            reading_errors.RequestStateConflict,
            reading_errors.RequestPending,
            reading_errors.RequestNotOffered,
            *_BODY,
        ),
    ),
    "make_cart": Entry(
        tag="payments",
        summary="Paga uno o più avvisi pagoPA / Pay one or more pagoPA notices",
        description=both(
            "Da uno a cinque pagamenti del cittadino, o loro rate, ciascuno una volta: l'hub chiede un carrello a "
            "Checkout di pagoPA e risponde con l'indirizzo a cui mandare subito il browser. Che cosa può starci, e che "
            "cosa insieme, è in `cart` di ogni pagamento della bacheca. O tutti o nessuno: se uno non è pagabile ora, "
            "o non va con gli altri, è 409 e `errors` dice quale. I `return_urls` sono del portale "
            "registrato (`portal_url` "
            "dell'ente): stesso schema, host e porta. Il ritorno del browser non prova nulla: il pagamento è pagato "
            "quando arriva la ricevuta. Un carrello non pagato decade e si può rifare: due carrelli dello stesso "
            "avviso non lo fanno pagare due volte. I dati dei pagamenti vanno a pagoPA, e il cittadino lo vede in "
            "`sharing`. Al più dieci carrelli al minuto per cittadino, in ciascun processo. Se pagoPA ha fallito più "
            "volte di fila l'hub non la chiama per un po': 503 subito, con `Retry-After`. Il token del portale è "
            "ID_AUTH_REST_02; serve l'ambito `feed:write`.",
            "One to five of the citizen's payments, or instalments of them, each once: the hub asks pagoPA's Checkout "
            "for a cart and answers with the address to which the browser is to be sent at once. What may be in one, "
            "and what together, stands in `cart` of each payment of the feed. All or none: where one cannot be paid "
            "now, or does not go with the others, it is 409, and `errors` says which. The `return_urls` are "
            "the registered portal's (the ente's "
            "`portal_url`): same scheme, host and port. That the browser comes back proves nothing: a payment is "
            "paid when its receipt arrives. A cart that is not paid lapses and may be made again: two carts of one "
            "notice do not have it paid twice. What the payments say goes to pagoPA, and the citizen sees that in "
            "`sharing`. At most ten carts a minute and citizen, in each process. Where pagoPA failed again and again "
            "it is left alone for a while: 503 at once, with `Retry-After`. The portal's token is "
            "ID_AUTH_REST_02; the scope `feed:write` is needed.",
        ),
        parameters=CALLER,
        request=Body(
            model=CartWish,
            description="I pagamenti, e dove torna il browser / The payments, and where the browser comes back to",
            examples={"two": examples.CART_WISH},
        ),
        answers={
            201: Answer(
                description="Il carrello c'è / The cart is there",
                body=Body(model=CartView, examples={"cart": examples.CART_VIEW}),
                headers=("Location",),
            ),
        },
        errors=(
            *PORTAL,
            errors.ItemUnknown,
            errors.TokenReplayed,
            cart_errors.PaymentNotPayable,
            cart_errors.ReturnUrlForbidden,
            cart_errors.CartNotOffered,
            cart_errors.CartRefused,
            cart_errors.ProviderUnavailable,
            *_BODY,
        ),
    ),
    "change_user_states": Entry(
        tag="feed",
        summary="Cambia molti stati insieme / Change many states at once",
        description=both(
            "Fino a 100 elementi, ciascuno con il suo merge patch, in una sola transazione. Ogni elemento ha la sua "
            "risposta: quello che non è del cittadino è `refused`, gli altri cambiano. Il token del portale è "
            "ID_AUTH_REST_02; serve l'ambito `feed:write`.",
            "Up to 100 items, each with its own merge patch, in one transaction. Each item has its own answer: one "
            "that is not the citizen's is `refused`, the others change. The portal's token is ID_AUTH_REST_02; the "
            "scope `feed:write` is needed.",
        ),
        parameters=CALLER,
        request=Body(
            model=UserStateWishes,
            description="Gli elementi e ciò che cambia / The items and what changes",
            examples={"archive": examples.USER_STATE_WISHES},
        ),
        answers={
            200: Answer(
                description="Un esito per elemento / An outcome for each item",
                body=Body(model=UserStateOutcomes, examples={"outcomes": examples.USER_STATE_OUTCOMES}),
            )
        },
        errors=(*PORTAL, errors.TokenReplayed, *_BODY),
    ),
    "change_profile": Entry(
        tag="profile",
        summary="Dà o toglie il proprio indirizzo / Give or take back one's address",
        description=both(
            "`email`: l'indirizzo nuovo, che vale dopo che il cittadino ha aperto il collegamento mandato lì (48 ore); "
            "fino ad allora vale quello di prima. `null` lo toglie. Al più cinque indirizzi al giorno. Il token del "
            "portale è ID_AUTH_REST_02; serve l'ambito `feed:write`.",
            "`email`: the new address, which counts once the citizen has opened the link that was sent there (48 "
            "hours); until then the one before does. `null` takes it back. At most five addresses a day. The portal's "
            "token is ID_AUTH_REST_02; the scope `feed:write` is needed.",
        ),
        parameters=("IfMatch", *CALLER),
        request=Body(
            media=("application/merge-patch+json",),
            model=ProfilePatch,
            description="Ciò che cambia / What changes",
            examples={"email": examples.PROFILE_PATCH},
        ),
        answers={
            200: Answer(
                description="Il profilo nuovo / The new profile",
                body=Body(model=Profile, examples={"profile": examples.PROFILE}),
                headers=("ETag",),
            )
        },
        errors=_PATCHING,
        error_headers={415: ("Accept-Patch",)},
    ),
    "change_preferences": Entry(
        tag="preferences",
        summary="Cambia le preferenze / Change the preferences",
        description=both(
            "Merge patch: ciò che manca resta com'è, le liste si danno intere. Vale dai prossimi avvisi, anche per "
            "quelli già in coda. Il token del portale è ID_AUTH_REST_02; serve l'ambito `feed:write`.",
            "Merge patch: what is absent stays, lists are given whole. It holds from the next notice on, also for "
            "those that are queued already. The portal's token is ID_AUTH_REST_02; the scope `feed:write` is needed.",
        ),
        parameters=("IfMatch", *CALLER),
        request=Body(
            media=("application/merge-patch+json",),
            model=PreferencesPatch,
            description="Ciò che cambia / What changes",
            examples={"change": examples.PREFERENCES_PATCH},
        ),
        answers={
            200: Answer(
                description="Le preferenze nuove / The new preferences",
                body=Body(model=Preferences, examples={"preferences": examples.PREFERENCES}),
                headers=("ETag",),
            )
        },
        errors=_PATCHING,
        error_headers={415: ("Accept-Patch",)},
    ),
}
