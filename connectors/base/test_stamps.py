"""Revenue stamps as receipts bring them: the file is kept whatever it says, what it says is taken where it can be."""

from base64 import b64encode

import pytest

from connectors.base.stamps import stamp_of

DIGEST = "A" * 43 + "="


def stamp(iubd="01221012345678", at="2026-03-02T10:15:30", digest=DIGEST, more=""):
    """As the schema of the Agenzia delle Entrate has it, but for the signature, of which it has the digests alone."""
    return (
        '<marcaDaBollo xmlns="http://www.agenziaentrate.gov.it/2014/MarcaDaBollo"'
        ' xmlns:ds="http://www.w3.org/2000/09/xmldsig#">'
        "<PSP><CodiceFiscale>06874351007</CodiceFiscale><Denominazione>PSP di Prova</Denominazione></PSP>"
        f"<IUBD>{iubd}</IUBD><OraAcquisto>{at}</OraAcquisto><Importo>16.00</Importo><TipoBollo>01</TipoBollo>"
        '<ImprontaDocumento><DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/>'
        f"<ds:DigestValue>{digest}</ds:DigestValue></ImprontaDocumento>"
        "<ds:Signature><ds:SignedInfo><ds:Reference><ds:DigestValue>c2lnbmF0dXJl</ds:DigestValue></ds:Reference>"
        f"</ds:SignedInfo></ds:Signature>{more}</marcaDaBollo>"
    ).encode()


def sent(content):
    return b64encode(content).decode()


def test_a_stamp_is_kept_as_it_came_with_what_it_says():
    assert stamp_of(sent(stamp()), 1600) == {
        "amount_cents": 1600,
        "file": sent(stamp()),
        "number": "01221012345678",
        "sold_at": "2026-03-02T09:15:30Z",
        "document_sha256": DIGEST,
    }


def test_base64_in_lines_is_the_same():
    lines = "\n ".join(sent(stamp())[n : n + 76] for n in range(0, len(sent(stamp())), 76))
    assert stamp_of(f"\n{lines}\n", 1600) == stamp_of(sent(stamp()), 1600)


@pytest.mark.parametrize(
    "content",
    [b"%PDF-1.7", b"<marcaDaBollo>", b'<!DOCTYPE x [<!ENTITY a "b">]><x><IUBD>&a;</IUBD></x>', b"<x/>", b"\x00"],
)
def test_one_that_cannot_be_read_is_kept_all_the_same(content):
    assert stamp_of(sent(content), 1600) == {"amount_cents": 1600, "file": sent(content)}


@pytest.mark.parametrize(
    ("changes", "left"),
    [
        ({"iubd": "9" * 65}, {"sold_at", "document_sha256"}),
        ({"iubd": " "}, {"sold_at", "document_sha256"}),
        ({"at": "ieri"}, {"number", "document_sha256"}),
        ({"at": "0001-01-01T00:00:00"}, {"number", "document_sha256"}),
        ({"digest": "corto"}, {"number", "sold_at"}),
    ],
)
def test_what_is_no_such_thing_is_left_out(changes, left):
    assert stamp_of(sent(stamp(**changes)), 1600).keys() == {"amount_cents", "file"} | left


@pytest.mark.parametrize("attachment", ["", "non base64!", "QQ", sent(b"x" * 300_000)])
def test_what_is_no_file_is_told(attachment):
    with pytest.raises(ValueError, match=r"Base64|file"):
        stamp_of(attachment, 1600)
