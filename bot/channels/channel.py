"""What every channel is: verify and parse what comes in, render and send what goes out.

Bytes → `verify` → `parse` → `Inbound`s, which the gateway stores before it answers the vendor.
Later: `BotMessage`s → `render` → JSON-ready pieces, stored in the outbox → `send`, one HTTP call
a piece. `verify`, `parse` and `render` are pure; only `send` talks to the world.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

from bot.domain import BotMessage

if TYPE_CHECKING:
    import aiohttp


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """An HTTP request as it came, before anything is believed."""

    method: str
    url: str
    """The public URL that was called, query included: `server.public_url` and the path."""
    query: Mapping[str, str]
    """The first value of each parameter."""
    headers: Mapping[str, str]
    """Case-insensitive; a header that came twice has its values joined by ", "."""
    body: bytes
    """Raw, at most `limits.max_body_bytes`."""
    received_at: float
    """Seconds since 1970, UTC: what signatures' timestamps are compared with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpAnswer:
    """What the vendor is answered at once."""

    status: int = 200
    body: bytes = b""
    content_type: str = "text/plain"


@dataclass(frozen=True, slots=True, kw_only=True)
class Inbound:
    """One message of a visitor, as the channel tells it."""

    account: str
    """Whose bot it was sent to (page, bot or app id); part of the visitor's identity."""
    sender: str
    """The channel's name for the conversation partner."""
    text: str
    """As typed; or the payload of a pressed button ("/intent...")."""
    dedupe_key: str
    """The same for every delivery of this message; unique within channel and account."""
    title: str | None = None
    """What stood on the pressed button."""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    address: Mapping[str, Any] = field(default_factory=dict)
    """JSON-ready: all that `render` and `send` need to answer (chat, thread, reply token)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """What a request held."""

    messages: Sequence[Inbound] = ()
    answer: HttpAnswer = HttpAnswer()
    """Said when all messages are stored; a handshake has an answer and no messages."""
    notice: Mapping[str, Any] | None = None
    """For `abilities.Pulling`: what `pull` needs to know; None when there is nothing to fetch."""


class Delivery(StrEnum):
    """How sure it is that a piece arrived exactly once when the process dies while sending."""

    EXACTLY_ONCE = "exactly_once"
    """The vendor takes an idempotency key: the piece is sent again with the same one."""
    AT_LEAST_ONCE = "at_least_once"
    """There is no key: the piece is sent again and marked uncertain; it may arrive twice."""


class SendError(Exception):
    """The vendor did not take a piece."""

    def __init__(
        self, problem: str, *, permanent: bool = False, retry_after_s: float | None = None
    ) -> None:
        """Say why.

        Args:
            problem: for the log and the list of dead letters; holds no secret and no address.
            permanent: whether trying again is of no use.
            retry_after_s: the vendor's own word on when to try again.
        """
        super().__init__(problem)
        self.permanent = permanent
        self.retry_after_s = retry_after_s


class Channel(Protocol):
    """A channel of one account, made from its settings; holds no conversation."""

    @property
    def name(self) -> str:
        """As in the URL: /webhooks/<name>/webhook; given to `open_channel`."""

    @property
    def delivery(self) -> Delivery:
        """What a crash while sending does."""

    def verify(self, request: Request) -> None:
        """Prove who sent `request`, over its raw bytes and in constant time.

        Raises:
            errors.Forged: it is not from the vendor, or too old; nothing else is ever raised.
        """

    def parse(self, request: Request) -> Received:
        """The messages of a verified request, echoes and unknown events left out.

        Raises:
            errors.BadRequest: it is no such request; nothing else is ever raised.
        """

    def render(
        self, messages: Sequence[BotMessage], address: Mapping[str, Any]
    ) -> list[dict[str, Any]]:
        """JSON-ready pieces, each one call of `send`; what cannot be shown becomes text."""

    async def send(
        self,
        piece: Mapping[str, Any],
        address: Mapping[str, Any],
        *,
        key: str,
        http: aiohttp.ClientSession,
    ) -> None:
        """Hand one piece to the vendor. `key` is the same whenever the same piece is sent.

        Raises:
            SendError: it was refused, or nobody answered.
        """
