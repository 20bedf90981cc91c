"""Runs every check. Nothing that is broken, missing or misconfigured keeps the others from running.

The checks import what they look at on demand; this package itself needs the standard library only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from bot.doctor import database, folders, installation, listening
from bot.doctor.finding import Finding, from_error
from bot.doctor.folders import Subject

CHECKS: Mapping[str, Callable[[Subject], list[Finding]]] = {
    "data folder": folders.data_folder,
    "knowledge": folders.knowledge,
    "encoder": folders.encoder,
    "model": folders.model,
    "database": database.check,
    "port": listening.check,
}
"""What is checked once the settings are known, in this order."""


def examine(options: Mapping[str, Any]) -> list[Finding]:
    """Run every check; raises nothing.

    Args:
        options: settings from the command line, as `bot.config.load` takes them.
    """
    findings = _safely("python", installation.python)
    findings += _safely("packages", installation.packages)
    try:
        from bot import config  # noqa: PLC0415 - its libraries may be missing

        subject = Subject(config.load(**options))
    except Exception as cause:
        return [*findings, from_error("settings", cause)]
    for name, check in CHECKS.items():
        findings += _safely(name, partial(check, subject))
    return findings


def _safely(name: str, check: Callable[[], list[Finding]]) -> list[Finding]:
    try:
        return check()
    except Exception as cause:
        return [from_error(name, cause)]
