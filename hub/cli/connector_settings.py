"""A connector's settings: read from options and files, checked by its type, shown without secrets."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr, ValidationError

from contracts.connector import Connector, ConnectorType
from contracts.failures import Failure
from hub.dispatch.building import BadConfiguration, tried
from hub.dispatch.settings_form import is_reference, schema_of
from hub.store.configuration import ConnectorConfig

from .console import Failed, WrongUsage
from .json_files import checked_where_json
from .options import read_text

HIDDEN = "**********"


def from_options(
    kind: ConnectorType, present: Mapping[str, Any], *, sets: Sequence[str], secret_files: Sequence[str]
) -> dict[str, Any]:
    """The present settings, changed by `key=value` and by `key=FILE` for secrets; an empty value takes one away."""
    properties = schema_of(kind.settings)["properties"]
    settings = dict(present)
    for key, text in _pairs(sets, "--set"):
        if key in properties and _is_secret(properties[key]) and not is_reference(text):
            raise WrongUsage(f"--set {key}: it is a secret; arguments are seen by others, use --secret-file {key}=FILE")
        settings[key] = _value(checked_where_json(text, name=f"--set {key}"), properties.get(key, {}))
    for key, file in _pairs(secret_files, "--secret-file"):
        name = f"--secret-file {key}"
        settings[key] = checked_where_json(read_text(Path(file), name=name).rstrip("\r\n"), name=name)
    return settings


def without(kind: ConnectorType, settings: Mapping[str, Any], unset: Sequence[str]) -> dict[str, Any]:
    """The settings but those; a name that is no setting of the type is told."""
    known = {*schema_of(kind.settings)["properties"], *settings}
    for key in unset:
        if key not in known:
            raise WrongUsage(f"--unset {key}: there is no such setting; there are {', '.join(sorted(known))}")
    return {key: value for key, value in settings.items() if key not in unset}


def limits_from_options(present: Mapping[str, Any], limits: Sequence[str]) -> dict[str, Any]:
    """The present limits, changed by `key=number`."""
    changed = dict(present)
    for key, text in _pairs(limits, "--limit"):
        try:
            changed[key] = json.loads(text)
        except ValueError:
            raise WrongUsage(f"--limit {key}: not a number") from None
    return changed


def connect(types: Mapping[str, ConnectorType], config: ConnectorConfig) -> Connector:
    """The connector of a configuration; a fault of it names the setting."""
    try:
        return tried(types, config)
    except BadConfiguration as fault:
        raise WrongUsage(f"connector {config.connector_id}: {fault}") from None


@contextmanager
def connected(types: Mapping[str, ConnectorType], config: ConnectorConfig) -> Iterator[Connector]:
    """The same until the block ends, whose failures are told."""
    connector = connect(types, config)
    try:
        yield connector
    except Failure as failure:
        raise failed(config.connector_id, failure) from None
    finally:
        connector.close()


def failed(connector_id: str, failure: Failure) -> Failed:
    """What a provider has to say against it."""
    return Failed(f"connector {connector_id}: {type(failure).__name__.lower()}: {failure}")


def masked(kind: ConnectorType | None, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings with every secret hidden; where they do not fit the type, only their names."""
    if kind is not None:
        try:
            model = kind.settings.model_validate_json(json.dumps(dict(settings)))
        except ValidationError:
            pass
        else:
            return _masked(model)
    return dict.fromkeys(settings, HIDDEN)


def _masked(model: BaseModel) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in type(model).model_fields:
        value = getattr(model, name)
        if isinstance(value, SecretStr):
            found[name] = value.get_secret_value() if is_reference(value.get_secret_value()) else HIDDEN
        elif isinstance(value, BaseModel):
            found[name] = _masked(value)
        elif isinstance(value, tuple):
            found[name] = _as_set(value)
        else:
            found[name] = value if isinstance(value, str | int | float | bool | None) else str(value)
    return found


def _as_set(values: tuple[Any, ...]) -> str:
    """A list as it is set: with commas, or in JSON where what is in it has no text of its own."""
    if any(isinstance(each, BaseModel) and type(each).__str__ is BaseModel.__str__ for each in values):
        return json.dumps([each.model_dump(mode="json", by_alias=True, exclude_defaults=True) for each in values])
    return ",".join(map(str, values))


def _pairs(texts: Sequence[str], option: str) -> list[tuple[str, str]]:
    pairs = [text.partition("=") for text in texts]
    for key, equals, _ in pairs:
        if not key or not equals:
            raise WrongUsage(f"{option} takes key=value")
    return [(key, value) for key, _, value in pairs]


def _value(text: str, schema: Mapping[str, Any]) -> Any:
    """A JSON scalar, or the text itself: also where it looks like a number and the setting is a text."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    number_for_text = isinstance(value, bool | int | float) and _types(schema) <= {"string", "null"}
    return text if number_for_text or isinstance(value, dict | list) else value


def _types(schema: Mapping[str, Any]) -> set[str]:
    options = schema.get("anyOf", [schema])
    return {str(option.get("type", "any")) for option in options}


def _is_secret(schema: Mapping[str, Any]) -> bool:
    return any(option.get("writeOnly", False) for option in schema.get("anyOf", [schema]))
