"""Canaille, an identity provider that others keep, as a server in a process of its own: `python -m
tests.identity_provider` prints its issuer once its port answers, and ends with its standard input.

What it is strict about is not ours to bend: PKCE, nonce, redirect URIs and secrets are demanded. `tests.oidc` has the
lies that it cannot be made to tell.
"""

import json
import os
import re
import secrets
import subprocess
import sys
from dataclasses import dataclass, field
from threading import Thread
from wsgiref.simple_server import WSGIRequestHandler, make_server

import httpx

CLIENT = "raccordo"
PASSWORD = "correct horse battery staple"
PEOPLE = {"anna": ("Anna Verdi", ["ict", "tutti"]), "ugo": ("Ugo Bianchi", ["urp"]), "nina": ("Nina Neri", ["tutti"])}
"""User name to name and groups."""


@dataclass
class IdentityProvider:
    """The running server, with one client that may come back to `redirect_uri` alone."""

    redirect_uri: str
    secret: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    issuer: str = ""

    def __enter__(self) -> "IdentityProvider":
        told = json.dumps({"redirect_uri": self.redirect_uri, "secret": self.secret})
        command = [sys.executable, "-W", "ignore", "-m", "tests.identity_provider", told]
        environment = os.environ | {"AUTHLIB_INSECURE_TRANSPORT": "1"}  # http, on loopback
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
        assert self._process.stdout is not None
        self.issuer = self._process.stdout.readline().strip()
        assert self.issuer, "the identity provider did not start"
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate(timeout=30)


class Browser:
    """A person's browser at the provider: it keeps cookies and fills in the forms that it is shown."""

    def __init__(self) -> None:
        self.http = httpx.Client(follow_redirects=False)

    def go(self, url: str, until: str) -> str:
        """Follow redirects to where they leave for `until`; that address, or the last one where a page is shown."""
        answer = self.http.get(url)
        return self._follow(answer, until)

    def sign_in(self, url: str, username: str, until: str) -> str:
        """From the hub's redirect through the provider's own pages, to the address that leads back to the hub."""
        at = self.go(url, until)
        at = self.fill(at, until, login=username)
        return self.fill(at, until, password=PASSWORD)

    def fill(self, url: str, until: str, **fields: str) -> str:
        """Post the form of a page, with its hidden fields and these."""
        page = self.http.get(url).text
        token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
        assert token, page[:2000]
        return self._follow(self.http.post(url, data={"csrf_token": token[1], **fields}), until)

    def _follow(self, answer: httpx.Response, until: str) -> str:
        while answer.is_redirect:
            following = answer.next_request
            assert following is not None
            if str(following.url).startswith(until):
                return str(following.url)
            answer = self.http.send(following)
        assert answer.status_code == 200, answer.text[:2000]
        return str(answer.url)


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


def serve(told: dict[str, str]) -> None:
    from canaille import create_app
    from canaille.app import models
    from canaille.backends import Backend

    with make_server("127.0.0.1", 0, lambda *_: [], handler_class=_Quiet) as server:
        place = f"127.0.0.1:{server.server_port}"
        config = {
            "SECRET_KEY": secrets.token_urlsafe(24),
            "SERVER_NAME": place,
            "PREFERRED_URL_SCHEME": "http",
            "SESSION_COOKIE_SECURE": False,
            "CANAILLE": {"DATABASE": "memory", "JAVASCRIPT": False, "SMTP": None},
            "CANAILLE_OIDC": {},
        }
        app = create_app(config=config)
        with app.app_context():
            for username, (name, groups) in PEOPLE.items():
                user = models.User(
                    user_name=username, formatted_name=name, given_name=name, family_name=name, password=PASSWORD
                )
                Backend.instance.save(user)
                for group in groups:
                    there = Backend.instance.get(models.Group, display_name=group)
                    there = there or models.Group(display_name=group, members=[])
                    there.members = [*there.members, user]
                    Backend.instance.save(there)
            client = models.Client(
                client_id=CLIENT,
                client_secret=told["secret"],
                client_name="Raccordo",
                client_uri=f"http://{place}",  # of a domain that it trusts: no consent is asked for
                redirect_uris=[told["redirect_uri"]],
                grant_types=["authorization_code"],
                response_types=["code"],
                scope=["openid", "profile", "groups"],
                token_endpoint_auth_method="client_secret_post",
                id_token_signed_response_alg="RS256",
            )
            Backend.instance.save(client)
            client.audience = [client]  # of its ID tokens, as its own pages for clients have it
            Backend.instance.save(client)
        server.set_app(app)
        Thread(target=server.serve_forever, daemon=True).start()
        print(f"http://{place}", flush=True)
        sys.stdin.read()
        server.shutdown()


if __name__ == "__main__":
    serve(json.loads(sys.argv[1]))
