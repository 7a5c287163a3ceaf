"""Chromium without a window, spoken to over its own pipe: what a page looks like, and what it asks for."""

import base64
import json
import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome")
_PATIENCE_S = 60
_FLAGS = (
    "--headless",
    "--no-sandbox",  # a container's root has none; what is shown is the hub's own
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
)
_ON_3_AND_4 = """
import fcntl, os, sys
pipes = [fcntl.fcntl(int(each), fcntl.F_DUPFD_CLOEXEC, 10) for each in sys.argv[1:3]]
os.dup2(pipes[0], 3)
os.dup2(pipes[1], 4)
os.execv(sys.argv[3], sys.argv[3:])
"""
"""It hears and speaks there, whatever numbers the pipes have here."""


def found() -> str | None:
    """The program, where there is one."""
    return next((path for name in NAMES if (path := shutil.which(name)) is not None), None)


class Browser:
    """One page after another, in one tab (Chrome DevTools Protocol)."""

    def __init__(self, to: int, back: int) -> None:
        self._to, self._back, self._rest, self._last = to, back, b"", 0
        self._events: list[dict[str, Any]] = []
        self._answers: dict[int, dict[str, Any]] = {}
        self._session: str | None = None
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Log", "Runtime"):
            self._call(f"{domain}.enable")

    def open(self, url: str, *, width: int) -> None:
        """Show the page at that width, in CSS pixels, and wait until all that it loads is there."""
        phone = width < 600
        self._call("Emulation.setDeviceMetricsOverride", width=width, height=844, deviceScaleFactor=1, mobile=phone)
        self._events.clear()
        self._call("Page.navigate", url=url)
        self.loaded()

    def ask(self, script: str) -> Any:
        """What a script says of the page; a promise is waited for."""
        answer = self._call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def submit(self) -> None:
        """Press the page's button, and wait for what comes."""
        self._events.clear()
        self.ask("document.querySelector('button').click()")
        self.loaded()

    def loaded(self) -> None:
        """Wait for the page that was asked for last."""
        self._wait(lambda: any(event["method"] == "Page.loadEventFired" for event in self._events))

    def until(self, script: str) -> None:
        """Wait until a script says yes of the page."""
        given_up = time.monotonic() + _PATIENCE_S
        while not self.ask(script):
            assert time.monotonic() < given_up, f"still not: {script}"
            self.ask("new Promise(requestAnimationFrame)")

    def press(self, key: str) -> None:
        """Press and let go of `Tab` or `Enter`."""
        code, text = {"Tab": (9, ""), "Enter": (13, "\r")}[key]
        how = {"key": key, "code": key, "windowsVirtualKeyCode": code}
        self._events.clear()
        self._call("Input.dispatchKeyEvent", type="keyDown", text=text, **how)
        self._call("Input.dispatchKeyEvent", type="keyUp", **how)

    def asked_for(self) -> list[str]:
        """The addresses that the page has loaded something from, itself first."""
        sent = [event["params"] for event in self._events if event["method"] == "Network.requestWillBeSent"]
        return [each["request"]["url"] for each in sent]

    def complaints(self) -> list[str]:
        """What went wrong by the browser's account: blocked by the page's policy, not found, a script that failed."""
        logged = [event["params"]["entry"] for event in self._events if event["method"] == "Log.entryAdded"]
        thrown = [event["params"] for event in self._events if event["method"] == "Runtime.exceptionThrown"]
        return [each["text"] for each in logged if each["level"] == "error"] + [str(each) for each in thrown]

    def picture(self, path: Path) -> None:
        """The whole page, as PNG."""
        shot = self._call("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(shot["data"]))

    def _call(self, method: str, **params: Any) -> dict[str, Any]:
        self._last += 1
        message: dict[str, Any] = {"id": self._last, "method": method, "params": params}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        self._wait(lambda: self._last in self._answers)
        answer = self._answers.pop(self._last)
        assert "error" not in answer, answer
        result: dict[str, Any] = answer["result"]
        return result

    def _wait(self, holds: Callable[[], bool]) -> None:
        until = time.monotonic() + _PATIENCE_S
        while not holds():
            ready, _, _ = select.select([self._back], [], [], max(0, until - time.monotonic()))
            assert ready, "the browser says nothing"
            read = os.read(self._back, 1 << 16)
            assert read, "the browser has ended"
            *whole, self._rest = (self._rest + read).split(b"\0")
            for message in map(json.loads, whole):
                if "method" in message:
                    self._events.append(message)
                else:
                    self._answers[message["id"]] = message


@contextmanager
def browser(folder: Path) -> Iterator[Browser]:
    """One that keeps its profile in the folder, until the block ends. There must be one (`found`)."""
    program = found()
    assert program is not None
    (hears, to), (back, says) = os.pipe(), os.pipe()
    arguments = [sys.executable, "-c", _ON_3_AND_4, str(hears), str(says), program]
    arguments += [*_FLAGS, f"--user-data-dir={folder}"]
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(arguments, pass_fds=(hears, says), **quiet)
    os.close(hears)
    os.close(says)
    try:
        yield Browser(to, back)
    finally:
        os.close(to)
        process.terminate()
        process.wait(timeout=_PATIENCE_S)
        os.close(back)
