"""An event that a signal's handler may set, whatever the main thread is doing."""

import os
import signal
import subprocess
import sys
import threading
import time

from hub.stopping import Stopping

WAITED_FOR_AGAIN_AND_AGAIN = """
import os, signal, time
from hub.stopping import Stopping

event = Stopping()
told = 0

def hear(*_):
    global told
    told += 1
    event.set()

signal.signal(signal.SIGTERM, hear)
me = os.getpid()
if not (child := os.fork()):
    while os.getppid() == me:
        os.kill(me, signal.SIGTERM)
        time.sleep(0.0002)
    os._exit(0)
end = time.monotonic() + 2
while time.monotonic() < end:
    event = Stopping()
    event.wait(0.0001)
os.kill(child, signal.SIGKILL)
print(told)
"""


def test_a_signal_at_any_moment_of_a_wait_sets_it():
    told = subprocess.run(
        [sys.executable, "-c", WAITED_FOR_AGAIN_AND_AGAIN], capture_output=True, text=True, timeout=60
    )
    assert told.returncode == 0, told.stderr
    assert int(told.stdout) > 100


def test_all_who_wait_are_woken():
    stopping, woken = Stopping(), []
    threads = [threading.Thread(target=lambda: woken.append(stopping.wait(30))) for _ in range(3)]
    for each in threads:
        each.start()
    stopping.set()
    for each in threads:
        each.join(10)
    assert woken == [True] * 3
    assert stopping.wait() is stopping.wait(0) is stopping.is_set() is True


def test_who_waits_in_vain_is_told_so_in_time():
    stopping, started = Stopping(), time.monotonic()
    assert stopping.wait(0.05) is stopping.is_set() is False
    assert 0.04 < time.monotonic() - started < 10


def test_both_signals_set_it():
    before = {each: signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT)}
    try:
        for each in before:
            stopping = Stopping()
            stopping.on_signals()
            os.kill(os.getpid(), each)
            assert stopping.wait(10)
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
