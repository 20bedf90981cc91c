"""Trainings whose threads sleep while they wait."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

CODE = """
import sys
from bot.cli import classifier_bench, classifying, retrieval_training, training
from bot.training import waiting
assert "torch" not in sys.modules  # its OpenMP reads the variable when it is loaded
waiting.be_patient()
print("from here", file=sys.stderr, flush=True)
import torch
"""


@pytest.mark.parametrize(
    ("given", "spins"), [({}, "0"), ({"OMP_WAIT_POLICY": "ACTIVE"}, "30000000000")]
)
def test_openmp_hears_of_it(given: dict[str, str], spins: str) -> None:
    kept = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", CODE],
        capture_output=True,
        text=True,
        check=False,
        env={**kept, "OMP_DISPLAY_ENV": "VERBOSE", **given},
    )
    assert done.returncode == 0, done.stderr
    told = done.stderr.partition("from here")[2]  # by the OpenMP that comes with torch
    assert f"GOMP_SPINCOUNT = '{spins}'" in told
