"""Statistics about subscribers (S42-S44): numbers of subscriptions, none so small that it speaks of a person.

Each dimension is a table of its own over the same subscriptions, so that a cell can only be worked out from the total
and the other cells of its table: where that could be, more cells are left out.
"""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import NamedTuple

from contracts.identifiers import birth_date, sex
from contracts.items import Subscription
from contracts.items.subscription import SubscriptionState
from contracts.subscription_services import StatisticsPolicy

from .subscribers import Subscriber, children_of

COUNTED: tuple[SubscriptionState, ...] = ("requested", "waitlisted", "active", "renewal_due", "renewed", "suspended")
"""Whose matter is over is counted no more."""

UNKNOWN, OTHER = "unknown", "other"
MOST_AREAS = 1000
_BANDS = ((0, 2), (3, 5), (6, 10), (11, 13), (14, 17), (18, 24), (25, 34), (35, 44), (45, 54), (55, 64), (65, 74))
_FROM = 75
_COLUMNS = ("dimension", "value", "number")
_FORMULA = re.compile("(^|[;\t\r\n])(?= *[-=+@\uff0d\uff1d\uff0b\uff20\t\r])")
"""Where a formula could begin: an Italian spreadsheet separates by semicolons whatever the file does, and some take the
wide forms of the signs as well."""


class Cell(NamedTuple):
    """How many; None where the number is not told."""

    dimension: str
    value: str
    number: int | None


class TooManyAreas(Exception):
    """The attribute has so many values that it is no area."""


def statistics(subscribers: Iterable[Subscriber], policy: StatisticsPolicy, today: date) -> list[Cell]:
    """The total and the tables, always in the same order. Raises TooManyAreas."""
    tables: dict[str, Counter[str]] = {name: Counter() for name in ("state", "age", "sex", "area")}
    tables["state"].update(dict.fromkeys(COUNTED, 0))
    tables["age"].update(dict.fromkeys([band_name(low) for low, _ in _BANDS] + [band_name(_FROM)], 0))
    tables["sex"].update({"F": 0, "M": 0})
    total = 0
    for one in subscribers:
        total += 1
        tables["state"][one.found.state] += 1
        person = _person(one.content, policy)
        tables["age"][UNKNOWN if person is None else band(birth_date(person, today), today)] += 1
        tables["sex"][UNKNOWN if person is None else sex(person)] += 1
        if policy.area_attribute is not None:
            tables["area"][_area(one.content, policy.area_attribute)] += 1
            if len(tables["area"]) > MOST_AREAS:
                raise TooManyAreas(policy.area_attribute)
    tables["area"] = _gathered(tables["area"], policy.smallest)
    cells = [Cell("total", "", None if 0 < total < policy.smallest else total)]
    for name, table in tables.items():
        cells += _cells(name, table, protected(table, policy.smallest))
    return cells


def band_name(age: int) -> str:
    """The band of an age in years, as it is written."""
    return next((f"{low:02}-{high:02}" for low, high in _BANDS if low <= age <= high), f"{_FROM}+")


def band(born: date, today: date) -> str:
    """The age band on a day."""
    return band_name(today.year - born.year - ((today.month, today.day) < (born.month, born.day)))


def protected(table: Mapping[str, int], smallest: int) -> frozenset[str]:
    """The values whose numbers are left out.

    Those under `smallest`, and then the next larger ones, until what is left out can be worked out from the total no
    more: at least two of them, together no fewer than `smallest`, and not each of them one. Where that cannot be had,
    nothing of the table is told, not even where there is nobody.
    """
    there = sorted((count, value) for value, count in table.items() if count)
    hidden = [value for count, value in there if count < smallest]
    rest = [value for count, value in there if count >= smallest]
    while hidden and not _safe([table[value] for value in hidden], smallest):
        if not rest:
            return frozenset(table)
        hidden.append(rest.pop(0))
    return frozenset(hidden)


def _safe(counts: Sequence[int], smallest: int) -> bool:
    return len(counts) >= 2 and sum(counts) >= smallest and sum(counts) > len(counts)


def _gathered(table: Counter[str], smallest: int) -> Counter[str]:
    """Rare areas as one: their very names might say who lives there."""
    found: Counter[str] = Counter()
    for value in sorted(table):
        found[value if table[value] >= smallest or value == UNKNOWN else OTHER] += table[value]
    return found


def _cells(name: str, table: Mapping[str, int], hidden: frozenset[str]) -> Iterator[Cell]:
    last = [value for value in (OTHER, UNKNOWN) if value in table]
    ordered = table if name == "state" else [*sorted(value for value in table if value not in last), *last]
    for value in ordered:
        yield Cell(name, value, None if value in hidden else table[value])


def _person(item: Subscription, policy: StatisticsPolicy) -> str | None:
    """Whose age and sex are counted; None for an organisation, or where there is no child, or more than one."""
    if policy.of == "holder":
        return item.recipient.tax_code if item.recipient.subject_kind == "person" else None
    children = children_of(item)
    return next(iter(children)) if len(children) == 1 else None


def _area(item: Subscription, attribute: str) -> str:
    found = next((one for one in item.attributes if one.code == attribute), None)
    if found is None:
        return UNKNOWN
    return found.text if found.text is not None else str(found.number)


def as_csv(cells: list[Cell]) -> str:
    """Stable columns; a number that is not told is empty; no cell is a formula to a spreadsheet."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(_COLUMNS)
    for cell in cells:
        writer.writerow([cell.dimension, inert(cell.value), "" if cell.number is None else cell.number])
    return out.getvalue()


def inert(text: str) -> str:
    """The text, quoted where a spreadsheet would take it for a formula."""
    return _FORMULA.sub(r"\1'", text)
