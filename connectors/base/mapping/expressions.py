"""JMESPath over one record: compiled once, with exact numbers, and bounded in what an expression can cost.

Numbers with a fraction are `decimal.Decimal` from the source's bytes on, so that nothing is ever a float. A plain path
such as `soggetto.cf` is walked without the interpreter, as most expressions are.
"""

from collections.abc import Callable, Iterator
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Final, TypeVar

import jmespath.parser
from jmespath.exceptions import JMESPathError, JMESPathTypeError
from jmespath.functions import Functions, signature
from jmespath.visitor import Options, TreeInterpreter
from pydantic import AfterValidator, Field, StringConstraints

from contracts.faults import pointer_of

MOST_CHARACTERS: Final = 500
_MOST_NODES = 200
_MOST_COPIES = 1000
"""How often the selections of an expression may take the same value: `[@,@]` after `[@,@]` doubles each time."""
_CANNOT = (JMESPathError, TypeError, ValueError, ArithmeticError, RecursionError)

_Method = TypeVar("_Method", bound=Callable[..., Any])


class CannotEvaluate(Exception):
    """The expression means nothing on this record, as where a function gets a value of another type."""


class Expression:
    """An expression, ready. `place` is the JSON pointer of what it reads, empty where that is several things; `exact`
    says that it reads nothing else, so that what is found stands there."""

    __slots__ = ("exact", "find", "place")

    def __init__(self, text: str) -> None:
        """Raises ValueError, which says what is wrong with the expression."""
        tree = _parsed(text)
        path = _path_of(tree)
        self.exact = path is not None
        self.find: Callable[[Any], Any] = _walker(path) if path is not None else _interpreted(tree)
        """The value in a record, None where there is none. Raises CannotEvaluate."""
        paths = [path] if path is not None else list(_paths(tree))
        self.place = pointer_of(paths[0]) if paths and all(each == paths[0] for each in paths) else ""

    def holds(self, record: Any) -> bool:
        """Whether it is true as JMESPath has it: neither null, false, nor empty. Raises CannotEvaluate."""
        found = self.find(record)
        return not (found is None or found is False or found == "" or found == [] or found == {})


def _checked(text: str) -> str:
    _parsed(text)
    return text


ExpressionText = Annotated[
    str,
    StringConstraints(min_length=1, max_length=MOST_CHARACTERS),
    AfterValidator(_checked),
    Field(examples=["soggetto.cf"]),
]


def _takes(*types: str) -> Callable[[_Method], _Method]:
    """The library's `signature` of one argument, of any type where none is named."""
    decorate: Callable[[_Method], _Method] = signature({"types": list(types)})
    return decorate


class _Exact(Functions):  # type: ignore[misc]  # the library has no types
    """The functions of JMESPath, over exact numbers. Theirs make floats of texts, and know no Decimal."""

    def _get_allowed_pytypes(self, types: Any) -> Any:
        allowed, subtypes = super()._get_allowed_pytypes(types)
        more = [*allowed, "Decimal"] if "float" in allowed else allowed
        return more, [(*each, "Decimal") if "float" in each else each for each in subtypes]

    def _convert_to_jmespath_type(self, pyobject: Any) -> Any:
        return "number" if pyobject == "Decimal" else super()._convert_to_jmespath_type(pyobject)

    @_takes("array-number")
    def _func_avg(self, arg: Any) -> Any:
        return Decimal(sum(arg)) / len(arg) if arg else None

    @_takes()
    def _func_to_number(self, arg: Any) -> Any:
        if not isinstance(arg, str):
            return arg if isinstance(arg, int | Decimal) and not isinstance(arg, bool) else None
        try:
            return exact_number(arg.strip())
        except ValueError:
            return None

    @_takes()
    def _func_to_string(self, arg: Any) -> Any:
        # Of a list or an object it would be the JSON, which nothing in an item is.
        if isinstance(arg, list | dict):
            raise JMESPathTypeError("to_string", "", "array", ["string", "number", "boolean"])
        return {True: "true", False: "false", None: None}[arg] if arg is None or isinstance(arg, bool) else plain(arg)

    @_takes()
    def _func_type(self, arg: Any) -> Any:
        return "number" if isinstance(arg, Decimal) else super()._func_type(arg)


def exact_number(text: str) -> int | Decimal:
    """A number as JSON writes it, exactly. Raises ValueError, also for what has no use but to be costly."""
    if len(text) > 40 or not text.isascii():
        raise ValueError("Un numero di oltre 40 caratteri / a number of more than 40 characters")
    if text.lstrip("-").isdigit():
        return int(text)
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise ValueError("Non è un numero / not a number") from None
    if not number.is_finite() or abs(number.adjusted()) > 30:
        raise ValueError("Un numero fuori portata / a number out of reach")
    return number


