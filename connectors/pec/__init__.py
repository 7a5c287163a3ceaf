"""PEC: registered electronic mail to a digital domicile. Sent is what the ente's provider has accepted, delivered what
the recipient's provider says is in the mailbox: both by their signed receipts, which arrive over IMAP.
"""

from datetime import UTC, datetime

from connectors.base.mail.client import Mailer
from connectors.base.mail.imap import Mailbox
from contracts.connector import Connector, Limits

from .config import Settings
from .delivery import advance, preview
from .manifest import MANIFEST
from .pulling import pull

__all__ = ["MANIFEST", "Settings", "connect"]


def connect(settings: Settings, limits: Limits) -> Connector:
    """The connector, ready for use. Opens no connection yet; an unreadable `ca_file` is told here."""
    mailer, mailbox = Mailer(settings, limits), Mailbox(settings, limits)
    return Connector(
        manifest=MANIFEST,
        advance=lambda notice, memo: advance(notice, memo, settings, mailer.send, lambda: datetime.now(UTC)),
        check=lambda: f"{mailer.check()} {mailbox.check()}",
        preview=lambda notice: preview(notice, settings),
        pull=lambda memo: pull(memo, settings, mailbox),
    )
