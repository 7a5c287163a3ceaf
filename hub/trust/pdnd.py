"""PDND's keys: the platform's own by JWKS, those of its members by kid over its API v1, v2 or v3 (modi 2.3)."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any, Final

from hub.clock import Clock
from hub.security.jose import VerifyingKey
from hub.security.material import Held, PdndKey, Source

from .answers import check_answer, signer_of
from .environment import Environments, KeyName, PdndAccess, VoucherSource, VoucherUnavailable
from .http import Answer, FetchFailed, Pause, Web
from .keys import read_key, read_object, read_set

JWKS_BYTES: Final = 256 * 1024
ANSWER_BYTES: Final = 1024 * 1024
_JSON: Final = ("application/json", "application/jwk+json", "application/jwk-set+json")

JWKS_FRESH_S: Final = 60.0
"""So soon a key is known that the platform begins to sign with."""
FRESH_S: Final = 900.0
USABLE_S: Final = 4 * 3600.0
"""How long keys are used while PDND does not answer: an outage of an afternoon stops nobody."""
ABSENT_S: Final = 60.0
FAILED_S: Final = 5.0
_AGAIN_S: Final = 30.0


class PdndClient:
    """What one environment is asked, with the vouchers of one API client. Lives on the event loop of its `web`."""

    def __init__(self, access: PdndAccess, web: Web, clock: Clock) -> None:
        self.access = access
        self.environment = access.environment
        self._web = web
        self._clock = clock
        self._jwks_pause = Pause()
        self._keys_pause = Pause()
        self._platform: Mapping[str, VerifyingKey] = {}
        self._platform_at = 0.0
        self._platform_lock = asyncio.Lock()

    async def platform_keys(self) -> Mapping[str, VerifyingKey]:
        """The keys that sign vouchers and answers, by kid. Raises FetchFailed."""
        answer = await self._guarded(
            self._jwks_pause, self._web.get(self.environment.jwks_url, limit=JWKS_BYTES, media_types=_JSON)
        )
        self._platform, self._platform_at = read_set(answer.body), self.now()
        return self._platform

    async def key(self, kid: str, *, producer: bool) -> PdndKey | None:
        """A registered key; None where there is none. Raises FetchFailed."""
        v1 = self.environment.api_version == "v1"
        # v1 has one path for both kinds.
        path = "producerKeys" if producer and not v1 else "keys"
        answer = await self.ask(f"/{path}/{kid}", also=(404,), pause=self._keys_pause)
        if answer.status == 404:
            return None
        content = read_object(answer.body)
        if v1:
            return PdndKey(read_key(content, kid), None)
        client_id = None if producer else content.get("clientId")
        if not producer and not isinstance(client_id, str):
            raise FetchFailed("malformed")
        return PdndKey(read_key(content.get("jwk"), kid), client_id)

    async def ask(
        self, path: str, params: Mapping[str, str] | None = None, *, also: tuple[int, ...] = (), pause: Pause
    ) -> Answer:
        """One request to the API. Its answer is signed where the environment demands it. Raises FetchFailed."""
        answer = await self._guarded(pause, self._ask(self.environment.keys_url + path, params, also))
        if self.environment.demands_signatures and answer.status == 200:
            check_answer(answer, await self._platform_key(signer_of(answer)), self.now())
        return answer

    def now(self) -> float:
        return self._clock.now().timestamp()

    async def _ask(self, url: str, params: Mapping[str, str] | None, also: tuple[int, ...]) -> Answer:
        vouchers = self.access.vouchers
        if vouchers is None or not self.access.has_api:
            raise FetchFailed("no_api")
        # A voucher may end before its time: another one then, once.
        answer = await self._shown(vouchers, url, params, (*also, 401))
        if answer.status == 401 and await vouchers.refused():
            answer = await self._shown(vouchers, url, params, (*also, 401))
        if answer.status == 401:
            raise FetchFailed("status_401")
        return answer

    async def _shown(
        self, vouchers: VoucherSource, url: str, params: Mapping[str, str] | None, also: tuple[int, ...]
    ) -> Answer:
        try:
            headers = await vouchers.header_for(purpose_id=None, method="GET", url=url)
            shown = vouchers.shown()
        except VoucherUnavailable as unavailable:
            raise FetchFailed(f"voucher_{unavailable.problem}", lasting=True) from None
        return await self._web.get(
            url, limit=ANSWER_BYTES, media_types=_JSON, headers=headers, params=params, also=also, shown=shown
        )

    async def _platform_key(self, kid: str) -> VerifyingKey:
        async with self._platform_lock:
            age_s = self.now() - self._platform_at
            # The platform may have rotated; a kid that nobody knows must not have its keys fetched each time.
            if age_s > (FRESH_S if kid in self._platform else _AGAIN_S):
                try:
                    await self.platform_keys()
                except FetchFailed:
                    if kid not in self._platform or age_s > USABLE_S:
                        raise
        if kid not in self._platform:
            raise FetchFailed("bad_signature")
        return self._platform[kid]

    async def _guarded(self, pause: Pause, asking: Coroutine[Any, Any, Answer]) -> Answer:
        try:
            pause.check()
        except FetchFailed:
            asking.close()
            raise
        try:
            answer = await asking
        except FetchFailed as failure:
            pause.failed(failure)
            raise
        pause.succeeded()
        return answer


class PdndKeys:
    """The fetchers of `pdnd-jwks` and `pdnd-key` over whatever environments are configured."""

    def __init__(self, environments: Environments, web: Web, clock: Clock) -> None:
        self._environments = environments
        self._web = web
        self._clock = clock
        self._clients: dict[str, PdndClient] = {}

    def fetchers(self) -> Mapping[Source, Callable[[str], Awaitable[Held]]]:
        return {"pdnd-jwks": self.jwks, "pdnd-key": self.key}

    async def jwks(self, issuer: str) -> Held:
        """The platform's keys of the environment that issues as `issuer`."""
        client = self.clients().get(issuer)
        if client is None:
            return self._failed("no_environment")
        return await self._held(client.platform_keys(), JWKS_FRESH_S)

    async def key(self, name: str) -> Held:
        """The key of a `KeyName`, with the client that it belongs to where the API says so."""
        try:
            wanted = KeyName.parse(name)
        except ValueError:
            return self._absent()
        clients = self.clients()
        client = clients.get(wanted.issuer)
        if not wanted.issuer and len(clients) == 1:
            (client,) = clients.values()
        if client is None:
            return self._failed("no_environment")
        return await self._held(client.key(wanted.kid, producer=wanted.producer), FRESH_S)

    def clients(self) -> Mapping[str, PdndClient]:
        """By issuer; made anew where the configuration changed."""
        configured = {each.environment.issuer: each for each in self._environments()}
        for issuer, access in configured.items():
            known = self._clients.get(issuer)
            if known is None or known.access != access:
                self._clients[issuer] = PdndClient(access, self._web, self._clock)
        for issuer in self._clients.keys() - configured.keys():
            del self._clients[issuer]
        return self._clients

    async def _held(self, fetching: Awaitable[Any], fresh_s: float) -> Held:
        try:
            value = await fetching
        except FetchFailed as failure:
            return self._failed(failure.problem)
        if value is None:
            return self._absent()
        now = self._clock.now().timestamp()
        return Held(value, now + fresh_s, now + USABLE_S)

    def _absent(self) -> Held:
        until = self._clock.now().timestamp() + ABSENT_S
        return Held(None, until, until)

    def _failed(self, problem: str) -> Held:
        until = self._clock.now().timestamp() + FAILED_S
        return Held(None, until, until, f"pdnd.{problem}")
