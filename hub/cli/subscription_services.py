"""`subscription-service`: what citizens subscribe to, and its rules, which are the administrator's (`settled` 15)."""

from pathlib import Path
from typing import Annotated, Any, Literal

import orjson
import typer
from pydantic import ValidationError
from sqlalchemy import Connection

from contracts.base import Code
from contracts.faults import pointer_of, sentence_of
from contracts.subscription_services import SubscriptionService
from hub.admin.subscription_services import service_of as one_of
from hub.errors import SubscriptionServiceUnknown
from hub.store.database import Tx
from hub.store.directory import AlreadyThere, load_registry
from hub.store.subscription_services import add_subscription_service, set_subscription_service

from .console import Failed, WrongUsage, record, table, told
from .json_files import json_of
from .options import HOME, AsJson, EnteCode, HomeFolder, checked, ente_of, listed, opened, read_bytes
from .revealing import administer

group = typer.Typer(name="subscription-service", help="What citizens subscribe to, and the rules of it.")

ServiceCode = Annotated[str, typer.Argument(metavar="CODE", help="Its code, such as nido-2026.")]
Who = Literal["auto", "manual", "none"]
Name = Annotated[str | None, typer.Option("--name", help="The name that citizens read.")]
ServiceOf = Annotated[str | None, typer.Option("--service", metavar="ID", help="Of the catalogue.")]
Period = Annotated[str | None, typer.Option("--period", metavar="DAY,DAY", help="First and last day.")]
Window = Annotated[str | None, typer.Option("--enrol-window", metavar="TIME,TIME", help="When one may enrol.")]
Capacity = Annotated[int | None, typer.Option("--capacity", help="Places.")]
Renewal = Annotated[Who | None, typer.Option("--renewal", help="auto: asked of the source; manual: by the citizen.")]
Cancellation = Annotated[
    Who | None, typer.Option("--cancellation", help="auto: ends with its last day; manual: by the citizen.")
]
NoticeDays = Annotated[int | None, typer.Option("--notice-days", help="How long before the end one may renew.")]
AnswerDays = Annotated[int | None, typer.Option("--answer-days", help="How long the source has to answer a request.")]
Plan = Annotated[Path | None, typer.Option("--plan", help="JSON list of instalments; - for standard input.")]
Total = Annotated[int | None, typer.Option("--plan-total-cents", help="What the instalments add up to.")]
DaysAhead = Annotated[int | None, typer.Option("--days-ahead", help="How long before its date one asks for it.")]
Creditor = Annotated[str | None, typer.Option("--creditor", help="Tax code of whom the instalments are paid to.")]
Published = Annotated[bool | None, typer.Option("--list/--no-list", help="Whether the list may be published.")]
OrderKeys = Annotated[str | None, typer.Option("--order-keys", help="a,-b: attributes that order the list.")]
StatisticsOf = Annotated[
    Literal["holder", "beneficiary"] | None, typer.Option("--statistics-of", help="Whose age and sex are counted.")
]
AreaAttribute = Annotated[str | None, typer.Option("--area-attribute", help="The attribute that is the area.")]
SmallestCell = Annotated[int | None, typer.Option("--smallest-cell", help="Statistics tell no smaller number.")]
Anonymise = Annotated[bool | None, typer.Option("--anonymise/--with-names")]


@group.command("add")
def add(
    code: ServiceCode,
    name: Name = None,
    service: ServiceOf = None,
    period: Period = None,
    enrol_window: Window = None,
    capacity: Capacity = None,
    renewal: Renewal = None,
    cancellation: Cancellation = None,
    notice_days: NoticeDays = None,
    answer_days: AnswerDays = None,
    plan: Plan = None,
    plan_total_cents: Total = None,
    days_ahead: DaysAhead = None,
    creditor: Creditor = None,
    published: Published = None,
    order_keys: OrderKeys = None,
    anonymise: Anonymise = None,
    statistics_of: StatisticsOf = None,
    area_attribute: AreaAttribute = None,
    smallest_cell: SmallestCell = None,
    ente: EnteCode = None,
    home: HomeFolder = HOME,
    as_json: AsJson = False,
) -> None:
    """Add one: vendors may publish subscriptions to it from now on."""
    checked(Code, code, name="the service's code")
    _write(home, ente, code, _given(locals()), new=True, as_json=as_json)


@group.command("set")
def set_(
    code: ServiceCode,
    name: Name = None,
    service: ServiceOf = None,
    period: Period = None,
    enrol_window: Window = None,
    capacity: Capacity = None,
    renewal: Renewal = None,
    cancellation: Cancellation = None,
    notice_days: NoticeDays = None,
    answer_days: AnswerDays = None,
    plan: Plan = None,
    plan_total_cents: Total = None,
    days_ahead: DaysAhead = None,
    creditor: Creditor = None,
    published: Published = None,
    order_keys: OrderKeys = None,
    anonymise: Anonymise = None,
    statistics_of: StatisticsOf = None,
    area_attribute: AreaAttribute = None,
    smallest_cell: SmallestCell = None,
    ente: EnteCode = None,
    home: HomeFolder = HOME,
    as_json: AsJson = False,
) -> None:
    """Change what is given; the rest stays. In effect within seconds, for present subscriptions too."""
    _write(home, ente, code, _given(locals()), new=False, as_json=as_json)


