"""The second story of the tour: a family enrols a child at nursery school, from the draft to the renewal."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import httpx
from rich.console import Console
from sqlalchemy import select

from contracts.base import ROME
from contracts.identifiers import make_notice_number
from hub.store.citizens import Citizens, Subject
from hub.store.tables import deliveries, items

from . import ranking
from .cast import CREDITOR, ENTE, MEALS, NURSERY, Citizen, in_days, item
from .findings import Finding
from .stage import Stage, StageError

MOTHER = Citizen("Anna Ferrari", "FRRNNA88C41H501X", "anna.ferrari@example.it", on_io=False)
_CHILD = {"tax_code": "FRRLCU24L15H501R", "role": "child"}
_NOTICE = make_notice_number(application_code=1, iuv_base=2026000777)
_FORM = "https://servizi.comune.example.it/nido/domande/321"


@dataclass(slots=True)
class Family:
    """The story as it goes on."""

    console: Console
    stage: Stage
    version: int = 0

    def play(self) -> list[Finding]:
        """Every act; what it should have come to is held against the feed and the database."""
        stages = [
            self._practice("salva una bozza / saves a draft", "draft"),
            self._practice("invia la domanda / sends it", "submitted", submitted_at=in_days(0)),
            self._practice("presa in carico / taken in charge", "in_progress", **_taken_in_charge()),
            self._practice("serve un'integrazione / something is missing", "integration_requested", **_missing()),
            self._practice("integrazione inviata / it is sent", "integration_submitted"),
        ]
        enrolled = [self._publish("subscriptions", _enrolment(1, **ranking.waiting(ranking.SCORE)))]
        list_id = ranking.publish(self.stage, str(_day(0)))
        published = ranking.read(self.stage, list_id)
        self.console.print("  la graduatoria è pubblicata / the ranked list is published")
        ranking.show(self.console, published, ranking.own_place(self.stage, MOTHER, list_id))
        stages.append(self._practice("accolta / accepted", "completed", outcome="accepted"))
        enrolled.append(self._publish("subscriptions", _enrolment(2)))
        payment = self._eventually("payments", lambda found: [one for one in found if one["state"] == "due"])
        self._show("la prima rata diventa un pagamento / the first instalment becomes a payment", payment)
        self._publish("receipts", _receipt())
        paid = self._eventually("payments", lambda found: [one for one in found if one["state"] == "paid"])
        self._show("la ricevuta la salda / its receipt settles it", paid)
        card = self._publish("documents", _card())
        self._publish("subscriptions", _ending())
        renewal = self._eventually("subscriptions", lambda found: [s for s in found if s["state"] == "renewal_due"])
        self._show("il rinnovo è offerto / renewal is offered", renewal)
        self.stage.settled()
        return [
            Finding("family: every stage accepted", {201, 200}, {answer.status_code for answer in stages}),
            Finding(
                "family: enrolment, its place, card: 201, 200, 201",
                [201, 200, 201],
                [answer.status_code for answer in (*enrolled, card)],
            ),
            *ranking.inspect(self.stage, MOTHER, list_id, published),
            *self._database(),
        ]

    def _practice(self, told: str, state: str, **fields: Any) -> httpx.Response:
        self.version += 1
        practice = item(
            MOTHER,
            "NIDO-321",
            service_id="nido",
            title="Iscrizione al nido di Luca",
            state=state,
            resume_url=_FORM,
            reference_number="NIDO-2026-321",
            beneficiaries=[_CHILD],
        )
        answer = self._publish("applications", practice | {"version": self.version} | fields)
        self._show(told, self._read("applications"))
        return answer

    def _publish(self, collection: str, content: dict[str, Any]) -> httpx.Response:
        answer = self.stage.publish(self.stage.cast.anagrafe, collection, content)
        if not answer.is_success:
            raise StageError(f"POST {collection}: {answer.status_code} {answer.text}")
        return answer

    def _read(self, collection: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.stage.read(MOTHER, f"/{collection}")["items"]
        return found

    def _eventually(
        self, collection: str, wanted: Callable[[list[dict[str, Any]]], list[dict[str, Any]]]
    ) -> list[dict[str, Any]]:
        return self.stage.until(lambda: wanted(self._read(collection)), collection)

    def _show(self, told: str, found: list[dict[str, Any]]) -> None:
        self.console.print(f"  {told}")
        for one in found[:1]:
            due = f", entro / by {one['due_at'][:10]}" if one["due_at"] else ""
            self.console.print(f"     [dim]{one['title']}: {one['state']}, tocca a / turn: {one['turn']}{due}[/]")

    def _database(self) -> list[Finding]:
        with self.stage.home.database.read() as connection:
            known = Citizens(self.stage.home.vault).find(connection, Subject(ENTE, "person", MOTHER.tax_code))
            mother = known.citizen_id if known else ""
            hers = select(items.c.collection, items.c.state).where(items.c.citizen_id == mother)
            of_mother = connection.execute(hers).all()
            mails = select(deliveries.c.state).where(deliveries.c.citizen_id == mother, deliveries.c.channel == "email")
            sent = connection.execute(mails).scalars().all()
        states = {name: sorted(row.state for row in of_mother if row.collection == name) for name in _EXPECTED}
        messages = sum(row.collection == "messages" for row in of_mother)
        return [
            *(Finding(f"family: {name}", _EXPECTED[name], states[name]) for name in _EXPECTED),
            Finding("family: one mail a notice, none lost", (messages, {"delivered"}), (len(sent), set(sent))),
        ]


_EXPECTED = {
    "applications": ["completed"],
    "subscriptions": ["active", "renewal_due"],
    "payments": ["paid"],
    "receipts": ["available"],
    "documents": ["available"],
}


def _day(days: int) -> date:
    return datetime.now(ROME).date() + timedelta(days=days)


def _taken_in_charge() -> dict[str, Any]:
    return {
        "taken_charge_at": in_days(0),
        "protocol": {"number": "0012399", "year": _day(0).year, "registered_on": str(_day(0))},
        "due_date": str(_day(29)),
        "procedure_steps": [
            {"order": 1, "title": "Presa in carico", "state": "done", "done_at": in_days(0)},
            {"order": 2, "title": "Graduatoria", "state": "current", "planned_on": str(_day(14))},
        ],
    }


def _missing() -> dict[str, Any]:
    return {"integration": {"requested_at": in_days(0), "due_at": in_days(10), "reason": "Manca l'attestazione ISEE."}}


def _enrolment(version: int, **fields: Any) -> dict[str, Any]:
    links = [{"rel": "application", "external_id": "NIDO-321"}]
    return _subscription("ISCR-NIDO-321", NURSERY, title=ranking.ENROLMENT, links=links, **fields) | {
        "version": version
    }


def _subscription(external_id: str, code: str, **fields: Any) -> dict[str, Any]:
    own: dict[str, Any] = {
        "subscription_service": code,
        "state": "active",
        "valid_from": str(_day(0)),
        "beneficiaries": [_CHILD],
    }
    if code == NURSERY:
        plan: list[dict[str, Any]] = [
            {"n": n, "amount_cents": 30_000, "due_date": str(_day(20 + 90 * (n - 1))), "reason": f"Nido, rata {n} di 3"}
            for n in (1, 2, 3)
        ]
        plan[0] |= {"notice_number": _NOTICE, "payment_external_id": "NIDO-321-RATA-1"}
        own |= {"payment_plan": plan, "plan_total_cents": 90_000}
        own |= {"valid_to": str(_day(240)), "service_id": "nido"}
    return item(MOTHER, external_id, **(own | fields))


def _ending() -> dict[str, Any]:
    days = {"valid_from": str(_day(-300)), "valid_to": str(_day(30)), "service_id": "mensa"}
    return _subscription("ISCR-MENSA-77", MEALS, title="Mensa 2025/26", **days)


def _receipt() -> dict[str, Any]:
    return item(
        MOTHER,
        "RT-NIDO-1",
        title="Ricevuta nido, rata 1 di 3",
        service_id="nido",
        payment={"notice_number": _NOTICE, "creditor_tax_code": CREDITOR},
        receipt_number="RTNIDO1",
        paid_at=in_days(0),
        amount_cents=30_000,
    )


def _card() -> dict[str, Any]:
    return item(
        MOTHER,
        "TESSERA-NIDO-321",
        title="Tessera del nido",
        service_id="nido",
        doc_type="tessera",
        form="card",
        links=[{"rel": "application", "external_id": "NIDO-321"}],
        card={
            "fields": [{"label": "Bambino", "value": "Luca"}, {"label": "Nido", "value": "Il girasole"}],
            "valid_to": in_days(240),
        },
    )
