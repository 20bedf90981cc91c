"""Is it alive, is it ready, and how is it doing."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from aiohttp import web

from bot import errors
from bot.web.keys import FEED, GATEWAY, LIVE, METRICS, PARTS

LAG_EVERY_S = 1.0


async def healthz(_request: web.Request) -> web.Response:
    """Alive: the process answers."""
    return web.json_response({"status": "ok"})


async def readyz(request: web.Request) -> web.Response:
    """Ready: messages are answered and stored. 503 until then; tells what is being done."""
    parts, state = request.app[PARTS], request.app[LIVE].state
    body: dict[str, Any] = {
        "status": "ready",
        "knowledge_error": state.knowledge_error or None,
        "training": str(state.training) if state.training else None,
        "training_error": state.training_error or None,
    }
    if state.is_stopping:
        body |= {"status": "stopping"}
        return web.json_response(body, status=503, headers={"Retry-After": "5"})
    if not parts.box.is_ready:
        body |= {"status": "getting ready", "step": parts.box.getting_ready}
        return web.json_response(body, status=503, headers={"Retry-After": "5"})
    versions = parts.box.brain.versions
    body["versions"] = {
        "classifier": versions.classifier,
        "encoder": versions.encoder,
        "knowledge": versions.knowledge,
    }
    try:
        await parts.store.ping()
    except errors.StoreError as cause:
        body |= {"status": "database down", "database_error": str(cause)}
        return web.json_response(body, status=503, headers={"Retry-After": "5"})
    return web.json_response(body)


async def metrics(request: web.Request) -> web.Response:
    """Prometheus metrics."""
    parts, state, page = request.app[PARTS], request.app[LIVE].state, request.app[METRICS]
    page.waiting.labels("classifier").set(parts.classifying.waiting)
    page.waiting.labels("retriever").set(parts.searching.waiting)
    gateway = request.app[GATEWAY]
    page.in_hand.labels("messages").set(len(gateway.intake))
    page.in_hand.labels("pieces").set(len(gateway.sender))
    for name, is_open in gateway.sender.open_breakers().items():
        page.breakers.labels(name).set(is_open)
    with contextlib.suppress(errors.DependencyError):  # /readyz says that the store is down
        backlog = await parts.store.journal.backlog()
        page.backlog.labels("messages").set(backlog.messages)
        page.backlog.labels("failed messages").set(backlog.failed_messages)
        page.backlog.labels("pieces").set(backlog.parcels)
        page.backlog.labels("dead pieces").set(backlog.dead_parcels)
    page.streams.set(len(request.app[FEED]))
    page.ready.set(parts.box.is_ready)
    page.knowledge_broken.set(bool(state.knowledge_error))
    page.training.set(state.training.share if state.training else -1)
    return web.Response(
        body=page.page(), headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"}
    )


async def watch_loop(app: web.Application) -> None:
    """Measure for ever how late the event loop wakes up: the first sign of a blocked loop."""
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + LAG_EVERY_S
        await asyncio.sleep(LAG_EVERY_S)
        app[METRICS].loop_lag.set(max(0.0, loop.time() - due))
