"""The rules of a mapping as an administrator writes them, in JSON: how a field is made of a record.

`as` says what a rule makes of what its `from` finds. A rule that finds nothing leaves its field out.
"""

from collections.abc import Iterable, Iterator
from typing import Annotated, Final, Literal

from pydantic import ConfigDict, Field, StringConstraints, field_validator
from typing_extensions import TypeAliasType

from contracts.base import Form
from contracts.faults import pointer_of

from .cleaning import Clean
from .expressions import ExpressionText
from .money import Notation
from .times import Ambiguous, OfDay, TimeFormat, ZoneName

MOST_RULES: Final = 400
MOST_DEPTH: Final = 6
MOST_ELEMENTS: Final = 500
"""Of a list that a rule makes."""

Scalar = Annotated[str, StringConstraints(max_length=20_000)] | bool | int
FieldName = Annotated[str, StringConstraints(min_length=1, max_length=60, pattern=r"^[a-z][a-z0-9_]*$")]
SourceWord = Annotated[str, StringConstraints(max_length=200)]
Separator = Annotated[str, StringConstraints(max_length=10)]


class Lists(Form):
    """Lists come as such from JSON; the rest is strict."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", populate_by_name=True)


class _Rule(Lists):
    when: ExpressionText | None = None
    """Espressione JMESPath: dove non è vera del record, il campo è omesso. / A JMESPath expression: where it is not
    true of the record, the field is left out."""


class _From(_Rule):
    from_: ExpressionText = Field(alias="from")
    """Espressione JMESPath sul record, come `soggetto.codice_fiscale`. / JMESPath over the record, such as
    `soggetto.codice_fiscale`."""
    default: Scalar | None = None
    """Il valore del campo se il record non ne ha; preso com'è. / The field's value where the record has none; taken as
    it is."""
    required: bool = False
    """Se un record che non ne ha è sbagliato, anziché senza il campo. / Whether a record without it is wrong, rather
    than without the field."""


class TextRule(_From):
    """Un testo; i numeri diventano quello che la fonte ha scritto. / A text; numbers become what the source wrote."""

    as_: Literal["text"] = Field(alias="as")
    """Un testo. / A text."""
    clean: Annotated[tuple[Clean, ...], Field(max_length=8)] = ("trim",)
    """Come si ripulisce, in quest'ordine: spazi ai bordi, spazi doppi, maiuscole, minuscole, HTML, sole cifre, sole
    cifre e lettere, caratteri di controllo. / How it is cleaned, in this order: blanks at its ends, double blanks,
    capitals, small letters, HTML, digits alone, digits and letters alone, control characters."""
    replace: Annotated[tuple[tuple[SourceWord, SourceWord], ...], Field(max_length=20)] = ()
    """Coppie: ciò che si sostituisce, e con che cosa. / Pairs: what is replaced, and by what."""
    cut: Annotated[int, Field(ge=2, le=20_000)] | None = None
    """Caratteri: uno più lungo è tagliato, con i puntini. / Characters: a longer one is cut, with an ellipsis."""
    zeros: Annotated[int, Field(ge=1, le=40)] | None = None
    """Zeri davanti fino a questa lunghezza. / Zeros in front up to this length."""

    @field_validator("replace")
    @classmethod
    def _something(cls, value: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
        if any(not old for old, _ in value):
            raise ValueError("Il vuoto non si sostituisce / nothing cannot be replaced")
        return value


class IntegerRule(_From):
    """Un numero intero, o un testo che lo è. / A whole number, or a text that is one."""

    as_: Literal["integer"] = Field(alias="as")
    """Un numero intero. / A whole number."""


class BooleanRule(_From):
    """Vero o falso, o le parole della fonte per dirlo. / True or false, or the source's words for them."""

    as_: Literal["boolean"] = Field(alias="as")
    """Vero o falso. / True or false."""
    true: Annotated[tuple[SourceWord, ...], Field(max_length=20)] = ("true", "1", "S", "SI", "Y")
    """Le parole della fonte per vero. / The source's words for true."""
    false: Annotated[tuple[SourceWord, ...], Field(max_length=20)] = ("false", "0", "N", "NO")
    """Le parole della fonte per falso. / The source's words for false."""


