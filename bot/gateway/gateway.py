"""The gateway while it runs: channels, intake, sender and upkeep, opened and closed together."""

from __future__ import annotations

import asyncio
import contextlib
import time
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

import structlog

from bot import errors, text
from bot.channels import outbound
from bot.channels.abilities import Pulling
from bot.channels.channel import Channel, Inbound, SendError
from bot.channels.standard import Keys
from bot.config import Settings
from bot.domain import Feedback, Message
from bot.gateway import backoff, intake, sending
from bot.gateway.intake import Intake
from bot.gateway.outgoing import Outgoing
from bot.gateway.reminding import Reminding
from bot.gateway.sending import Sender
from bot.gateway.subscribers import EventType, Subscriber
from bot.gateway.unasked import Courier
from bot.gateway.upkeep import Upkeep, sign
from bot.ports import Store
from bot.records import Entry, Incoming

if TYPE_CHECKING:
    import aiohttp

    from bot.assembly import Parts

UNREADABLE = "?"  # stands for a message without any readable character
_log = structlog.get_logger()


class Watcher(intake.Watcher, sending.Watcher, Protocol):
    """Is told of answered messages and sent pieces."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """What the web talks to."""

    channels: Mapping[str, Channel]
    intake: Intake
    sender: Sender
    outgoing: Outgoing
    http: aiohttp.ClientSession
    max_chars: int
    store: Store

    async def accept(
        self,
        channel: str,
        messages: Sequence[Inbound],
        *,
        received_at: float | None = None,
        remember: Mapping[str, Any] | None = None,
    ) -> list[Entry]:
        """Store a channel's messages durably, and begin to answer those that are new.

        Raises:
            errors.Busy: too many wait; nothing was stored.
            errors.StoreError: they could not be stored.
        """
        at = datetime.fromtimestamp(received_at or time.time(), UTC)
        items = [self._incoming(channel, message, at) for message in messages]
        if not items and remember is None:
            return []
        kept = None if remember is None else (channel, remember)
        return await self.intake.accept(items, remember=kept)

    async def pull(self, channel: Pulling, name: str, notice: Mapping[str, Any]) -> None:
        """Fetch and store what a channel has for us.

        Raises:
            errors.VendorError: the vendor did not answer.
            errors.DependencyError: it could not be stored.
        """
        more = True
        while more:
            state = await self.store.journal.state_of(name)
            try:
                pulled = await channel.pull(notice, state, http=self.http)
            except SendError as cause:
                raise errors.VendorError(f"{name}: {cause}.") from cause
            await self.accept(name, pulled.messages, remember=pulled.state)
            more = pulled.more

    async def hear(self, given: Feedback) -> bool:
        """Store a visitor's word on a reply and tell the receivers; False if it was said before.

        Raises:
            errors.StoreError: it could not be stored.
        """
        told = self.outgoing.of_feedback(given)
        is_new = await self.store.give_feedback(given, told)
        for parcel in told if is_new else ():
            self.sender.put(parcel)
        return is_new

    def _incoming(self, channel: str, inbound: Inbound, at: datetime) -> Incoming:
        message = Message(
            id=uuid.uuid4().hex,
            channel=channel,
            sender=sender_of(inbound),
            text=readable(inbound.text, self.max_chars) or UNREADABLE,
            title=readable(inbound.title or "", self.max_chars) or None,
            external_id=inbound.dedupe_key,
            received_at=at,
            metadata=dict(inbound.metadata),
        )
        return Incoming(
            message=message,
            scope=inbound.account,
            dedupe_key=inbound.dedupe_key,
            address=inbound.address,
        )


@contextlib.asynccontextmanager
async def open_gateway(
    parts: Parts, channels: Mapping[str, Channel], watcher: Watcher
) -> AsyncIterator[Gateway]:
    """Start taking in, answering and sending; at the end drain, then stop.

    Raises:
        errors.ConfigError: a receiver of events is set wrong.
        errors.StoreError: the database refuses.
    """
    settings = parts.settings
    owner = uuid.uuid4().hex
    receivers = subscribers(settings)
    journal = parts.store.journal
    async with outbound.open_session() as http:
        sender = Sender(
            journal,
            {**channels, **{one.name: one for one in receivers}},
            owner=owner,
            http=http,
            watcher=watcher,
            max_attempts=settings.limits.send_attempts,
        )
        outgoing = Outgoing(channels, receivers, owner=owner)
        parts.engine.unasked = Courier(journal, outgoing, sender, watcher)
        taking = Intake(
            parts.store,
            parts.engine,
            parts.box,
            outgoing,
            sender,
            owner=owner,
            watcher=watcher,
            max_waiting=settings.limits.max_backlog,
            max_wait_s=settings.limits.max_wait_s,
        )
        reminding = Reminding(
            parts.store.reminders,
            parts.engine,
            parts.box,
            owner=owner,
            is_shared=journal.is_shared,
        )
        dead = sign(settings.data, owner)
        upkeep = Upkeep(journal, taking, sender, owner=owner, dead=dead)
        gateway = Gateway(
            channels=channels,
            intake=taking,
            sender=sender,
            outgoing=outgoing,
            http=http,
            max_chars=settings.limits.max_text_chars,
            store=parts.store,
        )
        await upkeep.begin()
        tasks = [
            asyncio.create_task(upkeep.run(), name="upkeep"),
            asyncio.create_task(reminding.run(), name="reminders"),
        ]
        tasks += [
            asyncio.create_task(_catch_up(gateway, name, channel), name=f"pull {name}")
            for name, channel in channels.items()
            if isinstance(channel, Pulling)
        ]
        try:
            yield gateway
        finally:
            await _close(gateway, settings.limits.drain_s, tasks)
            await reminding.stop()
            with contextlib.suppress(errors.DependencyError):  # then others wait for our lease
                await journal.leave(owner)


async def _close(gateway: Gateway, drain_s: float, tasks: Sequence[asyncio.Task[None]]) -> None:
    """Finish what is under way; what does not get done is in the journal and the outbox."""
    gateway.intake.close()
    started = time.monotonic()
    done = await gateway.intake.drain(drain_s)
    gateway.sender.close()
    left_s = max(0.0, drain_s - (time.monotonic() - started))
    done = await gateway.sender.drain(left_s) and done
    _log.info("stopped" if done else "stopped; the rest is kept", action="gateway_stopped")
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await gateway.intake.stop()
    await gateway.sender.stop()


async def _catch_up(gateway: Gateway, name: str, channel: Pulling) -> None:
    """Pull once at the start, until it succeeds: notices may have been missed."""
    failures = 0
    while True:
        try:
            await gateway.pull(channel, name, {})
        except errors.DependencyError as cause:
            failures += 1
            _log.warning(str(cause), action="pull_failed", channel=name)
            await asyncio.sleep(backoff.pause_s(failures))
        else:
            return


def subscribers(settings: Settings) -> list[Subscriber]:
    """The receivers of events in the settings.

    Raises:
        errors.ConfigError: one names an unknown type, or has a secret that is none.
    """
    found = []
    for name, section in settings.events.items():
        known = {kind.value for kind in EventType}
        if wrong := sorted(set(section.types) - known):
            raise errors.ConfigError(
                f"[events.{name}] names the type {wrong[0]!r}.",
                hint=f"Known are: {', '.join(sorted(known))}.",
            )
        found.append(
            Subscriber(
                name=f"events:{name}",
                url=section.url,
                keys=Keys.of([secret.get_secret_value() for secret in section.secrets]),
                types=frozenset(map(EventType, section.types or known)),
            )
        )
    return found


def sender_of(inbound: Inbound) -> str:
    """Names the conversation within its channel: the account, if there are several, and sender."""
    if not inbound.account:
        return inbound.sender
    account = inbound.account.replace("%", "%25").replace(":", "%3A")
    return f"{account}:{inbound.sender}"


def readable(raw: str, max_chars: int) -> str:
    """`raw` cleaned and cut; "" when nothing readable is in it."""
    try:
        return text.clean(raw[: 4 * max_chars], max_chars=4 * max_chars)[:max_chars]
    except errors.BadText:
        return ""
