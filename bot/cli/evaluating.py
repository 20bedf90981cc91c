"""`frontdesk evaluate`: the frozen questions, asked and counted, against the targets."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bot.cli import progress, session
from bot.config import Settings
from bot.domain import Decision
from bot.evaluation import questions, run, score
from bot.evaluation.score import Judged, Verdict

FAILURES = (Verdict.WRONG, Verdict.UNANSWERABLE_ANSWERED, Verdict.REFUSED)  # worst first
LANGUAGES = {"en": "English 英文", "zh": "Chinese 中文"}
Counts = dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """A share that is measured, and the target that it has to meet."""

    title: str
    part: Callable[[Counts], int]
    whole: Callable[[Counts], int]
    target: float
    """Share, 0 to 1."""
    at_most: bool = False
    """Whether the target is an upper limit."""

    def is_met(self, counts: Counts) -> bool:
        """Whether `counts` meet the target; true when there was nothing to ask."""
        share = self.part(counts) / (self.whole(counts) or 1)
        if not self.whole(counts):
            return True
        return share <= self.target if self.at_most else share >= self.target


MEASURES = (
    Measure(
        title="answerable: right, or asked back with the right one 答对或澄清正确",
        part=lambda c: c["right"] + c["clarified_right"],
        whole=lambda c: c["answerable"],
        target=0.88,
    ),
    Measure(
        title="all: wrong answer 答错",
        part=lambda c: c["wrong"],
        whole=lambda c: c["answerable"] + c["unanswerable"],
        target=0.04,
        at_most=True,
    ),
    Measure(
        title="unanswerable: not answered 正确拒答",
        part=lambda c: c["unanswerable"] - c["unanswerable_answered"],
        whole=lambda c: c["unanswerable"],
        target=0.85,
    ),
)


def evaluate(settings: Settings, part: str, *, as_json: bool, list_wrong: bool) -> None:
    """Ask the questions of `part` and print the counts.

    Raises:
        errors.FrontdeskError: the questions cannot be read, or the bot cannot be made ready.
    """
    asked = questions.read(settings.project / "eval", part)
    judged = asyncio.run(_judge(settings, asked))
    counts = score.counts(judged)
    if as_json:
        wordings = score.wordings(judged)
        sys.stdout.write(json.dumps({"languages": counts, "replies": wordings}) + "\n")
    else:
        for language, found in counts.items():
            Console().print(table(LANGUAGES.get(language, language), found))
        for language, near in score.wordings(judged).items():
            Console().print(f"{language}: BLEU {near['bleu']:.1f}, chrF {near['chrf']:.1f}")
    if list_wrong:
        Console(stderr=as_json).print(failures(judged))


async def _judge(settings: Settings, asked: Sequence[questions.Question]) -> list[Judged]:
    with progress.bars() as report:
        async with session.ready(settings, report) as parts:
            return await run.run(parts, asked, on_progress=report)


def table(title: str, counts: Counts) -> Table:
    """The shares of one language with their targets, and the plain counts below."""
    shown = Table(title=title, title_justify="left")
    shown.add_column("questions 问题")
    for name in ("count 数量", "share 占比", "target 目标"):
        shown.add_column(name, justify="right", no_wrap=True)
    shown.add_column("")
    for measure in MEASURES:
        shown.add_row(*_row(measure, counts))
    shown.add_section()
    for name in ("right", "clarified_right", "refused"):
        shown.add_row(name, _of(counts[name], counts["answerable"]), _share(counts, name), "", "")
    return shown


def _row(measure: Measure, counts: Counts) -> tuple[str | Text, ...]:
    part, whole = measure.part(counts), measure.whole(counts)
    sign = "≤" if measure.at_most else "≥"
    verdict = Text("met", "green") if measure.is_met(counts) else Text("missed", "bold red")
    share = f"{part / whole:.1%}" if whole else "-"
    return measure.title, _of(part, whole), share, f"{sign} {measure.target:.0%}", verdict


def _share(counts: Counts, name: str) -> str:
    return f"{counts[name] / counts['answerable']:.1%}" if counts["answerable"] else "-"


def _of(part: int, whole: int) -> str:
    return f"{part} / {whole}"


def failures(judged: Sequence[Judged]) -> Table:
    """Every question that went wrong, with what was expected and what was said, worst first."""
    shown = Table(title="what went wrong 出错的问题", title_justify="left", show_lines=True)
    shown.add_column("id", no_wrap=True)
    shown.add_column("question 问题", overflow="fold", ratio=1)
    shown.add_column("expected, and what was said 应答与实答", overflow="fold", ratio=1)
    bad = [item for item in judged if item.verdict in FAILURES]
    for item in sorted(bad, key=lambda item: FAILURES.index(item.verdict)):
        expected = ", ".join(sorted(item.question.expected)) or "nothing"
        shown.add_row(
            Text(item.question.id),
            Text(f"{item.question.text}\n{item.verdict.value}, {item.confidence:.0%}"),
            Text(f"{expected}\n{_said(item.decision)}"),
        )
    return shown


def _said(decision: Decision) -> str:
    named = [candidate.answer.id for candidate in decision.answers] or list(decision.actions)
    return f"{decision.outcome.value}: {', '.join(named)}"
