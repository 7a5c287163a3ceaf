"""What settings name inside the machine's network, however it is written."""

import pytest

from connectors import email
from contracts.connector import ConnectorType
from hub.admin.reach import Reach
from hub.errors import ContractViolation
from hub.store.connector_versions import Content

EMAIL = ConnectorType(manifest=email.MANIFEST, settings=email.Settings, connect=email.connect)


def refused(**settings):
    try:
        Reach().check(EMAIL, Content("email", settings))
    except ContractViolation as refusal:
        return [(fault.pointer, fault.code) for fault in refusal.faults]
    return []


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", " 127.0.0.1", "localhost ", "LOCALHOST.", "db.localhost"),
        *("::1", "::ffff:10.0.0.1", "fe80::1", "[::1]", "[::1]:25"),
        *(
            "127.1",
            "0x7f.1",
            "2130706433",
            "0177.0.0.1",
            "10.1",
            "127\u30020\u30020\u30021",
            "\uff11\uff12\uff17.0.0.1",
        ),
    ],
)
def test_an_address_inside_is_one_in_whatever_form_a_resolver_takes(host):
    assert refused(host=host) == [("/settings/host", "host.not_allowed")]
    assert refused(imap_host=host) == [("/settings/imap_host", "host.not_allowed")]


@pytest.mark.parametrize(
    "url", ["https://127.1/a", "https://0x7f000001/", "https://127\u30020\u30020\u30021/", " https://10.0.0.1/"]
)
def test_so_it_is_in_an_address(url):
    assert refused(base_url=url) == [("/settings/base_url", "host.not_allowed")]


def test_what_is_outside_or_no_host_may_be_named():
    assert refused(host="smtp.example.it", imap_host="8.8.8.8", base_url="https://api.example.it/127.1") == []
    assert refused(station="2130706433", version="127.1", sender="a@localhost.example.it", face="cafe") == []
    assert refused(host="cafe.it", imap_host="2a00:1450:4001::1") == []


def test_a_file_of_the_machine_is_the_operators_to_name():
    faults = refused(ca_file="/dev/zero", imap_ca_file="/etc/ssl/private/other.pem")
    assert faults == [("/settings/ca_file", "folder.not_allowed"), ("/settings/imap_ca_file", "folder.not_allowed")]


def test_where_providers_are_simulated_this_machine_may_be_named_and_nothing_else_inside():
    trial = Reach(trial=lambda: True)
    trial.check(EMAIL, Content("email", {"host": "127.0.0.1"}))
    trial.check_names(EMAIL, Content("email", {"host": "localhost"}))
    with pytest.raises(ContractViolation):
        trial.check(EMAIL, Content("email", {"host": "10.0.0.7"}))
