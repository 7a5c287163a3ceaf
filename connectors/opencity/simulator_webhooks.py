"""The simulated tenant's webhook: queued, sent with the headers that were typed in, tried again, then dropped.

As in 2.13: the body is built when it is sent, the event keeps its name over its tries, and they follow at once.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx

TAKEN = (200, 201, 202, 204)


@dataclass(slots=True)
class Event:
    """Something to be told; `build` makes its body when it is sent."""

    build: Callable[[], dict[str, Any]]
    event_id: str = field(default_factory=lambda: str(uuid4()))
    answers: list[int] = field(default_factory=list)
    """Of each try; 0 for none."""

    @property
    def taken(self) -> bool:
        return self.answers[-1:] != [] and self.answers[-1] in TAKEN


@dataclass(slots=True)
class Webhook:
    """One webhook of trigger `all`."""

    url: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    tries: int = 10
    pause_s: float = 0.05
    events: list[Event] = field(default_factory=list)
    _sending: set[asyncio.Task[None]] = field(default_factory=set)

    def tell(self, build: Callable[[], dict[str, Any]]) -> None:
        """Queue an event, where there is somebody to tell; needs a running loop."""
        if not self.url:
            return
        event = Event(build)
        self.events.append(event)
        task = asyncio.create_task(self._send(event))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def _send(self, event: Event) -> None:
        async with httpx.AsyncClient(trust_env=False, timeout=5, follow_redirects=False) as client:
            for _ in range(self.tries):
                body = event.build() | {
                    "event_id": event.event_id,
                    "event_created_at": time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime()),
                    "event_version": "2.0",
                    "app_version": "3.24.3",
                }
                try:
                    answer = await client.post(self.url, json=body, headers=self.headers)
                    event.answers.append(answer.status_code)
                except httpx.HTTPError:
                    event.answers.append(0)
                if event.taken:
                    return
                await asyncio.sleep(self.pause_s)
