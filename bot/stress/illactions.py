"""What a visitor waits for, and what others notice, while an action misbehaves.

Two ways to run actions are tried: an action server elsewhere (`bot.stress.illserver`), and the
project's own actions beside the bot. `frontdesk serve` is asked over HTTP.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import statistics
import sys
import time
from collections.abc import AsyncIterator, Coroutine, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import aiohttp

from bot.stress import illserver
from bot.stress.process import Bot, free_port

GRACE_S = 0.5
"""A reply may come so much later than the deadline of actions."""
VISITORS = 8
"""Who run into it at the same moment."""
OTHERS_PER_S = 20.0
ALONE_S = 10.0
RESTS_S = 11.0
"""Until a breaker lets calls through again (`bot.actions.breaker.REST_S`)."""
SLOWER_BY_MS, LATE_BY_MS = 10.0, 100.0
"""So much more the median of others, and their 99th percentile, may be than while all is well."""
FINE = illserver.FINE
BESIDE = {
    FINE: 'dispatcher.utter_message(text="fine")',
    "action_hangs": "time.sleep(60)",
    "action_spins": "while True: pass",
    "action_raises": 'raise RuntimeError("boom")',
    "action_dies": "os._exit(1)",
}
"""Actions that are run beside the bot, and what they do."""
MODULE = "import os\nimport time\n\nfrom rasa_sdk import Action\n"
CLASS = """

class {title}(Action):
    def name(self):
        return "{name}"

    def run(self, dispatcher, tracker, domain):
        {code}
        return []
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """What came of one kind of misbehaviour."""

    where: str
    """server or beside"""
    action: str
    """How it misbehaves."""
    deadline_s: float
    slowest_reply_s: float
    unanswered: int
    """Visitors who got no words."""
    words_p50_ms: float
    """Others, whose turn needs no action."""
    words_p99_ms: float
    words_alone_p50_ms: float
    words_alone_p99_ms: float
    actions_p50_ms: float
    """Others, whose turn needs an action that is well."""
    actions_p99_ms: float
    actions_failed: int
    """Of those, how many were told that it did not work."""
    actions_asked: int

    @property
    def is_good(self) -> bool:
        """Whether it is as promised."""
        in_time = self.slowest_reply_s <= self.deadline_s + GRACE_S
        undisturbed = (
            self.words_p50_ms <= self.words_alone_p50_ms + SLOWER_BY_MS
            and self.words_p99_ms <= self.words_alone_p99_ms + LATE_BY_MS
        )
        return in_time and undisturbed and not self.unanswered

    def as_dict(self) -> dict[str, object]:
        """The figures by name."""
        return asdict(self)


@dataclass(slots=True)
class _Others:
    """Conversations beside: how long they waited, in ms, and how many actions of theirs failed."""

    words: list[float]
    actions: list[float]
    failed: int = 0


async def measure(folder: Path, *, deadline_s: float) -> list[Trouble]:
    """Try every kind of misbehaviour.

    Raises:
        TimeoutError: the bot does not get ready.
    """
    found: list[Trouble] = []
    port = free_port()
    async with _ill_server(port, deadline_s), _bot(folder / "server", port, deadline_s) as bot:
        ill = [name for name in illserver.BEHAVIOURS if name != FINE]
        found += await _try_all(bot, "server", ill, deadline_s)
    async with _bot(folder / "beside", 0, deadline_s) as bot:
        ill = [name for name in BESIDE if name != FINE]
        found += await _try_all(bot, "beside", ill, deadline_s)
    return found


async def _try_all(
    bot: Bot, where: str, actions: Sequence[str], deadline_s: float
) -> list[Trouble]:
    async with aiohttp.ClientSession() as http:
        await _beside(http, bot, asyncio.sleep(3.0))  # warm up
        alone = await _beside(http, bot, asyncio.sleep(ALONE_S))
        found = []
        for action in actions:
            waits: list[tuple[float, bool]] = []
            others = await _beside(http, bot, _run_into(http, bot, action, deadline_s, waits))
            found.append(
                Trouble(
                    where=where,
                    action=action,
                    deadline_s=deadline_s,
                    slowest_reply_s=round(max(took for took, _ in waits), 3),
                    unanswered=sum(not answered for _, answered in waits),
                    words_p50_ms=_share(others.words, 50),
                    words_p99_ms=_share(others.words, 99),
                    words_alone_p50_ms=_share(alone.words, 50),
                    words_alone_p99_ms=_share(alone.words, 99),
                    actions_p50_ms=_share(others.actions, 50),
                    actions_p99_ms=_share(others.actions, 99),
                    actions_failed=others.failed,
                    actions_asked=len(others.actions),
                )
            )
            await asyncio.sleep(RESTS_S)
    return found


