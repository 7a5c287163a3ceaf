"""Standard Webhooks: the published vectors, and rotation."""

import pytest

from connectors.webhook.signing import read_secrets, signed

HMAC = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OLDER = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
ED25519 = "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg=="
VECTOR = {"message_id": "msg_p5jXN8AQM9LWM0D4loKWxJek", "timestamp": 1614265330, "body": b'{"test": 2432232314}'}


@pytest.mark.parametrize(
    ("secret", "signature"),
    [
        (HMAC, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
        (
            ED25519,
            "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg==",
        ),
    ],
    ids=["hmac", "ed25519"],
)
def test_the_published_vectors(secret, signature):
    assert signed(read_secrets(secret), **VECTOR)["webhook-signature"] == signature


def test_every_secret_of_a_rotation_signs():
    headers = signed(read_secrets(f"{HMAC} {OLDER}\n{ED25519}"), **VECTOR)
    found = headers["webhook-signature"].split(" ")
    assert [one.partition(",")[0] for one in found] == ["v1", "v1", "v1a"]
    assert len(set(found)) == 3
    assert set(found) == {signed(read_secrets(one), **VECTOR)["webhook-signature"] for one in (HMAC, OLDER, ED25519)}


def test_an_id_with_a_full_stop_is_not_signed():
    with pytest.raises(ValueError, match="full stop"):
        signed(read_secrets(HMAC), message_id="a.b", timestamp=1, body=b"")
