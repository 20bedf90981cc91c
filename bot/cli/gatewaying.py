"""What `frontdesk channel`, `outbox` and `webhook` do."""

from __future__ import annotations

import asyncio
import json
import secrets
import sys
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import orjson
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bot import errors
from bot.channels import catalogue, outbound
from bot.channels.abilities import Checking, Finding
from bot.channels.channel import Request, SendError
from bot.channels.standard import Keys
from bot.config import Settings
from bot.gateway.gateway import subscribers
from bot.gateway.subscribers import EventType, event
from bot.records import Delivered, Parcel
from bot.store import open_store
from bot.web import openings

FAILED = 1


def list_channels(settings: Settings, *, as_json: bool) -> None:
    """Print the channels that are set up and the kinds that there are.

    Raises:
        errors.ConfigError: a channel is set wrong.
    """
    sections = openings.sections(settings, secrets.token_bytes(32))
    opened = openings.opened(settings, secrets.token_bytes(32))
    rows = [
        {
            "name": name,
            "kind": str(sections[name].get("kind", name)),
            "delivery": channel.delivery.value,
            "webhook": _address(settings, name),
        }
        for name, channel in opened.items()
    ]
    if as_json:
        _write({"channels": rows, "kinds": sorted(catalogue.kinds())})
        return
    table = Table("name 名称", "kind 类型", "delivery 送达", "webhook 回调地址")
    for row in rows:
        table.add_row(*row.values())
    Console().print(table)
    Console().print("kinds 可用类型: " + ", ".join(sorted(catalogue.kinds())))


def check_channel(settings: Settings, name: str, *, as_json: bool) -> int:
    """Print what works of a channel; gives the exit code.

    Raises:
        errors.ConfigError: there is no such channel, or it is set wrong.
    """
    sections = openings.sections(settings, secrets.token_bytes(32))
    if name not in sections:
        raise errors.ConfigError(
            f"No channel is named {name!r}.", hint=f"Add [channels.{name}] to frontdesk.toml."
        )
    findings = asyncio.run(_check(settings, name, sections[name]))
    ok = all(finding.ok for finding in findings)
    if as_json:
        _write({"ok": ok, "findings": [asdict(finding) for finding in findings]})
        return 0 if ok else FAILED
    for finding in findings:
        mark = Text("ok   ", "green") if finding.ok else Text("fail ", "bold red")
        Console().print(mark.append(finding.what, "default"))
        if finding.hint and not finding.ok:
            Console().print(Text(f"     → {finding.hint}", "bold"))
    return 0 if ok else FAILED


async def _check(settings: Settings, name: str, section: Mapping[str, Any]) -> list[Finding]:
    channel = catalogue.open_one(name, section)
    findings = [Finding(ok=True, what=f"[channels.{name}] is complete.")]
    address = _address(settings, name)
    async with outbound.open_session() as http:
        if not settings.server.public_url:
            findings.append(
                Finding(
                    ok=False,
                    what="No public address is set.",
                    hint='Set public_url = "https://..." under [server]: how vendors reach you.',
                )
            )
        else:
            findings.append(await _check_address(http, name, address))
        if isinstance(channel, Checking):
            findings += await channel.check(webhook_url=address, http=http)
    return findings


async def _check_address(http: Any, name: str, address: str) -> Finding:  # noqa: ANN401
    """Whether the address leads to this channel, and whether that asks for a signature."""
    try:
        answer = await outbound.call(http, "POST", address, data=b"{}", timeout_s=10.0)
    except SendError as cause:
        hint = "Start the server; check DNS, the proxy and the firewall."
        return Finding(ok=False, what=f"{address}: {cause}.", hint=hint)
    if answer.status == 401:
        return Finding(ok=True, what=f"{address} leads here and refuses what is not signed.")
    if answer.status == 404:
        hint = f"Restart the server with [channels.{name}], and let the proxy pass /webhooks/ on."
    elif 200 <= answer.status < 300:
        hint = "Something else answers there, or the channel proves nothing: check the address."
    else:
        hint = "Look at the logs of the proxy and of the server."
    return Finding(ok=False, what=f"{address} answers HTTP {answer.status}.", hint=hint)