async def _run_into(
    http: aiohttp.ClientSession,
    bot: Bot,
    action: str,
    deadline_s: float,
    waits: list[tuple[float, bool]],
) -> None:
    """Several visitors want the action at the same moment, and some more a little later."""
    for round_ in range(2):
        senders = [f"{action}-{round_}-{number}" for number in range(VISITORS)]
        said = await asyncio.gather(*(_say(http, bot, one, action) for one in senders))
        waits += [(took, bool(words)) for took, words in said]
        await asyncio.sleep(max(0.5, deadline_s / 2))


async def _beside(
    http: aiohttp.ClientSession, bot: Bot, meanwhile: Coroutine[Any, Any, None]
) -> _Others:
    """Let others talk while `meanwhile` lasts."""
    others = _Others(words=[], actions=[])
    going: set[asyncio.Task[None]] = set()
    lasting = asyncio.create_task(meanwhile)
    for number in itertools.count():
        if lasting.done():
            break
        task = asyncio.create_task(_ask(http, bot, f"other-{time.time_ns()}", number, others))
        going.add(task)
        await asyncio.sleep(1 / OTHERS_PER_S)
    await asyncio.gather(lasting, *going)
    return others


async def _ask(
    http: aiohttp.ClientSession, bot: Bot, sender: str, number: int, others: _Others
) -> None:
    """One message of somebody else: every second one needs an action."""
    if number % 2:
        took, _ = await _say(http, bot, sender, "hello")
        others.words.append(took * 1000)
        return
    took, words = await _say(http, bot, sender, FINE)
    others.actions.append(took * 1000)
    others.failed += words != ["fine"]


async def _say(
    http: aiohttp.ClientSession, bot: Bot, sender: str, intent: str
) -> tuple[float, list[str]]:
    """How long the reply took, in seconds, and its words."""
    started = time.perf_counter()
    body = {"sender": sender, "message": f"/{intent}"}
    async with http.post(f"{bot.url}/webhooks/rest/webhook", json=body) as answer:
        said = await answer.json() if answer.status == 200 else []
    return time.perf_counter() - started, [str(one.get("text")) for one in said]


def _share(values: Sequence[float], percent: int) -> float:
    return round(statistics.quantiles(values, n=100)[percent - 1], 1)


@contextlib.asynccontextmanager
async def _bot(folder: Path, port: int, deadline_s: float) -> AsyncIterator[Bot]:
    """The bot with a project of these actions; at `port` there is an action server, if not 0."""
    names = list(illserver.BEHAVIOURS if port else BESIDE)
    write_project(folder / "project", names, port)
    settings = f"[limits]\nvisitor_per_minute = 0\n[actions]\ndeadline_s = {deadline_s}\n"
    bot = Bot(folder=folder, settings=settings, project=folder / "project")
    await bot.start()
    try:
        yield bot
    finally:
        await bot.end()


def write_project(root: Path, actions: Sequence[str], port: int) -> None:
    """A Rasa project whose intents are named like the actions that they run."""
    rules = [_rule("hello", "utter_hello"), *(_rule(name, name) for name in actions)]
    domain = {
        "intents": ["hello", *actions],
        "actions": list(actions),
        "responses": {"utter_hello": [{"text": "Hello."}]},
    }
    files: dict[str, object] = {
        "domain.yml": domain,
        "data/rules.yml": {"rules": rules},
        "config.yml": {"language": "en", "policies": [{"name": "RulePolicy"}]},
    }
    if port:
        url = f"http://127.0.0.1:{port}/webhook"
        files["endpoints.yml"] = {"action_endpoint": {"url": url}}
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content), encoding="utf-8")  # JSON is YAML
    if not port:
        code = [
            CLASS.format(title=name.title().replace("_", ""), name=name, code=code)
            for name, code in BESIDE.items()
        ]
        (root / "actions.py").write_text(MODULE + "".join(code), encoding="utf-8")


def _rule(intent: str, action: str) -> dict[str, object]:
    return {"rule": intent, "steps": [{"intent": intent}, {"action": action}]}


@contextlib.asynccontextmanager
async def _ill_server(port: int, deadline_s: float) -> AsyncIterator[None]:
    """The misbehaving server; started again a moment after it died."""
    running: list[asyncio.subprocess.Process] = []

    async def keep() -> None:
        while True:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "bot.stress.illserver", str(port), str(deadline_s)
            )
            running[:] = [process]
            await process.wait()
            await asyncio.sleep(1.0)

    keeping = asyncio.create_task(keep())
    try:
        yield
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
        for process in running:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
