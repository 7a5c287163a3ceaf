"""nginx in front of a hub, configured by what our own pages tell an administrator to write."""

import re
import signal
import socket
from pathlib import Path

from .programs import nginx_program
from .server import Server
from .users import myself

_DOCS = Path(__file__).parents[2] / "docs"
_PAGES = ("deployment.md", "verification.md")
_BLOCK = re.compile(r"^```nginx\n(.*?)^```", re.MULTILINE | re.DOTALL)
_HUB = "http://127.0.0.1:8000"


class Nginx(Server):
    """Speaks TLS with the certificate and key of a file, for the hub at an address."""

    _POLITE = signal.SIGTERM

    def __init__(self, hub: str, certificate: Path) -> None:
        self._hub = hub
        self._certificate = certificate
        super().__init__(myself())

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    def _prepare(self) -> None:
        server, location = documented()
        places = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        temporary = "".join(f"{name}_temp_path {self.user.make_folder(self.folder / name)};\n" for name in places)
        text = f"""
daemon off;
pid {self.folder}/nginx.pid;
error_log stderr info;
{"" if self.user.uid else "user root;"}
events {{}}
http {{
access_log off;
{temporary}
server {{
listen 127.0.0.1:{self.port} ssl;
ssl_certificate {self._certificate};
ssl_certificate_key {self._certificate};
{server}
{location.replace(_HUB, self._hub)}
}}
}}
"""
        self.user.write_secret(self.folder / "nginx.conf", text)

    def _command(self) -> list[str]:
        return [str(nginx_program()), "-p", str(self.folder), "-e", "stderr", "-c", str(self.folder / "nginx.conf")]

    def _ready(self) -> bool:
        with socket.socket() as wire:
            return wire.connect_ex(("127.0.0.1", self.port)) == 0


def documented() -> tuple[str, str]:
    """What our pages put into `server`, and the whole `location`."""
    blocks = [block for page in _PAGES for block in _BLOCK.findall((_DOCS / page).read_text())]
    lines = [line for block in blocks for line in block.splitlines()]
    server = [line for line in lines if "# in `server`" in line]
    more = [line for line in lines if "# in `location`" in line]
    location = [line for line in lines if line not in (*server, *more)]
    assert server, blocks
    assert more, blocks
    assert location[-1] == "}", blocks
    assert _HUB in "".join(location), blocks
    return "\n".join(server), "\n".join([*location[:-1], *more, "}"])
