"""The tour itself, act by act, as the terminal shows it."""

import time
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console
from rich.panel import Panel
from rich.table import Table

from hub.security import jose
from hub.security.digest import digest_header

from .cast import (
    CERTIFICATE,
    CITIZENS,
    PASS,
    PAYMENT,
    PDF,
    RECEIPT,
    ROSSI,
    WELCOME,
    Sender,
    body_of,
    item,
)
from .family import MOTHER, Family
from .findings import Finding, inspect
from .fine import Fine
from .stage import IO_STEP_S, Stage, StageError

_COLOURS = {"delivered": "green", "skipped": "yellow", "unconfirmed": "magenta", "rejected": "red", "held": "red"}


def run(*, once: bool, home: Path = Path(".raccordo/demo")) -> int:
    """Play the tour in `home`, made anew; the exit code says whether all went well. Without `once` it serves on."""
    console = Console(highlight=False)
    started = time.monotonic()
    console.print(Panel("[bold]Raccordo[/]: un hub di interoperabilità per i comuni / an interoperability hub"))
    try:
        stage = Stage.set_up(home)
    except StageError as exc:
        console.print(f"[red]{exc}[/]")
        return 1
    failed = True
    try:
        failed = any(not finding.holds for finding in _play(console, stage))
        console.print(f"\n[dim]{time.monotonic() - started:.1f} s[/]")
        if not once and not failed:
            _serve_on(console)
    except (StageError, httpx.HTTPError) as exc:
        console.print(f"[red]{type(exc).__name__}: {exc}[/]\nlog: {home / 'hub.log'}")
    finally:
        stage.tear_down()
    return 1 if failed else 0


def _play(console: Console, stage: Stage) -> list[Finding]:
    cast = stage.cast
    _act(
        console,
        1,
        "L'hub è in servizio; App IO, posta, SEND, pagoPA e PDND sono simulate",
        "the hub is up; App IO, mail, SEND, pagoPA and PDND are simulated",
    )
    console.print(f"  {cast.base}   home {stage.folder / 'hub'}")
    for sender in (cast.tributi, cast.anagrafe, cast.mobilita):
        console.print(f"  fornitore / vendor [bold]{sender.vendor_id}[/]: {sender.how}")
    answers = [*_publications(console, stage), *_refusals(console, stage)]
    stage.settled()
    _act(
        console,
        9,
        "L'area personale di ogni cittadino, letta dal portale",
        "each citizen's feed, as the portal reads it",
    )
    for citizen in CITIZENS:
        console.print(_feed_table(citizen.name, stage.read(citizen, "/items"), stage.read(citizen, "/summary")))
    _act(console, 10, "Le consegne e i loro esiti", "the deliveries and how they ended")
    console.print(_deliveries_table(stage))
    findings = [*answers, *inspect(stage)]
    _act(
        console,
        11,
        "Una famiglia iscrive un figlio al nido",
        "a family enrols a child at nursery school: from the draft to the renewal",
    )
    findings += Family(console, stage).play()
    told = (MOTHER.name, stage.read(MOTHER, "/items"), stage.read(MOTHER, "/summary"))
    console.print(_feed_table(*told))
    _act(
        console,
        12,
        "Una multa notificata da SEND si paga con i costi della notifica",
        "a fine notified by SEND is paid with what the notification costs",
    )
    findings += Fine(console, stage).play()
    _act(console, 13, "Alla prova", "held against mailbox, ledgers and database")
    for finding in findings:
        mark = "[green]✓[/]" if finding.holds else "[red]✗[/]"
        wrong = "" if finding.holds else f"  expected {finding.expected!r}, found {finding.found!r}"
        console.print(f"  {mark} {finding.what}[red]{wrong}[/]")
    _where_to_look(console, stage)
    return findings


