"""R15, in short: schemathesis against a real server; the full form is `tests/fuzz/fuzzing.py`."""

from __future__ import annotations

from pathlib import Path

from tests.fuzz import fuzzing
from tests.scenario.conftest import Start


def test_every_answer_is_as_described_and_no_input_is_a_defect(
    start: Start, tmp_path: Path
) -> None:
    server = start(**fuzzing.SETTINGS)
    found = fuzzing.fuzz(server, tmp_path, cases=10, seed=7, phases="fuzzing,stateful")
    assert found.status == 0, found.said
    assert found.cases >= 250
    assert '"level": "error"' not in server.log
    assert "[error" not in server.log
