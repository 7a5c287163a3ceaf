"""E-mail: courtesy notices over SMTP, recorded as such. A legal notification goes by PEC or SEND, never this way.

What comes back into the mailbox of bounces, if one is named, tells what became of them (`returns`).
"""

from datetime import timedelta

from connectors.base.mail.client import Mailer
from connectors.base.mail.imap import Mailbox
from contracts.connector import Connector, Limits, Turn

from .checking import check
from .config import Settings
from .delivery import advance, preview
from .manifest import MANIFEST
from .pulling import pull

__all__ = ["MANIFEST", "Settings", "connect"]


def connect(settings: Settings, limits: Limits, turn: Turn = lambda *_: timedelta()) -> Connector:
    """The connector, ready for use. Opens no connection yet; an unreadable `ca_file` is told here. `turn` keeps the
    rates of recipients' domains."""
    mailer = Mailer(settings, limits)
    mailbox = Mailbox(settings, limits) if settings.imap_host else None
    return Connector(
        manifest=MANIFEST,
        advance=lambda notice, memo: advance(notice, memo, settings, mailer.send, turn),
        check=lambda: check(settings, limits, mailer.check, mailbox),
        preview=lambda notice: preview(notice, settings),
        pull=None if mailbox is None else lambda memo: pull(memo, settings, mailbox),
    )
