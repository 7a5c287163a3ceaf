"""`compose.yaml` and its image, by Docker or Podman, whichever is there: read, built, started, asked, ended."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache

import pytest
import yaml

from ..harness import eventually
from ..systemd import FOLDER, ROOT

ENGINES = ("docker", "podman")
SECRETS = {"POSTGRES_PASSWORD": "a1", "REDIS_PASSWORD": "b2"}
FIRST_MESSAGE = """
cd /tmp && mkdir /var/lib/raccordo/box
raccordo keys new --kind es256 --out acme
raccordo vendor add acme --name Acme --trust jwk --jwks acme/jwks.json
raccordo connector set mail --type loopback --set folder=/var/lib/raccordo/box
raccordo sign --key acme/key.pem --iss acme --aud https://hub.comune.example.it/publish/v1 --method POST \
  --url http://127.0.0.1:8000/publish/v1/messages --body /dev/stdin --send
"""


def _calls(*words: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, input=given, capture_output=True, text=True, check=False, env=os.environ | SECRETS)


@cache
def _engine() -> str:
    for engine in ENGINES:
        if shutil.which(engine) and _calls(engine, "compose", "version").returncode == 0:
            return engine
    pytest.skip("NOT CHECKED in containers: neither `docker compose` nor `podman compose` is installed")


@dataclass(frozen=True)
class Project:
    """A project of its own, beside those that the machine may run: it publishes no port."""

    name: str

    def compose(self, *words: str, given: str | None = None) -> str:
        file = str(ROOT / "compose.yaml")
        return self._done(_engine(), "compose", "--file", file, "--project-name", self.name, *words, given=given)

    def call(self, *words: str, given: str | None = None) -> str:
        return self._done(_engine(), *words, given=given)

    def state(self, containers: Sequence[str], what: str) -> set[str]:
        return set(self.call("inspect", "--format", "{{.State." + what + "}}", *containers).split())

    @staticmethod
    def _done(*words: str, given: str | None) -> str:
        told = _calls(*words, given=given)
        assert told.returncode == 0, told.stdout + told.stderr
        return told.stdout


def test_the_compose_file_is_understood() -> None:
    told = _calls(_engine(), "compose", "--file", str(ROOT / "compose.yaml"), "config", "--quiet")
    assert (told.returncode, told.stderr) == (0, "")


@pytest.mark.timeout(1200)
def test_an_image_is_built_whose_containers_deliver_and_end_as_told() -> None:
    with _project() as project:
        api = f"{project.name}-served"
        project.compose("build")
        project.compose(
            *("run", "--rm", "api", "raccordo", "init", "--ente", "c_h501", "--name", "Comune di Esempio"),
            *("--public-url", "https://hub.comune.example.it"),
        )
        project.compose("run", "--detach", "--name", api, "api")
        project.compose("up", "--detach", "worker")
        containers = [api, *project.compose("ps", "--quiet", "worker").split()]
        assert len(containers) == 3
        eventually(lambda: project.state(containers, "Health.Status"), lambda found: found == {"healthy"}, within_s=180)
        message = (ROOT / "samples" / "message.json").read_text()
        said = project.call("exec", "--interactive", api, "sh", "-ec", FIRST_MESSAGE, given=message)
        assert "201 Created" in said
        eventually(lambda: project.call("exec", api, "ls", "/var/lib/raccordo/box"), bool, within_s=60)
        assert project.call("exec", api, "id", "--user").strip() == "999"
        project.call("stop", *containers)
        assert project.state(containers, "ExitCode") == {"0"}


@contextmanager
def _project() -> Iterator[Project]:
    """Where nothing need be fetched but Python packages: base images are not had everywhere, nor asked for here."""
    services = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    base = (FOLDER / "Dockerfile").read_text().split(maxsplit=2)[1]
    for image in (base, services["postgres"]["image"], services["redis"]["image"]):
        if _calls(_engine(), "image", "inspect", image).returncode:
            pytest.skip(f"NOT CHECKED in containers: {_engine()} is not running, or has no image {image}")
    project = Project(f"raccordo-test-{os.getpid()}")
    try:
        yield project
    finally:
        _calls(_engine(), "rm", "--force", f"{project.name}-served")
        project.compose("down", "--volumes")
