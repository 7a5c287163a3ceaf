"""What the tour holds against what should be: from the mailbox, the simulators' ledgers and the database themselves."""

import email
import email.policy
import json
from collections import Counter
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select

from hub.store.chain import tails, verify_chain
from hub.store.jose_headers import verify_segments
from hub.store.tables import attempts, evidence, items

from .cast import BIANCHI, ENTE, NOTICE_NUMBER, ROSSI, VERDI
from .stage import Stage


@dataclass(frozen=True, slots=True)
class Finding:
    what: str
    expected: Any
    found: Any

    @property
    def holds(self) -> bool:
        return bool(self.expected == self.found)


def inspect(stage: Stage) -> list[Finding]:
    """Every outcome of the tour (`settled` 40). What was printed plays no part."""
    return [*_io(stage), *_mailbox(stage), *_pdnd(stage), *_database(stage)]


def _io(stage: Stage) -> list[Finding]:
    ledger = stage.folder / "providers" / "app_io" / "app_io.jsonl"
    taken = [json.loads(line) for line in ledger.read_text().splitlines()]
    by_citizen = Counter(entry["fiscal_code"] for entry in taken)
    notices = [e["message"]["content"]["payment_data"] for e in taken if "payment_data" in e["message"]["content"]]
    return [
        Finding("App IO: messages of Rossi", 1, by_citizen[ROSSI.tax_code]),
        Finding("App IO: messages of Verdi, who is not on IO", 0, by_citizen[VERDI.tax_code]),
        Finding("App IO: messages of Bianchi, none twice", 2, by_citizen[BIANCHI.tax_code]),
        Finding(
            "App IO: payment notices", [(NOTICE_NUMBER, 12_550)], [(n["notice_number"], n["amount"]) for n in notices]
        ),
    ]


def _mailbox(stage: Stage) -> list[Finding]:
    folder = stage.folder / "providers" / "email" / "mailbox"
    mails = [
        email.message_from_bytes(p.read_bytes(), policy=email.policy.default) for p in sorted(folder.glob("*.eml"))
    ]
    recipients = Counter(str(mail["To"]) for mail in mails)
    text = "\n".join(str(mail) for mail in mails)
    return [
        Finding("mailbox: mails to Rossi", 1, recipients[ROSSI.email]),
        Finding("mailbox: mails to Verdi", 2, recipients[VERDI.email]),
        Finding("mailbox: mails to Bianchi", 2, recipients[BIANCHI.email]),
        Finding("mailbox: Message-IDs are all different", len(mails), len({mail["Message-ID"] for mail in mails})),
        Finding("mailbox: no tax code in any mail", False, any(c.tax_code in text for c in (ROSSI, VERDI, BIANCHI))),
    ]


def _pdnd(stage: Stage) -> list[Finding]:
    member = stage.cast.mobilita.member
    assert member is not None
    lines = [json.loads(line) for line in (stage.folder / "providers" / "pdnd" / "pdnd.jsonl").read_text().splitlines()]
    issued = [line for line in lines if line.get("client_id") == member.client_id]
    read = [line for line in lines if line["request"] == "key" and line["path"].endswith(f"/{member.kid}")]
    return [
        Finding(
            "PDND: one voucher, for its purpose and the operator's evidence",
            [("issued", member.purpose_id, True)],
            [(line["outcome"], line["purpose_id"], line["digest"] is not None) for line in issued],
        ),
        Finding("PDND: the hub read the vendor's key, once", ["200"], [line["outcome"] for line in read]),
    ]


def _database(stage: Stage) -> list[Finding]:
    with stage.home.database.read() as connection:
        states = Counter((d["channel"], d["state"], d["reason"]) for d in stage.deliveries())
        payment = connection.execute(select(items.c.state).where(items.c.collection == "payments")).scalars().all()
        document = connection.execute(select(items.c.state).where(items.c.collection == "documents")).scalars().all()
        published = (
            select(func.count()).select_from(items).where(items.c.ente_id == ENTE, items.c.vendor_id != "raccordo")
        )
        refused = select(evidence.c.code).where(evidence.c.verdict == "refused").order_by(evidence.c.at)
        signer = f"pdnd:{stage.cast.mobilita.member.client_id}" if stage.cast.mobilita.member else ""
        of_pdnd = select(evidence.c.verdict).where(evidence.c.signer == signer)
        tried = Counter(connection.execute(select(attempts.c.outcome)).scalars())
        faults = [*verify_chain(connection, tails(connection)), *verify_segments(connection)]
        return [
            Finding("database: items published", 5, connection.execute(published).scalar_one()),
            Finding("database: the payment is paid", ["paid"], list(payment)),
            Finding("database: the document is available", ["available"], list(document)),
            Finding("deliveries: e-mails delivered", 5, states[("email", "delivered", None)]),
            Finding("deliveries: App IO delivered", 2, states[("io", "delivered", None)]),
            Finding("deliveries: App IO skipped, not on IO", 2, states[("io", "skipped", "io.not_registered")]),
            Finding(
                "deliveries: App IO unconfirmed, not resent",
                1,
                sum(n for k, n in states.items() if k[1] == "unconfirmed"),
            ),
            Finding("deliveries: nothing else", 10, sum(states.values())),
            Finding("attempts: throttled ones", 1, tried["deferred"]),
            Finding(
                "evidence: refusals",
                ["request.refused", "token.replayed", "contract.violation"],
                list(connection.execute(refused).scalars()),
            ),
            Finding("evidence: accepted of the PDND client", ["accepted"], list(connection.execute(of_pdnd).scalars())),
            Finding("evidence: the hash chain holds", [], faults),
        ]
