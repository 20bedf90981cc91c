"""Modules that actions import and that are not installed are told with file and line."""

from __future__ import annotations

from pathlib import Path

from bot.project import imports
from bot.project.findings import Findings

CODE = '''"""Actions."""
import os, json
import nosuchmodule.deep
from rasa.shared.core.events import SlotSet
from rasa_sdk import Action
from actions import shop
from . import more
from settings import LIMIT
try:
    import fastnosuch
except ImportError:
    fastnosuch = None


class Act(Action):
    def run(self, dispatcher, tracker, domain):
        import lazynosuch
'''


def told(root: Path) -> list[tuple[str, int, str]]:
    findings = Findings()
    imports.note(root, findings)
    return [(note.path, note.line, note.what) for note in findings.notes]


def test_what_is_missing_is_told_with_file_and_line(tmp_path: Path) -> None:
    (tmp_path / "actions").mkdir()
    (tmp_path / "actions" / "actions.py").write_text(CODE, encoding="utf-8")
    (tmp_path / "settings.py").write_text("LIMIT = 3\n", encoding="utf-8")
    why = "which is not installed: the actions cannot start."
    assert told(tmp_path) == [
        ("actions/actions.py", 3, f"imports 'nosuchmodule', {why}"),
        ("actions/actions.py", 4, f"imports 'rasa', {why}"),
    ]


def test_code_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "actions.py").write_text("import os\ndef run(:\n", encoding="utf-8")
    [(path, line, what)] = told(tmp_path)
    assert (path, line) == ("actions.py", 2)
    assert what.startswith("cannot be read: invalid syntax")


def test_a_project_without_actions_has_nothing_to_tell(tmp_path: Path) -> None:
    assert told(tmp_path) == []
