"""From a notice to the body of a call, and from a status to what becomes of the delivery. Pure."""

from connectors.base.http import Answer, retry_after
from contracts.connector import Notice, Push
from contracts.failures import Deferred, Failure, Misconfigured, Rejected
from contracts.following import LARGEST_EVENT, FollowedNotice, FollowedPayment, ItemEvent, Payload

# They speak of our address or of our credentials: a person puts that right, and then everything goes out.
_OURS = {
    401: "webhook.not_authorised",
    403: "webhook.not_authorised",
    404: "webhook.not_there",
    405: "webhook.not_there",
    407: "webhook.not_authorised",
    410: "webhook.gone",
    421: "webhook.not_there",
}
# Of the client's errors, those that pass.
_PASSING = frozenset({408, 409, 425, 429})


def content(notice: Notice, push: Push, payload: Payload) -> bytes:
    """The body: the event as it is, or with the notice where the settings want it and there is one."""
    if payload == "ids" or not notice.tax_code:
        return push.content
    event = ItemEvent.model_validate_json(push.content)
    whole = _with(event, _said(notice))
    if len(whole) <= LARGEST_EVENT:
        return whole
    return _with(event, _said(notice).model_copy(update={"body_markdown": None}))


def _with(event: ItemEvent, said: FollowedNotice) -> bytes:
    data = event.data.model_copy(update={"notice": said})
    return event.model_copy(update={"data": data}).model_dump_json().encode()


def _said(notice: Notice) -> FollowedNotice:
    """A sensitive one says whom it concerns and that something waits, and neither what nor how it is called."""
    open_ = not notice.sensitive
    payment = notice.payment if open_ else None
    return FollowedNotice(
        tax_code=notice.tax_code,
        kind=notice.kind,
        language=notice.language,
        title=notice.title if open_ else None,
        body_markdown=notice.body_markdown if open_ else None,
        sensitive=notice.sensitive,
        deep_link=notice.deep_link,
        due_at=notice.due_at,
        payment=None
        if payment is None
        else FollowedPayment(
            notice_number=payment.notice_number,
            amount_cents=payment.amount_cents,
            creditor_tax_code=payment.creditor_tax_code,
        ),
    )


def failure(answer: Answer) -> Failure:
    """What comes of any answer but 2xx, which alone acknowledges (Standard Webhooks, "Delivery").

    410 asks to be told no more, and with 401, 403, 404, 405 and redirections, none of which is followed, it speaks of
    our set-up: the connector pauses, its deliveries are held, nothing is lost. Other 4xx refuse this one event.
    """
    status = answer.status
    if status in _OURS:
        return Misconfigured(_OURS[status], f"status {status}")
    if 300 <= status < 400:
        return Misconfigured("webhook.redirected", f"status {status}")
    if 400 <= status < 500 and status not in _PASSING:
        return Rejected(f"webhook.status_{status}")
    return Deferred(f"webhook.status_{status}", after=retry_after(answer))