class ChoiceRule(_From):
    """Una parola della fonte come una delle nostre. / A word of the source's as one of ours. One that is not listed is
    wrong, but for `otherwise`."""

    as_: Literal["choice"] = Field(alias="as")
    """Una parola della fonte come una delle nostre. / A word of the source's as one of ours."""
    values: Annotated[dict[SourceWord, Scalar], Field(min_length=1, max_length=500)]
    """Per ogni parola della fonte, la nostra. / For each word of the source's, ours."""
    otherwise: Scalar | None = None
    """Ciò che diventa una parola non elencata; se manca, è un errore. / What a word becomes that is not listed; by
    default it is wrong."""
    ignore_case: bool = False
    """Se maiuscole e minuscole sono lo stesso. / Whether capitals and small letters are the same."""


class DateRule(_From):
    """Un giorno. / A day."""

    as_: Literal["date"] = Field(alias="as")
    """Un giorno. / A day."""
    formats: Annotated[tuple[TimeFormat, ...], Field(min_length=1, max_length=5)] = ("iso",)
    """Come è scritto, il primo che va: `iso`, `unix` (secondi), `unix_ms`, o parti come `%d/%m/%Y`. / How it is
    written, the first that fits: `iso`, `unix` (seconds), `unix_ms`, or parts such as `%d/%m/%Y`."""
    zone: ZoneName = "Europe/Rome"
    """Il fuso in cui un istante è quel giorno. / The zone in which an instant is that day."""


class MomentRule(_From):
    """Un istante. / An instant. Without a zone of its own it is local time; of a day alone, its start or end."""

    as_: Literal["moment"] = Field(alias="as")
    """Un istante. / An instant."""
    formats: Annotated[tuple[TimeFormat, ...], Field(min_length=1, max_length=5)] = ("iso",)
    """Come è scritto, il primo che va: `iso`, `unix` (secondi), `unix_ms`, o parti come `%d/%m/%Y %H:%M:%S`. / How it
    is written, the first that fits: `iso`, `unix` (seconds), `unix_ms`, or parts such as `%d/%m/%Y %H:%M:%S`."""
    zone: ZoneName = "Europe/Rome"
    """Il fuso di chi non ne dice uno. / The zone of what names none."""
    ambiguous: Ambiguous = "refuse"
    """L'ora che c'è due volte quando l'orologio torna indietro: rifiutata, la prima, la seconda. / The hour that is
    twice when clocks go back: refused, the earlier, the later."""
    of_day: OfDay = "start"
    """Di un giorno senz'ora, l'inizio o la fine. / Of a day without an hour its start or its end."""


class MoneyRule(_From):
    """Un importo, in centesimi. / An amount, as cents. Numbers of JSON are euro, but for `cents`."""

    as_: Literal["money"] = Field(alias="as")
    """Un importo, in centesimi. / An amount, as cents."""
    notation: Notation
    """Come è scritto: `it` 1.234,56, `en` 1,234.56, `cents` centesimi interi. / How it is written: `it` 1.234,56, `en`
    1,234.56, `cents` whole cents."""


class ConstantRule(_Rule):
    """Lo stesso per ogni record. / The same for each record."""

    as_: Literal["constant"] = Field(alias="as")
    """Lo stesso per ogni record. / The same for each record."""
    value: Scalar | Annotated[tuple[Scalar, ...], Field(max_length=20)]
    """Il valore. / The value."""


class JoinedRule(_Rule):
    """Più testi in uno: così si fa un `external_id`. / Several texts as one: how an `external_id` is made of what names
    a thing in its source."""

    as_: Literal["joined"] = Field(alias="as")
    """Più testi in uno. / Several texts as one."""
    parts: Annotated[tuple["Rule", ...], Field(min_length=1, max_length=20)]
    """Le regole delle parti, in ordine. / The rules of the parts, in order."""
    separator: Separator = ""
    """Ciò che sta fra le parti. / What stands between the parts."""
    skip_absent: bool = False
    """Se una parte che manca è saltata; altrimenti è omesso tutto. / Whether a part that is missing is skipped; else
    the whole is left out."""
    required: bool = False
    """Se un record che non ne ha è sbagliato, anziché senza il campo. / Whether a record without it is wrong, rather
    than without the field."""


