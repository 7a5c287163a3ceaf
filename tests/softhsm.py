"""A token of SoftHSM with keys of every kind; tests skip where the machine has none (package softhsm2)."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

LABEL, PIN = "raccordo", "4711-test"
_PLACES = ("/usr/lib/softhsm", "/usr/lib/x86_64-linux-gnu/softhsm", "/usr/lib64/pkcs11", "/usr/local/lib/softhsm")


def uri(label: str | None, more: str = "") -> str:
    """Of a key in the token."""
    return ";".join(part for part in (f"pkcs11:token={LABEL}", label and f"object={label}", more) if part)


@dataclass
class SoftHsm:
    """The token, as a folder."""

    folder: Path
    library: str
    serial: str

    def destroy(self, label: str) -> None:
        """For good, with its public half."""
        import pkcs11

        with _opened(self.library) as session:
            for each in list(session.get_objects({pkcs11.Attribute.LABEL: label})):
                each.destroy()

    def take_out(self) -> None:
        """As if it were pulled, or the network to it were gone."""
        (self.folder / "tokens").rename(self.folder / "away")
        (self.folder / "tokens").mkdir()

    def put_back(self) -> None:
        (self.folder / "tokens").rmdir()
        (self.folder / "away").rename(self.folder / "tokens")


def module() -> str:
    """The library; skips where there is none."""
    found = [Path(place) / "libsofthsm2.so" for place in _PLACES if (Path(place) / "libsofthsm2.so").exists()]
    if not found or shutil.which("softhsm2-util") is None:
        pytest.skip("SoftHSM is not installed: apt-get install softhsm2")
    pytest.importorskip("pkcs11", reason="python-pkcs11 is not installed: the extra `pkcs11`")
    return str(found[0])


def made(folder: Path, library: str) -> SoftHsm:
    """A token with its keys; `SOFTHSM2_CONF` must lead to `folder`/softhsm2.conf."""
    (folder / "tokens").mkdir()
    lines = f"directories.tokendir = {folder}/tokens\nobjectstore.backend = file\nlog.level = ERROR\n"
    (folder / "softhsm2.conf").write_text(lines)
    (folder / "pin").write_text(f"{PIN}\n")
    new = ("softhsm2-util", "--init-token", "--free", "--label", LABEL, "--so-pin", "so-pin", "--pin", PIN)
    subprocess.run(new, check=True, capture_output=True)
    with _opened(library) as session:
        _fill(session)
        return SoftHsm(folder, library, session.token.serial.decode())


def _opened(library: str) -> Any:
    """A session that may write, after all others have ended."""
    import pkcs11

    loaded = pkcs11.lib(library)
    loaded.reinitialize()
    return loaded.get_token(token_label=LABEL).open(rw=True, user_pin=PIN)


def _fill(session: Any) -> None:
    import pkcs11

    rsa, attribute = pkcs11.KeyType.RSA, pkcs11.Attribute
    session.generate_keypair(rsa, 2048, store=True, label="hub-rsa", id=b"\x01")
    session.generate_keypair(rsa, 1024, store=True, label="short", id=b"\x02")
    curve = pkcs11.util.ec.encode_named_curve_parameters("secp256r1")
    parameters = session.create_domain_parameters(pkcs11.KeyType.EC, {attribute.EC_PARAMS: curve}, local=True)
    for number, label in enumerate(("hub-ec", "next", "twice", "twice", "alone"), start=3):
        how = {"mechanism": pkcs11.Mechanism.EC_KEY_PAIR_GEN, "store": True, "label": label, "id": bytes([number])}
        public, _ = parameters.generate_keypair(**how)
        if label == "alone":
            public.destroy()