def _publications(console: Console, stage: Stage) -> list[Finding]:
    cast = stage.cast
    _act(
        console,
        2,
        "Un messaggio per Rossi: area personale, App IO, e-mail",
        "a message for Rossi: feed, App IO, e-mail",
    )
    welcome = _publish(console, stage, cast.tributi, "messages", WELCOME)
    stage.settled()
    _act(console, 3, "Un documento per Verdi, che non è su IO", "a document for Verdi, who is not on IO")
    announced = _publish(console, stage, cast.anagrafe, "documents", CERTIFICATE)
    item_id = announced.json().get("item_id", "")
    uploaded = stage.upload(cast.anagrafe, item_id, PDF)
    _answer(console, "PUT content", uploaded)
    stage.settled()
    _act(
        console,
        4,
        "Un avviso di pagamento per Bianchi; App IO risponde 429",
        "a payment notice; App IO is throttled once",
    )
    stage.io_fault(kind="throttle", retry_after=1)
    payment = _publish(console, stage, cast.tributi, "payments", PAYMENT)
    stage.settled()
    _act(
        console,
        5,
        "La ricevuta; App IO non risponde",
        f"its receipt; App IO takes it and gives no answer in {IO_STEP_S} s",
    )
    stage.io_fault(kind="hang", seconds=IO_STEP_S + 1)
    receipt = _publish(console, stage, cast.tributi, "receipts", RECEIPT)
    stage.settled()
    tracked = _with_voucher(console, stage)
    return [
        Finding(
            "message: 201 with a signed receipt", (201, True), (welcome.status_code, _receipt_holds(welcome, WELCOME))
        ),
        Finding("document and its file: 201, 201", (201, 201), (announced.status_code, uploaded.status_code)),
        tracked,
        Finding("payment and receipt: 201, 201", (201, 201), (payment.status_code, receipt.status_code)),
    ]


def _with_voucher(console: Console, stage: Stage) -> Finding:
    _act(
        console,
        6,
        "Un fornitore della PDND: voucher, firma con kid, tracciamento",
        "a member of PDND: voucher, INTEGRITY_REST_02, AUDIT_REST_02",
    )
    sender, body = stage.cast.mobilita, body_of(PASS)
    headers = stage.sign(sender, body)
    voucher = jose.parse(headers["Authorization"].removeprefix("Bearer ")).claims
    console.print(f"  voucher: purposeId {voucher['purposeId']}")
    console.print(f"           digest {voucher['digest']['value'][:24]}… (Agid-JWT-TrackingEvidence)")
    answer = stage.send("/messages", body, headers)
    _answer(console, f"{sender.vendor_id} → POST messages", answer)
    stage.settled()
    return Finding(
        "PDND voucher: 201 with a signed receipt", (201, True), (answer.status_code, _receipt_holds(answer, PASS))
    )


def _refusals(console: Console, stage: Stage) -> list[Finding]:
    tributi, anagrafe = stage.cast.tributi, stage.cast.anagrafe
    _act(console, 7, "Una firma che non regge, un token riusato", "a signature that does not hold, a token used twice")
    body = body_of(item(ROSSI, "MSG-2026-2", title="Avviso", body_markdown="Testo firmato."))
    headers = stage.sign(anagrafe, body)
    changed = body.replace(b"Testo firmato", b"Testo cambiato")
    forged = stage.send("/messages", changed, headers)
    _answer(console, "POST messages, corpo cambiato / body changed", forged)
    code, words = stage.verify(headers, changed)
    console.print(Panel(words.strip()[-1800:], title="raccordo verify", border_style="dim"))
    known = body_of(WELCOME)
    headers = stage.sign(tributi, known)
    first = stage.send("/messages", known, headers)
    again = stage.send("/messages", known, headers)
    _answer(console, "POST messages, di nuovo uguale / the same again", first)
    _answer(console, "POST messages, stesso token / same token", again)
    _act(console, 8, "Un codice fiscale sbagliato", "a wrong tax code")
    wrong = item(ROSSI, "MSG-2026-3", title="Avviso", body_markdown="Testo.")
    wrong["recipient"]["tax_code"] = "RSSMRA80A01H501X"
    body = body_of(wrong)
    headers = stage.sign(anagrafe, body)
    invalid = stage.send("/messages", body, headers)
    _answer(console, "POST messages", invalid)
    _, why = stage.verify(headers, body)
    pointers = [fault["pointer"] for fault in invalid.json().get("errors", [])]
    return [
        Finding("bad signature: 401, silent", (401, "request.refused"), (forged.status_code, forged.json()["code"])),
        Finding("raccordo verify says why", (1, True), (code, "digest" in words.lower())),
        Finding("the same again: 200 unchanged", (200, "unchanged"), (first.status_code, first.json()["outcome"])),
        Finding("replay: 409", (409, "token.replayed"), (again.status_code, again.json()["code"])),
        Finding("wrong tax code: 422 with its place", (422, ["/recipient/tax_code"]), (invalid.status_code, pointers)),
        Finding("raccordo verify shows the place too", True, "/recipient/tax_code" in why),
    ]


