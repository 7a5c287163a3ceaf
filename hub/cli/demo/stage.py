"""The stage of the tour: the home, the simulated providers, the hub as a process of its own, and calls to it."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import httpx

from contracts.connector import Simulation
from hub.bootstrap import simulations
from hub.cli.pdnd_signing import sign_as_member
from hub.cli.simulated_pdnd import PlayedPdnd
from hub.home import Home
from hub.security.sign import sign_portal_request, sign_request
from hub.settings import Settings
from hub.store.operations import list_deliveries

from .cast import CITIZENS, ENTE, STATION_CREDITOR, Cast, Citizen, Sender, body_of, engage

T = TypeVar("T")

IO_STEP_S = 1.5
"""How long the hub waits for App IO in the tour, so that a call without an answer is short to watch."""

_QUICK: Mapping[str, Mapping[str, Any]] = {
    "app_io": {"status_delay_s": 0.3},
    "send": {"status_poll_s": 0.1, "attestations_every_s": 0.3},
}
"""Settings by which providers are asked sooner than anybody would."""

OPERATOR = {"userID": "operatore-7", "userLocation": "sportello-2"}
"""Who is tracked under AUDIT_REST_02."""


class StageError(Exception):
    """The tour cannot begin; the text says why."""


@dataclass(slots=True)
class Stage:
    """Everything that runs, and how to talk to it."""

    folder: Path
    home: Home
    cast: Cast
    port: int
    urls: Mapping[str, str]
    """Where simulated providers are told what to do, by connector."""
    client: httpx.Client
    _hub: subprocess.Popen[bytes]
    _simulations: list[Simulation | PlayedPdnd] = field(default_factory=list)

    @classmethod
    def set_up(cls, folder: Path) -> "Stage":
        """Make a fresh home in `folder`, start the providers and the hub. Raises StageError."""
        if (folder / "hub").exists() and not (folder / "keys").exists():
            raise StageError(f"{folder} holds something that is not a demo; choose another --home")
        for name in ("hub", "keys", "providers"):
            shutil.rmtree(folder / name, ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)
        port = _free_port(8765)
        home = Home(Settings(home=folder / "hub"))
        home.create()
        pdnd = PlayedPdnd(folder / "providers" / "pdnd")
        pdnd.start()
        cast = engage(home, folder / "keys", f"http://127.0.0.1:{port}", pdnd)
        registered = {c.tax_code for c in CITIZENS if c.on_io}
        options: dict[str, dict[str, Any]] = {
            "app_io": {"registered": registered},
            "pagopa_node": {"creditor": STATION_CREDITOR},
        }
        providers = simulations(folder / "providers", ("app_io", "email", "send", "pagopa_node"), options)
        settings = {name: {**provider.start(), **_QUICK.get(name, {})} for name, provider in providers.items()}
        with home.database.write() as tx:
            for name, its in settings.items():
                limits = {"retry_base_s": 0.5} | ({"timeout_s": IO_STEP_S} if name == "app_io" else {})
                home.configuration.save(tx, ente_id=ENTE, connector_id=name, type=name, settings=its, limits=limits)
        process = _start_hub(folder, port)
        client = httpx.Client(base_url=cast.base, timeout=15, trust_env=False)
        urls = {
            "app_io": settings["app_io"]["base_url"].removesuffix("/api/v1"),
            "pagopa_node": settings["pagopa_node"]["fdr_base_url"].removesuffix("/fdr-org/service/v1"),
        }
        stage = cls(folder, home, cast, port, urls, client, process, [*providers.values(), pdnd])
        try:
            stage._await_hub()
        except StageError:
            stage.tear_down()  # a hub that is merely slow would serve on, in the home of the next tour
            raise
        return stage

    def tear_down(self) -> None:
        self.client.close()
        self._hub.terminate()
        self._hub.wait(timeout=20)
        for simulation in self._simulations:
            simulation.stop()
        self.home.database.close()

    def sign(
        self, sender: Sender, body: bytes, *, method: str = "POST", media_type: str = "application/json"
    ) -> dict[str, str]:
        """The headers of a vendor's request; a member of PDND asks for its voucher first."""
        if sender.member is not None:
            return sign_as_member(
                sender.member,
                sender.key,
                method=method,
                url=None,
                body=body,
                content_type=media_type,
                user=OPERATOR,
            )
        headers = sign_request(
            sender.key,
            iss=sender.vendor_id,
            aud=self.cast.publish_audience,
            method=method,
            url="",
            body=body,
            content_type=media_type,
            now=datetime.now(UTC),
        )
        return headers | {"Content-Type": media_type}

    def send(self, path: str, body: bytes, headers: Mapping[str, str], *, method: str = "POST") -> httpx.Response:
        return self.client.request(method, f"/publish/v1{path}", content=body, headers=dict(headers))

    def publish(self, sender: Sender, collection: str, content: dict[str, Any]) -> httpx.Response:
        body = body_of(content)
        return self.send(f"/{collection}", body, self.sign(sender, body))

    def upload(self, sender: Sender, item_id: str, content: bytes) -> httpx.Response:
        """A document's PDF."""
        headers = self.sign(sender, content, method="PUT", media_type="application/pdf")
        return self.send(f"/documents/{item_id}/content", content, headers, method="PUT")

    def read(self, citizen: Citizen, path: str) -> dict[str, Any]:
        """A feed answer, as the portal gets it on behalf of a citizen."""
        headers = sign_portal_request(
            self.cast.portal,
            iss="portale",
            aud=self.cast.feed_audience,
            sub=f"sessione-{citizen.name.split()[1].lower()}",
            fiscal_number=f"TINIT-{citizen.tax_code}",
            now=datetime.now(UTC),
        )
        answer = self.client.get(f"/feed/v1{path}", headers=headers)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found

    def io_fault(self, **fault: Any) -> None:
        """The next new message at the simulated App IO meets this."""
        self.client.post(self.urls["app_io"] + "/_sim/faults", json=[fault]).raise_for_status()

    def pay(self, notice_number: str) -> dict[str, Any]:
        """Somebody pays the notice at the simulated pagoPA, which asks the hub's station; what came of it."""
        station = f"{self.cast.base}/callbacks/v1/{ENTE}/pagopa_node/paForNode"
        wanted = {"notice_number": notice_number, "station_url": station}
        answer = self.client.post(self.urls["pagopa_node"] + "/_sim/pay", json=wanted)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found

    def deliveries(self) -> list[dict[str, Any]]:
        with self.home.database.read() as connection:
            return list_deliveries(connection)

    def settled(self, *, within_s: float = 10.0) -> None:
        """Wait until nothing is under way. Raises StageError."""
        under_way = ("queued", "waiting")
        self.until(
            lambda: all(each["state"] not in under_way for each in self.deliveries()),
            "the end of all deliveries",
            within_s=within_s,
        )

    def until(self, find: Callable[[], T], what: str, *, within_s: float = 10.0) -> T:
        """What is found, once there is something. Raises StageError."""
        deadline = time.monotonic() + within_s
        while not (found := find()):
            if time.monotonic() > deadline:
                raise StageError(f"{what}: what the story waits for does not come")
            time.sleep(0.05)
        return found

    def verify(self, headers: Mapping[str, str], body: bytes) -> tuple[int, str]:
        """What `raccordo verify` says of a request: (exit code, its words)."""
        request = self.folder / "keys" / "request.headers"
        request.write_text("".join(f"{name}: {value}\n" for name, value in headers.items()))
        (self.folder / "keys" / "request.body").write_bytes(body)
        run = subprocess.run(  # noqa: S603 - our own command with our own files
            [
                *_raccordo(),
                "verify",
                "--home",
                str(self.folder / "hub"),
                "--headers",
                str(request),
                "--body",
                str(self.folder / "keys" / "request.body"),
                "--path",
                "/publish/v1/messages",
            ],
            capture_output=True,
            text=True,
            check=False,
            env=os.environ | {"COLUMNS": "110"},
        )
        return run.returncode, run.stdout + run.stderr

    def _await_hub(self) -> None:
        deadline = time.monotonic() + 15
        while time.monotonic() < deadline:
            if self._hub.poll() is not None:
                break
            try:
                if self.client.get("/publish/v1/status").status_code == 200:
                    return
            except httpx.TransportError:
                time.sleep(0.05)
        raise StageError(f"the hub did not start; its log is {self.folder / 'hub.log'}")


def _start_hub(folder: Path, port: int) -> subprocess.Popen[bytes]:
    with (folder / "hub.log").open("wb") as log:
        return subprocess.Popen(  # noqa: S603 - our own command
            [*_raccordo(), "serve", "--home", str(folder / "hub"), "--port", str(port)],
            stdout=log,
            stderr=log,
            # What comes by itself when its moment has come is not waited for in a tour.
            env=os.environ | {"RACCORDO_SWEEP_S": "0.3"},
        )


def _raccordo() -> list[str]:
    return [sys.executable, "-c", "from hub.cli import main; main()"]


def _free_port(wanted: int) -> int:
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            found: int = probe.getsockname()[1]
            return found
    raise StageError("no free port on loopback")
