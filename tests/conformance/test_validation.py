"""What Rasa refuses to train is refused here with file, line and remedy, and little else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bot.project import project
from tests.conformance.differences import ACCEPTED, REFUSED
from tests.conformance.replaying import HERE

VARIANTS: list[dict[str, Any]] = json.loads(
    (HERE / "http" / "training_validation.json").read_text(encoding="utf-8")
)
BASE: dict[str, str] = VARIANTS[0]["changed_files"]


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: str(variant["case"]))
def test_a_project_is_refused_as_in_rasa(variant: dict[str, Any], tmp_path: Path) -> None:
    for name, content in (BASE | variant["changed_files"]).items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(content, encoding="utf-8")
    _, findings = project.examine(tmp_path, {})
    case = variant["case"]
    expected = (variant["trains"] or case in ACCEPTED) and case not in REFUSED
    assert (not findings.errors) is expected, [str(error) for error in findings.errors]
    for error in findings.errors:
        assert error.line > 0
        assert error.hint
        assert error.path in BASE | variant["changed_files"]
