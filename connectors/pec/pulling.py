"""The mailbox of receipts, a step at a time. Nothing is ever deleted: receipts are evidence."""

import logging
from datetime import timedelta

from connectors.base.mail.imap import Mailbox
from connectors.base.mail.places import memo_of, places_of
from contracts.inbound import Memo, Pulled

from .config import Settings
from .receipts import MOST_BYTES, read_receipt

log = logging.getLogger(__name__)

_ORDINARY = ("", "other", "nothing_of_ours")


def pull(memo: Memo, settings: Settings, mailbox: Mailbox) -> Pulled:
    """One session; the reports in the order of the times that their providers certify."""
    reading = mailbox.read(places_of(memo), most=MOST_BYTES, whole=True)
    found = [
        read_receipt(piece.content, piece.arrived_at, settings.authorities, settings.own_domain, settings.from_address)
        for piece in reading.pieces
    ]
    reports = sorted((each.report for each in found if each.report is not None), key=lambda report: report.at)
    for each in found:
        if each.why not in _ORDINARY:
            log.warning("pec.receipt_not_believed reason=%s", each.why)
    if reading.passed_over:
        log.warning("pec.message_too_large count=%d", reading.passed_over)
    if found:
        log.info("pec.mailbox_read messages=%d reports=%d", len(found), len(reports))
    after = None if reading.more else timedelta(seconds=settings.poll_every_s)
    return Pulled(memo_of(reading.places), reports=tuple(reports), more=reading.more, after=after)
