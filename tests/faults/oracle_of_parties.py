"""What must hold of the parties' own accounts (`parties`), as `oracle` does it for the vendor that publishes."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping

from .evidence import Account, Evidence, Violation
from .parties.braked import AT_MOST
from .parties.rights import TOLD
from .parties.tenant import left_of

_NOTHING = Account([], [])
_ROUNDS = 2
"""So many whole rounds in a row have to lack a record before it is taken back (`lists_all`)."""


def answered_in_the_end(seen: Evidence) -> Iterator[Violation]:
    """I8: whoever asked again after the repair was answered."""
    for party, account in seen.accounts.items():
        told = {line["name"] for line in account.of("told")}
        for line in account.of("asked"):
            if line["name"] and line["name"] not in told:
                yield Violation("I8", f"{party} has no answer to {line['name']}")


def listed_means_shown(seen: Evidence) -> Iterator[Violation]:
    """I11: what a source lists is here once, in its newest version, and nothing that it never listed; what it could
    not give meanwhile waits no more."""
    account = seen.accounts.get("source", _NOTHING)
    newest, changes = _listed(account)
    found = defaultdict(list)
    for item in account.what("item"):
        found[item["name"]].append(item)
    for name, amount in newest.items():
        its = found.get(name, [])
        if amount is not None and [each["amount_cents"] for each in its] != [amount]:
            yield Violation("I11", f"{name} is listed with {amount}, and here as {its}")
    for name, its in found.items():
        if name not in newest:
            yield Violation("I11", f"{name} is here and was never listed")
        elif len(its) > 1 or its[0]["versions"] > changes[name]:
            yield Violation("I11", f"{name} came in {changes[name]} versions, and is here as {its}")
    for each in account.what("waiting"):
        yield Violation("I11", f"{each['name']} waits in quarantine")


def taken_back_once(seen: Evidence) -> Iterator[Violation]:
    """I12: what a source lists no more is withdrawn once, after two whole rounds without it, and nothing else is."""
    account = seen.accounts.get("source", _NOTHING)
    newest, _ = _listed(account)
    for item in account.what("item"):
        name, at = item["name"], item["withdrawn_at"]
        if newest.get(name) is not None and at:
            yield Violation("I12", f"{name} was withdrawn, and its source lists it")
        elif newest.get(name) is None and len(at) != 1:
            yield Violation("I12", f"{name} is gone, and was withdrawn {len(at)} times")
        elif at and sum(each < at[0] for each in item["missed_at"]) < _ROUNDS:
            yield Violation("I12", f"{name} was withdrawn before {_ROUNDS} rounds had missed it")


def _listed(account: Account) -> tuple[dict[str, int | None], Counter[str]]:
    """Each record with the last amount that its source gave, None where it lists it no more; and in how many versions
    it came."""
    newest: dict[str, int | None] = {}
    changes: Counter[str] = Counter()
    for line in account.of("asked"):
        if line["change"] in ("listed", "changed"):
            newest[line["record"]] = line["amount_cents"]
            changes[line["record"]] += 1
        elif line["change"] == "dropped":
            newest[line["record"]] = None
    return newest, changes


def demanded_once(seen: Evidence) -> Iterator[Violation]:
    """I13: of a demand there is one payment, whose notice number is what each answer said; it is paid once, as pagoPA
    says, and has one receipt."""
    account = seen.accounts.get("station", _NOTHING)
    noticed = defaultdict(set)
    for line in account.of("noticed"):
        noticed[line["name"]].add(line["notice_number"])
    payments = defaultdict(list)
    for each in account.what("payment"):
        payments[each["name"]].append(each)
    paid = Counter(each["notice_number"] for each in account.what("paid"))
    for name in noticed.keys() | payments.keys():
        numbers = {each["notice_number"] for each in payments[name]}
        if len(payments[name]) != 1 or noticed[name] - numbers or not name:
            yield Violation("I13", f"{name} was told {sorted(noticed[name])}, and is here as {payments[name]}")
        for each in payments[name]:
            times = paid[each["notice_number"]]
            if times > 1 or (each["state"] == "paid", each["receipts"]) != (times == 1, times):
                yield Violation("I13", f"{name} was paid {times} times, and is here as {each}")
    used = Counter(each["notice_number"] for its in payments.values() for each in its)
    for number, times in used.items():
        if times > 1:
            yield Violation("I13", f"{times} payments have the notice number {number}")
    to = {line["tax_code"]: Counter(_AT_THE_COUNTER) for line in account.of("asked")}
    yield from _told_once(seen, "I13", "io", to)


_AT_THE_COUNTER = ("Avviso di pagamento", "Ricevuta di pagamento")


def paid_by_instalments_once(seen: Evidence) -> Iterator[Violation]:
    """I14: a payment whose instalments are all paid is paid once, and its citizen is told of each receipt once."""
    account = seen.accounts.get("instalments", _NOTHING)
    told = {line["name"] for line in account.of("told")}
    found = defaultdict(list)
    for each in account.found:
        found[each["name"]].append(each)
    titles = ["Avviso di pagamento", "Ricevuta di pagamento", "Ricevuta di pagamento"]
    for name in told:
        its = [(each["state"], each["paid"], each["titles"]) for each in found[name]]
        if its != [("paid", 1, titles)]:
            yield Violation("I14", f"{name} is paid by instalments, and here as {its}")
    for how in ("tax_code", "email"):
        to = {line[how]: Counter(titles[1:]) for line in account.of("asked") if line["name"] in told}
        yield from _told_once(seen, "I14", "io" if how == "tax_code" else "email", to)


def carts_as_asked(seen: Evidence) -> Iterator[Violation]:
    """I15: a request makes one cart at most, with its citizen's own notices; what is answered is that cart; its tokens
    make no other; and whatever went to Checkout was recorded before."""
    account = seen.accounts.get("carts", _NOTHING)
    asked = {line["name"]: line for line in account.of("asked")}
    requests = {line["address"]: line for line in account.of("cart")}
    made = defaultdict(list)
    for cart in account.what("cart"):
        made[cart["address"]].append(cart)
    for address, carts in made.items():
        if address not in requests:
            yield Violation("I15", f"Checkout has a cart for {address}, which nobody asked for")
        elif len(carts) > 1:
            yield Violation("I15", f"the request of {address} made {len(carts)} carts")
        elif carts[0]["notices"] != sorted(asked[requests[address]["name"]]["notices"]):
            yield Violation("I15", f"the cart for {address} has {carts[0]['notices']}")
    for line in account.of("made"):
        if [cart["url"] for cart in made[line["address"]]] != [line["url"]]:
            yield Violation("I15", f"{line['address']} was sent to {line['url']}; Checkout has {made[line['address']]}")
    for line in account.of("replayed"):
        if line["status"] != 409 and line["status"] < 500:  # without its database the hub can tell nothing
            yield Violation("I15", f"the tokens of a cart of {line['name']} were used twice: {line['status']}")
    handed = Counter(item_id for address in made if address in requests for item_id in requests[address]["item_ids"])
    recorded = {each["item_id"]: each["times"] for each in account.what("recorded")}
    for item_id, times in handed.items():
        if recorded.get(item_id, 0) < times:
            yield Violation(
                "I15", f"{item_id} went to Checkout {times} times, of which {recorded.get(item_id)} recorded"
            )


_SUBSCRIBED = "Iscrizione attiva"


def broadcast_once(seen: Evidence) -> Iterator[Violation]:
    """I16: a broadcast reaches each subscriber once, in the area and by each channel."""
    account = seen.accounts.get("broadcasts", _NOTHING)
    people = account.of("subscribed")
    titles = [f"Chiusura {line['name']}" for line in account.of("told")]
    told = Counter([_SUBSCRIBED, *titles])
    shown = Counter((each["tax_code"], each["title"]) for each in account.found)
    expected = Counter((one["tax_code"], title) for one in people for title in titles)
    for which in shown.keys() | expected.keys():
        if shown[which] != expected[which]:
            yield Violation("I16", f"a subscriber reads '{which[1]}' {shown[which]} times")
    yield from _told_once(seen, "I16", "io", {one["tax_code"]: told for one in people})
    yield from _told_once(seen, "I16", "email", {one["email"]: told for one in people})


def filed_and_answered_once(seen: Evidence) -> Iterator[Violation]:
    """I17: a request about one's data is filed once, as it was said, under the id that each answer gave; where it was
    answered, its citizen reads the answer and is told of it once."""
    account = seen.accounts.get("rights", _NOTHING)
    asked = {line["name"]: line for line in account.of("asked")}
    found = defaultdict(list)
    for each in account.found:
        found[each["name"]].append((each["request_id"], each["is_named"], each["is_answered"], each["told"]))
    for line in account.of("told"):
        is_answered = asked[line["name"]]["is_answered"]
        if found[line["name"]] != [(line["request_id"], True, is_answered, int(is_answered))]:
            yield Violation("I17", f"{line['name']} was filed as {line['request_id']}, and is {found[line['name']]}")
    answered = [asked[line["name"]] for line in account.of("told") if asked[line["name"]]["is_answered"]]
    to = {line["tax_code"]: Counter([TOLD]) for line in answered}
    yield from _told_once(seen, "I17", "io", to)


def held_by_the_brake(seen: Evidence) -> Iterator[Violation]:
    """I18: of what a source lists no more, only as much is taken back in a day as its settings allow; the others stay,
    and an administrator is shown them."""
    account = seen.accounts.get("braked", _NOTHING)
    dropped = [line["record"] for line in account.of("dropped")]
    gone, held = set(dropped[:AT_MOST]), set(dropped[AT_MOST:])
    away = {each["name"] for each in account.what("item") if not each["is_there"]}
    if away != gone:
        yield Violation("I18", f"of {dropped} {sorted(away)} were taken back, and {AT_MOST} a day may be")
    if (shown := {each["name"] for each in account.what("held")}) != held:
        yield Violation("I18", f"{sorted(held)} are held, and {sorted(shown)} shown")


def lost_with_all_that_hangs_on_it(seen: Evidence) -> Iterator[Violation]:
    """I19: an application that its tenant has no more is withdrawn once with its message and a payment that was not
    paid; all else is here, and its citizen sees it. What was lost before anybody read it leaves no trace."""
    account = seen.accounts.get("tenant", _NOTHING)
    lost = {line["application"] for line in account.of("lost")}
    given = account.of("given")
    names = {name for line in given for name in left_of(line, set())}
    unread = {name for line in given if line["application"] in lost for name in left_of(line, set())}
    there = {name for line in given for name in left_of(line, lost)}
    found = {each["name"]: each for each in account.found}
    for name in (names - unread) | found.keys():
        each = found.get(name)
        expected = (True, True, 0) if name in there else (False, False, 1)
        if each is None or name not in names:
            yield Violation("I19", f"{name} is {'not here' if each is None else 'here and was never given'}")
        elif (each["is_there"], each["is_shown"], each["withdrawn"]) != expected:
            yield Violation("I19", f"{name} {'is there' if name in there else 'is lost'}, and here as {each}")


_MOOT = "notice.moot"
_PASSED_OVER = frozenset({"email.no_address", _MOOT})


def nothing_stuck_beside(seen: Evidence) -> Iterator[Violation]:
    """I2: each delivery to those people is over. E-mail passes over who gave no address, and a notice of
    a payment does not leave once it is paid."""
    for row in seen.beside:
        passed_over = row["state"] == "skipped" and row["reason"] in _PASSED_OVER
        if row["claim_id"] is not None or not (row["state"] in seen.ends or passed_over):
            yield Violation("I2", f"{row['delivery_id']} stands as {row['state']} {row['reason']}")


def told_beside_as_recorded(seen: Evidence) -> Iterator[Violation]:
    """I3: what is delivered to those people their providers have, and nothing that no delivery can have brought."""
    had = {(one.channel, one.provider_id) for one in seen.told_beside}
    channels = Counter(row["channel"] for row in seen.beside)
    for row in seen.beside:
        if row["state"] == "delivered" and (row["channel"], row["provider_id"]) not in had:
            yield Violation("I3", f"{row['delivery_id']} is delivered; nobody has {row['provider_id']}")
    for channel, times in Counter(channel for channel, _ in had).items():
        if times > channels[channel]:
            yield Violation("I3", f"{channel} has {times} messages of {channels[channel]} deliveries")


def _told_once(seen: Evidence, invariant: str, channel: str, to: Mapping[str, Counter[str]]) -> Iterator[Violation]:
    """Each of these addresses has each of its titles so often by that channel; fewer only where it is not known what
    became of a delivery. An e-mail says of nothing what it is; its copies with one Message-ID are one."""
    had: dict[str, set[tuple[str, str]]] = defaultdict(set)
    is_discreet = channel == "email"
    for one in seen.told_beside:
        if one.channel == channel and one.to in to:
            had[one.to].add(("" if is_discreet else one.title, one.provider_id))
    short = 0
    for address, titles in to.items():
        expected = Counter({"": titles.total()}) if is_discreet else titles
        found = Counter(title for title, _ in had[address])
        if more := found - expected:
            yield Violation(invariant, f"{channel} told somebody too much: {dict(more)}")
        short += (expected - found).total()
    its = [row for row in seen.beside if row["channel"] == channel]
    doubtful = sum(row["state"] == "unconfirmed" or row["reason"] == _MOOT for row in its)
    if short > doubtful:
        yield Violation(invariant, f"{channel} has {short} messages too few, with {doubtful} deliveries in doubt")


RULES = (
    answered_in_the_end,
    listed_means_shown,
    taken_back_once,
    demanded_once,
    paid_by_instalments_once,
    carts_as_asked,
    broadcast_once,
    filed_and_answered_once,
    held_by_the_brake,
    lost_with_all_that_hangs_on_it,
    nothing_stuck_beside,
    told_beside_as_recorded,
)
