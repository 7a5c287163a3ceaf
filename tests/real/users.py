"""As whom a server runs: PostgreSQL refuses root, so that root's tests run it as somebody who may do nothing else."""

import os
import pwd
from pathlib import Path
from typing import Any, NamedTuple

# Nothing of the tests': no PG* variable misleads the server, no secret reaches another user.
ENVIRONMENT = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}


class User(NamedTuple):
    uid: int
    gid: int

    def keywords(self) -> dict[str, Any]:
        """For subprocess."""
        other = {} if self == myself() else {"user": self.uid, "group": self.gid, "extra_groups": ()}
        return {"env": ENVIRONMENT} | other

    def make_folder(self, path: Path) -> Path:
        """A folder that is this user's alone."""
        path.mkdir(mode=0o700)
        os.chown(path, self.uid, self.gid)
        return path

    def write_secret(self, path: Path, text: str) -> Path:
        """A file that this user alone, and root, can read."""
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "w", encoding="utf-8") as file:
            os.fchown(descriptor, self.uid, self.gid)
            file.write(text)
        return path


def myself() -> User:
    return User(os.getuid(), os.getgid())


def not_root() -> User:
    """Whoever runs the tests; in root's stead `postgres` where there is one, else `nobody`."""
    if os.getuid():
        return myself()
    names = [entry.pw_name for entry in pwd.getpwall()]
    entry = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
    return User(entry.pw_uid, entry.pw_gid)