def list_outbox(settings: Settings, waiting: bool, limit: int, *, as_json: bool) -> None:
    """Print dead letters, or what waits. No texts of visitors: keys, channels and errors."""
    state = Delivered.WAITING if waiting else Delivered.DEAD
    found = asyncio.run(_pieces(settings, state, limit))
    rows = [_shown(parcel) for parcel in found]
    if as_json:
        _write(rows)
        return
    table = Table(
        "key", "channel 渠道", "tries 次数", "uncertain 不确定", "error 错误", "since 时间"
    )
    for row in rows:
        table.add_row(*(str(value) for value in row.values()))
    Console().print(table)


async def _pieces(settings: Settings, state: Delivered, limit: int) -> Sequence[Parcel]:
    store = await asyncio.to_thread(open_store, settings.database_url)
    try:
        return await store.journal.pieces(state, limit=limit)
    finally:
        await store.close()


def replay(settings: Settings, keys: Sequence[str] | None) -> None:
    """Send dead letters again and say how many."""

    async def again() -> int:
        store = await asyncio.to_thread(open_store, settings.database_url)
        try:
            return await store.journal.replay(keys, now=time.time())
        finally:
            await store.close()

    count = asyncio.run(again())
    sys.stdout.write(f"{count} will be sent again. 将重新发送 {count} 条。\n")
    if keys and count < len(set(keys)):
        raise errors.BadRequest(
            f"{len(set(keys)) - count} of the keys are no dead letters.",
            hint="See `frontdesk outbox list`.",
        )


def verify(settings: Settings, name: str, headers: Mapping[str, str], body: bytes) -> int:
    """Say whether a request is signed by `name`'s secret; gives the exit code."""
    request = Request(
        method="POST", url="", query={}, headers=headers, body=body, received_at=time.time()
    )
    keys = _keys(settings, name)
    try:
        keys.verify(request)
    except errors.Forged:
        stamp = headers["webhook-timestamp"]
        if stamp.isascii() and stamp.isdigit() and abs(time.time() - int(stamp)) > 300:
            said = "refused: the timestamp is more than 5 minutes off; is a clock wrong?"
        else:
            said = "refused: it is not signed with this secret over exactly this body."
        sys.stdout.write(f"{said}\n")
        return FAILED
    sys.stdout.write("valid 有效\n")
    return 0


def send(settings: Settings, name: str, text: str, url: str) -> int:
    """Post a signed sample and say what was answered; gives the exit code."""
    if name in settings.events:
        address = url or settings.events[name].url
        data = {"message_id": "sample", "channel": "sample", "sender": "sample", "text": text}
        body = orjson.dumps(event(EventType.RECEIVED, data))
    else:
        local = f"http://{settings.server.host}:{settings.server.port}"
        address = url or f"{local}/webhooks/{name}/webhook"
        body = orjson.dumps({"type": "message", "data": {"sender": "sample", "text": text}})
    headers = _keys(settings, name).sign(f"msg_{uuid.uuid4().hex}", time.time(), body)

    async def post() -> outbound.Answer:
        async with outbound.open_session() as http:
            return await outbound.call(
                http,
                "POST",
                address,
                data=body,
                headers={**headers, "Content-Type": "application/json"},
            )

    try:
        answer = asyncio.run(post())
    except SendError as cause:
        raise errors.VendorError(f"{address}: {cause}.", hint="Is it running?") from cause
    sys.stdout.write(f"{address}: HTTP {answer.status}\n")
    return 0 if 200 <= answer.status < 300 else FAILED


def _keys(settings: Settings, name: str) -> Keys:
    """The secrets of a receiver of events, or of a channel of kind webhook.

    Raises:
        errors.ConfigError: there is neither.
    """
    found = {one.name.removeprefix("events:"): one.keys for one in subscribers(settings)}
    if name in found:
        return found[name]
    written = settings.channels.get(name, {}).get("secrets")
    if not written:
        raise errors.ConfigError(
            f"Neither [events.{name}] nor [channels.{name}] has secrets.",
            hint="Name a section of frontdesk.toml that is signed after Standard Webhooks.",
        )
    return Keys.of([str(secret) for secret in written])


def _shown(parcel: Parcel) -> dict[str, Any]:
    return {
        "key": parcel.key,
        "channel": parcel.channel,
        "attempts": parcel.attempts,
        "uncertain": parcel.is_uncertain,
        "error": parcel.error,
        "since": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(parcel.created_at)),
    }


def _address(settings: Settings, name: str) -> str:
    base = settings.server.public_url or f"http://{settings.server.host}:{settings.server.port}"
    return f"{base}/webhooks/{name}/webhook"


def _write(value: object) -> None:
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")
