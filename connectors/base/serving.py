"""An ASGI application on a loopback port, in a thread: how simulators run, and tests."""

import threading
import time
from typing import Any

import uvicorn


class LoopbackServer:
    """`start()` returns once the port answers; `url` is then known. Without `date_header` the application says when it
    answers."""

    def __init__(self, app: Any, *, port: int = 0, date_header: bool = True) -> None:
        config = uvicorn.Config(
            app,
            host="127.0.0.1",
            port=port,
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=2,
            ws="none",
            date_header=date_header,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, name="loopback-server", daemon=True)
        self.url = ""

    def start(self) -> None:
        """Raises RuntimeError when the application does not start within thirty seconds."""
        self._thread.start()
        deadline = time.monotonic() + 30
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > deadline:
                raise RuntimeError("the server did not start")
            time.sleep(0.005)
        port = self._server.servers[0].sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(30)
