"""A first start without a model: a head answers soon, the fine-tuned network takes over or not."""

from __future__ import annotations

import json
import re
import shutil
import time
from pathlib import Path
from typing import Any

from tests.scenario.server import Server

INTENTS = ("track_parcel", "gift_card", "opening_hours", "newsletter", "greet", "human_please")
EXAMPLES = 14
WITHIN_S = 300.0
NO_LIMIT = {"FRONTDESK_LIMITS__VISITOR_PER_MINUTE": "0"}  # one visitor asks all the time


def shrink(path: Path) -> None:
    """Keep few examples of few intents, so that training takes a minute."""
    blocks = re.split(r"(?m)^(?= *- intent: )", path.read_text(encoding="utf-8"))
    kept = [blocks[0]]
    for block in blocks[1:]:
        if block.split(maxsplit=3)[2] in INTENTS:
            head, *rest = block.splitlines(keepends=True)
            kept.append(head + "".join(rest[: EXAMPLES + 1]))
    path.write_text("".join(kept), encoding="utf-8")


def manifests(data: Path) -> dict[str, dict[str, Any]]:
    """Manifests of the trained models by method."""
    found = (data / "models/classifier").glob("*/manifest.json")
    return {m["method"]: m for m in (json.loads(p.read_text(encoding="utf-8")) for p in found)}


def test_the_better_model_serves_and_nobody_waits_for_it(
    project: Path, encoders: Path, tmp_path: Path
) -> None:
    for path in (project / "nlu").glob("*.yml"):
        shrink(path)
    for path in (project / "answers").glob("*.csv"):
        if path.name != "delivery.csv":
            path.unlink()
    data = tmp_path / "fresh"
    (data / "models").mkdir(parents=True)
    shutil.copytree(encoders / "encoders", data / "models" / "encoders")
    server = Server(project=project, data=data, environment=NO_LIMIT)
    try:
        server.start()
        assert server.get("/readyz").json()["versions"]["classifier"].startswith("head-")
        deadline = time.monotonic() + WITHIN_S
        while "full" not in manifests(data) or server.get("/readyz").json()["training"]:
            assert time.monotonic() < deadline, server.log
            assert server.say("where is my parcel?")
            time.sleep(0.2)
        trained = manifests(data)
        better = trained["full"]["metrics"]["accuracy"] >= trained["head"]["metrics"]["accuracy"]
        method = "full" if better else "head"
        while not server.get("/readyz").json()["versions"]["classifier"].startswith(method):
            assert time.monotonic() < deadline, server.log
            time.sleep(0.1)
        assert server.get("/readyz").json()["training_error"] is None
        serving = server.get("/readyz").json()["versions"]
        server.restart()
        assert server.get("/readyz").json()["versions"] == serving
    finally:
        server.kill()
