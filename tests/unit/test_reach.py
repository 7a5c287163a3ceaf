"""What the names of hosts lead to when an administrator saves them: inside is refused, as addresses are."""

import socket

import pytest
from pydantic import BaseModel, SecretStr

from contracts.connector import ConnectorType, Manifest
from hub.admin import reach
from hub.admin.reach import Reach, addresses_of
from hub.errors import ContractViolation
from hub.store.connector_versions import Content

DNS = {
    "public.example.it": ["93.184.215.14"],
    "inside.example.it": ["10.0.0.7"],
    "both.example.it": ["93.184.215.14", "169.254.169.254"],
    "v6.example.it": ["fd00::7"],
}


class Settings(BaseModel):
    url: str = ""
    host: str = ""
    imap_host: str = ""
    note: str = ""
    password: SecretStr | None = None


KIND = ConnectorType(Manifest(name="toy", title="Toy", channel="none"), Settings, lambda **_: None)


def saved(settings, *, before=None, overrides=None, hosts=(), dns=DNS):
    """The pointers that are refused, and the names that were looked up."""
    asked = []

    def look_up(host):
        asked.append(host)
        return dns.get(host, ())

    mine = Reach(frozenset(hosts), look_up=look_up)
    old = None if before is None else Content("toy", before, {}, {}, "production")
    refused = ()
    try:
        mine.check_names(KIND, Content("toy", settings, {}, overrides or {}, "production"), old)
    except ContractViolation as violation:
        refused = violation.faults
    assert {fault.code for fault in refused} <= {"host.not_allowed"}
    return [fault.pointer for fault in refused], asked


@pytest.mark.parametrize("host", ["inside.example.it", "both.example.it", "v6.example.it", "inside.example.it."])
def test_a_name_that_leads_inside_is_refused(host):
    assert saved({"url": f"https://{host}/api"})[0] == ["/settings/url"]
    assert saved({"host": host})[0] == ["/settings/host"]
    assert saved({"imap_host": host})[0] == ["/settings/imap_host"]


def test_what_is_public_or_leads_nowhere_yet_is_taken():
    assert saved({"url": "https://public.example.it", "host": "nowhere.example.it"}) == (
        [],
        ["public.example.it", "nowhere.example.it"],
    )


def test_what_the_operator_lists_and_what_stood_there_is_not_asked_about():
    inside = {"url": "https://inside.example.it/a"}
    assert saved(inside, hosts=["inside.example.it"]) == ([], [])
    assert saved(inside, before=inside) == ([], [])
    assert saved(inside, before={"url": "https://inside.example.it/b"})[0] == ["/settings/url"]


def test_settings_of_one_service_are_looked_at_too():
    found, _ = saved({}, overrides={"tari": {"url": "https://inside.example.it"}})
    assert found == ["/service_overrides/tari/url"]


def test_neither_secrets_nor_texts_are_told_to_a_name_server():
    settings = {
        "password": "https://inside.example.it",
        "note": "inside.example.it",
        "unknown": "https://v6.example.it",
    }
    assert saved(settings) == ([], [])


def test_an_address_in_another_spelling_is_the_same_address():
    assert "127.0.0.1" in addresses_of("127.1")
    assert saved({"url": "http://127.1/"}, dns={"127.1": addresses_of("127.1")})[0] == ["/settings/url"]


def test_a_name_server_that_fails_or_does_not_answer_refuses_nothing(monkeypatch):
    def fails(*_args, **_kwargs):
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", fails)
    assert addresses_of("inside.example.it") == ()
    monkeypatch.setattr(reach, "LOOK_UP_S", 0.0)
    assert saved({"url": "https://nowhere.example.it"})[0] == []


def test_nobody_has_a_thousand_names_looked_up():
    overrides = {f"s{n}": {"url": f"https://h{n}.example.it"} for n in range(51)}
    with pytest.raises(ContractViolation) as refused:
        Reach(look_up=lambda _: pytest.fail("looked up")).check_names(
            KIND, Content("toy", {}, {}, overrides, "production")
        )
    assert refused.value.faults[0].code == "host.too_many"
