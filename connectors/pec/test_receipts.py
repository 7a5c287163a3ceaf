"""Receipts, read: each kind, each way in which providers word them, and everything that is no provider's word."""

import base64
import random
from datetime import UTC, datetime
from typing import Any

import pytest

from connectors.base.conformance import make_notice
from connectors.base.mail.addresses import opaque_token
from contracts.inbound import Report

from .config import Settings
from .message import compose
from .receipts import Receipt, read_daticert, read_receipt
from .simulated_provider import PROVIDER, Provider, identity, inner

AT = datetime(2026, 3, 2, 23, 30, tzinfo=UTC)
NOW = datetime.now(UTC)
DOMAIN = "pec.example.it"
NOTICE = make_notice(digital_address="mario.rossi@pec.example")
ID = f"<{opaque_token(NOTICE.delivery_id)}@{DOMAIN}>"
SIM = Provider()
AUTHORITIES = (SIM.authority.certificate,)
SETTINGS = Settings(
    host="127.0.0.1",
    security="none",
    from_address=f"comune@{DOMAIN}",
    imap_host="127.0.0.1",
    imap_security="none",
    imap_username="a",
    imap_password="b",
    receipt_authorities=SIM.authority.pem,
)
ORIGINAL = compose(
    NOTICE, "mario.rossi@pec.example", message_id=ID, date="Mon, 02 Mar 2026 10:00:00 +0000", settings=SETTINGS
).as_bytes()


def read(raw: bytes, authorities: Any = AUTHORITIES) -> Receipt:
    return read_receipt(raw, NOW, authorities, DOMAIN, SETTINGS.from_address)


def said(kind: str, **facts: Any) -> Report | None:
    return read(SIM.receipt(kind, ORIGINAL, at=AT, **facts)).report


@pytest.mark.parametrize(
    ("kind", "facts", "event", "reason"),
    [
        ("accettazione", {}, "accepted", ""),
        ("accettazione", {"recipient_kind": "esterno"}, "failed", "pec.not_a_pec_address"),
        ("avvenuta-consegna", {}, "delivered", ""),
        ("non-accettazione", {"error": "virus"}, "failed", "pec.not_accepted.virus"),
        ("non-accettazione", {"detail": "5.6.0 - x"}, "failed", "pec.not_accepted.5.6.0"),
        ("errore-consegna", {"error": "no-dest", "detail": "5.1.1 - G - no"}, "failed", "pec.not_delivered.5.1.1"),
        ("errore-consegna", {"error": "no-dominio"}, "failed", "pec.not_delivered.no-dominio"),
        ("errore-consegna", {"detail": "5.2.2 - G - piena"}, "failed", "pec.not_delivered.5.2.2"),
        ("rilevazione-virus", {}, "failed", "pec.not_delivered.virus"),
        ("preavviso-errore-consegna", {"detail": "5.4.1 - G - tempo"}, "failed", "pec.not_delivered.5.4.1"),
        ("preavviso-errore-consegna", {"detail": "4.4.1 - G - tempo"}, "delayed", "pec.warned"),
        ("preavviso-errore-consegna", {"detail": "chissà"}, "delayed", "pec.warned"),
    ],
)
def test_each_kind_says_what_it_says(kind: str, facts: dict[str, str], event: Any, reason: str) -> None:
    raw = SIM.receipt(kind, ORIGINAL, at=AT, **facts)
    assert read(raw).report == Report(event, AT, provider_id=ID, reason=reason, evidence=raw)
    assert "mario.rossi" not in repr(read(raw))


@pytest.mark.parametrize("kind", ["presa-in-carico", "posta-certificata", "mancata-consegna", ""])
def test_other_kinds_change_nothing(kind: str) -> None:
    assert said(kind) is None


@pytest.mark.parametrize(
    "message_id",
    [ID, ID.strip("<>"), ID.upper(), ID.replace("<", "%3C"), ID.replace(DOMAIN, "riscritto.example"), f" {ID} "],
)
def test_the_message_id_is_known_however_it_is_written(message_id: str) -> None:
    found = said("accettazione", message_id=message_id)
    assert found is not None
    assert found.provider_id == ID


