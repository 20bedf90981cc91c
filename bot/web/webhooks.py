"""The webhooks of all channels: prove, read, store durably, and only then say yes.

Nothing that a stranger sends gets further than `verify`; he hears the same words whatever he did.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import structlog
from aiohttp import ClientPayloadError, web
from aiohttp.http_exceptions import ContentEncodingError
from multidict import CIMultiDict

from bot import errors
from bot.channels.abilities import Passive, Pulling
from bot.channels.channel import Channel, HttpAnswer, Received, Request
from bot.gateway.gateway import Gateway, sender_of
from bot.records import Entry
from bot.web.keys import GATEWAY, PARTS, RATES

CHUNK = 65_536
GRACE_S = 0.3  # so late an answer still reaches the vendor; later ones may speak to nobody
LAST_SPARE = 0.1  # of the time that a channel has
LEFT_OPEN_S = 1.5  # beyond its own deadline the vendor has hung up and tries again
_log = structlog.get_logger()


async def webhook(request: web.Request) -> web.Response:
    """Take in what a vendor sends to `/webhooks/{channel}/webhook`; GET is for handshakes."""
    arrived = time.time()
    gateway = request.app[GATEWAY]
    channel = gateway.channels.get(request.match_info["channel"])
    if channel is None:
        raise web.HTTPNotFound
    asked = await _read(request, arrived)
    try:
        _verify(channel, asked)
        received = _parse(channel, asked)
    except errors.Forged:
        return _refused(401, b"unauthorized")
    except errors.BadRequest:
        return _refused(400, b"bad request")
    await _check_rates(request, channel, received)
    if received.notice is not None and isinstance(channel, Pulling):
        await gateway.pull(channel, channel.name, received.notice)
    entries = await gateway.accept(channel.name, received.messages, received_at=arrived)
    if isinstance(channel, Passive) and len(entries) == 1:
        answer = await _passively(
            gateway, channel, entries[0], received, asked, hears=lambda: _is_open(request)
        )
        return _said(answer)
    return _said(received.answer)


async def handshake(request: web.Request) -> web.Response:
    """Answer a vendor who asks whether this address is ours."""
    return await webhook(request)


async def _read(request: web.Request, arrived: float) -> Request:
    settings = request.app[PARTS].settings
    headers: CIMultiDict[str] = CIMultiDict()
    for name in dict.fromkeys(name.lower() for name in request.headers):
        headers[name] = ", ".join(request.headers.getall(name))
    return Request(
        method=request.method,
        url=settings.server.public_url + request.path_qs,
        query={name: request.query[name] for name in request.query},
        headers=headers,
        body=await read_body(request, settings.limits.max_webhook_bytes),
        received_at=arrived,
    )


async def read_body(request: web.Request, most: int) -> bytes:
    """The body of `request`, decompressed, at most so many bytes.

    Raises:
        errors.TooLarge: there are more; the rest is not read.
        errors.BadRequest: it is not compressed as it says.
    """
    if (request.content_length or 0) > most:
        raise errors.TooLarge
    body = bytearray()
    try:
        async for chunk in request.content.iter_chunked(CHUNK):
            body += chunk
            if len(body) > most:
                raise errors.TooLarge
    except (web.PayloadAccessError, ContentEncodingError, ClientPayloadError) as cause:
        raise errors.BadRequest from cause
    return bytes(body)


def _verify(channel: Channel, asked: Request) -> None:
    try:
        channel.verify(asked)
    except errors.Forged:
        _log.info("refused", action="webhook_forged", channel=channel.name)
        raise
    except Exception as defect:  # a verifier that trips over a request has not proved it
        _log.error(
            f"the verifier failed: {type(defect).__name__}",
            action="verifier_crashed",
            channel=channel.name,
        )
        raise errors.Forged from defect


def _parse(channel: Channel, asked: Request) -> Received:
    try:
        return channel.parse(asked)
    except errors.BadRequest:
        _log.warning("not understood", action="webhook_unread", channel=channel.name)
        raise
    except Exception as defect:
        _log.error(
            f"the parser failed: {type(defect).__name__}",
            action="parser_crashed",
            channel=channel.name,
        )
        raise errors.BadRequest from defect


async def _check_rates(request: web.Request, channel: Channel, received: Received) -> None:
    """Refuse a request of one message whose sender sends too much; a batch is never refused."""
    rates = request.app[RATES]
    if received.messages:
        await rates.check("channel", channel.name)
    if len(received.messages) == 1:
        await rates.check("visitor", channel.name, sender_of(received.messages[0]))


async def _passively(
    gateway: Gateway,
    channel: Passive,
    entry: Entry,
    received: Received,
    asked: Request,
    *,
    hears: Callable[[], bool],
) -> HttpAnswer:
    """The reply itself as the answer, when it is there in time.

    `hears` tells whether the vendor is still there: to one who has hung up nothing is said, so
    that the next delivery or `send` says it.
    """
    is_last = entry.deliveries >= channel.passive_tries
    # That a passive answer was lost shows when the vendor asks again; after the last time it
    # never does, so that one is answered with time to spare, or by `send`.
    is_repeated = channel.passive_tries > 1
    spare_s = channel.passive_within_s * LAST_SPARE if is_last and is_repeated else 0.0
    deadline = asked.received_at + channel.passive_within_s - spare_s
    try:
        turn = await gateway.intake.turn_of(entry, within_s=deadline - time.time())
    except errors.FrontdeskError:
        turn = None
    name = entry.message.channel
    if turn is not None:
        answer = channel.passive(turn.replies, entry.address or {}, asked)
        if answer is not None and (not hears() or time.time() > deadline + GRACE_S):
            return received.answer
        if answer is not None and await gateway.store.journal.take(name, turn.id):
            gateway.sender.taken(turn.id)
            return answer
        gateway.sender.taken(turn.id)
        return received.answer
    if not is_last:
        await asyncio.sleep(max(0.0, deadline + LEFT_OPEN_S - time.time()))
        return HttpAnswer(status=503)
    return received.answer


def _is_open(request: web.Request) -> bool:
    return request.transport is not None and not request.transport.is_closing()


def _said(answer: HttpAnswer) -> web.Response:
    return web.Response(
        status=answer.status,
        body=answer.body,
        headers={"Content-Type": answer.content_type, "Cache-Control": "no-store"},
    )


def _refused(status: int, words: bytes) -> web.Response:
    return web.Response(status=status, body=words, content_type="text/plain")
