"""What every canonical model shares: closed, frozen, strict; times in UTC; text without control characters."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Annotated, Final, TypeVar
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    AnyUrl,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    PlainSerializer,
    StringConstraints,
    WithJsonSchema,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

# NUL is refused by PostgreSQL, the other controls forge log lines; line ends and tabs are text.
_CONTROLS = "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff"
# Overrides make a title read as something it is not (CVE-2021-42574); plain right-to-left letters are welcome.
_BIDI_OVERRIDES = "\u202a-\u202e\u2066-\u2069"
_TEXT = re.compile(f"[^{_CONTROLS}{_BIDI_OVERRIDES}]*")
# A title of nothing but what draws nothing (spaces of all kinds, joiners, fillers) would be a link without a name, and
# reasons of nothing else are none.
_SEEN = re.compile(
    "[^\\s\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\U000e0000-\U000e0fff]"
)
_LINE_ENDS = re.compile("[\n\r\t\u2028\u2029]")

_Moment = TypeVar("_Moment", bound=date)

ROME: Final = ZoneInfo("Europe/Rome")
"""Where the municipality's clocks are."""


class Model(BaseModel):
    """A frozen value with a closed schema: an unknown field is an error, a number is never read from a string."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class Form(Model):
    """What an administrator fills in by a form that its JSON Schema drives: the text below a field is its description
    there, in Italian and then in English. It says the unit, and where the value is to be found."""

    model_config = ConfigDict(use_attribute_docstrings=True)


def rfc3339(moment: datetime) -> str:
    """`moment` in RFC 3339, UTC, with `Z` (RAC_GEN_FORMAT_003); fractions only where there are any."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _to_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        # Only ValueError is a fault of the field; anything else would be a fault of ours.
        raise ValueError("In UTC non è tra gli anni 1 e 9999 / is outside the years 1 to 9999 in UTC") from None


def _in_reach(moment: _Moment) -> _Moment:
    # Arithmetic on the edges of the calendar overflows; no matter of a municipality lies there.
    if not 1900 <= moment.year <= 2200:
        raise ValueError("L'anno deve essere tra 1900 e 2200 / the year must be from 1900 to 2200")
    return moment


def _text(value: str) -> str:
    if not _is_printable(value) and not _TEXT.fullmatch(value):
        raise ValueError("Contiene caratteri di controllo / has control characters or overrides of direction")
    return value


def _is_printable(value: str) -> bool:
    """Whether it is ASCII without controls, as most texts are: nothing in it needs a closer look."""
    return value.isascii() and value.isprintable()


def not_blank(value: str) -> str:
    """`value`, if there is anything in it to be seen; else ValueError."""
    if not _SEEN.search(value):
        raise ValueError("Non deve essere vuoto / must not be blank")
    return value


def _line(value: str) -> str:
    if _is_printable(value) and value.strip():
        return value
    if _LINE_ENDS.search(value):
        raise ValueError("Deve stare su una sola riga / must be a single line")
    return _text(not_blank(value))


def _https(value: str) -> str:
    url = AnyUrl(value)
    if url.scheme != "https" and not (url.scheme == "http" and url.host in ("127.0.0.1", "localhost", "[::1]")):
        raise ValueError("Deve essere un indirizzo https / must be an https URL")
    if url.username or url.password:
        raise ValueError("Non deve contenere credenziali / must not carry credentials")
    return value


@dataclass(frozen=True, slots=True)
class _Checked(AfterValidator):
    """A validator that also tells the JSON Schema the pattern it stands for; a pattern already there stays."""

    pattern: str = ""

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"pattern": self.pattern} | handler(core)


# The same in ECMA 262 and in Python: no control characters, no bidirectional overrides, in a line no line ends.
TEXT = _Checked(_text, r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]*$")
LINE = _Checked(_line, r"^[^\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]*$")

UtcDatetime = Annotated[
    AwareDatetime,
    AfterValidator(_in_reach),
    AfterValidator(_to_utc),
    PlainSerializer(rfc3339, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time", "maxLength": 40}),
]
"""An instant with its zone, kept in UTC."""

Day = Annotated[date, AfterValidator(_in_reach)]
DaysAhead = Annotated[int, Field(ge=0, le=365, json_schema_extra={"format": "int32"})]

Title = Annotated[str, StringConstraints(min_length=1, max_length=200), LINE]
Label = Annotated[str, StringConstraints(min_length=1, max_length=120), LINE]
Summary = Annotated[str, StringConstraints(min_length=1, max_length=1000), TEXT]
Markdown = Annotated[str, StringConstraints(min_length=1, max_length=20000), TEXT]
Code = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
"""A machine's short name: ASCII, no spaces."""

LONGEST_URL: Final = 2000

HttpsUrl = Annotated[
    str,
    StringConstraints(min_length=8, max_length=LONGEST_URL, pattern=r"^https?://[^\s<>\"]+$"),
    AfterValidator(_https),
    Field(json_schema_extra={"format": "uri"}),
]
"""An https address without credentials; plain http only on loopback, for trials."""

Language = Annotated[str, StringConstraints(min_length=2, max_length=10, pattern=r"^[a-z]{2}(-[A-Z]{2})?$")]
"""BCP 47, as far as the portal needs it: `it`, `en`, `de-AT`."""

Sha256Hex = Annotated[str, StringConstraints(min_length=64, max_length=64, pattern=r"^[0-9a-f]{64}$")]
MediaType = Annotated[
    str,
    StringConstraints(min_length=3, max_length=127, pattern=r"^[a-z0-9][a-z0-9!#$&^_.+-]*/[a-z0-9][a-z0-9!#$&^_.+-]*$"),
]
