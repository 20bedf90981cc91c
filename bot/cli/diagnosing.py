"""`frontdesk doctor`: prints what `bot.doctor` found."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bot import doctor
from bot.doctor import Finding, Level

MARKS = {
    Level.OK: Text("ok", "green"),
    Level.WARN: Text("warn", "yellow"),
    Level.FAIL: Text("fail", "bold red"),
}


def diagnose(chosen: dict[str, Any], as_json: bool) -> int:
    """Examine the installation with `chosen` options and print; gives the exit code."""
    findings = doctor.examine(chosen)
    code = doctor.exit_code(findings)
    if as_json:
        found = {"ok": code == 0, "findings": [asdict(finding) for finding in findings]}
        sys.stdout.write(json.dumps(found, ensure_ascii=False, indent=2) + "\n")
    else:
        _print(findings)
    return code


def _print(findings: Sequence[Finding]) -> None:
    table = Table(title="frontdesk doctor 安装检查", title_justify="left", show_lines=True)
    table.add_column("")
    table.add_column("check 检查项", no_wrap=True)
    table.add_column("finding and what to do 结果与建议", overflow="fold")
    for finding in findings:
        words = Text(finding.message)
        if finding.remedy:
            words.append(f"\n→ {finding.remedy}", "bold")
        table.add_row(MARKS[finding.level], finding.check, words)
    console = Console()
    console.print(table)
    failed = sum(finding.level is Level.FAIL for finding in findings)
    warned = sum(finding.level is Level.WARN for finding in findings)
    console.print(
        f"{failed} to mend, {warned} to look at. 需修复 {failed} 项，需留意 {warned} 项。"
        if failed or warned
        else "All is well. 一切正常。"
    )
