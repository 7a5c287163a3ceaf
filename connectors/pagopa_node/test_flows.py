"""Reporting flows: pulled by the common suite, read exactly, and the older XML."""

import json
import os
from datetime import UTC, date, datetime
from itertools import count
from pathlib import Path

import pytest
import xmlschema

from connectors.base.pull_conformance import PullConformance
from connectors.pagopa_node import connect
from connectors.pagopa_node.config import Settings
from connectors.pagopa_node.sampling import CREDITOR, riversamento, settings
from contracts.connector import Limits

KEY = "fdr-key-4711"
SPECS = os.environ.get("RACCORDO_PROVIDER_SPECS")


class TestPull(PullConformance):
    samples = Path(__file__).parent / "samples" / "pulled"
    secrets = (KEY,)
    personal = ("01000000000000144", "iur0001")

    clock = count(0, 6 * 3600)
    """Between two rounds every pause is over."""

    def connect_to(self, url, limits):
        return connect(self.with_url(url, private_hosts=["127.0.0.1"]), limits, now=lambda: next(self.clock))

    def connect_unlisted(self, limits):
        return connect(self.with_url("https://provider.example"), limits)

    def check_request(self, request):
        assert request.headers["ocp-apim-subscription-key"] == KEY

    def with_url(self, url, **more):
        return settings(fdr_base_url=url, fdr_key=KEY, fdr_since="2026-03-01", fdr_page=2, **more)

    def test_amounts_are_exact_cents_and_days_are_italian(self):
        parts = [found.flow for _, taken in self.each_step() for found in taken.found]
        assert [(one.flow[-4:], one.total_cents, [p.amount_cents for p in one.payments]) for one in parts] == [
            ("0001", 9650, [8450, 1000]),
            ("0001", 9650, [200]),
            ("0002", 10, [10]),
            ("0003", 100_000_000, [100_000_000]),
        ]
        assert [p.outcome for one in parts for p in one.payments] == [
            *("executed", "executed", "no_rpt", "revoked", "stand_in")
        ]
        assert parts[0].creditor_tax_code == CREDITOR
        assert parts[0].regulation_date == date(2026, 3, 3)
        assert parts[2].revision == 2


def read(document):
    connector = connect(settings(), Limits())
    (found,) = connector.read(document)
    return found


def test_the_older_xml_is_read_whole():
    flow = read(riversamento([("01000000000000144", "84.50", "0"), ("47170000000000067", "0.01", "3")])).flow
    assert (flow.flow, flow.psp_id, flow.revision) == ("2026-03-03AGID_01-0001", "AGID_01", 1)
    assert (flow.total_count, flow.total_cents, flow.creditor_tax_code) == (2, 8451, CREDITOR)
    # Without a zone it is the time in Italy.
    assert flow.made_at == datetime(2026, 3, 3, 5, tzinfo=UTC)
    assert [(p.index, p.iuv, p.amount_cents, p.outcome) for p in flow.payments] == [
        (1, "01000000000000144", 8450, "executed"),
        (2, "47170000000000067", 1, "revoked"),
    ]


def test_a_long_one_is_handed_over_in_parts_of_the_same_whole():
    document = riversamento([(f"{number:017d}", "0.01", "0") for number in range(2001)])
    found = list(connect(settings(), Limits()).read(document))
    assert [len(one.flow.payments) for one in found] == [1000, 1000, 1]
    assert {one.flow.total_count for one in found} == {2001}
    assert [p.index for one in found for p in one.flow.payments] == list(range(1, 2002))
    assert len({one.name for one in found}) == 3


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (("84.50", "84.5"), "pagopa.invalid"),
        (("84.50", "-84.50"), "pagopa.invalid"),
        (("<codiceEsitoSingoloPagamento>0<", "<codiceEsitoSingoloPagamento>7<"), "pagopa.invalid"),
        (("2011/Pagamenti/", "2012/Pagamenti/"), "pagopa.invalid"),
        (("</FlussoRiversamento>", ""), "pagopa.unreadable"),
    ],
)
def test_what_is_not_as_described_is_kept_with_the_reason(change, code):
    document = riversamento([("01000000000000144", "84.50", "0")]).decode().replace(*change).encode()
    found = read(document)
    assert (found.flow, found.raw, [wrong.code for wrong in found.wrong]) == (None, document, [code])
    assert "84.5" not in found.wrong[0].detail


@pytest.mark.skipif(SPECS is None, reason="NOT CHECKED against the schema of flows: set RACCORDO_PROVIDER_SPECS")
def test_our_sample_of_the_older_xml_is_as_its_schema_says(tmp_path):
    text = (Path(SPECS) / "pagopa-api-2022-03_FlussoRiversamento_1_0_4.xsd").read_text(encoding="utf-8-sig")
    schema = xmlschema.XMLSchema(text)
    schema.validate(riversamento([("01000000000000144", "84.50", "0")]).decode())


def test_flows_need_a_key_and_a_day_to_begin_with():
    for missing in ("fdr_key", "fdr_since"):
        whole = {"fdr_base_url": "https://api.example", "fdr_key": KEY, "fdr_since": "2026-03-01", missing: None}
        with pytest.raises(ValueError, match="needs fdr_key and fdr_since"):
            settings(**whole)
    assert connect(settings(), Limits()).pull is None
    assert json.loads(Settings.model_validate(settings().model_dump()).model_dump_json())["caller_key"] == "**********"
