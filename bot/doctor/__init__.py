"""Checks an installation and says what to do about what it finds; changes nothing."""

from bot.doctor.examination import examine
from bot.doctor.finding import Finding, Level, exit_code

__all__ = ["Finding", "Level", "examine", "exit_code"]
