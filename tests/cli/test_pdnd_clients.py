"""`ente pdnd-client`: what is registered, what is refused and why, and that no key is ever shown."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

from hub.home import Home
from hub.security.keys import private_pem
from hub.security.token_keys import key_in_token
from hub.settings import Settings
from hub.store.pdnd_clients import PdndClients
from hub.store.tables import pdnd_clients
from hub.trust.asking import private_key
from tests.harness import ENTE
from tests.mutual_tls import Pki, pem
from tests.pdnd import rsa_key
from tests.softhsm import uri

CLIENT, PURPOSE = "5f3b0c34-0000-4000-8000-000000000001", "5f3b0c34-0000-4000-8000-000000000002"


@pytest.fixture
def key_file(tmp_path):
    path = tmp_path / "client.pem"
    path.write_bytes(private_pem(rsa_key()))
    return path


def options(key_file, **changes):
    given = {
        "client-id": CLIENT,
        "kid": "kid_1",
        "token-url": "https://auth.pdnd.example/token.oauth2",
        "audience": "auth.pdnd.example/client-assertion",
        "key": key_file,
        "purpose-id": PURPOSE,
        **changes,
    }
    return [part for name, value in given.items() if value is not None for part in (f"--{name}", value)]


def add(raccordo, key_file, *more, name="anpr", **changes):
    return raccordo("ente", "pdnd-client", "add", name, *options(key_file, **changes), *more)


def test_a_client_is_added_listed_and_removed(raccordo, home, key_file):
    assert add(raccordo, key_file, "--dpop").code == 0
    (shown,) = raccordo("ente", "pdnd-client", "list", "--json").json
    assert (shown["client_id"], shown["purpose_id"], shown["dpop"], shown["key"]) == (CLIENT, PURPOSE, True, "sealed")
    assert raccordo("ente", "pdnd-client", "remove", "anpr").code == 0
    assert raccordo("ente", "pdnd-client", "list", "--json").json == []
    assert raccordo("ente", "pdnd-client", "remove", "anpr").code == 1


def test_the_key_is_sealed_and_opens(raccordo, home, key_file):
    add(raccordo, key_file)
    one = Home(Settings(home=home))
    with one.open_database().read() as connection:
        row = connection.execute(pdnd_clients.select()).one()
        (found,) = PdndClients(one.vault).load(connection).values()
    one.database.close()
    assert found.key_pem.encode() == key_file.read_bytes()
    assert b"PRIVATE" not in row.key_sealed
    assert "PRIVATE" not in repr(found)


def test_a_key_may_stay_where_it_is(raccordo, key_file, monkeypatch):
    assert add(raccordo, None, "--key-reference", f"file:{key_file}").code == 0
    monkeypatch.setenv("PDND_KEY", key_file.read_text())
    assert add(raccordo, None, "--key-reference", "env:PDND_KEY", name="two").code == 0
    assert {one["key"] for one in raccordo("ente", "pdnd-client", "list", "--json").json} == {
        f"file:{key_file}",
        "env:PDND_KEY",
    }


def test_an_ente_has_one_client_of_kind_api(raccordo, key_file):
    api = {"kind": "api", "purpose-id": None}
    assert add(raccordo, key_file, name="api", **api).code == 0
    assert add(raccordo, key_file, name="api", **api).code == 0
    second = add(raccordo, key_file, name="other", **api)
    assert (second.code, "api already, api" in second.err) == (1, True)


@pytest.mark.parametrize(("version", "bound"), [("v3", True), ("v2", False)])
def test_the_api_of_keys_gets_the_vouchers_that_its_version_takes(raccordo, key_file, version, bound):
    own = ("--issuer", "x", "--jwks-url", "https://pdnd.example/jwks", "--audience", "https://e.example/1")
    assert raccordo("ente", "pdnd", *own, "--api-version", version).code == 0
    add(raccordo, key_file, name="api", kind="api", **{"purpose-id": None})
    add(raccordo, key_file)
    assert {one["name"]: one["dpop"] for one in raccordo("ente", "pdnd-client", "list", "--json").json} == {
        "api": bound,
        "anpr": False,
    }


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"client-id": "acme"}, "--client-id: not a UUID"),
        ({"purpose-id": "x"}, "--purpose-id: not a UUID"),
        ({"purpose-id": None}, "--purpose-id: a consumer needs one"),
        ({"kind": "api"}, "--purpose-id: a client of kind api has none"),
        ({"kid": "a b"}, "--kid:"),
        ({"token-url": "http://auth.pdnd.example/token"}, "--token-url:"),
        ({"token-url": "https://auth.pdnd.example/token?x=1"}, "--token-url:"),
        ({"audience": "a b"}, "--audience:"),
        ({"key": None}, "--key or --key-reference"),
        ({"key": None, "key-reference": "env:NOT_THERE"}, "--key-reference: the environment variable NOT_THERE"),
        ({"key": None, "key-reference": "file:/nowhere/key.pem"}, "--key-reference: cannot read"),
        ({"key": None, "key-reference": "vault:x"}, "--key-reference: a reference is"),
    ],
)
def test_wrong_settings_are_refused_by_name(raccordo, key_file, changes, said):
    answer = add(raccordo, key_file, **changes)
    assert (answer.code, said in answer.err) == (2, True), answer.err
    assert raccordo("ente", "pdnd-client", "list", "--json").json == []


def encrypted():
    return rsa_key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x"))


@pytest.mark.parametrize(
    ("pem", "said"),
    [
        (lambda: private_pem(ec.generate_private_key(ec.SECP256R1())), "RSA keys alone"),
        (lambda: private_pem(rsa.generate_private_key(65537, 1024)), "2048"),
        (encrypted, "encrypted"),
        (lambda: b"no key", "no private key"),
    ],
)
def test_keys_that_pdnd_would_not_take_are_refused(raccordo, tmp_path, pem, said):
    path = tmp_path / "wrong.pem"
    path.write_bytes(pem())
    answer = add(raccordo, path)
    assert (answer.code, said in answer.err) == (2, True), answer.err


def test_a_client_certificate_is_sealed_or_stays_where_it_is(raccordo, home, key_file, tmp_path):
    file = tmp_path / "shown.pem"
    file.write_text(pem(Pki(tmp_path).client()))
    assert add(raccordo, key_file, "--certificate", file).code == 0
    assert add(raccordo, key_file, "--certificate-reference", f"file:{file}", name="named").code == 0
    assert add(raccordo, key_file, name="none").code == 0
    shown = {one["name"]: one["certificate"] for one in raccordo("ente", "pdnd-client", "list", "--json").json}
    assert shown == {"anpr": "sealed", "named": f"file:{file}", "none": None}
    one = Home(Settings(home=home))
    with one.open_database().read() as connection:
        sealed = [row.certificate_sealed for row in connection.execute(pdnd_clients.select()) if row.certificate_sealed]
        found = PdndClients(one.vault).load(connection)
    one.database.close()
    assert found[ENTE, "anpr"].certificate_pem == file.read_text()
    assert len(sealed) == 1
    assert b"PRIVATE" not in sealed[0]


@pytest.mark.parametrize(
    ("days", "content", "said"),
    [
        (-1, None, "it ended on"),
        (9, "nonsense", "no certificate in PEM"),
        (9, "", "no certificate in PEM"),
    ],
)
def test_a_client_certificate_that_no_server_would_take_is_refused(raccordo, key_file, tmp_path, days, content, said):
    file = tmp_path / "shown.pem"
    file.write_text(pem(Pki(tmp_path).client(days=days)) if content is None else content)
    for option, given in (("--certificate", file), ("--certificate-reference", f"file:{file}")):
        answer = add(raccordo, key_file, option, given)
        assert (answer.code, f"{option}: " in answer.err, said in answer.err) == (2, True, True)
    both = add(raccordo, key_file, "--certificate", file, "--certificate-reference", f"file:{file}")
    assert (both.code, "one of them" in both.err) == (2, True)
    assert raccordo("ente", "pdnd-client", "list", "--json").json == []


def test_a_key_in_a_token_is_named_and_signs_there(raccordo, home, token):
    named = uri("hub-rsa")
    assert add(raccordo, None, "--key-reference", named).code == 0
    (shown,) = raccordo("ente", "pdnd-client", "list", "--json").json
    assert shown["key"] == named
    one = Home(Settings(home=home))
    with one.open_database().read() as connection:
        (found,) = PdndClients(one.vault).load(connection).values()
    one.database.close()
    assert (found.key_pem, private_key(found)) == ("", key_in_token(named))
    for wrong, said in ((uri("hub-ec"), "RSA keys alone"), (uri("nobody"), "no private key is called so")):
        answer = add(raccordo, None, "--key-reference", wrong)
        assert (answer.code, "--key-reference: " in answer.err, said in answer.err) == (2, True, True)
