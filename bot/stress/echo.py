"""A server without models, for tests of the gateway: it says what it was told, when told to.

    python -m bot.stress.echo PORT DATA [--takes-s 0.01] [--takes-up-to-s 20 --of 1000]
        [--dies-at POINT --after N] [--synchronous NORMAL]

Everything but the reply is the real thing: store, journal, web, channels, sender. Settings come
from frontdesk.toml and the environment as always. `--dies-at` kills the process, as kill -9 would,
when the named point is passed for the N-th time. With `--takes-up-to-s`, messages are numbers below
`--of`; the greater, the longer they take, by the square. `--synchronous` weakens SQLite's promise,
to see whether a test notices.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
import threading
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, cast

from aiohttp import web
from prometheus_client import Gauge

from bot import assembly, config, log
from bot.assembly import Parts
from bot.brain import Brain
from bot.domain import (
    BotMessage,
    Conversation,
    Decision,
    Language,
    Message,
    Outcome,
    Reason,
    Reply,
    Understanding,
    Versions,
)
from bot.engine import Engine
from bot.knowledge.model import Knowledge
from bot.store import sqlite
from bot.web import server
from bot.web.app import OnFailure, create_app
from bot.web.keys import METRICS

VERSIONS = Versions(classifier="echo", encoder="echo", knowledge="echo")
PREFIX = "re: "


class EchoEngine(Engine):
    """Says what it was told, after `takes_s` seconds."""

    takes_s = 0.0
    pace: Callable[[Message], float] | None = None
    """How long each message takes, where they differ."""
    calls = 0

    async def reply(self, message: Message, conversation: Conversation, brain: Brain) -> Reply:
        """The message itself."""
        del brain
        EchoEngine.calls += 1
        await asyncio.sleep(self.takes_s if self.pace is None else self.pace(message))
        wants_person = message.text.startswith("/handoff")
        return Reply(
            messages=(BotMessage(text=PREFIX + message.text),),
            decision=Decision(
                outcome=Outcome.HANDOFF if wants_person else Outcome.RESPOND,
                reason=Reason.ASKED_FOR_PERSON if wants_person else Reason.RULE,
                thresholds=self._rules.thresholds,
                actions=("utter_echo",),
            ),
            understanding=Understanding(
                language=Language(conversation.slots.get("language", Language.EN)),
                prediction=None,
                candidates=(),
                confidence=1.0,
                versions=VERSIONS,
            ),
        )


@contextlib.asynccontextmanager
async def open_parts(settings: config.Settings, takes_s: float) -> AsyncIterator[Parts]:
    """Parts with a brain that holds nothing, and an engine that echoes."""
    async with assembly.open_parts(settings) as real:
        engine = EchoEngine(
            real.store,
            real.box,
            assembly.rules_of(settings),
            classifying=real.classifying,
            searching=real.searching,
            deadline_s=settings.limits.model_deadline_s,
        )
        engine.takes_s = takes_s
        real.box.replace(empty_brain())
        yield Parts(
            settings=settings,
            store=real.store,
            box=real.box,
            engine=engine,
            steering=real.steering,
            classifying=real.classifying,
            searching=real.searching,
        )


def empty_brain() -> Brain:
    """A brain whose parts are never asked."""
    parts: Any = _Named()
    return Brain(knowledge=_nothing_known(), classifier=parts, retriever=parts)


class _Named:
    """Names of models that are not there."""

    model_id = encoder_id = revision = "echo"


def _nothing_known() -> Knowledge:
    known: Knowledge = cast("Knowledge", _Named())
    return known


def dies_at(parts: Parts, app: web.Application, point: str, after: int) -> None:
    """Kill this process when `point`, such as "after close_turn", is passed for the n-th time."""
    when, _, name = point.partition(" ")
    passed = 0

    def here() -> None:
        nonlocal passed
        passed += 1
        if passed >= after:
            os.kill(os.getpid(), signal.SIGKILL)

    if name == "send":

        async def arm(app: web.Application) -> None:
            from bot.web.keys import GATEWAY  # noqa: PLC0415

            for channel in app[GATEWAY].channels.values():
                _wrap(channel, "send", when, here)

        app.on_startup.append(arm)
        return
    owner: Any = parts.store if name == "close_turn" else parts.store.journal
    _wrap(owner, name, when, here)


def _wrap(owner: Any, name: str, when: str, here: Callable[[], None]) -> None:  # noqa: ANN401
    original = getattr(owner, name)

    async def watched(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401
        if when == "before":
            here()
        result = await original(*arguments, **options)
        if when == "after":
            here()
        return result

    setattr(owner, name, watched)


def main() -> None:
    """Serve until stopped or killed."""
    parser = argparse.ArgumentParser(prog="python -m bot.stress.echo")
    parser.add_argument("port", type=int)
    parser.add_argument("data", type=Path)
    parser.add_argument("--takes-s", type=float, default=0.0)
    parser.add_argument("--takes-up-to-s", type=float, default=0.0)
    parser.add_argument("--of", type=int, default=1)
    parser.add_argument("--dies-at", default="")
    parser.add_argument("--after", type=int, default=1)
    parser.add_argument("--synchronous", default=sqlite.SYNCHRONOUS)
    asked = parser.parse_args()
    sqlite.SYNCHRONOUS = asked.synchronous
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    settings = config.load(data=asked.data, server={"port": asked.port, **_public(asked.port)})
    log.configure(level=settings.log_level, log_format=settings.log_format)

    @contextlib.asynccontextmanager
    async def open_app(
        settings: config.Settings, on_failure: OnFailure
    ) -> AsyncIterator[web.Application]:
        async with open_parts(settings, asked.takes_s) as parts:
            app = create_app(parts, on_failure=on_failure, follows=False)
            _count(app)
            if asked.takes_up_to_s and isinstance(parts.engine, EchoEngine):
                parts.engine.pace = pace(asked.takes_s, asked.takes_up_to_s, asked.of)
            if asked.dies_at:
                dies_at(parts, app, asked.dies_at, asked.after)
            yield app

    with asyncio.Runner(loop_factory=server.loop_factory()) as runner:
        runner.run(server.serve(settings, open_app))


def _end_with(parent: int) -> None:
    """End this process when the test that started it is no more."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


def pace(quickest_s: float, slowest_s: float, count: int) -> Callable[[Message], float]:
    """How long message 0 to `count` - 1 takes: most of them are quick."""
    return lambda message: quickest_s + (slowest_s - quickest_s) * (int(message.text) / count) ** 2


def _count(app: web.Application) -> None:
    registry = app[METRICS].registry
    calls = Gauge("echo_calls", "Messages that were computed.", registry=registry)
    calls.set_function(lambda: EchoEngine.calls)
    tasks = Gauge("echo_tasks", "Tasks of the event loop.", registry=registry)
    tasks.set_function(lambda: len(asyncio.all_tasks()))


def _public(port: int) -> dict[str, str]:
    return {"public_url": f"http://127.0.0.1:{port}"}


if __name__ == "__main__":
    main()
