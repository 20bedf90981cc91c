"""Rasa's socket.io channel, for third-party widgets such as rasa-webchat.

The wire is Rasa's; two things are not, because they let strangers in: the server chooses the
session (the id is signed, one that we did not give out counts as none), and only listed origins
may connect.
"""

from __future__ import annotations

import asyncio
import secrets
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Literal

import aiohttp
import jwt
import orjson
import socketio
import structlog
from aiohttp import web
from pydantic import Field, SecretStr
from yarl import URL

from bot import errors
from bot.channels import callback, catalogue, checks, reading, signatures
from bot.channels.abilities import Accept, Finding
from bot.channels.channel import Channel, Delivery, Inbound, Received, Request, SendError
from bot.domain import BotMessage, Language
from bot.text import language_of

LARGEST_PACKET = 64 * 1024  # bytes
LONGEST_SESSION = 200  # characters of an id that is looked at
PING_S = 10
STRANGER = "https://not-on-the-list.invalid"  # must never be let in
RELOAD_S = 1.5  # a page that is just loaded again is back by then
RECEIPT_S = 3.0  # until a page that says nothing counts as gone
GOODBYE_S = 2.0  # for the last words to pages, when the server stops
LATER_S = 15.0  # until an absent visitor is looked for again
TRY_AGAIN = {
    Language.EN: "Sorry, that did not reach us. Please send it again in a moment.",
    Language.ZH: "抱歉，消息没有送达，请稍后再发一次。",
}
_log = structlog.get_logger()


class Settings(catalogue.ChannelSettings):
    """`[channels.socketio]`, with the keys of Rasa's credentials.yml and some more."""

    session_key: SecretStr = Field(
        min_length=32,
        description="32 characters or more, made by you; signs the session ids given out.",
    )
    allowed_origins: tuple[str, ...] = Field(
        min_length=1,
        description='Pages that may connect, exactly as browsers name them: "https://shop.example".',
    )
    socketio_path: str = Field(
        default="/socket.io",
        pattern=r"^/[\w./-]*[\w]$",
        description="Path of the socket.io server; one for each such channel.",
    )
    namespace: str = Field(default="/", pattern=r"^/", description="Namespace of socket.io.")
    user_message_evt: str = Field(default="user_uttered", description="What widgets send.")
    bot_message_evt: str = Field(default="bot_uttered", description="What widgets get.")
    session_persistence: bool = Field(
        default=True,
        description="A visitor keeps the conversation when the page is loaded again; else every "
        "connection is a conversation of its own.",
    )
    session_days: int = Field(
        default=30, ge=1, le=400, description="How long a session id is accepted."
    )
    receipts: bool = Field(
        default=False,
        description="Whether your page acknowledges what it gets, by calling the second argument "
        "of its handler; what it does not acknowledge is sent again, with the same `id` in it.",
    )
    metadata_key: str = Field(
        default="metadata", description="Where metadata stands in a message; customData works too."
    )
    jwt_key: SecretStr = Field(
        default=SecretStr(""),
        description='If set, widgets connect with auth {"token": a JWT signed with it}.',
    )
    jwt_method: Literal["HS256", "HS384", "HS512", "RS256", "ES256", "EdDSA"] = Field(
        default="HS256", description="How that token is signed; for RS256 jwt_key is a public key."
    )