@group.command("list")
def list_(ente: EnteCode = None, home: HomeFolder = HOME, as_json: AsJson = False) -> None:
    """The subscription services."""
    with opened(home) as one, one.database.read() as connection:
        body = ente_of(connection, ente).ente_id if ente else None
        found = load_registry(connection).subscription_services
    columns = ("name", "service_id", "renewal", "cancellation", "notice_days", "capacity")
    rows = [
        {"ente_id": ente_id, "code": code} | {name: getattr(service, name) for name in columns}
        for (ente_id, code), service in sorted(found.items())
        if body in (None, ente_id)
    ]
    table(rows, as_json=as_json, empty="there is no subscription service")


@group.command("show")
def show(code: ServiceCode, ente: EnteCode = None, home: HomeFolder = HOME, as_json: AsJson = False) -> None:
    """One subscription service and its rules."""
    with opened(home) as one, one.database.read() as connection:
        _, service = service_of(connection, ente, code)
    record(_shown(service), as_json=as_json)


_COUNTED = {"of": "statistics_of", "area_attribute": "area_attribute", "smallest": "smallest_cell"}


def _given(options: dict[str, Any]) -> dict[str, Any]:
    """The options that were given, under the names of the contract."""
    plain = ("name", "capacity", "renewal", "cancellation", "notice_days", "answer_days", "days_ahead")
    given = {name: options[name] for name in (*plain, "plan_total_cents")}
    given |= {"service_id": options["service"], "creditor_tax_code": options["creditor"]}
    given["period"] = _pair("--period", options["period"], "first_day", "last_day")
    given["enrol_window"] = _pair("--enrol-window", options["enrol_window"], "opens_at", "closes_at")
    if options["plan"] is not None:
        given["payment_plan"] = json_of(read_bytes(options["plan"], name="--plan"), name="--plan")
    keys = options["order_keys"]
    policy = {"published": options["published"], "anonymise": options["anonymise"]}
    policy["order_keys"] = None if keys is None else listed(keys)
    given["list_policy"] = {name: value for name, value in policy.items() if value is not None} or None
    counted = {name: options[option] for name, option in _COUNTED.items()}
    given["statistics"] = {name: value for name, value in counted.items() if value is not None} or None
    return {name: value for name, value in given.items() if value is not None}


def _pair(option: str, text: str | None, first: str, last: str) -> dict[str, str] | None:
    if text is None:
        return None
    parts = listed(text)
    if len(parts) != 2:
        raise WrongUsage(f"{option}: two, with a comma between them")
    return {first: parts[0], last: parts[1]}


def _write(folder: Path, ente: str | None, code: str, given: dict[str, Any], *, new: bool, as_json: bool) -> None:
    with opened(folder) as one:
        with one.database.read() as connection:
            registry = load_registry(connection)
            ente_id = ente_of(connection, ente).ente_id
            before = {"code": code} if new else _shown(service_of(connection, ente, code)[1])
        service = _changed(before, given)
        if service.service_id is not None and (ente_id, service.service_id) not in registry.services:
            raise Failed(f"--service: there is no service {service.service_id!r} in the catalogue of {ente_id}")

        def act(tx: Tx) -> Failed | None:
            try:
                (add_subscription_service if new else set_subscription_service)(tx, ente_id, service)
            except AlreadyThere:
                return Failed(f"there is a subscription service {service.code!r} in {ente_id} already")
            return None

        administer(one, f"{'add' if new else 'set'}_subscription_service", ente_id, act)
    text = f"subscription service {code} of {ente_id} is {'there' if new else 'changed'}"
    told({"ente_id": ente_id} | _shown(service), as_json=as_json, text=text)


_OPTIONS = {
    "service_id": "--service",
    "creditor_tax_code": "--creditor",
    "payment_plan": "--plan",
    "list_policy": "--order-keys",
}


def _changed(before: dict[str, Any], given: dict[str, Any]) -> SubscriptionService:
    """The service with what was given. Raises WrongUsage."""
    merged = before | given
    for policy in ("list_policy", "statistics"):
        merged[policy] = before.get(policy, {}) | given.get(policy, {})
    try:
        return SubscriptionService.model_validate_json(orjson.dumps(merged))
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        field = str(first["loc"][0]) if first["loc"] else ""
        if field == "statistics":
            field = _COUNTED.get(str(first["loc"][-1]), field)
        if field == "payment_plan" and len(first["loc"]) > 1:
            raise WrongUsage(f"--plan: {pointer_of(first['loc'][1:])}: {sentence_of(first)}") from None
        option = _OPTIONS.get(field, f"--{field.replace('_', '-')}" if field else "the service")
        raise WrongUsage(f"{option}: {sentence_of(first)}") from None


def service_of(connection: Connection, ente: str | None, code: str) -> tuple[str, SubscriptionService]:
    """The ente and its service of that code. Raises Failed."""
    ente_id = ente_of(connection, ente).ente_id
    try:
        return ente_id, one_of(connection, ente_id, code)
    except SubscriptionServiceUnknown as unknown:
        raise Failed(unknown.detail) from None


def _shown(service: SubscriptionService) -> dict[str, Any]:
    return service.model_dump(mode="json", exclude_none=True)
