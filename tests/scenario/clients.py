"""Clients that nobody here wrote, run with node."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[1] / "clients"


def install() -> None:
    """Install the clients if they are not there."""
    subprocess.run(["sh", str(FOLDER / "need_clients.sh")], check=True)  # noqa: S603, S607


def run(script: str, *arguments: str) -> dict[str, Any]:
    """What a script prints as JSON.

    Raises:
        AssertionError: it failed; says what it printed.
    """
    done = subprocess.run(  # noqa: S603
        ["node", script, *arguments],  # noqa: S607
        cwd=FOLDER,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    printed: dict[str, Any] = json.loads(done.stdout)
    return printed