class FirstRule(_Rule):
    """La prima di queste regole che dà un valore. / The first of these that gives a value."""

    as_: Literal["first"] = Field(alias="as")
    """La prima regola che dà un valore. / The first rule that gives a value."""
    of: Annotated[tuple["Rule", ...], Field(min_length=1, max_length=20)]
    """Le regole, in ordine. / The rules, in order."""
    required: bool = False
    """Se un record che non ne ha è sbagliato, anziché senza il campo. / Whether a record without it is wrong, rather
    than without the field."""


class ObjectRule(_Rule):
    """Un oggetto. / An object. With `from` its rules see that part of the record; without any value it is left out."""

    as_: Literal["object"] = Field(alias="as")
    """Un oggetto. / An object."""
    from_: ExpressionText | None = Field(None, alias="from")
    """La parte del record che le sue regole vedono (JMESPath); se manca, tutto. / The part of the record that its rules
    see (JMESPath); by default all of it."""
    fields: Annotated[dict[FieldName, "Rule"], Field(min_length=1, max_length=60)]
    """Per ogni suo campo, la regola che lo fa. / For each of its fields the rule that makes it."""


class ListRule(_Rule):
    """Un elenco. / A list: elements that give no value are left out."""

    as_: Literal["list"] = Field(alias="as")
    """Un elenco. / A list."""
    from_: ExpressionText = Field(alias="from")
    """Dove stanno i suoi elementi (JMESPath). / Where its elements are (JMESPath)."""
    each: "Rule"
    """La regola per ciascuno, che vede il solo elemento. / The rule for each, which sees one element."""


_AnyRule = Annotated[
    TextRule
    | IntegerRule
    | BooleanRule
    | ChoiceRule
    | DateRule
    | MomentRule
    | MoneyRule
    | ConstantRule
    | JoinedRule
    | FirstRule
    | ObjectRule
    | ListRule,
    Field(discriminator="as_"),
]
# By a name of its own: rules hold rules, and a JSON Schema can refer to what has a name alone.
Rule = TypeAliasType("Rule", _AnyRule)


def bounded(rules: Iterable[Rule]) -> None:
    """Raises ValueError where rules are too many, or stand too deep in one another."""
    count = 0
    for rule in rules:
        for depth in _depths(rule, 1):
            count += 1
            if depth > MOST_DEPTH:
                raise ValueError(
                    f"Regole annidate: al massimo {MOST_DEPTH} / rules stand at most {MOST_DEPTH} deep in one another"
                )
    if count > MOST_RULES:
        raise ValueError(f"Regole: al massimo {MOST_RULES} / there are more than {MOST_RULES} rules")


def fixed_values(rule: Rule, place: str) -> Iterator[tuple[str, object]]:
    """The values that a rule has of its own, whatever the data are, each with its place."""
    match rule:
        case ConstantRule():
            yield f"{place}/value", rule.value
        case FirstRule():
            for n, each in enumerate(rule.of):
                yield from fixed_values(each, f"{place}/of/{n}")
        case ChoiceRule():
            yield from ((f"{place}/values{pointer_of([word])}", value) for word, value in rule.values.items())
            if rule.otherwise is not None:
                yield f"{place}/otherwise", rule.otherwise
    if isinstance(rule, _From) and rule.default is not None:
        yield f"{place}/default", rule.default


def _depths(rule: Rule, depth: int) -> Iterator[int]:
    yield depth
    inner: tuple[Rule, ...] = ()
    match rule:
        case JoinedRule():
            inner = rule.parts
        case FirstRule():
            inner = rule.of
        case ObjectRule():
            inner = tuple(rule.fields.values())
        case ListRule():
            inner = (rule.each,)
    for each in inner:
        yield from _depths(each, depth + 1)
