"""A reply and its reasons for people at a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from bot.domain import BotMessage, Button, Outcome

COLOURS = {
    Outcome.ANSWER: "green",
    Outcome.RESPOND: "green",
    Outcome.CLARIFY: "yellow",
    Outcome.REFUSE: "red",
    Outcome.HANDOFF: "magenta",
}


def said(messages: Sequence[BotMessage]) -> Group:
    """What the visitor reads; buttons are numbered from 1."""
    parts: list[RenderableType] = []
    for message in messages:
        parts.append(Text(message.text))
        parts += [Text(f"  [{n}] {b.title}", "cyan") for n, b in enumerate(message.buttons, 1)]
    return Group(*parts)


def buttons(messages: Sequence[BotMessage]) -> tuple[Button, ...]:
    """The buttons that can be chosen: those of the last message that has any."""
    return next((m.buttons for m in reversed(messages) if m.buttons), ())


def why(reasons: dict[str, Any]) -> Group:
    """The reasons (`bot.reasons.explain`) as tables."""
    return Group(*_tables(reasons))


def reply_panel(messages: Sequence[BotMessage], outcome: Outcome) -> Panel:
    """The reply in a frame of the outcome's colour."""
    return Panel(said(messages), border_style=COLOURS[outcome], title="reply 回复", expand=False)


def _tables(reasons: dict[str, Any]) -> Iterator[RenderableType]:
    yield _decision(reasons)
    if reasons["intents"]:
        yield _intents(reasons["intents"])
    if reasons["candidates"]:
        yield _candidates(reasons["candidates"])


def _decision(reasons: dict[str, Any]) -> Table:
    outcome, limits = Outcome(reasons["outcome"]), reasons["thresholds"]
    table = Table(title="decision 决定", title_justify="left", show_header=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row("outcome 结果", Text(outcome.value, COLOURS[outcome]))
    table.add_row("reason 原因", reasons["reason"])
    table.add_row(
        "confidence 置信度",
        f"{reasons['confidence']:.3f} (answer from {limits['answer']:g}, "
        f"ask back from {limits['clarify']:g}, rules from {limits['rule']:g})",
    )
    table.add_row("actions 动作", Text(", ".join(reasons["actions"])))
    if reasons["answers"]:
        table.add_row("answers 答案", Text(", ".join(reasons["answers"])))
    table.add_row("language 语言", reasons["language"])
    for name, made_with in reasons["versions"].items():
        table.add_row(name, Text(made_with))
    for note in reasons["notes"]:
        table.add_row("note 备注", Text(note, "yellow"))
    return table


def _intents(intents: Sequence[dict[str, Any]]) -> Table:
    table = Table(title="intents 意图", title_justify="left")
    table.add_column("intent", overflow="fold")
    table.add_column("probability 概率", justify="right")
    for intent in intents:
        table.add_row(Text(str(intent["name"])), f"{intent['confidence']:.3f}")
    return table


def _candidates(candidates: Sequence[dict[str, Any]]) -> Table:
    table = Table(title="candidates 候选答案", title_justify="left")
    table.add_column("answer and source 答案与出处", overflow="fold")
    table.add_column("score 得分")
    table.add_column("matched 匹配", overflow="fold")
    for found in candidates:
        parts = "".join(f"\n{name} {value:.3f}" for name, value in found["parts"].items())
        table.add_row(
            Text(f"{found['id']} ({found['lang']})\n{found['intent']}\n{found['source']}"),
            Text(f"{found['score']:.3f}").append(parts, "dim"),
            Text(found["matched"]),
        )
    return table
