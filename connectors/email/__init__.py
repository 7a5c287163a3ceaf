"""E-mail: courtesy notices over SMTP, recorded as such. A legal notification goes by PEC or SEND, never this way."""

from connectors.base.mail.client import Mailer
from contracts.connector import Connector, Limits

from .config import Settings
from .delivery import advance, preview
from .manifest import MANIFEST

__all__ = ["MANIFEST", "Settings", "connect"]


def connect(settings: Settings, limits: Limits) -> Connector:
    """The connector, ready for use. Opens no connection yet; an unreadable `ca_file` is told here."""
    mailer = Mailer(settings, limits)
    return Connector(
        manifest=MANIFEST,
        advance=lambda notice, memo: advance(notice, memo, settings, mailer.send),
        check=mailer.check,
        preview=lambda notice: preview(notice, settings),
    )
