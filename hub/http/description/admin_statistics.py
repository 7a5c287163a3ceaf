"""What is said of statistics of subscribers."""

from contracts.statistics_administration import SubscriptionStatistics
from hub import errors
from hub.admin import errors as admin_errors

from .admin_parts import ADMIN
from .entries import Answer, Body, Entry, both
from .json_schema import Json

_COUNTED: Json = {
    "subscription_service": "nido-2026",
    "counted_at": "2026-11-23T09:00:00Z",
    "smallest": 5,
    "cells": [
        {"dimension": "total", "value": "", "number": 120},
        {"dimension": "sex", "value": "F", "number": 58},
        {"dimension": "sex", "value": "M", "number": 62},
        {"dimension": "area", "value": "other", "number": None},
    ],
}

ENTRIES: dict[str, Entry] = {
    "show_subscription_statistics": Entry(
        tag="subscription-statistics",
        summary="Quanti sono iscritti / How many are subscribed",
        description=both(
            "Le iscrizioni in corso a un servizio, per stato, fascia d'età, sesso e zona. I numeri piccoli, e quelli "
            "da cui si ricaverebbero, sono nulli. Con `Accept: text/csv` lo stesso in CSV (UTF-8, RFC 4180), con "
            "colonne stabili e senza formule per i fogli di calcolo. Chi ha guardato resta nel registro degli accessi.",
            "The present subscriptions to a service, by state, age band, sex and area. Small numbers, and those from "
            "which they could be worked out, are null. With `Accept: text/csv` the same as CSV (UTF-8, RFC 4180), with "
            "stable columns and no formulas for spreadsheets. Who looked stands in the access log.",
        ),
        parameters=("SubscriptionServiceInPath", "CorrelationId"),
        answers={
            200: Answer(
                description="I numeri / The numbers",
                body=Body(model=SubscriptionStatistics, examples={"statistics": _COUNTED}),
                headers=("Content-Disposition",),
                file_types=("text/csv",),
            )
        },
        errors=(
            *ADMIN,
            errors.NotAcceptable,
            admin_errors.SubscriptionServiceMissing,
            admin_errors.AreasTooMany,
        ),
    ),
}
