"""OpenCity: what a sweep lists no more, of each kind that a tenant lists all of: applications, subscriptions, the
archive."""

import hashlib
from typing import ClassVar
from urllib.parse import parse_qsl, urlsplit

from connectors.base.listing_conformance import ListingConformance
from connectors.base.scripted import Reply

from .simulator_model import USER, application, iso, name_of, page
from .test_opencity import NOW, PASSWORD, SECRET, jwt, login, made
from .test_simulator import SUBSCRIPTION

PDF = b"%PDF-1.7\ntributi"
DOCUMENT = {
    "owner": USER,
    "title": "Avviso TARI",
    "original_filename": "TARI.pdf",
    "mime_type": "application/pdf",
    "md5": hashlib.md5(PDF, usedforsecurity=False).hexdigest(),
    "created_at": iso(NOW),
    "updated_at": iso(NOW),
    "last_read_at": None,
}
CITIZEN = {"id": USER, "role": "user", "nome": "Ada", "cognome": "Neri", "codice_fiscale": "RSSMRA80A01H501U"}


class Lists(ListingConformance):
    secrets, personal = (PASSWORD, SECRET, jwt()), ("RSSMRA80A01H501U",)
    settings: ClassVar = {}

    def connect_to(self, url, limits):
        self.server.aside = login
        return made(f"{url}/lang/api", limits, **({"application_url": None} | self.settings))

    def due(self, memo):
        return memo | {"swept_at": None}

    def lists(self, records):
        def answer(request):
            place = urlsplit(request.path)
            path = place.path.removeprefix("/lang/api")
            return self.answer(list(records), path, dict(parse_qsl(place.query)))

        return answer


class TestApplications(Lists):
    settings: ClassVar = {"collections": ["applications"]}

    def answer(self, records, path, query):
        if path != "/applications":
            there = {name_of(each): application(each, NOW) for each in records}
            found = there.get(path.removeprefix("/applications/"))
            return Reply(404, ["Application not found"]) if found is None else Reply(200, found)
        listed = [application(each, NOW + at) for at, each in enumerate(records)]
        found, offset, limit = page(listed, query)
        return Reply(200, {"meta": {"count": str(len(found))}, "data": found[offset : offset + limit]})

    def named(self, record):
        return f"application/{name_of(record)}"


class TestSubscriptions(Lists):
    settings: ClassVar = {"collections": ["subscriptions"]}

    def answer(self, records, path, query):
        assert path == "/subscriptions"
        state = query["subscriptionServiceStatus"]
        its = (each for each in records if state == str(each % 3))
        return Reply(200, [SUBSCRIPTION | {"id": name_of(each, 3)} for each in its])

    def named(self, record):
        return f"subscription/{name_of(record, 3)}"


class TestArchive(Lists):
    settings: ClassVar = {"collections": ["documents"], "files": ["archive"]}

    def answer(self, records, path, query):
        if path.startswith("/users/"):
            return Reply(200, CITIZEN)
        if path == "/applications":
            return Reply(200, {"meta": {"count": 0}, "data": []})
        documents = {name_of(each, 4): DOCUMENT | {"id": name_of(each, 4)} for each in records}
        if path == "/documents":
            return Reply(200, self.listed([documents[name_of(each, 4)] for each in records], query))
        name, _, download = path.removeprefix("/documents/").partition("/")
        if name not in documents:
            return Reply(404, ["Document not found"])
        return Reply(200, PDF, {"Content-Type": "application/pdf"}) if download else Reply(200, documents[name])

    def listed(self, documents, query):
        return documents

    def named(self, record):
        return f"archive/{name_of(record, 4)}"


class TestArchiveInPages(TestArchive):
    def listed(self, documents, query):
        start = int(query["offset"])
        return {"meta": {"count": len(documents)}, "data": documents[start : start + int(query["limit"])]}