class SocketIo:
    """One socket.io server within the application."""

    delivery = Delivery.AT_LEAST_ONCE

    def __init__(self, name: str, settings: Settings) -> None:
        self.name = name
        self._settings = settings
        self._sessions = _Sessions(
            settings.session_key.get_secret_value().encode(), days=settings.session_days
        )
        self._jwt_key = settings.jwt_key.get_secret_value()
        self._place = settings.namespace
        self._server: Any = None  # socketio.AsyncServer, once mounted
        self._is_closing = False

    def verify(self, request: Request) -> None:
        """Nobody calls a webhook of this channel."""
        raise errors.Forged

    def parse(self, request: Request) -> Received:
        """See `verify`."""
        raise errors.BadRequest("This channel has no webhook.", hint="Connect with socket.io.")

    def render(
        self, messages: Sequence[BotMessage], address: Mapping[str, Any]
    ) -> list[dict[str, Any]]:
        """See `Channel.render`: the data of `bot_uttered`."""
        return [part for message in messages for part in _rendered(message)]

    async def send(
        self,
        piece: Mapping[str, Any],
        address: Mapping[str, Any],
        *,
        key: str,
        http: aiohttp.ClientSession,
    ) -> None:
        """See `Channel.send`: to every page of the visitor that is open; waits if there is none."""
        room = str(address.get("room", ""))
        if self._is_closing:
            raise SendError("the server is being stopped", retry_after_s=RELOAD_S)
        if not await self._is_there(room):
            if not self._settings.session_persistence:
                raise SendError("the visitor is gone and cannot come back", permanent=True)
            raise SendError("the visitor is not connected", retry_after_s=LATER_S)
        if self._settings.receipts:
            await self._acknowledged(room, {**piece, "id": key})
        else:
            await self._emit(room, piece)

    async def _emit(
        self, room: str, data: Mapping[str, Any], callback: Callable[..., None] | None = None
    ) -> None:
        event = self._settings.bot_message_evt
        await self._server.emit(
            event, dict(data), room=room, namespace=self._place, callback=callback
        )

    async def _acknowledged(self, room: str, data: Mapping[str, Any]) -> None:
        """Send to every page of the visitor and wait for the first that acknowledges it.

        A connection that broke without a word takes everything and gives nothing back.
        """
        got = asyncio.Event()
        await self._emit(room, data, callback=lambda *_: got.set())
        try:
            await asyncio.wait_for(got.wait(), RECEIPT_S)
        except TimeoutError:
            raise SendError("no page acknowledged it", retry_after_s=LATER_S) from None

    def mount(self, app: web.Application, accept: Accept) -> None:
        """See `Mounted.mount`."""
        allowed = frozenset(self._settings.allowed_origins)
        self._server = socketio.AsyncServer(
            async_mode="aiohttp",
            # A function, because an empty list would allow every origin.
            cors_allowed_origins=lambda origin, _environ: origin in allowed,
            cors_credentials=False,
            max_http_buffer_size=LARGEST_PACKET,
            # What is sent into a connection that broke without a word is lost until that shows.
            ping_interval=PING_S,
            ping_timeout=PING_S,
            # One visitor's messages are stored one after the other: order, and no flood of tasks.
            async_handlers=False,
            namespaces=[self._place],
        )

        async def said(sid: str, data: object = None) -> dict[str, str] | None:
            return await self._said(sid, data, accept)

        on = self._server.on
        on("connect", self._connected, namespace=self._place)
        on("session_request", self._asked_for_session, namespace=self._place)
        on(self._settings.user_message_evt, said, namespace=self._place)
        self._server.attach(app, socketio_path=self._settings.socketio_path)
        app.on_shutdown.append(self._close)

    async def _close(self, _app: web.Application) -> None:
        """What was said so far goes out; what comes later waits for the next server.

        The application closes the connections afterwards. Goodbyes of the protocol would tell
        pages not to come back.
        """
        self._is_closing = True
        pages = [asyncio.create_task(page.queue.join()) for page in self._pages()]
        if pages:  # those that have gone without a word take nothing
            await asyncio.wait(pages, timeout=GOODBYE_S)
        for page in pages:
            page.cancel()
        await self._server.shutdown()

    def _pages(self) -> list[Any]:
        return list(self._server.eio.sockets.values())

    async def _connected(self, sid: str, environ: object, auth: object = None) -> bool:
        """Whether a widget may connect; its origin was looked at before."""
        if not self._jwt_key:
            return True
        token = reading.string(reading.mapping(auth).get("token"))
        try:
            jwt.decode(
                token,
                self._jwt_key,
                algorithms=[self._settings.jwt_method],
                options={"verify_aud": False},
            )
        except (jwt.PyJWTError, ValueError, TypeError):
            _log.info("refused", action="socketio_forged", channel=self.name)
            return False
        return True

    async def _asked_for_session(self, sid: str, data: object = None) -> None:
        given = reading.string(reading.mapping(data).get("session_id"))
        visitor = self._sessions.visitor(given)
        session = given
        if visitor is None:
            visitor, session = self._sessions.open()
        if self._settings.session_persistence:
            await self._server.enter_room(sid, visitor, namespace=self._place)
        await self._server.emit("session_confirm", session, to=sid, namespace=self._place)

    async def _said(self, sid: str, data: object, accept: Accept) -> dict[str, str] | None:
        """Store it. Gives what a page that asks for an acknowledgement hears if that failed."""
        message = self._inbound(sid, reading.mapping(data))
        if message is None:
            return None
        if self._settings.session_persistence:
            await self._server.enter_room(sid, message.sender, namespace=self._place)
        try:
            await accept([message])
        except errors.FrontdeskError as cause:
            _log.warning(str(cause), action="socketio_not_stored", channel=self.name)
            words = {"text": TRY_AGAIN[language_of(message.text)]}
            event = self._settings.bot_message_evt
            await self._server.emit(event, words, to=sid, namespace=self._place)
            return {"error": type(cause).__name__}
        return None

    def _inbound(self, sid: str, data: Mapping[str, Any]) -> Inbound | None:
        """The message; None when it has no words, or no session although sessions persist."""
        text = reading.clean(reading.string(data.get("message")))
        visitor: str | None = sid
        if self._settings.session_persistence:
            visitor = self._sessions.visitor(reading.string(data.get("session_id")))
        if not text.strip() or visitor is None:
            _log.info("no words or no session", action="socketio_ignored", channel=self.name)
            return None
        given = data.get(self._settings.metadata_key) or data.get("customData")
        own = reading.clean(reading.string(data.get("message_id")))
        return Inbound(
            account="",
            sender=visitor,
            text=text,
            dedupe_key=reading.key("id", visitor, own) if own else uuid.uuid4().hex,
            metadata=_storable(reading.mapping(given)),
            address={"room": visitor},
        )

    async def _is_there(self, room: str) -> bool:
        """Whether a page of the visitor is open; waits a moment for one that is loaded again."""
        deadline = time.monotonic() + RELOAD_S
        while self._server is not None:
            if any(self._server.manager.get_participants(self._place, room)):
                return True
            if not self._settings.session_persistence or time.monotonic() > deadline:
                return False
            await asyncio.sleep(0.1)
        return False

    async def check(self, *, webhook_url: str, http: aiohttp.ClientSession) -> Sequence[Finding]:
        """See `Checking`: listed pages are let in where widgets connect, and others are not."""
        if not webhook_url.startswith("http"):
            return []  # no public address: that is said already
        path = f"/{self._settings.socketio_path.strip('/')}/"
        place = URL(webhook_url).origin().with_path(path)
        url = str(place.with_query(EIO="4", transport="polling"))
        listed = self._settings.allowed_origins[0]
        answer = await checks.ask(http, "GET", url, {"Origin": listed})
        if isinstance(answer, Finding):
            return [answer]
        if answer.status != HTTPStatus.OK or not answer.body.startswith(b'0{"sid"'):
            said = f"No socket.io answers at {place} (HTTP {answer.status})."
            hint = f"Start the server, and let the proxy pass {path} on, with WebSocket upgrades."
            return [Finding(ok=False, what=said, hint=hint)]
        found = [Finding(ok=True, what=f"Pages of {listed} may connect at {place}.")]
        stranger = await checks.ask(http, "GET", url, {"Origin": STRANGER})
        if not isinstance(stranger, Finding) and stranger.status == HTTPStatus.OK:
            said = "Pages of other sites may connect as well."
            hint = "The proxy changes or drops the header Origin: let it pass as it is."
            found.append(Finding(ok=False, what=said, hint=hint))
        return found


