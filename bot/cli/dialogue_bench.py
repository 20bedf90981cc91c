"""`frontdesk bench dialogue`: one conversation of a thousand turns with a running server."""

from __future__ import annotations

import http
import itertools
import json
import statistics
import time
import urllib.error
import urllib.request
import uuid

from rich.console import Console

from bot import config, errors
from bot.config import Settings
from bot.dialogue import names
from bot.project import project as projects

COMPARED = 100
"""Turns at the beginning and at the end."""
WARM_UP = 100
"""Turns of another conversation, before anything is measured."""
TIMEOUT_S = 60
LIMIT = 1.1
"""The end may take this much more than the beginning."""


def run(settings: Settings, url: str, turns: int) -> None:
    """State the project's intents in turn, and print how long the answers take.

    Raises:
        errors.DependencyError: the server does not answer.
    """
    address = url or f"http://{settings.server.host}:{settings.server.port}"
    domain = projects.read(settings.project, config.environment()).domain
    intents = sorted(set(domain.intents) - set(names.DEFAULT_INTENTS))
    sender = f"bench-{uuid.uuid4().hex}"
    for message in itertools.islice(itertools.cycle(f"/{intent}" for intent in intents), WARM_UP):
        _say(address, f"{sender}-warm-up", message)
    messages = itertools.islice(itertools.cycle(f"/{intent}" for intent in intents), turns)
    took_ms = [_say(address, sender, message) for message in messages]
    first, last = took_ms[:COMPARED], took_ms[-COMPARED:]
    ratio = statistics.median(last) / statistics.median(first)
    console = Console()
    for heading, part in (("first 前", first), ("last 后", last)):
        middle, high = statistics.median(part), sorted(part)[int(len(part) * 0.95)]
        console.print(f"{heading} {COMPARED}: median {middle:.2f} ms, 95 % under {high:.2f} ms")
    console.print(f"ratio of medians 中位数之比: {ratio:.2f} (at most {LIMIT:g})")


def _say(address: str, sender: str, message: str) -> float:
    body = json.dumps({"sender": sender, "message": message}).encode()
    request = urllib.request.Request(  # noqa: S310 - the address is the operator's
        f"{address}/webhooks/rest/webhook",
        data=body,
        headers={"Content-Type": "application/json"},
    )
    started = time.perf_counter()
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310
            answer.read()
    except urllib.error.HTTPError as cause:
        raise errors.DependencyError(
            f"The server at {address} answers {cause.code}.",
            hint="Start it with FRONTDESK_LIMITS__VISITOR_PER_MINUTE=0."
            if cause.code == http.HTTPStatus.TOO_MANY_REQUESTS
            else "Look into its log.",
        ) from cause
    except OSError as cause:
        raise errors.DependencyError(
            f"The server at {address} does not answer: {cause}.", hint="Start it first."
        ) from cause
    return (time.perf_counter() - started) * 1000
