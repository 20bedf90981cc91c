"""The aiohttp application: routes, middleware, and what lives as long as the server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import structlog
from aiohttp import web

from bot import errors
from bot.assembly import Parts
from bot.live import Live
from bot.web import health, middleware, openapi
from bot.web.feed import Feed
from bot.web.keys import FEED, LIVE, METRICS, PARTS, SESSIONS
from bot.web.metrics import Metrics
from bot.web.routes import ROUTES
from bot.web.tokens import Sessions, load_key

_log = structlog.get_logger()
OnFailure = Callable[[errors.FrontdeskError], None]


def create_app(parts: Parts, *, on_failure: OnFailure) -> web.Application:
    """The gateway over `parts`; `on_failure` is told when it cannot get ready."""
    settings = parts.settings
    app = web.Application(
        middlewares=[middleware.count, middleware.explain, middleware.cors],
        client_max_size=settings.limits.max_body_bytes,
    )
    app[PARTS] = parts
    app[LIVE] = Live(parts)
    app[FEED] = Feed()
    app[METRICS] = Metrics()
    app[SESSIONS] = Sessions(load_key(settings.data), days=settings.server.session_days)
    for route in ROUTES:
        app.router.add_route(route.method, route.path, route.handler)
    app.router.add_get("/openapi.json", _openapi)
    app.on_response_prepare.append(middleware.add_safe_headers)
    app.on_shutdown.append(_end_streams)
    app.cleanup_ctx.append(_background(on_failure))
    return app


async def _openapi(_request: web.Request) -> web.Response:
    return web.json_response(openapi.describe())


async def _end_streams(app: web.Application) -> None:
    app[FEED].close()


def _background(
    on_failure: OnFailure,
) -> Callable[[web.Application], AsyncIterator[None]]:
    """Runs the tasks that belong to the application, and logs whatever ends one of them."""

    async def context(app: web.Application) -> AsyncIterator[None]:
        live = asyncio.create_task(_supervised(app[LIVE], on_failure), name="live")
        lag = asyncio.create_task(health.watch_loop(app), name="loop lag")
        yield
        for task in (live, lag):
            task.cancel()
        await asyncio.gather(live, lag, return_exceptions=True)

    return context


async def _supervised(live: Live, on_failure: OnFailure) -> None:
    try:
        await live.run()
    except errors.FrontdeskError as cause:
        on_failure(cause)
    except Exception as cause:
        _log.exception("the background work ended", action="live_crashed")
        on_failure(errors.FrontdeskError(f"Unexpected: {cause!r}.", hint="The log says more."))
