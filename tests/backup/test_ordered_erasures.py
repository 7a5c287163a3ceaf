"""Erasures that were ordered over the administration API, carried out at the command line by one who knows no names."""

import io
import json
import shutil
from pathlib import Path

import pytest
from sqlalchemy import select, update

from contracts.rights_administration import ErasureOrder, NewRightsRequest
from hub.admin.erasures import ErasureDesk
from hub.admin.rights import RightsDesk
from hub.cli.application import run
from hub.cli.options import opened
from hub.cli.revealing import actor_of, perform
from hub.dispatch.routing import router
from hub.store.citizens import Citizens, Subject
from hub.store.tables import citizens, items, rights_requests
from tests.harness import BIANCHI, ENTE, ROSSI, make_message, running_hub

pytestmark = pytest.mark.req("P6")


@pytest.fixture(scope="module")
def worked(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("ordered") / "home"
    with running_hub(folder) as hub:
        for tax_code in (ROSSI, BIANCHI):
            answer = hub.publish("messages", make_message(external_id=tax_code[:6], tax_code=tax_code))
            assert answer.status_code == 201
    return folder


@pytest.fixture
def home(worked, tmp_path) -> Path:
    return Path(shutil.copytree(worked, tmp_path / "home"))


def order(home: Path, tax_code: str, despite: str | None = None, *, request_id: str = "") -> str:
    """An ordered erasure, of a new request or of one that is there; the id of its request."""
    with opened(home) as one:
        people, actor = Citizens(one.vault), actor_of(ENTE)
        desk, erasures = RightsDesk(one.database, people, one.vault, router(dict)), ErasureDesk(people, one.vault)
        wish = NewRightsRequest(kind="erasure", tax_code=tax_code)
        request_id = request_id or perform(one, desk.add(actor, wish))["request_id"]
        seen = perform(one, erasures.preview(actor, tax_code))["confirmation"]
        perform(one, erasures.order(actor, request_id, ErasureOrder(confirmation=seen, despite=despite)))
    return request_id


def passphrase(folder: Path) -> tuple[str, str]:
    """The option for one."""
    file = folder / "phrase"
    file.write_text("cavallo batteria graffetta\n")
    return "--passphrase-file", str(file)


def rows(home: Path, table) -> list:
    with opened(home) as one, one.database.read() as connection:
        return connection.execute(select(table)).all()


def erased(home: Path) -> int:
    return sum(row.subject_hash.startswith("erased:") for row in rows(home, citizens))


def test_what_was_ordered_is_erased_without_a_tax_code_and_stays_so_after_a_restore(
    home, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    kept = passphrase(tmp_path)
    assert run(["erase", "--ordered", "--home", str(home)]) == 0
    assert "no erasure is ordered" in capsys.readouterr().out
    request_id = order(home, ROSSI)
    assert run(["backup", "--home", str(home), "--to", str(tmp_path / "b"), "--with-keys", *kept]) == 0
    assert run(["erase", "--ordered", "--despite", "altro", "--home", str(home)]) == 2
    capsys.readouterr()
    assert run(["erase", "--ordered", "--json", "--home", str(home)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert ([each["request_id"] for each in told["erased"]], told["refused"]) == ([request_id], [])
    assert erased(home) == 1
    [request] = rows(home, rights_requests)
    assert request.erased_at is not None
    assert run(["request", "close", request_id, "--outcome", "done", "--home", str(home)]) == 0
    new, journal = tmp_path / "new", home / "erasures.jsonl"
    restored = ("restore", "--home", str(new), "--from", str(tmp_path / "b"), "--erasures", str(journal), *kept)
    assert run(restored) == 0
    assert erased(new) == 1, "the back-up had the order alone"
    assert run(["erase", "--ordered", "--home", str(new)]) == 0
    assert "no erasure is ordered" in capsys.readouterr().out


def test_an_order_that_a_back_up_has_is_none_any_more_for_it_may_have_been_taken_back(home, tmp_path, capsys):
    request_id = order(home, ROSSI)
    kept = passphrase(tmp_path)
    assert run(["backup", "--home", str(home), "--to", str(tmp_path / "b"), "--with-keys", *kept]) == 0
    assert run(["request", "close", request_id, "--outcome", "refused", "--home", str(home)]) == 0
    new = tmp_path / "new"
    restored = ("restore", "--home", str(new), "--from", str(tmp_path / "b"), "--no-later-erasures", *kept)
    assert run(restored) == 0
    assert run(["erase", "--ordered", "--home", str(new)]) == 0
    assert "no erasure is ordered" in capsys.readouterr().out
    assert erased(new) == 0
    [request] = rows(new, rights_requests)
    assert (request.closed_at, request.erasure_ordered_at) == (None, None), "open still, for whoever decides"
    order(new, ROSSI, request_id=request_id)
    assert run(["erase", "--ordered", "--home", str(new)]) == 0
    assert erased(new) == 1


def test_a_duty_that_came_after_an_order_keeps_that_one_alone_from_being_made(home, capsys):
    wanted = [order(home, BIANCHI), order(home, ROSSI)]
    with opened(home) as one, one.database.write() as tx:
        theirs = select(rights_requests.c.citizen_id).where(rights_requests.c.request_id == wanted[0])
        tx.connection.execute(
            update(items).where(items.c.citizen_id.in_(theirs)).values(collection="payments", state="due")
        )
    assert run(["erase", "--ordered", "--home", str(home)]) == 1
    assert f"request {wanted[0]}: refused, as there is a duty to keep" in capsys.readouterr().err
    assert len((home / "erasures.jsonl").read_bytes().splitlines()) == 1
    assert {row.request_id for row in rows(home, rights_requests) if row.erased_at is None} == {wanted[0]}
    order(home, BIANCHI, "sentenza 12/2026", request_id=wanted[0])
    assert run(["erase", "--ordered", "--home", str(home)]) == 0
    assert erased(home) == 2


def test_the_reason_of_an_order_is_not_one_for_a_duty_that_came_after_it(home, capsys):
    def owing(tax_code: str) -> None:
        """What the person has is a payment that is open and comes now."""
        with opened(home) as one, one.database.write() as tx:
            found = Citizens(one.vault).find(tx.connection, Subject(ENTE, "person", tax_code))
            assert found is not None
            values = {"collection": "payments", "state": "due", "received_at": tx.now}
            tx.connection.execute(update(items).where(items.c.citizen_id == found.citizen_id).values(values))

    owing(ROSSI)
    owing(BIANCHI)
    wanted = [order(home, ROSSI, "sentenza 12/2026"), order(home, BIANCHI, "sentenza 13/2026")]
    owing(ROSSI)
    assert run(["erase", "--ordered", "--home", str(home)]) == 1
    assert f"request {wanted[0]}: refused, as there is a duty to keep" in capsys.readouterr().err
    assert {row.request_id for row in rows(home, rights_requests) if row.erased_at is None} == {wanted[0]}
    order(home, ROSSI, "sentenza 14/2026", request_id=wanted[0])
    assert run(["erase", "--ordered", "--home", str(home)]) == 0
    assert erased(home) == 2


def test_an_order_that_was_taken_back_is_not_carried_out(home):
    request_id = order(home, ROSSI)
    assert run(["request", "close", request_id, "--outcome", "done", "--home", str(home)]) != 0
    assert run(["request", "close", request_id, "--outcome", "refused", "--home", str(home)]) == 0
    assert run(["erase", "--ordered", "--home", str(home)]) == 0
    assert erased(home) == 0
