"""Days and instants as sources write them; what has no zone is local time, by default Rome's."""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import cache
from typing import Annotated, Any, Final, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field, StringConstraints

from .unmappable import Unmappable

Ambiguous = Literal["refuse", "earlier", "later"]
OfDay = Literal["start", "end"]

_NAMED: Final = ("iso", "unix", "unix_ms")
_PARTS: Final = {
    "%d": r"(?P<day>[0-9]{1,2})",
    "%m": r"(?P<month>[0-9]{1,2})",
    "%Y": r"(?P<year>[0-9]{4})",
    "%H": r"(?P<hour>[0-9]{1,2})",
    "%M": r"(?P<minute>[0-9]{2})",
    "%S": r"(?P<second>[0-9]{2})",
}


@cache
def _pattern(text: str) -> re.Pattern[str]:
    """A format as a pattern. Raises ValueError."""
    found = re.split(r"(%.)", text)
    used = [part for part in found if part.startswith("%")]
    if unknown := [part for part in used if part not in _PARTS]:
        there = f"{' '.join(_PARTS)}, and the format none of {', '.join(_NAMED)}"
        raise ValueError(f"Formato sconosciuto / {unknown[0]} is none of {there}")
    if len(set(used)) != len(used) or not {"%d", "%m", "%Y"} <= set(used):
        raise ValueError("Giorno, mese e anno, una volta ciascuno / day, month and year, each once: %d/%m/%Y")
    return re.compile("".join(_PARTS.get(part) or re.escape(part) for part in found))


def _a_format(text: str) -> str:
    if text not in _NAMED:
        _pattern(text)
    return text


def _a_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise ValueError(
            "Non è un fuso come Europe/Rome / not a name of the time zone database, such as Europe/Rome"
        ) from None
    return name


TimeFormat = Annotated[
    str,
    StringConstraints(min_length=1, max_length=40),
    AfterValidator(_a_format),
    Field(examples=["%d/%m/%Y %H:%M:%S"]),
]
ZoneName = Annotated[str, StringConstraints(min_length=1, max_length=40), AfterValidator(_a_zone)]


def moment_reader(formats: Sequence[str], zone: str, ambiguous: Ambiguous, of_day: OfDay) -> Callable[[Any], str]:
    """What reads an instant, written as RFC 3339; of a day alone its start or its last second."""
    local = ZoneInfo(zone)
    hour = time() if of_day == "start" else time(23, 59, 59)

    def read(value: Any) -> str:
        found = _read(value, formats)
        if not isinstance(found, datetime):
            found = datetime.combine(found, hour)
        if found.tzinfo is None:
            found = _placed(found, local, zone, ambiguous)
        return found.isoformat()

    return read


def day_reader(formats: Sequence[str], zone: str) -> Callable[[Any], str]:
    """What reads a day; of an instant the day that it is in the zone."""
    local = ZoneInfo(zone)

    def read(value: Any) -> str:
        found = _read(value, formats)
        if not isinstance(found, datetime):
            return found.isoformat()
        return (found if found.tzinfo is None else found.astimezone(local)).date().isoformat()

    return read


def _placed(naive: datetime, local: ZoneInfo, zone: str, ambiguous: Ambiguous) -> datetime:
    """A wall clock's time as an instant: twice a year it is none, or one of two."""
    first, second = naive.replace(tzinfo=local, fold=0), naive.replace(tzinfo=local, fold=1)
    if first.utcoffset() == second.utcoffset():
        return first
    # In a gap the first reading has the offset of winter, the smaller one; where clocks went back it has summer's.
    if (first.utcoffset() or timedelta()) < (second.utcoffset() or timedelta()):
        raise Unmappable(
            "mapping.time_gap",
            f"in {zone} quel giorno le {naive:%H:%M} non c'erano: le lancette sono andate avanti",
            f"{naive:%H:%M} did not exist on that day in {zone}: clocks went forward",
        )
    if ambiguous == "refuse":
        raise Unmappable(
            "mapping.time_ambiguous",
            f"in {zone} quel giorno le {naive:%H:%M} ci sono state due volte: le lancette sono tornate indietro",
            f"{naive:%H:%M} was twice on that day in {zone}: clocks went back",
        )
    return first if ambiguous == "earlier" else second


def _read(value: Any, formats: Sequence[str]) -> date:
    for each in formats:
        try:
            if each == "iso":
                return _iso(value)
            if each in ("unix", "unix_ms"):
                return _unix(value, each)
            return _by_parts(value, _pattern(each))
        except (ValueError, TypeError, OverflowError, OSError):
            continue
    raise Unmappable(
        "mapping.time",
        f"non è una data o un'ora scritta come {' o '.join(formats)}",
        f"no date or time written as {' or '.join(formats)}",
    )


def _iso(value: Any) -> date:
    text = value.strip() if isinstance(value, str) else ""
    return date.fromisoformat(text) if len(text) <= 10 else datetime.fromisoformat(text)


def _unix(value: Any, unit: str) -> datetime:
    if isinstance(value, str):
        value = int(value.strip())
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise TypeError(unit)
    # From an integer: a float would move the microseconds.
    micros = int(value * (1_000_000 if unit == "unix" else 1000))
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)


def _by_parts(value: Any, pattern: re.Pattern[str]) -> date:
    match = pattern.fullmatch(value.strip() if isinstance(value, str) else str(value))
    if match is None:
        raise ValueError("another form")
    parts = {name: int(digits) for name, digits in match.groupdict().items()}
    day = date(parts["year"], parts["month"], parts["day"])
    if "hour" not in parts:
        return day
    return datetime.combine(day, time(parts["hour"], parts.get("minute", 0), parts.get("second", 0)))
