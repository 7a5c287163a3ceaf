"""What anybody learns who reads the QR of a digital card: whether it is valid, and no more than that needs (S50)."""

from typing import Literal

from .base import Code, Label, Model, UtcDatetime

CardState = Literal["valid", "not_yet_valid", "expired", "revoked", "superseded"]


class TypeLabel(Model):
    """The name of a document type as citizens read it."""

    it: Label
    en: Label


class CardCheck(Model):
    """The answer about one card, for the moment in which it was asked. Whose card it is, is not part of it."""

    state: CardState
    doc_type: Code
    type_label: TypeLabel
    issuer: Label
    valid_from: UtcDatetime | None
    valid_to: UtcDatetime | None
    checked_at: UtcDatetime
