"""Runs custom actions on an action server (rasa-sdk or alike) over HTTP (wire format, 4)."""

from __future__ import annotations

import asyncio
import functools
import hashlib
import time
import zlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import aiohttp
import orjson
from pydantic import SecretStr

from bot import errors
from bot.actions import ledger
from bot.actions.breaker import Breaker
from bot.dialogue import events
from bot.dialogue.doing import Done, Rejected
from bot.dialogue.domain import Domain
from bot.dialogue.tracker import Tracker

VERSION = "3.6.21"
"""What we say we are: rasa-sdk warns of versions that it does not know."""
REJECTED, NOT_FOUND, NEEDS_DOMAIN = 400, 404, 449
RETRY_AFTER_S = 0.1
MAX_ANSWER_BYTES = 10_000_000
EVENTS_SENT = 200
"""The last events of the conversation, about 25 turns; more would slow long ones down."""
COMPRESS_OVER_BYTES = 20_000
"""Larger requests are deflated, where the server is known to understand that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where actions are run, as endpoints.yml says."""

    url: str
    token: SecretStr | None = None
    """Sent as `?token=`."""
    headers: Mapping[str, str] = field(default_factory=dict)
    user: str | None = None
    password: SecretStr | None = None
    selective_domain: bool = False
    """Send the domain only to actions that ask for it."""
    knows_digest: bool = False
    """It is rasa-sdk 3.8 or newer, which remembers the domain and takes deflated bodies."""
    call: int = 0
    """Our own process says of this number whether it was begun; 0 for any other server."""


Answer = tuple[int, bytes]
"""Status and body."""
Post = Callable[[Endpoint], Awaitable[Answer]]
"""Makes one call."""


def auth_of(endpoint: Endpoint) -> aiohttp.BasicAuth | None:
    """User and password, where endpoints.yml gives them."""
    if endpoint.user is None:
        return None
    secret = endpoint.password.get_secret_value() if endpoint.password else ""
    return aiohttp.BasicAuth(endpoint.user, secret)


class Where(Protocol):
    """Knows where the action server is now."""

    async def call(self, action: str, post: Post) -> Answer:
        """Make one call, of `action`; again only if the server surely did not run it."""

    async def refresh(self) -> None:
        """Get ready for calls."""

    async def close(self) -> None:
        """Let go of it."""


class Elsewhere:
    """An action server that somebody else runs; without an endpoint there is none."""

    def __init__(self, endpoint: Endpoint | None) -> None:
        """Always this one."""
        self._endpoint = endpoint

    async def call(self, action: str, post: Post) -> Answer:
        """Make one call.

        Raises:
            errors.ActionError: no server is configured.
            aiohttp.ClientError: it cannot be reached, or it broke off.
        """
        if self._endpoint is None:
            raise errors.ActionError(
                "No action server is configured.",
                hint="Name it under action_endpoint in endpoints.yml, or add an actions/ folder.",
            )
        return await again_if_unreached(functools.partial(post, self._endpoint))

    async def refresh(self) -> None:
        """Nothing to do."""

    async def close(self) -> None:
        """Nothing to do."""


async def again_if_unreached(post: Callable[[], Awaitable[Answer]]) -> Answer:
    """Once more if nobody was reached: nothing was sent, so nothing can happen twice."""
    try:
        return await post()
    except aiohttp.ClientConnectorError:
        await asyncio.sleep(RETRY_AFTER_S)
        return await post()


