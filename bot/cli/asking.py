"""`frontdesk ask`: one question, its reply and the reasons; nothing is stored."""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import asdict

from rich.console import Console

from bot import reasons
from bot.cli import progress, reasons_table, session
from bot.config import Settings
from bot.domain import Conversation, Message, Reply


def ask(settings: Settings, question: str, *, as_json: bool) -> None:
    """Print the reply to `question` and why it was given.

    Raises:
        errors.FrontdeskError: the question cannot be taken, or the bot cannot be made ready.
    """
    message = session.message(question, settings, sender="ask")
    reply = asyncio.run(_reply(settings, message))
    if as_json:
        sys.stdout.write(json.dumps(_as_dict(reply), ensure_ascii=False, indent=2) + "\n")
        return
    console = Console()
    console.print(reasons_table.reply_panel(reply.messages, reply.decision.outcome))
    console.print(reasons_table.why(reasons.explain(reply)))


async def _reply(settings: Settings, message: Message) -> Reply:
    nobody = Conversation(id="", channel=message.channel, sender=message.sender, is_new=True)
    with progress.bars() as report:
        async with session.ready(settings, report) as parts:
            return await parts.engine.reply(message, nobody, parts.box.brain)


def _as_dict(reply: Reply) -> dict[str, object]:
    return {
        "messages": [asdict(message) for message in reply.messages],
        "reasons": reasons.explain(reply),
    }
