"""Python and the packages: what is there and what is required, without importing any of it."""

from __future__ import annotations

import importlib.metadata
import re
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

from bot.doctor.finding import Finding, bad, good

OLDEST_PYTHON = (3, 11)
PYPROJECT = Path(__file__).parents[2] / "pyproject.toml"
SHOWN = ("torch", "transformers", "onnxruntime", "faiss-cpu", "aiohttp", "sqlalchemy")
_NAME = re.compile(r"[\w.-]+")


def python() -> list[Finding]:
    """Whether this Python is new enough."""
    version = ".".join(str(part) for part in sys.version_info[:3])
    if sys.version_info[:2] >= OLDEST_PYTHON:
        return [good("python", f"{version} ({sys.executable})")]
    wanted = ".".join(str(part) for part in OLDEST_PYTHON)
    return [bad("python", f"{version} is too old.", f"Install Python {wanted} or newer.")]


def packages(requirements: Sequence[str] | None = None) -> list[Finding]:
    """Whether the required packages are installed; one finding for each that is not, or not right.

    Args:
        requirements: as in pyproject.toml (PEP 508); Frontdesk's own if None.
    """
    wanted = _requirements() if requirements is None else requirements
    faults = [fault for line in wanted if (fault := _fault(line))]
    if faults:
        return faults
    shown = [f"{name} {found}" for name in SHOWN if (found := version_of(name))]
    return [good("packages", f"{len(wanted)} required packages are there: {', '.join(shown)}")]


def version_of(package: str) -> str:
    """The installed version, empty if it is not installed."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _requirements() -> Sequence[str]:
    """Those of the source tree that runs, else those of the installed distribution."""
    if PYPROJECT.is_file():
        found = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]["dependencies"]
        return [str(line) for line in found]
    lines = importlib.metadata.requires("frontdesk") or []
    return [line for line in lines if "extra ==" not in line]


def _fault(requirement: str) -> Finding | None:
    """What is wrong with one requirement, if anything."""
    wanted, _, marker = (part.strip() for part in requirement.partition(";"))
    if not _applies(marker):
        return None
    match = _NAME.match(wanted)
    name = match.group() if match else wanted
    remedy = f"Run `pip install '{wanted}'`, or install Frontdesk again."
    found = version_of(name)
    if not found:
        return bad("packages", f"{name} is not installed.", remedy)
    if not _fits(found, wanted.removeprefix(name)):
        return bad("packages", f"{name} is {found}, wanted is {wanted}.", remedy)
    return None


def _applies(marker: str) -> bool:
    if not marker:
        return True
    try:
        from packaging.markers import Marker  # noqa: PLC0415 - itself a package that may be missing
    except ImportError:
        return False
    return Marker(marker).evaluate()


def _fits(version: str, specifier: str) -> bool:
    try:
        from packaging.specifiers import SpecifierSet  # noqa: PLC0415 - may be missing
    except ImportError:
        return True
    return SpecifierSet(specifier).contains(version, prereleases=True)
