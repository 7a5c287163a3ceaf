"""The file of a document: held against what its publication announced, kept, then made known."""

from typing import Any

from sqlalchemy import Connection

from contracts.faults import bilingual
from contracts.items import Document
from hub.errors import ContentMismatch, ContentUnexpected, ItemUnknown
from hub.registry import Vendor
from hub.security.modi import Verified
from hub.store.amendments import Upload, must_be_active
from hub.store.citizens import Citizen, Citizens
from hub.store.database import Database
from hub.store.files import Files
from hub.store.intake import Signed, Submission
from hub.store.item_history import version_payload
from hub.store.ports import Vault
from hub.store.vendor_reading import vendor_items

from .canonical import read
from .drafting import KeyedHash, uploaded_draft
from .following import Route, route_of
from .pipeline import Inbound, Pipeline, item_id_of, media_type

Row = dict[str, Any]


class Uploads:
    """Takes files in. Reads the database and writes the file before the commit that tells of it."""

    def __init__(
        self,
        pipeline: Pipeline,
        database: Database,
        citizens: Citizens,
        vault: Vault,
        files: Files,
        route: Route,
    ) -> None:
        self._pipeline = pipeline
        self._database = database
        self._citizens = citizens
        self._vault = vault
        self._files = files
        self._route = route
        self._keyed_hash: KeyedHash = vault.keyed_hash

    def submission(self, inbound: Inbound, verified: Verified, item_id: str) -> Submission[Any]:
        """An upload, or the exact reason why not. A file whose commit fails stays unknown and harms nobody."""

        def act(signed: Signed) -> Upload:
            return self._upload(inbound, verified.vendor, item_id_of(item_id), signed.body_sha256)

        return self._pipeline.submission(inbound, verified, act, collection="documents")

    def given(self, vendor: Vendor, item_id: str, content: bytes, sha256: str) -> Upload | None:
        """The file that a source gave with its document; None where it is here already. Raises HubError."""
        with self._database.read() as connection:
            item, citizen, document = self._announced(connection, vendor, item_id)
        if document.sha256 != sha256:
            raise ContentMismatch(
                bilingual("Il documento ora annuncia un altro file", "the document announces another file by now")
            )
        if item["content_sha256"] == sha256:
            return None
        return self._kept(vendor, item, citizen, document, content)

    def _upload(self, inbound: Inbound, vendor: Vendor, item_id: str, sha256: str) -> Upload:
        with self._database.read() as connection:
            item, citizen, document = self._announced(connection, vendor, item_id)
        _check_announced(document, inbound, sha256)
        return self._kept(vendor, item, citizen, document, inbound.request.body)

    def _announced(self, connection: Connection, vendor: Vendor, item_id: str) -> tuple[Row, Citizen, Document]:
        found = vendor_items(connection, ente_id=vendor.ente_id, vendor_id=vendor.vendor_id, item_id=item_id)
        if not found or found[0]["collection"] != "documents":
            raise ItemUnknown
        item = found[0]
        must_be_active(item)
        citizen = self._citizens.by_id(connection, vendor.ente_id, item["citizen_id"])
        payload = version_payload(connection, self._vault, citizen, item_id=item_id, version=item["version"])
        assert payload is not None
        document = read(payload)
        assert isinstance(document, Document)
        return item, citizen, document

    def _kept(self, vendor: Vendor, item: Row, citizen: Citizen, document: Document, content: bytes) -> Upload:
        assert document.sha256 is not None
        item_id, sha256 = item["item_id"], document.sha256
        key = self._files.put(citizen, item_id=item_id, sha256=sha256, content=content)
        rules = self._pipeline.rules(vendor.ente_id)
        route = route_of(self._route, vendor.ente_id, vendor.vendor_id)
        draft = uploaded_draft(document, vendor, route=route, keyed_hash=self._keyed_hash, rules=rules)
        return Upload(item_id, item["version"], sha256, key, draft)


def _check_announced(document: Document, inbound: Inbound, sha256: str) -> None:
    """Raises ContentUnexpected or ContentMismatch."""
    if not document.has_file or document.content_url is not None:
        raise ContentUnexpected
    body = inbound.request.body
    if media_type(inbound.request) != document.media_type:
        raise ContentMismatch(
            bilingual(
                f"Il tipo di contenuto non è quello annunciato ({document.media_type})",
                f"the media type is not the announced one ({document.media_type})",
            )
        )
    if len(body) != document.size:
        raise ContentMismatch(
            bilingual(
                f"Sono arrivati {len(body)} byte, ne erano annunciati {document.size}",
                f"{len(body)} bytes came, {document.size} were announced",
            )
        )
    if sha256 != document.sha256:
        raise ContentMismatch(
            bilingual(
                "Lo SHA-256 dei byte ricevuti non è quello annunciato",
                "the SHA-256 of the bytes received is not the announced one",
            )
        )
