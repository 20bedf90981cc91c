"""No data leave the machine: the libraries are told so before they are loaded."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT

CODE = """
import pathlib, sys
from retrieval.encoders.runtime import Encoder
Encoder(pathlib.Path(sys.argv[1])).encode(["hello"])
"""


def test_onnxruntime_collects_nothing(encoder_folder: Path, tmp_path: Path) -> None:
    environment = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)}
    subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", CODE, str(encoder_folder)], check=True, env=environment
    )
    assert not (tmp_path / ".cache").exists()


def test_onnxruntime_is_imported_in_one_place() -> None:
    for package in ("bot", "classifier", "retrieval"):
        for path in (ROOT / package).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            if "import onnxruntime\n" in text and path.name != "onnx_quiet.py":
                assert "from retrieval.encoders.onnx_quiet import onnxruntime" in text, path
