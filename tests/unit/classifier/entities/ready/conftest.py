"""An extractor whose "today" is Thursday, 26 November 2026, in Shanghai."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from classifier.entities.entity import Entity
from classifier.entities.ready.extractor import Ready, ReadyExtractor

NOW = datetime(2026, 11, 26, 3, tzinfo=UTC)


@pytest.fixture(scope="session")
def extract() -> Callable[[str], tuple[Entity, ...]]:
    ready = Ready(zone=ZoneInfo("Asia/Shanghai"), regions=("CN", "DE"))
    return ReadyExtractor(ready, lambda: NOW).extract
