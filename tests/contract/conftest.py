"""Every database that Frontdesk can keep its conversations in."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import postgres


@pytest.fixture(scope="session")
def cluster() -> Iterator[str]:
    """A PostgreSQL server of the tests' own."""
    with postgres.cluster() as running:
        yield running.address


@pytest.fixture(params=["sqlite", "sqlite of Python", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of an empty database."""
    if request.param == "postgresql":
        return postgres.new_database(request.getfixturevalue("cluster"))
    if request.param == "sqlite of Python":
        monkeypatch.setitem(sys.modules, "pysqlite3", None)  # as if it were not installed
    return f"sqlite:///{tmp_path / 'store.db'}"
