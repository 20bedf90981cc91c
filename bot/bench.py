"""Measures a running server over HTTP, one client: time to the reply, and memory.

The messages are the project's evaluation questions: all different, as visitors write them.
"""

from __future__ import annotations

import http.client
import json
import re
import statistics
import time
import urllib.parse
import uuid
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from bot import errors
from bot.evaluation import questions

WARM_UP = 20
TIMEOUT_S = 30.0
RESIDENT = re.compile(r"^process_resident_memory_bytes ([\d.e+]+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What was measured."""

    messages: int
    median_ms: float
    p95_ms: float
    p99_ms: float
    slowest_ms: float
    server_memory_mb: float
    """Resident memory of the server process afterwards, in 10^6 bytes."""

    def as_dict(self) -> dict[str, float]:
        """The figures by name."""
        return asdict(self)


def measure(
    url: str,
    texts: Sequence[str],
    *,
    on_progress: Callable[[str, float], None] = lambda _step, _share: None,
) -> Figures:
    """Post each of `texts` to the REST channel of the server at `url`, one after the other.

    Raises:
        errors.ConfigError: nobody listens there, or it does not answer as Frontdesk does.
    """
    place = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(place.netloc, timeout=TIMEOUT_S)
    run = uuid.uuid4().hex[:8]  # new conversations, so that no reply depends on an earlier run
    times_ms: list[float] = []
    try:
        for number, text in enumerate([*texts[:WARM_UP], *texts]):
            body = json.dumps({"sender": f"bench-{run}-{number % 50}", "message": text}).encode()
            started = time.perf_counter()
            _post(connection, body)
            times_ms.append((time.perf_counter() - started) * 1000)
            on_progress(f"sending {len(texts)} messages", (number + 1) / (len(texts) + WARM_UP))
        memory = _memory(connection)
    except (OSError, http.client.HTTPException) as cause:
        raise errors.ConfigError(
            f"No answer from {url}: {cause}.",
            hint="Start the server with `frontdesk serve`, or name it with --url.",
        ) from cause
    finally:
        connection.close()
    return _figures(times_ms[min(WARM_UP, len(texts)) :], memory)


def messages(project: Path, count: int) -> list[str]:
    """Up to `count` different questions, the languages in turn.

    Raises:
        errors.KnowledgeError: the project has no evaluation questions.
    """
    found = [q for part in ("dev", "test") for q in questions.read(project / "eval", part)]
    by_language = {q.language: [p.text for p in found if p.language is q.language] for q in found}
    mixed = [text for row in zip(*by_language.values(), strict=False) for text in row]
    return list(dict.fromkeys(mixed))[:count]


def _post(connection: http.client.HTTPConnection, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    connection.request("POST", "/webhooks/rest/webhook", body, headers)
    response = connection.getresponse()
    said = response.read()
    if response.status != http.HTTPStatus.OK:
        raise http.client.HTTPException(f"status {response.status}: {said[:200]!r}")


def _memory(connection: http.client.HTTPConnection) -> float:
    connection.request("GET", "/metrics")
    found = RESIDENT.search(connection.getresponse().read().decode())
    return float(found[1]) if found else 0.0


def _figures(times_ms: Sequence[float], memory: float) -> Figures:
    hundredths = statistics.quantiles(times_ms, n=100)
    return Figures(
        messages=len(times_ms),
        median_ms=round(statistics.median(times_ms), 2),
        p95_ms=round(hundredths[94], 2),
        p99_ms=round(hundredths[98], 2),
        slowest_ms=round(max(times_ms), 2),
        server_memory_mb=round(memory / 1e6, 1),
    )