def test_brackets_that_were_not_escaped_are_read() -> None:
    xml = SIM.daticert("accettazione", ORIGINAL).replace("&lt;", "<").replace("&gt;", ">")
    assert f"<msgid>{ID}</msgid>" in xml
    assert read(SIM.receipt("accettazione", ORIGINAL, xml=xml)).report is not None


def test_without_a_msgid_a_complete_receipt_is_known_by_the_original_in_it() -> None:
    found = said("avvenuta-consegna", message_id="")
    assert found is not None
    assert found.provider_id == ID
    assert said("accettazione", message_id="") is None


@pytest.mark.parametrize(("zone", "hour"), [("+0100", 23), ("+0200", 22), ("-0500", 5)])
def test_the_time_is_that_of_the_provider(zone: str, hour: int) -> None:
    xml = SIM.daticert("accettazione", ORIGINAL, at=datetime(2026, 3, 2, 23, tzinfo=UTC))
    found = read_daticert(xml.replace("+0100", zone).encode())
    assert (found.at.strftime("%z"), found.at.astimezone(UTC).hour) == (zone, hour)


STRANGER = identity("Autorità di altri")
UNTRUSTED: dict[str, tuple[bytes, str]] = {
    "ordinary mail that says so": (
        b"From: "
        + PROVIDER.encode()
        + b"\r\nX-Ricevuta: avvenuta-consegna\r\nX-Riferimento-Message-ID: "
        + ID.encode()
        + b"\r\n"
        + inner(SIM.daticert("avvenuta-consegna", ORIGINAL), ORIGINAL),
        "claims",
    ),
    "signed by itself": (
        SIM.receipt("avvenuta-consegna", ORIGINAL, by=identity("Gestore simulato", email=PROVIDER)),
        "provider_not_trusted",
    ),
    "signed under another authority": (
        SIM.receipt("avvenuta-consegna", ORIGINAL, by=identity("G", STRANGER, email=PROVIDER)),
        "provider_not_trusted",
    ),
    "signed by another certificate of the authority": (
        SIM.receipt("avvenuta-consegna", ORIGINAL, by=identity("Mario", SIM.authority, email="mario@gestore.example")),
        "not_a_provider_s_certificate",
    ),
    "signed by a certificate that a provider issued": (
        SIM.receipt("avvenuta-consegna", ORIGINAL, by=identity("G", SIM.signer, email=PROVIDER)),
        "provider_not_trusted",
    ),
    "signed by one that is over": (
        SIM.receipt("avvenuta-consegna", ORIGINAL, by=identity("G", SIM.authority, email=PROVIDER, days=(-90, -1))),
        "certificate_not_valid_then",
    ),
    "another provider's name outside": (
        SIM.receipt("avvenuta-consegna", ORIGINAL).replace(PROVIDER.encode(), b"posta-certificata@altro.example", 1),
        "sender_is_not_the_signer",
    ),
    "a signed message without daticert": (SIM.wrapped("avvenuta-consegna", ORIGINAL, SIM.signer), "no_daticert"),
    "a provider's receipt inside another's mail": (
        b'Content-Type: multipart/mixed; boundary="m"\r\nX-Ricevuta: avvenuta-consegna\r\n\r\n--m\r\n'
        b"Content-Type: message/rfc822\r\n\r\n" + SIM.receipt("avvenuta-consegna", ORIGINAL) + b"\r\n--m--\r\n",
        "claims",
    ),
}


@pytest.mark.parametrize("name", UNTRUSTED)
def test_what_no_trusted_provider_signed_changes_nothing(name: str) -> None:
    raw, why = UNTRUSTED[name]
    assert read(raw) == Receipt(None, why)


def test_a_real_receipt_of_another_message_cannot_be_turned_to_ours() -> None:
    other = ORIGINAL.replace(ID.encode(), b"<" + b"a" * 26 + b"@pec.example.it>")
    raw = SIM.receipt("avvenuta-consegna", other)
    turned = raw.replace(b"X-Ricevuta:", b"X-Riferimento-Message-ID: " + ID.encode() + b"\r\nX-Ricevuta:", 1)
    found = read(turned).report
    assert found is not None
    assert found.provider_id != ID


