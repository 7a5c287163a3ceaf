"""What an administrator does at the command line is in the access log: what was and what is now, and never a secret."""

import json
from pathlib import Path
from shutil import copy2

import pytest
from sqlalchemy import select

from hub.cli.options import opened
from hub.store.tables import access_log
from tests.harness import ENTE

from .conftest import Raccordo, Trail


def test_the_first_ente_and_a_changed_one_are_on_record(raccordo: Raccordo, home: Path, trail: Trail) -> None:
    assert raccordo("ente", "change", ENTE, "--portal-url", "https://area.example.it").code == 0
    [change] = trail()
    assert change["operation"] == "change_ente"
    assert change["target"] == f"enti/{ENTE}"
    assert change["after"] == {"portal_url": "https://area.example.it"}
    assert change["before"] == {"portal_url": "https://hub.comune.example.it"}
    with opened(home) as one, one.database.read() as connection:
        assert connection.execute(select(access_log.c.operation)).scalars().first() == "add_ente"


def test_another_ente_is_on_record_as_its_own_and_a_refusal_too(raccordo: Raccordo, home: Path) -> None:
    wanted = ("ente", "add", "c_a944", "--name", "Altro", "--public-url", "https://altro.example.it")
    assert raccordo(*wanted).code == 0
    assert raccordo(*wanted).code == 1
    with opened(home) as one, one.database.read() as connection:
        query = select(access_log.c.operation, access_log.c.outcome).where(access_log.c.ente_id == "c_a944")
        outcomes = [tuple(row) for row in connection.execute(query.order_by(access_log.c.access_id))]
    assert outcomes[0] == ("add_ente", "ok")
    assert [operation for operation, outcome in outcomes[1:] if outcome != "ok"] == ["add_ente"]


def test_document_types_rules_portals_and_callbacks_say_what_was_and_what_is(
    raccordo: Raccordo, keys: Path, trail: Trail
) -> None:
    jwks = keys / "jwks.json"
    labels = ("--label-it", "Permesso", "--label-en", "Permit")
    for arguments in (
        ("document-type", "add", "permesso", *labels),
        ("document-type", "change", "permesso", "--keep-copy"),
        ("document-type", "others", "--refuse"),
        ("document-type", "remove", "permesso"),
        ("rule", "set", "payment_due", "--off"),
        ("rule", "reset", "payment_due"),
        ("portal", "add", "portale", "--jwks", jwks),
        ("vendor", "add", "acme", "--name", "Acme", "--trust", "jwk", "--jwks", jwks),
        ("vendor", "callbacks", "set", "acme", "--events-url", "https://acme.example.it/events"),
        ("vendor", "callbacks", "remove", "acme"),
    ):
        answer = raccordo(*arguments)
        assert answer.code == 0, (arguments, answer.err)
    told = trail()
    assert [each["operation"] for each in told] == [
        *("add_document_type", "change_document_type", "change_document_type", "remove_document_type"),
        *("change_rule", "change_rule", "add_portal", "add_vendor"),
        *("set_vendor_callbacks", "remove_vendor_callbacks"),
    ]
    added, changed, others, removed, off, _, portal, _, callbacks, _ = told
    assert added["after"]["label_it"] == "Permesso"
    assert (changed["before"]["keep_copy"], changed["after"]["keep_copy"]) == (False, True)
    assert (others["target"], others["after"]["refused"]) == ("document-types/*", True)
    assert removed["before"]["keep_copy"] is True
    assert off["after"] == {"enabled": False}
    assert portal["after"]["scopes"] == ["feed:read", "feed:write"]
    assert callbacks["after"]["events"]["to"] == "https://acme.example.it/events"


def test_what_was_refused_is_on_record_as_refused(raccordo: Raccordo, trail: Trail) -> None:
    assert raccordo("document-type", "remove", "ignoto").code == 1
    [refused] = trail()
    assert refused["operation"] == "remove_document_type"
    assert refused["outcome"] != "ok"


