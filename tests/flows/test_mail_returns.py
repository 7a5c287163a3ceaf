"""A notice by e-mail that comes back, and one by PEC from its acceptance to its receipts, on a running hub."""

from pathlib import Path
from typing import Any

import pytest

from connectors.email.simulator import Fault
from connectors.registry import simulate
from hub.store.citizens import Citizens
from hub.store.delivery_proofs import proofs_of
from hub.store.tables import dead_addresses, deliveries
from tests.flows.making import fresh, new_person, rows
from tests.harness import HubUnderTest, eventually, make_message, running_hub


@pytest.fixture(scope="module")
def hub(kind: str, tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder: Path = tmp_path_factory.mktemp("returns")
    simulations = {name: simulate(name, folder / name) for name in ("email", "pec")}
    settings = {name: dict(each.start()) | {"poll_every_s": 1} for name, each in simulations.items()}
    settings["email"]["domain_rates"] = "lenti.example=4"
    try:
        with running_hub(
            folder / "home", connectors={name: (name, its) for name, its in settings.items()}, sweep_s=0.3
        ) as running:
            running.mail = simulations["email"].smtp
            yield running
    finally:
        for each in simulations.values():
            each.stop()


def ends(hub: HubUnderTest, channel: str, expected: tuple[str, str | None], **recipient: str) -> dict[str, Any]:
    """A message on that channel, whose delivery comes to the expected state and reason."""
    message = make_message(fresh(), recipient={"tax_code": new_person(), **recipient}, notify={"channels": [channel]})
    answer = hub.publish("messages", message)
    assert answer.status_code == 201, answer.text
    item_id = answer.json()["item_id"]

    def own() -> dict[str, Any]:
        (row,) = rows(hub, deliveries, message_id=item_id)
        return row

    return eventually(own, lambda row: (row["state"], row["reason"]) == expected)


def test_a_bounce_ends_what_the_mail_server_had_taken(hub: HubUnderTest) -> None:
    ends(hub, "email", ("rejected", "email.bounced.5.1.1"), email=f"inesistente.{fresh()}@posta.example")
    ends(hub, "email", ("delivered", None), email=f"anna.{fresh()}@posta.example")


def test_an_address_that_the_server_refuses_is_not_tried_again(hub: HubUnderTest) -> None:
    email = f"nessuno.{fresh()}@posta.example"
    hub.mail.misbehave(Fault("rcpt", reply="550 5.1.1 No such user"))
    ends(hub, "email", ("rejected", "email.address_invalid"), email=email)
    eventually(lambda: rows(hub, dead_addresses, reason="email.address_invalid"), lambda found: len(found) == 1)
    ends(hub, "email", ("skipped", "email.address_dead"), email=email)


def test_those_to_one_domain_leave_at_its_rate_and_all_leave(hub: HubUnderTest) -> None:
    found = [ends(hub, "email", ("delivered", None), email=f"{who}@lenti.example") for who in "abc"]
    assert all(row["attempts"] <= 2 for row in found)


@pytest.mark.parametrize(
    ("name", "expected", "events"),
    [
        ("mario", ("delivered", None), ["accepted", "delivered"]),
        ("piena", ("rejected", "pec.not_delivered.5.2.2"), ["accepted", "failed"]),
        ("esterna", ("rejected", "pec.not_a_pec_address"), ["failed"]),
    ],
)
def test_pec_ends_as_its_receipts_say_and_they_are_kept(
    hub: HubUnderTest, name: str, expected: tuple[str, str | None], events: list[str]
) -> None:
    row = ends(hub, "pec", expected, digital_address=f"{name}@pec.example")
    with hub.home.database.read() as connection:
        citizen = Citizens(hub.home.vault).by_id(connection, row["ente_id"], row["citizen_id"])
        kept = proofs_of(connection, hub.home.vault, citizen, row["delivery_id"])
    assert sorted(each.event for each in kept) == events
    assert all(b"multipart/signed" in each.content for each in kept)


def test_without_a_digital_domicile_nothing_is_sent_by_pec(hub: HubUnderTest) -> None:
    ends(hub, "pec", ("skipped", "pec.no_address"))


def test_what_is_only_accepted_waits(hub: HubUnderTest) -> None:
    row = ends(hub, "pec", ("waiting", None), digital_address="muta@pec.example")
    assert row["provider_id"].endswith("@pec.example.it>")
