"""Connectors made of their configurations: settings held against their type, secrets that they only name, limits."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256
from typing import Any, Final

import orjson
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from contracts.connector import Connector, ConnectorType, Limits
from contracts.failures import Misconfigured
from contracts.faults import Bilingual, bilingual, in_both, pointer_of, sentence_of, unknown_name
from contracts.naming import Named, Naming
from contracts.proving import ProofSettings
from contracts.tls import BadCertificate, TlsSettings
from hub.store.configuration import ConnectorConfig

from .by_service import for_services
from .settings_form import is_reference, merged, resolved, schema_of, secrets

_UNUSABLE: Final = "Con queste impostazioni il connettore non si può usare"
_NO_CERTIFICATE: Final = "Il certificato, o la sua chiave, non si può usare"


class BadConfiguration(Exception):
    """The settings of a connector do not fit its type; the text names the settings, never their values."""

    def __init__(self, text: str, faults: Sequence[tuple[str, Bilingual]] = ()) -> None:
        super().__init__(text)
        self.faults = tuple(faults)
        """(JSON pointer into the connector, what is wrong there)."""


def build(types: Mapping[str, ConnectorType], config: ConnectorConfig) -> Connector:
    """The connector of a configuration; where single services have settings of their own, theirs for their notices.
    Raises BadConfiguration."""
    kind = types.get(config.type)
    if kind is None:
        raise BadConfiguration(
            f"there is no connector type {config.type}",
            [("/type", bilingual("Questo tipo non esiste", "there is no such type"))],
        )
    everywhere = _built(kind, config, config.settings, "/settings")
    if not config.overrides:
        return everywhere
    by_service: dict[str, Connector] = {}
    try:
        for service_id, own in config.overrides.items():
            place = f"/service_overrides/{service_id}"
            by_service[service_id] = _built(kind, config, merged(config.settings, own), place)
    except BadConfiguration:
        for made in (everywhere, *by_service.values()):
            made.close()
        raise
    return for_services(everywhere, by_service)


def tried(types: Mapping[str, ConnectorType], config: ConnectorConfig) -> Connector:
    """`build` for whoever changes settings: what is sure to fail once it is used is refused, too. Raises
    BadConfiguration."""
    connector = build(types, config)
    try:
        for one in connector.certificates:
            one.check_dates(datetime.now(UTC))
    except BadCertificate as fault:
        connector.close()
        raise _bad_certificate(fault, "/settings") from None
    return connector


def names_in(types: Mapping[str, ConnectorType], config: ConnectorConfig) -> list[Named]:
    """What a configuration names of the ente's own lists, each name once, by JSON pointers into the connector. Raises
    BadConfiguration."""
    kind = types.get(config.type)
    if kind is None:
        return []
    parts, found = [("/settings", config.settings)], []
    for service_id, own in config.overrides.items():
        place = f"/service_overrides{pointer_of((service_id,))}"
        found.append(Named("service", service_id, place))
        parts.append((place, merged(config.settings, own)))
    for place, given in parts:
        settings = _settings_of(kind, config.ente_id, given, place)
        if isinstance(settings, Naming):
            found += [replace(one, place=place + one.place) for one in settings.named()]
    first: dict[tuple[str, str], Named] = {}
    for one in found:
        first.setdefault((one.kind, one.name), one)
    return list(first.values())


def limits_of(kind: ConnectorType, config: ConnectorConfig) -> Limits:
    """The limits of its type, but for those that the configuration has itself. Raises ValidationError."""
    return Limits.model_validate({**kind.manifest.limits.model_dump(), **config.limits})


def named_secrets(types: Mapping[str, ConnectorType], config: ConnectorConfig) -> bytes | None:
    """A digest of the secrets that the settings only name; it changes with them. None where they cannot be read now."""
    kind = types.get(config.type)
    if kind is None or kind.refer is None:
        return b""
    schema, digest = schema_of(kind.settings), sha256()
    for settings in (config.settings, *config.overrides.values()):
        for pointer, value in secrets(schema, settings).items():
            if is_reference(value):
                try:
                    found = kind.refer(config.ente_id, value)
                except ValueError:
                    return None
                digest.update(orjson.dumps([pointer, found]))
    return digest.digest()


def _built(kind: ConnectorType, config: ConnectorConfig, given: Mapping[str, Any], place: str) -> Connector:
    settings, limits = _settings_and_limits(kind, config, given, place)
    try:
        shown = settings.shown() if isinstance(settings, TlsSettings) else None
    except BadCertificate as fault:
        raise _bad_certificate(fault, place) from None
    try:
        handed: dict[str, Any] = {}
        if kind.prove is not None and isinstance(settings, ProofSettings):
            handed["proof"] = kind.prove(config.ente_id, settings)
        if kind.turns is not None:
            handed["turn"] = kind.turns(config.ente_id, config.connector_id)
        connector = kind.connect(settings, limits, **handed)
    except Misconfigured as fault:
        text = f"{fault.reason}: {fault.detail}"
        raise BadConfiguration(text, [(place, in_both(text, _UNUSABLE))]) from None
    # Retries and age follow the limits in force, whatever manifest the connector carries.
    manifest = connector.manifest.model_copy(update={"limits": limits})
    return replace(connector, manifest=manifest, certificates=() if shown is None else (shown,))


def _settings_and_limits(
    kind: ConnectorType, config: ConnectorConfig, given: Mapping[str, Any], place: str
) -> tuple[BaseModel, Limits]:
    """Both, or what is wrong with either: whoever fills in a form hears of it at once. Raises BadConfiguration."""
    try:
        limits = limits_of(kind, config)
    except ValidationError as exc:
        wrong = _unfit(exc, "/limits", Limits)
        try:
            _settings_of(kind, config.ente_id, given, place)
        except BadConfiguration as other:
            wrong = BadConfiguration(f"{other}; {wrong}", (*other.faults, *wrong.faults))
        raise wrong from None
    return _settings_of(kind, config.ente_id, given, place), limits


def _settings_of(kind: ConnectorType, ente_id: str, given: Mapping[str, Any], place: str) -> BaseModel:
    schema = schema_of(kind.settings)
    if kind.refer is not None:
        try:
            given = resolved(schema, given, partial(kind.refer, ente_id))
        except ValueError as missing:
            named = [pointer for pointer, value in secrets(schema, given).items() if is_reference(value)]
            raise BadConfiguration(
                f"{', '.join(named)}: {missing}", [(f"{place}{each}", in_both(str(missing))) for each in named]
            ) from None
    try:
        return kind.settings.model_validate_json(orjson.dumps(dict(given)))
    except ValidationError as exc:
        raise _unfit(exc, place, kind.settings) from None


def _bad_certificate(fault: BadCertificate, place: str) -> BadConfiguration:
    told = in_both(str(fault), _NO_CERTIFICATE)
    return BadConfiguration(f"client_certificate: {fault}", [(f"{place}/client_certificate", told)])


def _unfit(error: ValidationError, place: str, model: type[BaseModel]) -> BadConfiguration:
    faults = error.errors(include_input=False, include_url=False)
    told = [_told(each, model) for each in faults]
    text = "; ".join(f"{'.'.join(map(str, path))}: {why}" for path, why in told)
    return BadConfiguration(text, [(place + pointer_of(path), why) for path, why in told])


def _told(fault: ErrorDetails, model: type[BaseModel]) -> tuple[tuple[int | str, ...], Bilingual]:
    """The place and what is wrong there. What a model says of settings that do not go together begins with the one that
    is to be changed."""
    path = fault["loc"]
    if fault["type"] == "extra_forbidden" and len(path) == 1:
        return path, unknown_name(model)
    if fault["type"] == "value_error" and not path:
        name, colon, why = str(fault["ctx"]["error"]).partition(": ")
        place = tuple(name.split("/"))
        if colon and place[0] in model.model_fields:
            return place, in_both(why)
    return path, sentence_of(fault)
