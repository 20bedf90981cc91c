"""`frontdesk import check`, `frontdesk test`: what a Rasa project does here, before it serves."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bot import config
from bot.cli import progress, session
from bot.config import Settings
from bot.dialogue import messages, understanding
from bot.dialogue.stories import Told
from bot.dialogue.understanding import Doubt
from bot.project import project as projects
from bot.project import story_tests
from bot.project.findings import Findings, Parity
from bot.project.project import RasaProject
from bot.project.story_tests import Outcome, Understand
from bot.talking import Talking
from classifier.prediction import RankedIntent

FAILED = 1
HEADINGS = {
    Parity.SAME: "runs as in Rasa, but look at it 与 Rasa 相同, 请留意",
    Parity.DIFFERS: "runs differently 运行方式不同",
    Parity.UNSUPPORTED: "is not run 不支持",
}


def check(folder: Path) -> int:
    """Print the parity report of a Rasa project; gives the exit code."""
    project, findings = projects.examine(folder, config.environment())
    console = Console()
    _print_errors(findings, console)
    _print_notes(findings, console)
    _print_size(project, console)
    if findings.errors:
        console.print(
            f"{len(findings.errors)} to mend before it serves. 需修复 {len(findings.errors)} 项。",
            style="bold red",
        )
        return FAILED
    console.print("It can serve. 可以启动服务。", style="green")
    return 0


def _print_errors(findings: Findings, console: Console) -> None:
    for error in findings.errors:
        words = Text(str(error).removesuffix(error.hint).strip(), "red")
        words.append(f"\n  → {error.hint}" if error.hint else "", "bold")
        console.print(words)


def _print_notes(findings: Findings, console: Console) -> None:
    for parity, heading in HEADINGS.items():
        found = [note for note in findings.notes if note.parity is parity]
        if not found:
            continue
        table = Table(title=heading, title_justify="left", show_lines=False)
        table.add_column("where 位置", no_wrap=True)
        table.add_column("what 内容", overflow="fold")
        for note in found:
            where = f"{note.path}:{note.line}" if note.line else note.path
            table.add_row(Text(where), Text(f"{note.what} {note.hint}".strip()))  # no markup
        console.print(table)


def _print_size(project: RasaProject, console: Console) -> None:
    domain = project.domain
    policies = ", ".join(spec.name for spec in project.config.policies) or "none"
    console.print(
        f"{len(domain.intents)} intents, {len(domain.slots)} slots, {len(domain.forms)} forms, "
        f"{len(domain.responses)} responses, {len(domain.actions)} actions, "
        f"{len(project.examples)} examples; policies: {policies}"
    )


def play(folder: Path, settings: Settings) -> int:
    """Play the test stories and print where the bot leaves their path; gives the exit code."""
    project = projects.read(folder, config.environment())
    told, findings = story_tests.read(project)
    console = Console()
    _print_errors(findings, console)
    outcomes = asyncio.run(_play(project, told, settings))
    for outcome in outcomes:
        _print_outcome(outcome, console)
    passed = sum(outcome.passed for outcome in outcomes)
    console.print(f"{passed} of {len(outcomes)} stories passed. 通过 {passed} / {len(outcomes)}。")
    return 0 if passed == len(outcomes) and not findings.errors else FAILED


def _print_outcome(outcome: Outcome, console: Console) -> None:
    told = outcome.told
    mark = Text("ok   ", "green") if outcome.passed else Text("left ", "bold red")
    console.print(mark, Text(f"{told.name} ({told.path}:{told.line})"), sep="")
    for one in outcome.departures:
        about = f"{one.said!r}: " if one.said else ""
        console.print(Text(f"       {about}expected {one.wanted}, got {one.got}"))


async def _play(project: RasaProject, told: Sequence[Told], settings: Settings) -> list[Outcome]:
    known = _known(project, settings)
    unseen = [text for text in story_tests.texts(told) if known(text) is None]

    async def plain(text: str) -> dict[str, Any]:
        return known(text) or {}

    if not unseen:  # no model is needed
        return [await story_tests.play(project, one, plain) for one in told]
    with progress.bars() as report:
        async with session.ready(settings, report) as parts:
            understand: Understand = parts.engine.parsed
            return [await story_tests.play(project, one, understand) for one in told]


def _known(project: RasaProject, settings: Settings) -> Callable[[str], dict[str, Any] | None]:
    """Understands stated intents and texts of examples; None for anything else."""
    examples = understanding.known_texts((one.text, one.intent) for one in project.examples)
    fallback = project.config.fallback
    doubt = Doubt(threshold=fallback.threshold) if fallback else None
    extractor = Talking(settings).extractor(project)

    def understand(text: str) -> dict[str, Any] | None:
        stated = messages.read(text, project.domain)
        intent = examples.get(understanding.folded(text))
        if stated is not None or intent is None:
            return stated
        entities = [entity.to_wire() for entity in extractor.extract(text)]
        ranking = (RankedIntent(name=intent, confidence=1.0),)
        return understanding.parse(text, ranking, entities, project.domain, doubt=doubt)

    return understand


def measure(settings: Settings) -> int:
    """Print how the examples are understood by the model in use; gives the exit code."""
    with progress.bars() as report:
        return asyncio.run(_measure(settings, report))


async def _measure(settings: Settings, report: progress.Report) -> int:
    async with session.ready(settings, report) as parts:
        brain = parts.box.brain
        wrong: Counter[tuple[str, str]] = Counter()
        for example in brain.knowledge.examples:
            prediction = brain.classifier.predict([example.text])[0]
            if prediction.top.name != example.intent:
                wrong[example.intent, prediction.top.name] += 1
    console = Console()
    total = len(brain.knowledge.examples)
    right = total - sum(wrong.values())
    console.print(f"{right} of {total} examples are understood. 理解正确 {right} / {total}。")
    for (wanted, got), count in wrong.most_common():
        console.print(f"  {count} x {wanted} taken for {got}")
    return 0 if right == total else FAILED
