"""`frontdesk bench`: how quick a running server answers, and how much memory it takes."""

from __future__ import annotations

import json
import sys

from rich.console import Console
from rich.table import Table

from bot import bench
from bot.cli import progress
from bot.config import Settings

NAMES = {
    "messages": "different messages 消息数",
    "median_ms": "median 中位数 (ms)",
    "p95_ms": "95th percentile 95 分位 (ms)",
    "p99_ms": "99th percentile 99 分位 (ms)",
    "slowest_ms": "slowest 最慢 (ms)",
    "server_memory_mb": "memory of the server 服务内存 (MB)",
}


def run(settings: Settings, url: str | None, count: int, *, as_json: bool) -> None:
    """Measure the server at `url`, by default the one of the settings, and print the figures."""
    texts = bench.messages(settings.project, count)
    address = url or f"http://{settings.server.host}:{settings.server.port}"
    with progress.bars() as on_progress:
        figures = bench.measure(address, texts, on_progress=on_progress).as_dict()
    if as_json:
        sys.stdout.write(json.dumps(figures) + "\n")
        return
    table = Table("figure", "value", title=f"{address}, one client 单客户端")
    for name, value in figures.items():
        table.add_row(NAMES[name], f"{value:g}")
    Console().print(table)
