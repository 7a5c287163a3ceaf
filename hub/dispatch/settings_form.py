"""Settings of connectors read by the JSON Schema of their type: which members are secrets, and what stands for them.

A member that the schema does not know is taken for a secret: nothing is shown that nobody said may be.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, JsonSchemaValue
from pydantic_core import CoreSchema

Json = Mapping[str, Any]
_REFERENCE: Final = re.compile(r"(env|file):.+")
_GONE: Final = object()


class _FormSchema(GenerateJsonSchema):
    """A member's title is its name, by which errors, documentation and the command line speak of it. Descriptions are
    one line; what the class says of itself is for who reads the code."""

    def get_title_from_name(self, name: str) -> str:
        return name

    def generate(self, schema: CoreSchema, mode: JsonSchemaMode = "validation") -> JsonSchemaValue:
        whole: JsonSchemaValue = _unwrapped(super().generate(schema, mode))
        return {name: part for name, part in whole.items() if name not in ("title", "description")}


def _unwrapped(part: Any) -> Any:
    if isinstance(part, dict):
        return {
            name: " ".join(value.split()) if name == "description" and isinstance(value, str) else _unwrapped(value)
            for name, value in part.items()
        }
    return [_unwrapped(each) for each in part] if isinstance(part, list) else part


@cache
def schema_of(model: type[BaseModel]) -> dict[str, Any]:
    """The JSON Schema of what an administrator sets, as a form needs it; secrets are `writeOnly`."""
    return model.model_json_schema(schema_generator=_FormSchema)


def is_reference(value: Any) -> bool:
    """Whether a secret is only named here: `env:NAME` or `file:NAME`."""
    return isinstance(value, str) and _REFERENCE.fullmatch(value) is not None


def shown(schema: Json, settings: Json) -> tuple[dict[str, Any], dict[str, str]]:
    """The settings without their secrets, and the JSON pointers of those: `set`, or the reference that names one."""
    found: dict[str, str] = {}

    def hide(pointer: str, value: Any) -> Any:
        if value is not None:
            found[pointer] = value if is_reference(value) else "set"
        return _GONE

    return dict(_walked(settings, [schema], schema, "", hide)), found


def secrets(schema: Json, settings: Json) -> dict[str, Any]:
    """The secrets themselves, by JSON pointer."""
    found: dict[str, Any] = {}

    def keep(pointer: str, value: Any) -> Any:
        found[pointer] = value
        return value

    _walked(settings, [schema], schema, "", keep)
    return found


def resolved(schema: Json, settings: Json, look_up: Callable[[str], str]) -> dict[str, Any]:
    """The settings with each reference replaced by the secret it names. Raises what `look_up` does."""

    def found(_pointer: str, value: Any) -> Any:
        return look_up(value) if is_reference(value) else value

    return dict(_walked(settings, [schema], schema, "", found))


def secret_names(schema: Json) -> list[str]:
    """The members at the top that are secrets: what a form asks for and never shows."""
    return [name for name, part in schema.get("properties", {}).items() if _is_secret(list(_branches([part], schema)))]


def merged(target: Any, patch: Any) -> Any:
    """RFC 7396: null takes a member away, objects are merged, all else replaces."""
    if not isinstance(patch, Mapping):
        return patch
    result = dict(target) if isinstance(target, Mapping) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value)
    return result


def _walked(value: Any, parts: list[Json], root: Json, pointer: str, secret: Callable[[str, Any], Any]) -> Any:
    branches = list(_branches(parts, root))
    if _is_secret(branches) or not branches:
        return secret(pointer, value)
    if isinstance(value, Mapping):
        result = {}
        for name, member in value.items():
            place = f"{pointer}/{str(name).replace('~', '~0').replace('/', '~1')}"
            own = [branch["properties"][name] for branch in branches if name in branch.get("properties", {})]
            others = [branch["additionalProperties"] for branch in branches if "additionalProperties" in branch]
            open_ = any(other is True for other in others) or not any(_says_members(branch) for branch in branches)
            own = own or [other for other in others if isinstance(other, Mapping)] or ([{}] if open_ else [])
            found = _walked(member, own, root, place, secret)
            if found is not _GONE:
                result[name] = found
        return result
    if isinstance(value, list):
        own = [branch["items"] for branch in branches if isinstance(branch.get("items"), Mapping)] or [{}]
        kept = [_walked(member, own, root, f"{pointer}/{n}", secret) for n, member in enumerate(value)]
        return [member for member in kept if member is not _GONE]
    return value


def _says_members(branch: Json) -> bool:
    return "properties" in branch or "additionalProperties" in branch


def _is_secret(branches: list[Json]) -> bool:
    return any(branch.get("writeOnly") is True for branch in branches)


def _branches(parts: list[Json], root: Json) -> Iterator[Json]:
    """Each schema that may hold for the value: references followed, alternatives one by one."""
    for part in parts:
        if "$ref" in part:
            target: Any = root
            for step in str(part["$ref"]).removeprefix("#/").split("/"):
                target = target[step]
            yield from _branches([target], root)
        alternatives = [each for keyword in ("anyOf", "oneOf", "allOf") for each in part.get(keyword, ())]
        yield from _branches(alternatives, root)
        if ("$ref" not in part and not alternatives) or part.get("writeOnly") is True:
            yield part
