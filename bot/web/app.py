"""The aiohttp application: routes, middleware, and what lives as long as the server."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence

import structlog
from aiohttp import WSCloseCode, web

from bot import errors, tracing
from bot.assembly import Parts
from bot.channels.abilities import Mounted
from bot.channels.channel import Channel, Inbound
from bot.domain import Message, Turn
from bot.gateway.gateway import open_gateway, sender_of
from bot.live import Live
from bot.web import chat, health, middleware, openapi, openings
from bot.web.feed import Feed
from bot.web.keys import FEED, GATEWAY, LIVE, METRICS, PARTS, RATES, SESSIONS
from bot.web.limiting import RateLimits
from bot.web.metrics import Metrics
from bot.web.routes import ROUTES
from bot.web.tokens import Sessions, load_key

_log = structlog.get_logger()
# Not the REST channel, which has an address of its own below it.
CHANNELS_PATH = "{channel:(?!rest/)[^{}/]+}"
GOODBYE_S = 1.0
OnFailure = Callable[[errors.FrontdeskError], None]


def create_app(parts: Parts, *, on_failure: OnFailure, follows: bool = True) -> web.Application:
    """The gateway over `parts`; `on_failure` is told when it cannot get ready.

    `follows` is off for a bot whose brain is made by somebody else: nothing is read or trained.

    Raises:
        errors.ConfigError: a channel is set wrong.
    """
    settings = parts.settings
    key = load_key(settings.data)
    channels = openings.opened(settings, key)
    app = web.Application(
        # `cors` around `explain`: a page of another origin may read its refusals too.
        middlewares=[middleware.count, middleware.cors, middleware.explain, middleware.limit],
        client_max_size=settings.limits.max_body_bytes,
    )
    app[PARTS] = parts
    app[LIVE] = Live(parts)
    app[FEED] = Feed()
    app[METRICS] = Metrics()
    app[RATES] = RateLimits(settings.limits)
    app[SESSIONS] = Sessions(key, days=settings.server.session_days)
    for route in ROUTES:
        path = route.path.replace("{channel}", CHANNELS_PATH)
        app.router.add_route(route.method, path, route.handler)
    app.router.add_get("/openapi.json", _openapi)
    app.on_response_prepare.append(middleware.add_safe_headers)
    app.on_shutdown.append(_end_streams)
    app.on_cleanup.append(_end_limits)
    app.cleanup_ctx.append(_gateway(channels))
    app.cleanup_ctx.append(_background(on_failure, follows=follows))
    for name, channel in channels.items():
        if isinstance(channel, Mounted):
            channel.mount(app, _accept_for(app, name))
    _end_sockets_with(app)  # after the channels, which have something to say before
    return app


class _Watcher:
    """Counts what the gateway does, and wakes the streams of widget visitors."""

    def __init__(self, app: web.Application) -> None:
        self._metrics = app[METRICS]
        self._feed = app[FEED]

    def answered(self, message: Message, turn: Turn, seconds: float) -> None:
        self._metrics.answered(message, turn, seconds)
        if message.channel == chat.CHANNEL:
            self._feed.wake(message.sender)

    def sent(self, channel: str, how: str, seconds: float) -> None:
        self._metrics.sent(channel, how, seconds)


def _gateway(
    channels: Mapping[str, Channel],
) -> Callable[[web.Application], AsyncIterator[None]]:
    """Takes in, answers and sends as long as the application lives."""

    async def context(app: web.Application) -> AsyncIterator[None]:
        with tracing.watched_by(app[METRICS].stage):
            async with open_gateway(app[PARTS], channels, _Watcher(app)) as gateway:
                app[GATEWAY] = gateway
                yield

    return context


def _accept_for(app: web.Application, name: str) -> Callable[[Sequence[Inbound]], Awaitable[None]]:
    async def accept(messages: Sequence[Inbound]) -> None:
        for message in messages:
            await app[RATES].check("channel", name)
            await app[RATES].check("visitor", name, sender_of(message))
        _ = await app[GATEWAY].accept(name, messages)

    return accept


async def _openapi(_request: web.Request) -> web.Response:
    return web.json_response(openapi.describe())


async def _end_limits(app: web.Application) -> None:
    await app[RATES].close()


async def _end_streams(app: web.Application) -> None:
    app[FEED].close()


def _end_sockets_with(app: web.Application) -> None:
    """Close WebSockets at the shutdown; else the server waits for visitors who do not leave."""
    sockets: weakref.WeakSet[web.WebSocketResponse] = weakref.WeakSet()

    async def keep(_request: web.Request, response: web.StreamResponse) -> None:
        if isinstance(response, web.WebSocketResponse):
            sockets.add(response)

    async def close(_app: web.Application) -> None:
        closing = [
            asyncio.create_task(socket.close(code=WSCloseCode.GOING_AWAY), name="socket closing")
            for socket in sockets
        ]
        if closing:  # a page that has gone without a word does not say goodbye
            await asyncio.wait(closing, timeout=GOODBYE_S)

    app.on_response_prepare.append(keep)
    app.on_shutdown.append(close)


def _background(
    on_failure: OnFailure, *, follows: bool
) -> Callable[[web.Application], AsyncIterator[None]]:
    """Runs the tasks that belong to the application, and logs whatever ends one of them."""

    async def context(app: web.Application) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(health.watch_loop(app), name="loop lag")]
        if follows:
            live = _supervised(app[LIVE], on_failure)
            tasks.append(asyncio.create_task(live, name="live"))
        yield
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    return context


async def _supervised(live: Live, on_failure: OnFailure) -> None:
    try:
        await live.run()
    except errors.FrontdeskError as cause:
        on_failure(cause)
    except Exception as cause:
        _log.exception("the background work ended", action="live_crashed")
        on_failure(errors.FrontdeskError(f"Unexpected: {cause!r}.", hint="The log says more."))
