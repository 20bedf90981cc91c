"""What a check found, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARN = "warn"
    """It works, but not as well as it could."""
    FAIL = "fail"
    """Frontdesk does not start, or does not answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one check found."""

    check: str
    level: Level
    message: str
    remedy: str = ""
    """What to do; empty if nothing is to be done."""

    def __str__(self) -> str:
        return f"{self.level.value:4}  {self.check}: {self.message} {self.remedy}".rstrip()


def good(check: str, message: str) -> Finding:
    """All is well."""
    return Finding(check=check, level=Level.OK, message=message)


def poor(check: str, message: str, remedy: str) -> Finding:
    """It works, but not as well as it could."""
    return Finding(check=check, level=Level.WARN, message=message, remedy=remedy)


def bad(check: str, message: str, remedy: str) -> Finding:
    """It does not work."""
    return Finding(check=check, level=Level.FAIL, message=message, remedy=remedy)


def from_error(check: str, cause: Exception) -> Finding:
    """An error as a finding; its hint is the remedy."""
    if isinstance(cause, ModuleNotFoundError):
        said = f"It cannot be checked: the package {cause.name!r} is missing."
        return bad(check, said, "Mend the packages first.")
    remedy = str(getattr(cause, "hint", ""))
    said = " ".join(str(cause).removesuffix(remedy).split()) or type(cause).__name__
    return bad(check, said, remedy or "Run it again with FRONTDESK_LOG_LEVEL=debug to see more.")


def exit_code(findings: Iterable[Finding]) -> int:
    """1 if anything failed, else 0."""
    return int(any(finding.level is Level.FAIL for finding in findings))
