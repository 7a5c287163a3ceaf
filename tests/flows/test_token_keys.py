"""The hub's own key in a token (SoftHSM): receipts are signed there, it rotates as any other, and no file holds it."""

import json
from datetime import timedelta

import pytest

from hub.cli.application import run
from hub.home import Home, HomeError
from hub.security import jose, jwk, token_keys
from hub.security.sign import SigningKey
from hub.settings import Settings
from tests.flows.making import described_hub, fresh, new_person
from tests.harness import eventually, make_message, served
from tests.softhsm import PIN, uri

RSA, EC, NEXT = uri("hub-rsa"), uri("hub-ec"), uri("next")


@pytest.fixture(autouse=True)
def _begun(token):
    anew()
    yield
    anew()


def anew():
    """As a process that has just begun."""
    token_keys._tokens = token_keys._Tokens(stale=True)
    token_keys.key_in_token.cache_clear()


def kid_of(text):
    return SigningKey(token_keys.key_in_token(text)).kid


def receipt(hub):
    answer = hub.publish("messages", make_message(fresh(), tax_code=new_person()))
    assert answer.status_code == 201
    return jose.parse(answer.headers["Agid-JWT-Signature"])


def verify(hub, token):
    """By what the hub publishes."""
    published = {key["kid"]: key for key in hub.client.get("/.well-known/jwks.json").json()["keys"]}
    jose.verify(token, jwk.jwk_key(json.dumps(published[token.header["kid"]])))


def signs_with(hub, kid):
    return eventually(lambda: receipt(hub), lambda token: token.header["kid"] == kid)


def test_the_hubs_key_moves_into_a_token_from_there_to_another_and_back(tmp_path, capsys):
    folder = tmp_path / "home"

    def rotate(*more):
        capsys.readouterr()
        assert run(["keys", "rotate-hub", "--json", "--home", str(folder), *more]) == 0
        return json.loads(capsys.readouterr().out)["kid"]

    with described_hub(folder) as hub:
        first = receipt(hub)
        for text, alg in ((RSA, "RS256"), (EC, "ES256"), (NEXT, "ES256")):
            assert rotate("--to", text) == kid_of(text)
            token = signs_with(hub, kid_of(text))
            assert token.header["alg"] == alg
            for each in (first, token):
                verify(hub, each)
            content = (folder / "hub-key.pem").read_text()
            assert content.startswith(f"{text}\n")
            assert "PRIVATE" not in content
        assert run(["keys", "rotate-hub", "--to", EC, "--home", str(folder)]) == 1
        assert "was the hub's before" in capsys.readouterr().err
        callers = hub.callers
    home = Home(Settings(home=folder))
    with served(home, *callers) as again:
        assert receipt(again).header["kid"] == kid_of(NEXT)
        verify(again, signs_with(again, rotate()))
        verify(again, first)
    assert PIN.encode() not in (folder / "raccordo.db").read_bytes()


def test_a_hub_may_begin_with_it_and_says_what_is_wrong_when_it_starts(tmp_path, token, monkeypatch, capsys):
    monkeypatch.setenv("RACCORDO_HUB_KEY", EC)
    folder = tmp_path / "home"
    base = ["--home", str(folder)]
    made = ["init", "--ente", "c_h501", "--name", "Comune", "--public-url", "https://hub.example.it", *base]
    assert run(made) == 0
    assert not (folder / "hub-key.pem").exists()
    capsys.readouterr()
    assert run(["keys", "hub", "--json", *base]) == 0
    assert [row["kid"] for row in json.loads(capsys.readouterr().out)] == [kid_of(EC)]
    for variable, value, said in (
        ("RACCORDO_HUB_KEY", uri("nobody"), "no private key is called so"),
        ("RACCORDO_HUB_KEY", RSA, "is not the key of this database"),
        ("RACCORDO_PKCS11_MODULE", "", "RACCORDO_PKCS11_MODULE names no library"),
    ):
        anew()
        with monkeypatch.context() as patch:
            patch.setenv(variable, value)
            assert run(["keys", "hub", *base]) == 2
            assert said in capsys.readouterr().err


def test_a_key_of_before_that_left_its_token_stops_nobody_and_the_newest_does(tmp_path, token):
    home = Home(Settings(home=tmp_path / "home"))
    home.create()
    for text in (EC, RSA):
        home.rotate_key(kind="es256", begins=None, overlap=timedelta(days=1), uri=text)
    token.destroy("hub-ec")
    anew()

    def ring():
        with home.open_database().read() as connection:
            return [key.signing is not None for key in home.load_keyring(connection).keys]

    assert ring() == [False, False, True]
    token.destroy("hub-rsa")
    anew()
    home = Home(Settings(home=tmp_path / "home"))
    with pytest.raises(HomeError, match="no private key is called so"):
        ring()
    home.database.close()