def open_channel(name: str, settings: Settings) -> Channel:
    """See `bot.channels`."""
    return SocketIo(name, settings)


class _Sessions:
    """Session ids: 128 random bits, when they end, and a signature over both."""

    def __init__(self, key: bytes, *, days: int) -> None:
        self._key = key
        self._lifetime_s = days * 86_400

    def open(self) -> tuple[str, str]:
        """A new visitor, and the session id that stands for him on the wire."""
        visitor = secrets.token_hex(16)
        claim = f"{visitor}.{int(time.time()) + self._lifetime_s:x}"
        return visitor, f"{claim}.{self._signature(claim)}"

    def visitor(self, session: str) -> str | None:
        """Whom a session id stands for; None if we did not give it out, or too long ago."""
        claim, _, signature = session[:LONGEST_SESSION].rpartition(".")
        if not signatures.same(signature, self._signature(claim)):
            return None
        visitor, _, end = claim.partition(".")
        return visitor if int(end, 16) >= time.time() else None

    def _signature(self, claim: str) -> str:
        return signatures.hmac_hex(self._key, signatures.as_bytes("session:" + claim))[:32]


def _rendered(message: BotMessage) -> Iterator[dict[str, Any]]:
    for part in callback.parts(message):
        if "buttons" in part:
            replies = [{"content_type": "text", **button} for button in part["buttons"]]
            yield {"text": part["text"], "quick_replies": replies}
        elif "image" in part:
            yield {"attachment": {"type": "image", "payload": {"src": part["image"]}}}
        elif "custom" in part:
            yield part["custom"]
        else:
            yield part


def _storable(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Metadata without what databases refuse; nothing if it is no JSON or too deep."""
    try:
        return reading.json_object(orjson.dumps(dict(metadata)))
    except (orjson.JSONEncodeError, errors.BadRequest, RecursionError):
        return {}
