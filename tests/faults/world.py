"""A hub process, its providers in this one, and the hands to kill and to start it again on the same home."""

import email
import json
import re
import signal
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from email.policy import default
from pathlib import Path
from typing import Any

import httpx

from connectors import registry as connectors
from hub.store.chain import verify_chain

from ..harness import Caller, HubUnderTest, eventually, make_home
from .generator import CITIZENS, Generator, fingerprint
from .hub_process import CONTEXT, PLAIN, Life, serve
from .oracle import Evidence, Shown, Told

_NAME = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_FAST = {"retry_base_s": 0.05, "retry_cap_s": 0.2, "timeout_s": 20}


class World:
    """One home, two providers, one vendor that keeps account, and as many lives of the hub as a test wants."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._io = connectors.simulate("app_io", folder / "io", status_polls=0)
        self._mail = connectors.simulate("email", folder / "mail")
        io = {**self._io.start(), "status_delay_s": 0.05}
        self._io_url = str(io["base_url"]).removesuffix("/api/v1")
        self._vendor, self._other, self._portal = Caller("acme"), Caller("beta"), Caller("portale")
        self._home = make_home(
            folder / "home",
            vendors=(self._vendor, self._other),
            portals=(self._portal,),
            connectors={"io": ("app_io", io), "posta": ("email", self._mail.start())},
            limits=_FAST,
        )
        self._home.database.close()
        self._database = self._home.folder / "raccordo.db"
        self._marked: set[str] = set()
        self._lives = 0
        self._process: Any = None
        # Several threads ask whether it lives; its exit code can be read from the pipe only once.
        self._asking = threading.Lock()
        self.generator = Generator(folder / "generator.jsonl")

    @contextmanager
    def life(self, life: Life = PLAIN) -> Iterator[HubUnderTest]:
        """A hub process until the block ends; it is stopped politely if it still lives then."""
        hub = self._start(life)
        try:
            with closing(hub.client):
                yield hub
        finally:
            self._stop()

    def _start(self, life: Life) -> HubUnderTest:
        self._lives += 1
        ready = self.folder / f"ready-{self._lives}"
        log = self.folder / f"hub-{self._lives}.log"
        self._process = CONTEXT.Process(target=serve, args=(self._home.folder, ready, log, life), daemon=True)
        self._process.start()
        eventually(lambda: ready.exists() or not self.alive(), bool, within_s=30)
        port = ready.read_text() if ready.exists() else "1"
        url = f"http://127.0.0.1:{port}"
        return HubUnderTest(
            self._home, url, httpx.Client(base_url=url, timeout=30), self._vendor, self._other, self._portal
        )

    def alive(self) -> bool:
        with self._asking:
            return self._process is not None and self._process.is_alive()

    def kill(self) -> None:
        """kill -9, now."""
        self._process.kill()
        self.died()

    def died(self, *, within_s: float = 20) -> None:
        """Wait for the death that was arranged; note which deliveries were being sent just then."""
        assert self._ended(within_s) == -signal.SIGKILL, self.logs()[-3000:]
        self._marked |= {
            row["delivery_id"] for row in self._rows("SELECT * FROM deliveries WHERE about_to_send_at IS NOT NULL")
        }

    def _stop(self) -> None:
        if self.alive():
            self._process.terminate()
            assert self._ended(20) in (0, -signal.SIGTERM), self.logs()[-3000:]

    def _ended(self, within_s: float) -> int | None:
        with self._asking:
            self._process.join(within_s)
            exit_code: int | None = self._process.exitcode
            return exit_code

    def close(self) -> None:
        """End everything that this world started."""
        if self.alive():
            self._process.kill()
            self._ended(10)
        self._mail.stop()
        self._io.stop()
        self._home.database.close()

    def io_faults(self, *faults: dict[str, Any]) -> None:
        """Script App IO."""
        httpx.post(f"{self._io_url}/_sim/faults", json=list(faults)).raise_for_status()

    def drain(self, *, within_s: float = 15) -> None:
        """Until nothing is queued, waiting or in somebody's hands; a hub that does not get there is the oracle's."""
        deadline = time.monotonic() + within_s
        pending = "SELECT count(*) AS n FROM deliveries WHERE state IN ('queued', 'waiting') OR claim_id IS NOT NULL"
        while self._rows(pending)[0]["n"] and time.monotonic() < deadline:
            time.sleep(0.05)

    def recover(self, life: Life = PLAIN, *, fresh: int = 4) -> Evidence:
        """A last life: what had no answer is sent again, with some `fresh` messages, and old requests are replayed; all
        is drained, then looked at."""
        with self.life(life) as hub:
            self.generator.send_again(hub)
            self.generator.load(hub, fresh)
            self.generator.replay(hub)
            self.drain()
            shown = _feed(hub)
        return self.evidence(shown)

    def evidence(self, shown: list[Shown]) -> Evidence:
        """Everything the oracle needs, the hub being down."""
        rows = self._rows("SELECT * FROM deliveries")
        names = {row["item_id"]: row["external_id"] for row in self._rows("SELECT * FROM item_identities")}
        with self._home.database.read() as connection:
            chain = list(verify_chain(connection, self._anchors()))
        self._home.database.close()
        return Evidence(
            ledger=self.generator.ledger.read(),
            shown=shown,
            told=[*self._messages(), *self._mails()],
            deliveries=rows,
            attempts=Counter(row["delivery_id"] for row in self._rows("SELECT * FROM attempts")),
            marked=self._marked,
            logs=self.logs(),
            chain=chain,
            integrity=[row[0] for row in self._rows("PRAGMA integrity_check") if row[0] != "ok"],
            names={row["delivery_id"]: names.get(row["message_id"], "") for row in rows},
        )

    def logs(self) -> str:
        return "\n".join(path.read_text() for path in sorted(self.folder.glob("hub-*.log")))

    def _messages(self) -> list[Told]:
        found = (json.loads(line) for line in (self.folder / "io" / "app_io.jsonl").read_text().splitlines())
        return [Told("io", line["message_id"], _named(line["message"]["content"]["markdown"])) for line in found]

    def _mails(self) -> list[Told]:
        found = []
        for path in sorted((self.folder / "mail" / "mailbox").glob("*.eml")):
            message = email.message_from_bytes(path.read_bytes(), policy=default)
            text = message.get_body(("plain",))
            assert text is not None
            found.append(Told("email", str(message["Message-ID"]), _named(text.get_content())))
        return found

    def _anchors(self) -> dict[str, tuple[int, str]]:
        newest: dict[str, tuple[int, str]] = {}
        for line in self._home.anchors.read_text().splitlines() if self._home.anchors.exists() else ():
            newest |= {writer: (number, root) for writer, (number, root) in json.loads(line)["tails"].items()}
        return newest

    def _rows(self, query: str) -> list[Any]:
        with closing(sqlite3.connect(self._database, timeout=10)) as connection:
            connection.row_factory = sqlite3.Row
            return connection.execute(query).fetchall()


def _named(text: str) -> str:
    found = _NAME.search(text.replace("\\", ""))
    return found[0] if found else ""


def _feed(hub: HubUnderTest) -> list[Shown]:
    """Every message of every citizen, as the portal reads it."""
    shown = []
    for tax_code in CITIZENS:
        path = "/messages?limit=100"
        while path:
            page = hub.read(path, tax_code).raise_for_status().json()
            for row in page["items"]:
                content = hub.read(f"/items/{row['item_id']}", tax_code).raise_for_status().json()["content"]
                shown.append(Shown(row["item_id"], content["external_id"], fingerprint(content)))
            cursor = page["next_cursor"]
            path = f"/messages?limit=100&cursor={cursor}" if cursor else ""
    return shown
