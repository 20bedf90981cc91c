"""The Grafana dashboard shows metrics that exist."""

from __future__ import annotations

import json
import re

from bot.web.metrics import Metrics
from tests.conftest import ROOT

OF_PROMETHEUS = {"process_resident_memory_bytes", "process_cpu_seconds_total"}


def test_every_metric_of_the_dashboard_exists() -> None:
    board = json.loads((ROOT / "docker/grafana/dashboard.json").read_text(encoding="utf-8"))
    shown = {
        name
        for panel in board["panels"]
        for target in panel["targets"]
        for name in re.findall(r"\b(?:frontdesk|process)_\w+", target["expr"])
    }
    known = {
        sample if sample.startswith("frontdesk") else ""
        for family in Metrics().registry.collect()
        for sample in (family.name, f"{family.name}_total", f"{family.name}_bucket")
    }
    assert shown - known <= OF_PROMETHEUS
    assert {"frontdesk_backlog", "frontdesk_turn_seconds_bucket"} <= shown
