"""Which conversation a request of Rasa's API means, and where what the bot says goes.

Rasa knows a conversation by its sender alone. Here each channel has its own: meant is the one that
the sender used last, or with `output_channel=NAME` that of this channel. As in Rasa, what the bot
says is only handed back unless `output_channel` names a channel (or `latest`) that can send.
"""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web

from bot import errors, text
from bot.assembly import Parts
from bot.domain import Event
from bot.web import rasa
from bot.web.keys import GATEWAY, PARTS

SENDER_CHARS = 255
LATEST = "latest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a request is about."""

    parts: Parts
    channel: str
    sender: str
    speaks: bool
    """Whether the visitor is told what the bot says."""

    async def events(self) -> list[Event]:
        """What happened in the conversation."""
        return await self.parts.engine.events(self.channel, self.sender)


async def asked(request: web.Request) -> Asked:
    """The conversation that `request` names; a new one belongs to the REST channel."""
    parts = request.app[PARTS]
    raw = request.match_info["sender"]
    if len(raw) > SENDER_CHARS:  # also when cleaning would make it short enough
        raise errors.BadRequest(f"The id of a conversation has at most {SENDER_CHARS} characters.")
    sender = text.clean(raw, max_chars=SENDER_CHARS)
    known = await parts.engine.channels_of(sender)
    channel = known[0] if known else rasa.CHANNEL
    wanted = request.query.get("output_channel", "")
    if wanted in known:
        channel = wanted
    speaks = wanted in (LATEST, channel) and channel in request.app[GATEWAY].channels
    return Asked(parts=parts, channel=channel, sender=sender, speaks=speaks)