def test_a_clients_registration_at_pdnd_is_on_record_without_its_key(
    raccordo: Raccordo, other_keys: Path, trail: Trail
) -> None:
    uuid = "11111111-1111-4111-8111-111111111111"
    common = ("--client-id", uuid, "--kid", "k1", "--token-url", "https://auth.example.it/token", "--audience", "a")
    key = other_keys / "key.pem"
    assert raccordo("ente", "pdnd-client", "add", "uno", *common, "--purpose-id", uuid, "--key", key).code == 0
    assert raccordo("ente", "pdnd-client", "remove", "uno").code == 0
    added, removed = trail()
    assert (added["operation"], added["target"], added["after"]["key"]) == (
        "add_pdnd_client",
        "pdnd-clients/uno",
        "sealed",
    )
    assert removed["operation"] == "remove_pdnd_client"
    assert "PRIVATE" not in json.dumps([added, removed])


def test_what_is_done_outside_of_a_commit_is_on_record_before_and_after(
    raccordo: Raccordo, tmp_path: Path, trail: Trail
) -> None:
    folder = tmp_path / "out"
    assert raccordo("connector", "set", "prova", "--type", "loopback", "--set", f"folder={folder}").code == 0
    assert raccordo("connector", "check", "prova").code == 1
    folder.mkdir()
    assert raccordo("connector", "check", "prova").code == 0
    _, *checks = trail()
    assert {(each["operation"], each["target"]) for each in checks} == {("check_connector", "connectors/prova")}
    assert [each["outcome"] for each in checks] == ["begun", "failed", "begun", "ok"]
    assert checks[1]["after"] == {"outcome": "failed", "reason": "loopback.folder"}
    assert checks[3]["after"] == {"outcome": "done"}


@pytest.mark.parametrize(
    ("command", "operation", "after"),
    [
        (("keys", "rotate-hub"), "rotate_hub_key", {"kid", "before", "outcome"}),
        (("keys", "rotate-vault"), "rotate_vault_key", {"current", "outcome"}),
        (("retention", "apply"), "apply_retention", {"removed", "outcome"}),
        (("evidence", "seal"), "seal_evidence", {"sealed", "changed", "outcome"}),
    ],
)
def test_what_is_done_to_the_whole_hub_is_on_record(
    raccordo: Raccordo, trail: Trail, command: tuple[str, ...], operation: str, after: set[str]
) -> None:
    assert raccordo(*command).code == 0
    begun, done = trail()
    assert (begun["operation"], begun["outcome"]) == (operation, "begun")
    assert done["operation"] == operation
    assert set(done["after"]) == after
    assert done["after"]["outcome"] == "done"
    assert raccordo("audit", "verify").code == 0


def test_a_backup_is_on_record_in_the_backup_itself_and_a_restore_in_what_it_made(
    raccordo: Raccordo, call: Raccordo, tmp_path: Path, home: Path, trail: Trail
) -> None:
    assert raccordo("backup", "--to", tmp_path / "copy").code == 0
    begun, done = trail()
    assert (begun["operation"], begun["outcome"], done["after"]["outcome"]) == ("make_backup", "begun", "done")
    assert raccordo("backup", "--to", tmp_path / "copy").code == 1, "it is there already"
    assert len(trail()) == 2, "refused before it began"
    anew = tmp_path / "anew"
    anew.mkdir()
    for name in ("vault.json", "hub-key.pem"):
        copy2(home / name, anew / name)
    answer = call("restore", "--from", tmp_path / "copy", "--no-later-erasures", "--home", anew)
    assert answer.code == 0, answer.err
    with opened(anew) as one, one.database.read() as connection:
        operations = connection.execute(select(access_log.c.operation).order_by(access_log.c.access_id)).scalars().all()
    assert operations == ["add_ente", "make_backup", "restore_backup", "restore_backup"]
