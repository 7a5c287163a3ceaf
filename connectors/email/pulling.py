"""The mailbox of bounces, a step at a time: what came in since, read as reports; what is kept, deleted where wanted."""

import logging
from datetime import timedelta

from connectors.base.mail.imap import Mailbox
from connectors.base.mail.places import memo_of, places_of
from contracts.failures import Deferred, Misconfigured
from contracts.inbound import Memo, Pulled

from .config import Settings
from .returns import MOST_BYTES, read_return

log = logging.getLogger(__name__)


def pull(memo: Memo, settings: Settings, mailbox: Mailbox) -> Pulled:
    """One session. Deleting is a step of its own, after the one that brought the reports: they are kept by then.

    A mailbox that cannot be opened is tried again each hour, lest its account be locked: it must not stop the mail that
    goes out, as Misconfigured would.
    """
    try:
        return _pull(memo, settings, mailbox)
    except Misconfigured as exc:
        raise Deferred(exc.reason, exc.detail, after=timedelta(hours=1)) from None


def _pull(memo: Memo, settings: Settings, mailbox: Mailbox) -> Pulled:
    if done := memo.get("done"):
        folder, validity, uids = done[0]
        mailbox.remove(folder, validity, uids)
        return Pulled({**memo, "done": done[1:]}, more=True)
    reading = mailbox.read(places_of(memo), most=MOST_BYTES, whole=False)
    found = [(piece, read_return(piece.content, piece.arrived_at, settings)) for piece in reading.pieces]
    reports = tuple(returned.report for _, returned in found if returned.report is not None)
    if found:
        others = sum(returned.kind == "other" for _, returned in found)
        log.info("email.mailbox_read messages=%d reports=%d others=%d", len(found), len(reports), others)
    to_delete = []
    if settings.imap_delete:
        for folder in dict.fromkeys(piece.folder for piece, _ in found):
            uids = [piece.uid for piece, returned in found if piece.folder == folder and returned.kind != "other"]
            to_delete += [[folder, reading.places[folder].validity, uids]] if uids else []
    more = reading.more or bool(to_delete)
    after = None if more else timedelta(seconds=settings.poll_every_s)
    return Pulled(memo_of(reading.places, done=to_delete), reports=reports, more=more, after=after)
