"""What the flows of the administration share: accounts, sessions and requests that carry them; connectors."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from contracts.identifiers import new_uuid7
from hub.admin.passwords import password_hash
from hub.store.administrators import Administrator, add_administrator
from tests.harness import ENTE, HubUnderTest

PASSWORD = "corretto cavallo batteria"
MERGE = "application/merge-patch+json"
CALLBACK = "https://hub.comune.example.it/admin/v1/login-results"
"""Where an identity provider leads the browser back to."""
_hashed = cache(password_hash)


def make_account(hub: HubUnderTest, username: str, *roles: str, ente_id: str = ENTE) -> str:
    """A local account with these roles, all with one password."""
    account = Administrator(
        ente_id, new_uuid7(), username, username.title(), frozenset(roles), password_hash=_hashed(PASSWORD)
    )
    with hub.home.database.write() as tx:
        add_administrator(tx, account)
    return username


def sign_in(hub: HubUnderTest, username: str, password: str = PASSWORD) -> httpx.Response:
    return hub.client.post("/admin/v1/sessions", auth=(username, password))


def begin_login(hub: HubUnderTest) -> tuple[str, str]:
    """The browser's first step, for the provider `comune`: where it is led, and the cookie that it holds."""
    answer = hub.client.get("/admin/v1/identity-providers/comune/logins")
    assert answer.status_code == 303, answer.text
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    hub.client.cookies.clear()
    return answer.headers["Location"], cookie.partition(";")[0]


def end_login(hub: HubUnderTest, query: Mapping[str, str], cookie: str) -> httpx.Response:
    """Its last: back from the provider, with what that said."""
    headers = {"Cookie": cookie} if cookie else {}
    answer = hub.client.get("/admin/v1/login-results", params=dict(query), headers=headers)
    hub.client.cookies.clear()
    return answer


def query_of(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


@dataclass
class Admin:
    """An administrator who has signed in."""

    hub: HubUnderTest
    token: str

    def call(
        self, method: str, path: str, content: Any = None, *, headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        own = {"Authorization": f"Bearer {self.token}"}
        if method == "PATCH":
            own["Content-Type"] = MERGE
        return self.hub.client.request(method, f"/admin/v1{path}", json=content, headers={**own, **dict(headers or {})})

    def get(self, path: str, **how: Any) -> httpx.Response:
        return self.call("GET", path, **how)

    def post(self, path: str, content: Any = None, **how: Any) -> httpx.Response:
        return self.call("POST", path, {} if content is None else content, **how)

    def patch(self, path: str, content: Any, **how: Any) -> httpx.Response:
        return self.call("PATCH", path, content, **how)


def admin_of(hub: HubUnderTest, username: str, *roles: str, ente_id: str = ENTE) -> Admin:
    """A new account that has signed in."""
    make_account(hub, username, *roles, ente_id=ente_id)
    answer = sign_in(hub, username)
    assert answer.status_code == 201, answer.text
    return Admin(hub, answer.json()["session_token"])


def loopback(connector_id: str, folder: Path, **fields: Any) -> dict[str, Any]:
    """What is asked for, for a connector that writes into a folder."""
    return {"connector_id": connector_id, "connector_type": "loopback", "settings": {"folder": str(folder)}} | fields


def draft(admin: Admin, connector_id: str, folder: Path, **fields: Any) -> httpx.Response:
    answer = admin.post("/connectors", loopback(connector_id, folder, **fields))
    assert answer.status_code == 201, answer.text
    return answer


def check(admin: Admin, connector_id: str, version: int | None = None) -> dict[str, Any]:
    """What the check found."""
    answer = admin.post(f"/connectors/{connector_id}/checks", {} if version is None else {"version": version})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def active(admin: Admin, connector_id: str, folder: Path, **fields: Any) -> None:
    """From draft to active."""
    draft(admin, connector_id, folder, **fields)
    assert check(admin, connector_id)["outcome"] == "passed"
    answer = admin.post(f"/connectors/{connector_id}/activations")
    assert answer.status_code == 200, answer.text