def _publish(
    console: Console, stage: Stage, sender: Sender, collection: str, content: dict[str, Any]
) -> httpx.Response:
    answer = stage.publish(sender, collection, content)
    _answer(console, f"{sender.vendor_id} → POST {collection}", answer)
    return answer


def _receipt_holds(answer: httpx.Response, content: dict[str, Any]) -> bool:
    own_digest: bool = answer.headers.get("digest") == digest_header(answer.content)
    request_digest = answer.json()["request_digest"] == digest_header(body_of(content))
    return own_digest and request_digest and answer.headers.get("agid-jwt-signature", "").count(".") == 2


def _act(console: Console, number: int, italian: str, english: str) -> None:
    console.print(f"\n[bold blue]{number}. {italian}[/]\n   [dim]{english}[/]")


def _answer(console: Console, what: str, answer: httpx.Response) -> None:
    content = answer.json()
    told = content.get("outcome") or content.get("code") or content.get("state", "")
    colour = "green" if answer.is_success else "yellow"
    where = "".join(f" {fault['pointer']}" for fault in content.get("errors", ()))
    console.print(f"  {what}  [{colour}]{answer.status_code}[/] {told}{where}")


def _feed_table(name: str, page: dict[str, Any], summary: dict[str, Any]) -> Table:
    waiting = summary["waiting_for_citizen"]
    title = f"{name}: {summary['unread']} da leggere / unread, {waiting} da fare / to do"
    table = Table(title=title, title_justify="left", expand=False)
    for column in ("collection", "state", "title", "vendor"):
        table.add_column(column)
    for row in page["items"]:
        table.add_row(row["collection"], row["state"], row["title"], row["vendor_id"])
    return table


def _deliveries_table(stage: Stage) -> Table:
    table = Table(expand=False)
    for column in ("channel", "state", "reason", "attempts", "provider id"):
        table.add_column(column)
    for delivery in reversed(stage.deliveries()):
        colour = _COLOURS.get(delivery["state"], "white")
        table.add_row(
            delivery["channel"],
            f"[{colour}]{delivery['state']}[/]",
            delivery["reason"] or "",
            str(delivery["attempts"]),
            (delivery["provider_id"] or "")[:40],
        )
    return table


def _where_to_look(console: Console, stage: Stage) -> None:
    folder = stage.folder
    console.print(
        Panel(
            f"documentazione delle API / API docs   {stage.cast.base}/docs\n"
            f"casella di posta / mailbox            {folder / 'providers' / 'email' / 'mailbox'}\n"
            f"registro di App IO / App IO ledger    {folder / 'providers' / 'app_io' / 'app_io.jsonl'}\n"
            f"registro di SEND / SEND ledger        {folder / 'providers' / 'send' / 'send.jsonl'}\n"
            f"registro di pagoPA / pagoPA ledger    {folder / 'providers' / 'pagopa_node' / 'pagopa_node.jsonl'}\n"
            f"registro della PDND / PDND ledger     {folder / 'providers' / 'pdnd' / 'pdnd.jsonl'}\n"
            f"database                              {folder / 'hub' / 'raccordo.db'}\n"
            f"log                                   {folder / 'hub.log'}\n"
            f"una consegna / a delivery             raccordo delivery list --home {folder / 'hub'}",
            title="Dove guardare / where to look",
        )
    )


def _serve_on(console: Console) -> None:
    console.print("\nL'hub resta in servizio; Ctrl-C per fermarlo. / The hub serves on; Ctrl-C stops it.")
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        console.print()
