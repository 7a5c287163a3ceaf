"""The vectors of what the hub signs: our own verifier of answers gives every verdict."""

import json
from base64 import b64decode
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from hub.security import jose
from hub.security.causes import Refusal
from hub.security.jwk import jwk_key
from hub.security.responses import signed_answer, verify_response

FILE: dict[str, Any] = json.loads((Path(__file__).parent / "answers.json").read_text())
VECTORS = {one["name"]: one for one in FILE["vectors"]}
NOW = datetime.fromisoformat(FILE["now"]).timestamp()


def verdict(vector: dict[str, Any]) -> str:
    """The cause of the refusal; empty where the answer holds."""
    headers = [(name, value) for name, value in vector["answer"]["headers"]]
    known = {one["kid"]: one for one in FILE["keys"]}
    try:
        kid = signed_answer(headers).header["kid"]
        if kid not in known:
            return "key.unknown"
        key: jose.VerifyingKey = jwk_key(json.dumps(known[kid]))
        verify_response(headers, b64decode(vector["answer"]["body_base64"]), key, now=NOW, **vector["receiver"])
    except Refusal as refusal:
        return refusal.code
    return ""


@pytest.mark.parametrize("name", VECTORS)
def test_an_answer_is_believed_or_refused_for_its_reason(name):
    assert verdict(VECTORS[name]) == VECTORS[name]["expect"].get("cause", "")


def test_a_bad_answer_differs_from_its_good_one():
    for vector in VECTORS.values():
        if vector["base"] is not None:
            assert vector["answer"] != VECTORS[vector["base"]]["answer"]
            assert vector["receiver"] == VECTORS[vector["base"]]["receiver"]
    assert [one["name"] for one in VECTORS.values() if one["base"] is None] == ["receipt", "call"]
