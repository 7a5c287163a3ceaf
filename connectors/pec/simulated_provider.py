"""A PEC provider's signed receipts, for the simulator and for tests: an authority, its provider, its word."""

import base64
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.policy import default
from html import escape
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    pkcs7,
)
from cryptography.x509.oid import NameOID

from contracts.base import ROME

PROVIDER = "posta-certificata@gestore.example"
_SUBJECTS = {
    "accettazione": "ACCETTAZIONE",
    "non-accettazione": "AVVISO DI NON ACCETTAZIONE",
    "presa-in-carico": "PRESA IN CARICO",
    "avvenuta-consegna": "CONSEGNA",
    "errore-consegna": "AVVISO DI MANCATA CONSEGNA",
    "preavviso-errore-consegna": "AVVISO DI MANCATA CONSEGNA PER SUP. TEMPO MASSIMO",
    "rilevazione-virus": "PROBLEMA DI SICUREZZA",
}


@dataclass(frozen=True, slots=True)
class Identity:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: rsa.RSAPrivateKey

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(Encoding.PEM).decode()


def identity(
    name: str, issuer: Identity | None = None, *, email: str | None = None, days: tuple[int, int] = (-30, 3650)
) -> Identity:
    """Issued by `issuer`, or by itself; an authority where it has no `email`. Valid between those days from now."""
    key = rsa.generate_private_key(65537, 2048)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=days[0]))
        .not_valid_after(now + timedelta(days=days[1]))
        .add_extension(x509.BasicConstraints(ca=email is None, path_length=None), critical=True)
    )
    if email is not None:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.RFC822Name(email)]), critical=False)
    return Identity(builder.sign(issuer.key if issuer else key, hashes.SHA256()), key)


class Provider:
    """The ente's and the recipients' provider in one. Keeps its keys in `folder`, if given one."""

    def __init__(self, folder: Path | None = None) -> None:
        self.authority, self.signer = _kept(folder) if folder else _made()
        self._count = 0

    def daticert(
        self,
        kind: str,
        original: bytes,
        *,
        at: datetime | None = None,
        error: str = "nessuno",
        detail: str = "",
        recipient_kind: str = "certificato",
        message_id: str | None = None,
    ) -> str:
        """`message_id` replaces the original's; empty, it is left out."""
        headers = message_from_bytes(original, policy=default)
        named = str(headers["Message-ID"]).strip() if message_id is None else message_id
        recipient = headers["To"].addresses[0].addr_spec
        local = (at or datetime.now(UTC)).astimezone(ROME)
        optional = [f"<msgid>{escape(named)}</msgid>"] if named else []
        if kind in ("avvenuta-consegna", "errore-consegna", "preavviso-errore-consegna"):
            optional.append(f"<consegna>{recipient}</consegna>")
        if kind == "avvenuta-consegna":
            optional.insert(-1, f'<ricevuta tipo="{headers["X-TipoRicevuta"] or "completa"}"/>')
        if detail:
            optional.append(f"<errore-esteso>{escape(detail)}</errore-esteso>")
        self._count += 1
        return (
            f'<?xml version="1.0" encoding="UTF-8"?><postacert tipo="{kind}" errore="{error}"><intestazione>'
            f"<mittente>{headers['From'].addresses[0].addr_spec}</mittente>"
            f'<destinatari tipo="{recipient_kind}">{recipient}</destinatari>'
            f"<risposte>x@comune.example.it</risposte><oggetto>{escape(str(headers['Subject']))}</oggetto></intestazione>"
            f'<dati><gestore-emittente>GESTORE SIMULATO</gestore-emittente><data zona="{local:%z}">'
            f"<giorno>{local:%d/%m/%Y}</giorno><ora>{local:%H:%M:%S}</ora></data>"
            f"<identificativo>opec{self._count}@gestore.example</identificativo>{''.join(optional)}</dati></postacert>"
        )

    def receipt(self, kind: str, original: bytes, *, xml: str | None = None, by: Any = None, **facts: Any) -> bytes:
        """A signed receipt; a complete one of delivery has the original in it. `by` another signer."""
        complete = kind == "avvenuta-consegna"
        content = inner(xml or self.daticert(kind, original, **facts), original if complete else None)
        return self.wrapped(kind, content, by or self.signer)

    def wrapped(self, kind: str, content: bytes, by: Identity) -> bytes:
        """`content` signed, in the headers of a receipt."""
        signature = (
            pkcs7.PKCS7SignatureBuilder()
            .set_data(content)
            .add_signer(by.certificate, by.key, hashes.SHA256())
            .sign(Encoding.DER, [pkcs7.PKCS7Options.DetachedSignature, pkcs7.PKCS7Options.Binary])
        )
        encoded = base64.encodebytes(signature).replace(b"\n", b"\r\n")
        head = (
            f"From: {PROVIDER}\r\nTo: comune@pec.example.it\r\nSubject: {_SUBJECTS.get(kind, kind)}: avviso\r\n"
            f"X-Ricevuta: {kind}\r\nMessage-ID: <r{self._count}@gestore.example>\r\nMIME-Version: 1.0\r\n"
            'Content-Type: multipart/signed; protocol="application/pkcs7-signature"; micalg=sha-256; '
            'boundary="----signed"\r\n\r\nThis is an S/MIME signed message\r\n'
        )
        return (
            head.encode()
            + b"\r\n------signed\r\n"
            + content
            + b'\r\n------signed\r\nContent-Type: application/pkcs7-signature; name="smime.p7s"\r\n'
            + b"Content-Transfer-Encoding: base64\r\n\r\n"
            + encoded
            + b"\r\n------signed--\r\n"
        )


def inner(xml: str, original: bytes | None = None) -> bytes:
    """The part that is signed."""
    content = (
        b'Content-Type: multipart/mixed; boundary="----inner"\r\n\r\n------inner\r\n'
        b"Content-Type: text/plain; charset=utf-8\r\n\r\nRicevuta\r\n------inner\r\n"
        b'Content-Type: application/xml; name="daticert.xml"\r\nContent-Transfer-Encoding: base64\r\n'
        b'Content-Disposition: attachment; filename="daticert.xml"\r\n\r\n'
    ) + base64.encodebytes(xml.encode()).replace(b"\n", b"\r\n")
    if original is not None:
        content += b'\r\n------inner\r\nContent-Type: message/rfc822; name="postacert.eml"\r\n'
        content += b'Content-Disposition: attachment; filename="postacert.eml"\r\n\r\n' + original
    return content + b"\r\n------inner--\r\n"


def _made() -> tuple[Identity, Identity]:
    authority = identity("Autorità simulata")
    return authority, identity("Gestore simulato", authority, email=PROVIDER)


def _kept(folder: Path) -> tuple[Identity, Identity]:
    """A simulator that comes back is the same provider: receipts from before it went stay what they were."""
    file = folder / "provider.pem"
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        blocks = []
        for each in _made():
            key = each.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
            blocks.append(each.pem + key)
        file.touch(mode=0o600)
        file.write_text("".join(blocks))
    text = file.read_bytes()
    certificates = x509.load_pem_x509_certificates(text)
    keys = [load_pem_private_key(b"-----BEGIN PRIVATE" + each, None) for each in text.split(b"-----BEGIN PRIVATE")[1:]]
    first, second = (
        Identity(certificate, key)
        for certificate, key in zip(certificates, keys, strict=True)
        if isinstance(key, rsa.RSAPrivateKey)
    )
    return first, second