class ActionClient:
    """Calls one action server."""

    def __init__(self, where: Where, domain: Domain, *, deadline_s: float) -> None:
        """Call the server that is `where` says. A turn waits `deadline_s` in all."""
        self._where = where
        self._domain = domain
        self._deadline_s = deadline_s
        self._digest = hashlib.sha256(orjson.dumps(domain.raw)).hexdigest()
        self._breaker = Breaker()
        self._session: aiohttp.ClientSession | None = None

    def for_turn(self) -> TurnActions:
        """The actions of one turn; together they may take as long as the deadline."""
        return TurnActions(self, until=time.monotonic() + self._deadline_s)

    async def refresh(self) -> None:
        """Get the action server ready, if it is ours.

        Raises:
            errors.ActionError: it cannot be started.
        """
        await self._where.refresh()

    async def close(self) -> None:
        """Let go of all connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def run(self, action: str, tracker: Tracker, *, until: float) -> Done:
        """Run `action`; `until` is a moment of the monotonic clock, in seconds.

        Raises:
            Rejected: it refuses to run.
            errors.ActionError: there is no server, it did not answer in time or with nonsense.
        """
        if self._breaker.is_open("") or self._breaker.is_open(action):
            raise errors.ActionError(f"{action!r} is not tried: it failed several times in a row.")
        try:
            async with asyncio.timeout(until - time.monotonic()):
                post = functools.partial(self._ask, action, tracker)
                status, answer = await self._where.call(action, post)
        except TimeoutError as cause:
            self._breaker.failed(action)
            raise errors.ActionError(
                f"{action!r} took longer than {self._deadline_s:g} s.",
                hint="Make it faster, or raise actions.deadline_s.",
            ) from cause
        except aiohttp.ClientConnectorError as cause:
            self._breaker.failed("")
            raise errors.ActionError(
                f"{action!r}: the action server cannot be reached: {cause}.",
                hint="Start it: python -m rasa_sdk --actions actions.",
            ) from cause
        except (aiohttp.ClientError, OSError) as cause:
            self._breaker.failed(action)  # others may be well: it can be this action's doing
            raise errors.ActionError(
                f"{action!r}: the action server broke off: {type(cause).__name__}: {cause}.",
                hint="Its log says more.",
            ) from cause
        self._breaker.succeeded("")
        done = _read(action, status, answer)
        self._breaker.succeeded(action)
        return done

    async def _ask(self, action: str, tracker: Tracker, endpoint: Endpoint) -> Answer:
        """Ask; again with the domain if it is missed."""
        with_domain = self._sends_domain(endpoint, action)
        status, answer = await self._post(endpoint, action, tracker, with_domain=with_domain)
        if status == NEEDS_DOMAIN and not with_domain:
            return await self._post(endpoint, action, tracker, with_domain=True)
        return status, answer

    def _sends_domain(self, endpoint: Endpoint, action: str) -> bool:
        if endpoint.knows_digest:
            return False
        return not endpoint.selective_domain or action in self._domain.actions_with_domain

    async def _post(
        self, endpoint: Endpoint, action: str, tracker: Tracker, *, with_domain: bool
    ) -> Answer:
        call: dict[str, Any] = {
            "next_action": action,
            "sender_id": tracker.sender,
            "tracker": tracker.as_dict(events=tracker.tail[-EVENTS_SENT:]),
            "version": VERSION,
            "domain_digest": self._digest,
        }
        if with_domain:
            call["domain"] = self._domain.raw
        body, headers = _encoded(call, endpoint)
        params = {"token": endpoint.token.get_secret_value()} if endpoint.token else {}
        async with self._connected().post(
            endpoint.url,
            data=body,
            headers=headers,
            params=params,
            auth=auth_of(endpoint),
            allow_redirects=False,
        ) as response:
            if (response.content_length or 0) > MAX_ANSWER_BYTES:
                raise aiohttp.ClientPayloadError(f"more than {MAX_ANSWER_BYTES} bytes")
            answer = bytearray()
            async for piece in response.content.iter_any():
                answer += piece
                if len(answer) > MAX_ANSWER_BYTES:
                    raise aiohttp.ClientPayloadError(f"more than {MAX_ANSWER_BYTES} bytes")
            return response.status, bytes(answer)

    def _connected(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None))
        return self._session


class TurnActions:
    """The actions of one turn."""

    def __init__(self, client: ActionClient, *, until: float) -> None:
        """Wait until this moment of the monotonic clock, whatever the number of actions."""
        self._client = client
        self._until = until

    async def run(self, action: str, tracker: Tracker) -> Done:
        """Run `action` on the server; raises as `ActionClient.run`."""
        return await self._client.run(action, tracker, until=self._until)


def _encoded(call: Mapping[str, Any], endpoint: Endpoint) -> tuple[bytes, dict[str, str]]:
    body = orjson.dumps(call, option=orjson.OPT_NON_STR_KEYS)
    headers = {"Content-Type": "application/json", **endpoint.headers}
    if endpoint.call:
        headers[ledger.CALL] = str(endpoint.call)
    if endpoint.knows_digest and len(body) > COMPRESS_OVER_BYTES:
        return zlib.compress(body, level=1), {**headers, "Content-Encoding": "deflate"}
    return body, headers


def _read(action: str, status: int, answer: bytes) -> Done:
    if status not in (200, REJECTED):
        raise errors.ActionError(
            f"{action!r}: the action server answered {status}.", hint=_advice(status)
        )
    found = _json(action, answer)
    if status == REJECTED:
        if "action_name" not in found:
            raise errors.ActionError(f"{action!r}: the action server did not understand us.")
        raise Rejected(action)
    responses, sent = found.get("responses") or [], found.get("events") or []
    if not isinstance(responses, list) or not isinstance(sent, list):
        raise errors.ActionError(f"{action!r}: events or responses are no list.")
    try:
        happened = tuple(events.read(sent))
    except (errors.BadRequest, TypeError, ValueError) as cause:
        raise errors.ActionError(f"{action!r}: {cause}") from cause
    return Done(responses=tuple(r for r in responses if isinstance(r, dict)), events=happened)


def _json(action: str, answer: bytes) -> dict[str, Any]:
    try:
        found = orjson.loads(answer or b"null")
    except orjson.JSONDecodeError as cause:
        raise errors.ActionError(
            f"{action!r}: the action server answered no JSON: {answer[:80]!r}."
        ) from cause
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise errors.ActionError(f"{action!r}: the action server answered {answer[:80]!r}.")
    return found


def _advice(status: int) -> str:
    if status == NOT_FOUND:
        return "It has no such action; GET /actions there lists those it has."
    return "Its log says more."