@pytest.mark.parametrize("kind", ["errore-consegna", "avvenuta-consegna"])
def test_what_another_has_sent_under_our_message_id_is_nothing_of_ours(kind: str) -> None:
    """Its recipient knows the Message-ID, and a provider certifies what he sends himself."""
    xml = SIM.daticert(kind, ORIGINAL).replace(f"<mittente>{SETTINGS.from_address}<", "<mittente>mario@pec.example<")
    assert "mario@pec.example<" in xml
    assert read(SIM.receipt(kind, ORIGINAL, xml=xml)) == Receipt(None, "nothing_of_ours")
    ours = SIM.daticert(kind, ORIGINAL).replace(SETTINGS.from_address, SETTINGS.from_address.upper())
    assert read(SIM.receipt(kind, ORIGINAL, xml=ours)).report is not None


def test_a_provider_may_be_trusted_by_its_own_certificate() -> None:
    raw = SIM.receipt("avvenuta-consegna", ORIGINAL)
    assert read(raw, (SIM.signer.certificate,)).report is not None
    assert read(raw, (STRANGER.certificate,)).report is None


def test_line_ends_that_a_mailbox_changed_are_those_that_were_signed() -> None:
    assert read(SIM.receipt("avvenuta-consegna", ORIGINAL).replace(b"\r\n", b"\n")).report is not None


def test_with_any_byte_of_the_signed_part_another_it_is_nobodys_word() -> None:
    raw = SIM.receipt("accettazione", ORIGINAL)
    start = raw.index(b"\r\n------signed\r\n") + 16
    end = raw.index(b"\r\n------signed\r\n", start)
    draw = random.Random(11)
    for _ in range(200):
        place = draw.randrange(start, end)
        spoilt = raw[:place] + bytes([raw[place] ^ draw.randrange(1, 256)]) + raw[place + 1 :]
        found = read(spoilt)
        # A CR that became something else may be put right by the line ends; then it is what was signed.
        assert found.report is None or read(raw).report == found.report or spoilt.count(b"\r\n") != raw.count(b"\r\n")
    for _ in range(200):
        assert read(raw[: draw.randrange(len(raw) - 60)]).report is None


BOMB = (
    '<?xml version="1.0"?><!DOCTYPE postacert [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    '<postacert tipo="accettazione">&b;</postacert>'
)
OUTSIDE = (
    '<?xml version="1.0"?><!DOCTYPE postacert [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
    '<postacert tipo="accettazione"><dati><msgid>&a;</msgid></dati></postacert>'
)


@pytest.mark.parametrize(
    "xml",
    [
        "",
        "x",
        "<a/>",
        "<postacert/>",
        BOMB,
        OUTSIDE,
        "<postacert>" * 20_000,
        "<postacert tipo='accettazione'><dati/></postacert>",
        "x" * 300_000,
    ],
)
def test_a_daticert_made_to_break_the_reader_changes_nothing(xml: str) -> None:
    assert read(SIM.wrapped("accettazione", inner(xml), SIM.signer)) == Receipt(None, "unreadable")


@pytest.mark.parametrize("raw", [b"", b"\0" * 9000, b"Content-Type: multipart/signed\r\n\r\n", ORIGINAL])
def test_rubbish_changes_nothing(raw: bytes) -> None:
    assert read(raw).report is None


def test_a_certificate_of_a_version_that_is_none_does_not_hold_up_the_mailbox() -> None:
    raw = SIM.receipt("accettazione", ORIGINAL, at=AT)
    head, _, rest = raw.rpartition(b"smime.p7s")
    headers, gap, encoded = rest.replace(b"\r\n", b"\n").partition(b"\n\n")
    signature, line, end = encoded.partition(b"\n--")
    der = base64.b64decode(signature)
    version = b"\xa0\x03\x02\x01\x02"
    assert version in der
    wrong = base64.encodebytes(der.replace(version, b"\xa0\x03\x02\x01\x05"))
    found = read(head + b"smime.p7s" + headers + gap + wrong + line + end)
    assert (found.report, found.why) == (None, "unreadable")
