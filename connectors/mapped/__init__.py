"""Any other vendor, without code: what it has becomes items by a declarative mapping (`document.py`).

The records come from a REST API that is asked page by page, from calls of the vendor, or from uploaded files. A
mapping whose own tests fail is not connected.
"""

from pathlib import Path

from connectors.base.http import chosen_client
from connectors.base.manifest import read_manifest
from contracts.connector import Connector, Done, Limits, Memo, Notice
from contracts.failures import Misconfigured, Rejected
from contracts.proving import Proof

from .client import Source
from .config import Settings
from .hook import Hook
from .mapping import Mapping, failed_tests


def connect(settings: Settings, limits: Limits, proof: Proof | None = None) -> Connector:
    """The connector of one source.

    Raises:
        Misconfigured: the mapping's own tests fail, or the settings want a proof and the hub gave none.
    """
    if settings.proof != "none" and proof is None:
        raise Misconfigured("mapped.unproved", "the hub gave no proof")
    mapping = Mapping(settings.mapping)
    if failed := failed_tests(mapping):
        told = "; ".join(f"test {name!r}: {reason}" for name, reason in failed[:5])
        raise Misconfigured("mapped.tests_fail", f"the mapping's own tests fail: {told}")
    manifest = read_manifest(Path(__file__).parent)
    if settings.origin == "rest":
        http = chosen_client(limits, settings.private_hosts, settings)
        source = Source(http, settings, mapping, proof, limits.timeout_s)
        return Connector(
            manifest,
            _delivers_nothing,
            source.check,
            http.close,
            pull=source.pull,
            look=source.look,
            looks_at_lists=settings.record_url is None,
            read=source.read,
        )
    answer = Hook(settings, mapping).answer if settings.origin == "webhook" else None
    sentence = f"The mapping is whole, and its {len(settings.mapping.tests)} tests hold."
    read_whole = mapping.read_whole if settings.mapping.lists_all is not None else None
    return Connector(
        manifest, _delivers_nothing, lambda: sentence, answer=answer, read=mapping.read, read_whole=read_whole
    )


def _delivers_nothing(notice: Notice, memo: Memo) -> Done:
    raise Rejected("mapped.delivers_nothing", "items come from here, nothing is sent there")
