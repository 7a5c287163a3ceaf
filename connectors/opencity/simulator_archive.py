"""The archive of the simulated tenant and its citizens, as version 2.13 is described to have them: a plain list, owners
by their ids, a download that counts as a reading."""

import base64
import hashlib
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from . import simulator_model as model
from .simulator_model import Refused


class Archive:
    """In memory. `now` in Unix seconds."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.now = now
        self.documents: dict[str, dict[str, Any]] = {}
        self.users = {
            model.USER: {
                "id": model.USER,
                "role": "user",
                "nome": "Ada",
                "cognome": "Neri",
                "codice_fiscale": "RSSMRA80A01H501U",
            }
        }
        self.routes = [
            ("/documents", "GET", "documents", self.listing, True),
            ("/documents/{id}", "GET", "documents", self.one, True),
            ("/documents/{id}/download", "GET", "download", self.download, True),
            ("/users/{id}", "GET", "users", self.user, True),
        ]

    async def listing(self, request: Request) -> Response:
        """Without pages: what asks for some is passed over."""
        query = request.query_params
        found = [each for each in self.documents.values() if query.get("title") in (None, each["title"])]
        found = [each for each in found if query.get("folder") in (None, each["folder"])]
        owners = {name for name, each in self.users.items() if query.get("cf") in (None, each["codice_fiscale"])}
        return JSONResponse([model.public(each) for each in found if "cf" not in query or each["owner"] in owners])

    async def one(self, request: Request) -> Response:
        return JSONResponse(model.public(self._document(request)))

    async def download(self, request: Request) -> Response:
        """The bytes; whoever reads them has read the document, which is a change of it."""
        document = self._document(request)
        read = {"last_read_at": model.iso(self.now()), "updated_at": model.iso(self.now())}
        document |= read | {"downloads_counter": document["downloads_counter"] + 1}
        headers = {"Content-Disposition": f"attachment; filename*=utf-8''{quote(document['original_filename'])}"}
        return Response(document["_content"], media_type=document["mime_type"], headers=headers)

    async def user(self, request: Request) -> Response:
        name = request.path_params["id"]
        if not model.UUID.fullmatch(name):
            raise Refused(400, ["Identifier conversion error"])
        if name not in self.users:
            raise Refused(404, ["User not found"])
        return JSONResponse(self.users[name])

    async def add(self, request: Request) -> Response:
        """A document of a citizen (`{"name", "base64"}`, and members of it), or, with its `id`, a change of one."""
        given = await request.json()
        at = {"updated_at": model.iso(self.now())}
        known = self.documents.get(given.get("id", "")) or self._new(len(self.documents) + 1)
        content = base64.b64decode(given.pop("base64")) if "base64" in given else known["_content"]
        named = {"original_filename": given.pop("name")} if "name" in given else {}
        made = (
            known
            | at
            | named
            | given
            | {"_content": content, "md5": hashlib.md5(content, usedforsecurity=False).hexdigest()}
        )
        self.documents[made["id"]] = made
        return JSONResponse(model.public(made), 201)

    def _document(self, request: Request) -> dict[str, Any]:
        name = request.path_params["id"]
        if not model.UUID.fullmatch(name):
            raise Refused(400, ["Identifier conversion error"])
        if name not in self.documents:
            raise Refused(404, ["Document not found"])
        return self.documents[name]

    def _new(self, number: int) -> dict[str, Any]:
        name = model.name_of(number, 4)
        return {
            "id": name,
            "owner": model.USER,
            "folder": model.name_of(1, 5),
            "tenant": model.TENANT,
            "recipient_type": "user",
            "version": 1,
            "original_filename": "documento.pdf",
            "mime_type": "application/pdf",
            "address": None,
            "download_link": f"https://servizi.invalid/lang/api/documents/{name}/download",
            "store": True,
            "title": None,
            "description": None,
            "topics": [],
            "correlated_services": [],
            "readers_allowed": [],
            "validity_begin": None,
            "validity_end": None,
            "expire_at": None,
            "due_date": None,
            "last_read_at": None,
            "downloads_counter": 0,
            "created_at": model.iso(self.now()),
            "_content": b"",
        }
