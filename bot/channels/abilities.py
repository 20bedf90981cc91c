"""What a channel may do besides: protocols that the gateway looks for with `isinstance`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from bot.channels.channel import HttpAnswer, Inbound, Request
from bot.domain import BotMessage

if TYPE_CHECKING:
    import aiohttp
    from aiohttp import web

Accept = Callable[[Sequence[Inbound]], Awaitable[None]]
"""Stores messages durably; returns when they are safe. Raises `errors.Busy`, `errors.StoreError`.
A message that was stored before is passed over."""


@runtime_checkable
class Passive(Protocol):
    """Can answer within the HTTP response to the message itself (WeChat, TwiML).

    The gateway holds the response back until the turn is there. A repeated delivery of the same
    message joins the running computation. Nobody is answered both ways: what `passive` said is
    taken out of the outbox in the same transaction that lets it say so.
    """

    @property
    def passive_within_s(self) -> float:
        """The latest moment for the answer, counted from the arrival of the request."""

    @property
    def passive_tries(self) -> int:
        """How often the vendor sends a message that got no answer, the first included.

        Before the last try a late answer is left open so that the vendor tries again; the last
        one gets `Received.answer`, and the reply goes out by `send`. 1: late answers go by `send`.
        """

    def passive(
        self, messages: Sequence[BotMessage], address: Mapping[str, Any], request: Request
    ) -> HttpAnswer | None:
        """The whole reply as an HTTP answer; None when it cannot be said that way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulled:
    """What a channel fetched from the vendor."""

    messages: Sequence[Inbound] = ()
    state: Mapping[str, Any] = field(default_factory=dict)
    """JSON-ready, replaces the earlier state (a cursor); stored together with the messages."""
    more: bool = False
    """Whether to pull again at once."""


@runtime_checkable
class Pulling(Protocol):
    """Gets only a notice by webhook and fetches the messages itself (WeCom kf).

    The gateway calls `pull` after a verified request whose `parse` gave `Received.notice`, before
    it answers; at the start; and until it has succeeded.
    """

    async def pull(
        self,
        notice: Mapping[str, Any],
        state: Mapping[str, Any],
        *,
        http: aiohttp.ClientSession,
    ) -> Pulled:
        """Fetch what came after `state`; `notice` is empty at the start.

        Raises:
            SendError: the vendor did not answer.
        """


@runtime_checkable
class HandsOver(Protocol):
    """Tells the vendor that a person shall take over (Chatwoot opens the conversation)."""

    def handover(self, address: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Pieces for `send`, after those of the reply."""


@runtime_checkable
class Mounted(Protocol):
    """Brings its own routes or server into the application (socket.io)."""

    def mount(self, app: web.Application, accept: Accept) -> None:
        """Add to `app` before it starts. `accept` takes the messages that come in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line of `frontdesk channel check`."""

    ok: bool
    what: str
    """What was looked at and found; holds no secret."""
    hint: str = ""
    """The next step when it is not ok."""


@runtime_checkable
class Checking(Protocol):
    """Can prove its credentials with the vendor."""

    async def check(self, *, webhook_url: str, http: aiohttp.ClientSession) -> Sequence[Finding]:
        """Ask the vendor who we are, and whether it calls `webhook_url`; never raises."""