def plain(value: Any) -> str:
    """A text or number as text, without an exponent."""
    return format(value, "f") if isinstance(value, Decimal) else str(value)


_INTERPRETER: Final = TreeInterpreter(Options(custom_functions=_Exact()))


def _parsed(text: str) -> Any:
    try:
        tree = jmespath.parser.Parser().parse(text).parsed
    except (JMESPathError, RecursionError) as error:
        # Its second line repeats the expression with a mark under the place.
        raise ValueError(
            f"Non è JMESPath / not JMESPath: {str(error).splitlines()[0] or type(error).__name__}"
        ) from None
    nodes, copies = 0, 1
    for node in _nodes(tree):
        nodes += 1
        if node["type"] in ("multi_select_list", "multi_select_dict"):
            copies *= max(1, len(node["children"]))
        if node["type"] == "function_expression":
            _known_function(node)
    if nodes > _MOST_NODES or copies > _MOST_COPIES:
        raise ValueError("L'espressione fa troppo per un valore / the expression does too much for one value")
    return _exactly(tree)


def _known_function(node: Any) -> None:
    known = _Exact.FUNCTION_TABLE.get(node["value"])
    if known is None:
        raise ValueError(f"Funzione sconosciuta / there is no function {node['value'][:40]}()")
    wanted, given = known["signature"], len(node["children"])
    variadic = bool(wanted) and wanted[-1].get("variadic", False)
    if given < len(wanted) or (given > len(wanted) and not variadic):
        raise ValueError(f"{node['value']}() ha / takes {len(wanted)} arguments, not {given}")


def _nodes(tree: Any) -> Iterator[Any]:
    yield tree
    for child in tree.get("children", ()):
        if isinstance(child, dict):  # a slice has numbers
            yield from _nodes(child)


def _exactly(tree: Any) -> Any:
    """The tree with its literal floats as Decimals; a copy, as the parser keeps its own."""
    if tree["type"] == "literal":
        return tree | {"value": _exact_literal(tree["value"])}
    children = [_exactly(child) if isinstance(child, dict) else child for child in tree.get("children", ())]
    return tree | {"children": children} if "children" in tree else dict(tree)


def _exact_literal(value: Any) -> Any:
    if isinstance(value, float):
        return exact_number(repr(value))
    if isinstance(value, list):
        return [_exact_literal(each) for each in value]
    return {key: _exact_literal(each) for key, each in value.items()} if isinstance(value, dict) else value


def _path_of(tree: Any) -> list[str | int] | None:
    """The names and numbers of a plain path; None for any other expression."""
    kind = tree["type"]
    if kind == "field":
        return [tree["value"]]
    if kind == "index":
        return [tree["value"]] if tree["value"] >= 0 else None
    if kind in ("current", "identity"):
        return []
    if kind in ("subexpression", "index_expression"):
        parts = [_path_of(child) for child in tree["children"]]
        return None if None in parts else [step for part in parts for step in part or ()]
    return None


def _paths(tree: Any) -> Iterator[list[str | int]]:
    """The plain paths from the record itself; not those from within a list or behind a pipe."""
    path = _path_of(tree)
    if path is not None:
        yield path
    elif tree["type"] == "subexpression":
        first, *others = tree["children"]
        base = _path_of(first)
        if base is None:
            yield from _paths(first)
        else:
            yield from (base + path for path in _paths(others[0]))
    elif tree["type"] != "expref":
        relative = tree["type"] in ("projection", "value_projection", "filter_projection", "pipe", "index_expression")
        children = tree.get("children", ())
        for child in children[:1] if relative else children:
            if isinstance(child, dict):
                yield from _paths(child)


def _walker(path: list[str | int]) -> Callable[[Any], Any]:
    if len(path) == 1 and isinstance(path[0], str):
        name = path[0]
        return lambda record: record.get(name) if isinstance(record, dict) else None
    steps = tuple(path)

    def walk(record: Any) -> Any:
        for step in steps:
            if isinstance(record, dict):
                record = record.get(step)
            elif isinstance(record, list) and isinstance(step, int) and step < len(record):
                record = record[step]
            else:
                return None
        return record

    return walk


def _interpreted(tree: Any) -> Callable[[Any], Any]:
    visit = _INTERPRETER.visit

    def find(record: Any) -> Any:
        try:
            return visit(tree, record)
        except _CANNOT as error:
            raise CannotEvaluate(type(error).__name__) from None

    return find
