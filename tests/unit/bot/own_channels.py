"""Channels of somebody else's, installed for a test: a module and its entry point."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest


def install(folder: Path, monkeypatch: pytest.MonkeyPatch, kind: str, source: Path) -> None:
    """Make the module `source` a channel of this kind, as installing its package would."""
    (folder / source.name).write_text(source.read_text(encoding="utf-8"), encoding="utf-8")
    package = folder / f"{source.stem}-1.0.dist-info"
    package.mkdir()
    (package / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {source.stem}\nVersion: 1.0\n")
    (package / "entry_points.txt").write_text(f"[frontdesk.channels]\n{kind} = {source.stem}\n")
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.delitem(sys.modules, source.stem, raising=False)
