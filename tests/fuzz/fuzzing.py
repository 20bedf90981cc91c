"""R15: schemathesis asks a real server whatever our OpenAPI allows, and what it does not.

In full, more than 5,000 cases against the starter knowledge (trained first unless `--data` names a
folder where it is):

    python -m tests.fuzz.fuzzing --cases 200
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.scenario.server import Server

ROOT = Path(__file__).parents[2]
API_TOKEN = "fuzz"
SETTINGS = {
    "FRONTDESK_SERVER__API_TOKEN": API_TOKEN,
    "FRONTDESK_LIMITS__VISITOR_PER_MINUTE": "0",
    "FRONTDESK_LIMITS__ADDRESS_PER_MINUTE": "0",
    "FRONTDESK_MODELS__FINETUNE": "false",
    "FRONTDESK_CHANNELS__HOOK__KIND": "callback",
    "FRONTDESK_CHANNELS__HOOK__URL": "http://127.0.0.1:9/nobody",
    "FRONTDESK_CHANNELS__HOOK__INCOMING_TOKEN": "a-token-of-16-or-more",
}
WITHIN_S = 3600.0
CASES = re.compile(r"(\d+) generated")


@dataclass(frozen=True)
class Found:
    """What came of it."""

    status: int
    """Of the program: 0 when every check held."""
    cases: int
    said: str


def fuzz(server: Server, folder: Path, *, cases: int, seed: int, phases: str = "") -> Found:
    """Ask a running server, set up with `SETTINGS`, in up to `cases` ways an operation."""
    token = server.post("/v1/sessions", {}).json()["token"]
    message = {"id": "message-1", "text": "where is my parcel?"}
    server.post("/v1/messages", message, Authorization=f"Bearer {token}")
    command = [sys.executable, "-m", "schemathesis.cli"]
    command += ["--config-file", str(Path(__file__).with_name("schemathesis.toml"))]
    command += ["run", f"{server.url}/openapi.json", "--no-color"]
    command += ["--max-examples", str(cases), "--seed", str(seed)]
    command += ["--phases", phases] if phases else []
    tokens = {"FUZZ_VISITOR_TOKEN": token, "FUZZ_API_TOKEN": API_TOKEN}
    done = subprocess.run(  # noqa: S603 - a program of the development environment
        command,
        cwd=folder,
        env=os.environ | tokens,
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
        check=False,
    )
    said = done.stdout + done.stderr
    counted = CASES.search(said)
    return Found(done.returncode, int(counted[1]) if counted else 0, said)


def main() -> int:
    """Run it in full."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--cases", type=int, default=200, help="of each operation and phase")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--data", type=Path, help="a trained data folder; it is copied")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        if asked.data is None:
            data.mkdir()
        else:
            shutil.copytree(asked.data, data, symlinks=True)
        server = Server(project=ROOT / "knowledge", data=data, environment=SETTINGS)
        server.start()
        try:
            found = fuzz(server, Path(folder), cases=asked.cases, seed=asked.seed)
        finally:
            server.kill()
    sys.stdout.write(found.said)
    return found.status


if __name__ == "__main__":
    sys.exit(main())
