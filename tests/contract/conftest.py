"""Every database that Frontdesk can keep its conversations in."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest


@pytest.fixture(params=["sqlite", "sqlite of Python"])
def url(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "sqlite of Python":
        monkeypatch.setitem(sys.modules, "pysqlite3", None)  # as if it were not installed
    return f"sqlite:///{tmp_path / 'store.db'}"
