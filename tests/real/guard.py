"""The parent of one server: it ends when no process of the server is left, and lets none outlive the tests.

A script (`python -I guard.py FOLDER UID:GID COMMAND...`). Its input stays open while the server is wanted. The word
"kill" ends the server as kill -9 would; an end without a word means that the tests died, so the folder goes as well.
"""

import contextlib
import ctypes
import os
import select
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import psutil

_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
_IPC_RMID = 0


def family(pid: int) -> list[psutil.Process]:
    """The descendants of a process that live."""
    try:
        children = psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []
    return [child for child in children if status(child) != psutil.STATUS_ZOMBIE]


def status(process: psutil.Process) -> str:
    """As psutil names it; a process that is gone counts as a zombie."""
    try:
        return str(process.status())
    except psutil.NoSuchProcess:
        return str(psutil.STATUS_ZOMBIE)


def tell(processes: list[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(number)


class Guard:
    """Waits for the server in the main thread, for the tests in another."""

    def __init__(self, command: list[str], *, uid: int, gid: int) -> None:
        self._tests = os.getppid()
        self._left_alone = threading.Event()
        # PostgreSQL's processes have sessions of their own; an orphan among them becomes the guard's child.
        _prctl(_PR_SET_CHILD_SUBREAPER, 1)
        user: dict[str, Any] = {} if uid == os.getuid() else {"user": uid, "group": gid, "extra_groups": ()}
        self._server = subprocess.Popen(command, stdin=subprocess.DEVNULL, preexec_fn=die_with_parent, **user).pid

    def run(self) -> bool:
        """Until no process is left; whether the tests died."""
        threading.Thread(target=self._listen, daemon=True).start()
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, _ = os.waitpid(-1, 0)
                if pid == self._server:
                    _kill_all()
        _forget_memory_of(self._server)
        return self._left_alone.is_set()

    def _listen(self) -> None:
        said: list[int] = []
        # A forked child of the tests may hold the other end of the pipe open, hence the look at the parent.
        while not said and os.getppid() == self._tests:
            said, _, _ = select.select([sys.stdin.fileno()], [], [], 0.5)
        if not said or not os.read(sys.stdin.fileno(), 16):
            self._left_alone.set()
        _kill_all()


def _kill_all() -> None:
    while alive := family(os.getpid()):
        tell(alive, signal.SIGSTOP)  # so that none is born while the others die
        tell(alive, signal.SIGKILL)
        time.sleep(0.001)


def _forget_memory_of(pid: int) -> None:
    """The segment of shared memory that a killed PostgreSQL leaves to its next start, which may never come."""
    table = Path("/proc/sysvipc/shm")
    for line in table.read_text().splitlines()[1:] if table.exists() else ():
        _, segment, _, _, creator, *_ = map(int, line.split())
        if creator == pid:
            ctypes.CDLL(None).shmctl(segment, _IPC_RMID, None)


def die_with_parent() -> None:
    """To be said after a change of user, at which the kernel forgets the signal."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def main(folder: str, owner: str, *command: str) -> None:
    uid, gid = map(int, owner.split(":"))
    if Guard(list(command), uid=uid, gid=gid).run():
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
