"""The history of an application: what its source tells of the past, and what the hub saw itself, in one line (S26)."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson

from contracts.base import rfc3339
from hub.store.reading import Version

_MOST = 500
_OWN_ACTS = ("expired",)
"""Events by which the hub changes the state of an application itself."""


def history_view(versions: Sequence[Version], timeline: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """contracts.feed.HistoryEntry, oldest first, of an item's versions in their order and its timeline.

    Nothing that a source ever told of the past is lost with a later version that leaves it out, and it is the same
    history whatever the order in which the versions came. Of a change that the source dates, the source's entry stays.
    """
    contents = [orjson.loads(version.payload) for version in versions]
    told = {
        (_moment(past["at"]), past["state"]): past.get("label") for each in contents for past in each.get("history", ())
    }
    entries = [(at, state, label, "source") for (at, state), label in sorted(told.items(), key=lambda one: one[0])]
    unmatched = [(at, state) for at, state, _, _ in entries]
    for at, content in _changes(versions, contents):
        same = next((one for one in unmatched if one[1] == content["state"] and one[0] <= at), None)
        if same is not None:
            unmatched.remove(same)
        else:
            entries.append((at, content["state"], content.get("source_status", {}).get("label"), "hub"))
    entries += [(event["at"], event["event"], None, "hub") for event in timeline if event["event"] in _OWN_ACTS]
    entries.sort(key=lambda entry: entry[0])
    return [
        {"at": rfc3339(at), "state": state, "label": label, "origin": by} for at, state, label, by in entries[-_MOST:]
    ]


def _changes(
    versions: Sequence[Version], contents: Sequence[Mapping[str, Any]]
) -> list[tuple[datetime, Mapping[str, Any]]]:
    """Each version whose state is another than that of the one before it, and when it was so at the latest: a version
    that came late was true before those that follow it."""
    latest: list[datetime] = []
    for version, content in zip(reversed(versions), reversed(contents), strict=True):
        known = _moment(content["as_of"]) if "as_of" in content else version.received_at
        latest.insert(0, min([known, *latest[:1]]))
    states = [None, *(content["state"] for content in contents)]
    return [
        (at, content)
        for at, content, before in zip(latest, contents, states, strict=False)
        if content["state"] != before
    ]


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
