"""The faults of what was given as everyone spells them: a stable code, a JSON pointer, and a sentence for people, in
Italian and then in English."""

from collections.abc import Mapping, Sequence
from typing import Final, NewType

from pydantic import BaseModel
from pydantic_core import ErrorDetails

# pydantic's error types -> our stable codes; what is not here is `field.invalid`.
_CODES = {
    "missing": "field.missing",
    "extra_forbidden": "field.unknown",
    "literal_error": "field.not_allowed",
    "string_too_long": "field.too_long",
    "too_long": "field.too_long",
    "string_too_short": "field.too_short",
    "too_short": "field.too_short",
    "string_pattern_mismatch": "field.pattern",
    "greater_than_equal": "field.too_small",
    "less_than_equal": "field.too_large",
    "timezone_aware": "field.zone_missing",
}


BETWEEN: Final = " / "
"""Stands between the two languages."""

LONGEST: Final = 500
"""Characters of a text in two languages: what is kept of one, and what the APIs say that one has."""

Bilingual = NewType("Bilingual", str)
"""A text in Italian and then in English, as `bilingual` makes one: what asks for it cannot be given one half alone."""

_OBJECT, _LIST, _BOOLEAN = "Deve essere un oggetto JSON", "Deve essere una lista", "Deve essere true o false"
_INTEGER, _NUMBER = "Deve essere un numero intero", "Deve essere un numero"
_DAY = "Deve essere una data, come 2026-12-16"
_MOMENT = "Deve essere una data con ora e fuso orario, come 2026-12-16T09:30:00Z"
_TOO_DEEP = "È annidato troppo in profondità"
_CHOICE = "Il campo che dice di che cosa si tratta {what}"

ITALIAN: Final[Mapping[str, str]] = {
    "json_invalid": "Non è JSON",
    "recursion_loop": _TOO_DEEP,
    "recursion_depth_exceeded": _TOO_DEEP,
    "missing": "Manca: è obbligatorio",
    "extra_forbidden": "Campo sconosciuto",
    "model_type": _OBJECT,
    "dataclass_type": _OBJECT,
    "dict_type": _OBJECT,
    "tuple_type": _LIST,
    "list_type": _LIST,
    "too_short": "Elementi: almeno {min_length}",
    "too_long": "Elementi: al massimo {max_length}",
    "greater_than": "Deve essere maggiore di {gt}",
    "greater_than_equal": "Deve essere almeno {ge}",
    "less_than": "Deve essere minore di {lt}",
    "less_than_equal": "Deve essere al massimo {le}",
    "finite_number": "Deve essere un numero finito",
    "string_type": "Deve essere un testo",
    "string_unicode": "Deve essere un testo in Unicode",
    "string_too_short": "Caratteri: almeno {min_length}",
    "string_too_long": "Caratteri: al massimo {max_length}",
    "string_pattern_mismatch": "Non ha la forma richiesta",
    "literal_error": "Deve essere uno dei valori elencati",
    "bool_type": _BOOLEAN,
    "bool_parsing": _BOOLEAN,
    "int_type": _INTEGER,
    "int_parsing": _INTEGER,
    "int_parsing_size": "Ha troppe cifre",
    "int_from_float": _INTEGER,
    "float_type": _NUMBER,
    "float_parsing": _NUMBER,
    "date_type": _DAY,
    "date_parsing": _DAY,
    "date_from_datetime_parsing": _DAY,
    "date_from_datetime_inexact": "Deve essere una data senza ora",
    "datetime_type": _MOMENT,
    "datetime_parsing": _MOMENT,
    "datetime_from_date_parsing": _MOMENT,
    "datetime_object_invalid": _MOMENT,
    "timezone_aware": "Manca il fuso orario, come Z o +01:00",
    "is_instance_of": "Non è del tipo richiesto",
    "union_tag_invalid": _CHOICE.format(what="non ha uno dei valori elencati"),
    "union_tag_not_found": _CHOICE.format(what="manca"),
    "url_parsing": "Deve essere un indirizzo web valido",
    "path_type": "Deve essere un percorso",
}
"""By pydantic's error type, with the values of its context in braces: all that a model of ours can raise."""

# pydantic's own English repeats the value, or names a type of Python's.
_ENGLISH: Final[Mapping[str, str]] = {
    "too_short": "at least {min_length} must be given",
    "too_long": "at most {max_length} are allowed",
    "union_tag_invalid": "{discriminator} must be one of {expected_tags}",
}


def bilingual(italian: str, english: str, most: int = LONGEST) -> Bilingual:
    """The text of two halves, each of them cut short where both together are over `most` characters."""
    room = most - len(BETWEEN)
    if len(italian) + len(english) > room:
        italian = _cut(italian, max(room // 2, room - len(english)))
        english = _cut(english, room - len(italian))
    return Bilingual(f"{italian}{BETWEEN}{english}")


def led(place: str, text: Bilingual) -> Bilingual:
    """The text, after the place that it is about: a name, which leads the whole, or words in both languages."""
    italian, _, english = text.partition(BETWEEN)
    place_it, both, place_en = place.partition(BETWEEN)
    return bilingual(f"{place_it}: {italian}", f"{place_en}: {english}" if both else english)


def shortened(text: Bilingual, most: int) -> Bilingual:
    """The text where less of it is kept than `LONGEST`."""
    italian, _, english = text.partition(BETWEEN)
    return bilingual(italian, english, most)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def sentence_of(fault: ErrorDetails) -> Bilingual:
    """What is wrong, without the value. For an error type that is not in the table pydantic's words, led by Italian."""
    kind, given = fault["type"], fault.get("ctx", {})
    if kind == "value_error":
        return in_both(str(given["error"]))
    context = {name: int(one) if isinstance(one, float) and one.is_integer() else one for name, one in given.items()}
    english = _ENGLISH[kind].format(**context) if kind in _ENGLISH else fault["msg"]
    return bilingual(ITALIAN[kind].format(**context), english) if kind in ITALIAN else in_both(english)


def in_both(text: str, what_it: str = "Regola non rispettata") -> Bilingual:
    """What a validator of ours says, or another part of us: as it is where it speaks both languages, else led by what
    it means in Italian."""
    italian, _, english = text.partition(BETWEEN)
    return bilingual(italian, english) if english else bilingual(what_it, text)


def code_of(kind: str) -> str:
    """The code of a validation error of this type of pydantic's."""
    return _CODES.get(kind, "field.type" if kind.endswith(("_type", "_parsing")) else "field.invalid")


def unknown_name(model: type[BaseModel]) -> Bilingual:
    """What whoever gives a name that a model does not have is told: those that it has."""
    names = ", ".join(model.model_fields)
    return bilingual(f"Nessun campo ha questo nome; ci sono {names}", f"there is none of this name; there are {names}")


def unknown_parameter(known: Sequence[str]) -> Bilingual:
    """What whoever gives a parameter that an operation does not have is told: those that it has."""
    names = ", ".join(known)
    return bilingual(
        f"Parametro sconosciuto; qui si conoscono: {names or 'nessuno'}",
        f"unknown parameter; known here: {names or 'none'}",
    )


def has_required(model: type[BaseModel]) -> bool:
    """Whether a model cannot be made of nothing."""
    return any(field.is_required() for field in model.model_fields.values())


def pointer_of(path: Sequence[str | int]) -> str:
    """A path as a JSON pointer (RFC 6901)."""
    return "".join("/" + str(part)[:200].replace("~", "~0").replace("/", "~1") for part in path)
