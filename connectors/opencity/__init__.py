"""OpenCity Italia ("Stanza del Cittadino"): applications with their messages and payments, and subscriptions, are read
from it and told by its webhooks; messages go to the applications there."""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from connectors.base.http import chosen_client
from connectors.base.manifest import read_manifest
from contracts.connector import Connector, Limits

from .archiving import Archive
from .asking import PARTS, Records
from .calling import Webhook
from .checking import check
from .client import Messages
from .config import Settings
from .filing import Files
from .pulling import Source
from .session import Session


def connect(settings: Settings, limits: Limits, now: Callable[[], float] = time.time) -> Connector:
    """The connector of one tenant. `now` is Unix seconds, for tests."""
    http = chosen_client(limits, settings.private_hosts, settings)
    session = Session(http, settings, limits.timeout_s, now)
    files = Files(session, settings)
    archive = Archive(session, settings, files, now)
    records = Records(session, settings)
    source = Source(session, settings, records, files, archive, now)
    messages = Messages(session, now)
    return Connector(
        read_manifest(Path(__file__).parent),
        messages.advance,
        partial(check, session, settings, archive),
        http.close,
        lookup=messages.lookup,
        preview=messages.preview,
        pull=source.pull,
        look=records.look,
        parts=PARTS,
        answer=Webhook(records, settings).answer if settings.webhook_secret is not None else None,
        read=source.read,
    )
