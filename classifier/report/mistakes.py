"""The sections about mistakes: pairs that are confused, labels that look wrong."""

from __future__ import annotations

from classifier.report import markup
from classifier.report.analysis import Confusion
from classifier.report.evidence import Evidence
from classifier.report.markup import cell, share, words_of
from classifier.report.measured import Measured
from classifier.report.words import Said, percent

PAIRS_SHOWN = 20
PAIRS_OPEN = 3
SENTENCE, LABELLED = Said("Sentence", "句子"), Said("Labelled", "标注")


def confusions(evidence: Evidence, found: Measured) -> str:
    """The pairs that are mixed up most, with the sentences behind them."""
    title = Said("What it mixes up", "容易混淆的意图")
    shown, total = found.confusions[:PAIRS_SHOWN], len(found.confusions)
    if not shown:
        return markup.section(
            "confusions", title, markup.paragraph(Said("Nothing at all.", "没有混淆。"))
        )
    lead = Said(
        f"{len(shown)} of {total} pairs, the most frequent first; all are in report.json.",
        f"共 {total} 对，列出最常见的 {len(shown)} 对；全部数据见 report.json。",
    )
    pairs = "".join(
        _pair(evidence, found, pair, opened=place < PAIRS_OPEN) for place, pair in enumerate(shown)
    )
    return markup.section("confusions", title, markup.paragraph(lead, "lead") + pairs)


def _pair(evidence: Evidence, found: Measured, pair: Confusion, *, opened: bool) -> str:
    gold, guessed = evidence.labels[pair.gold], evidence.labels[pair.guessed]
    total = found.intents[pair.gold].support
    count = words_of(
        f"{pair.count} of {total} ({percent(pair.share, 0)})",
        f"{total} 句中的 {pair.count} 句（{percent(pair.share, 0)}）",
    )
    became = f" {words_of('taken for', '被误认为')} "
    sentences = markup.items(
        f"{_quote(evidence, row)} {_sure(evidence, row)} {_place(evidence, row)}"
        for row in pair.rows
    )
    return (
        f'<details{" open" if opened else ""}><summary><span class="pair">{markup.name(gold)}'
        f'{became}{markup.name(guessed)}</span> <span class="count">{count}</span></summary>'
        f"{sentences}</details>"
    )


def suspects(evidence: Evidence, found: Measured) -> str:
    """Labels that are probably wrong, the most suspicious first."""
    title = Said("Labels that look wrong", "可疑的标注")
    if not found.suspects:
        return markup.section("suspects", title, markup.paragraph(Said("None.", "没有。")))
    lead = Said(
        "The model, which had not seen these labels, is sure of another intent. It may be the one "
        "that is wrong: read, then correct the file or leave it.",
        "模型没有见过这些标注，却确信是别的意图。也可能是模型错了：请阅读后改正文件，或保持不变。",
    )
    rows = [
        (
            cell(_quote(evidence, suspect.row)),
            cell(markup.name(evidence.labels[suspect.given])),
            cell(markup.name(evidence.labels[suspect.likely])),
            share(float(evidence.probabilities[suspect.row, suspect.likely])),
            share(float(evidence.probabilities[suspect.row, suspect.given])),
            cell(_place(evidence, suspect.row)),
        )
        for suspect in found.suspects
    ]
    heads = [
        SENTENCE,
        LABELLED,
        Said("Looks like", "更像"),
        Said("How sure", "把握"),
        Said("p of the label", "标注的概率"),
        Said("Place", "位置"),
    ]
    caption = Said(f"{len(rows)} suspicious labels", f"{len(rows)} 个可疑的标注")
    table = markup.table(caption, heads, rows, sortable=True)
    return markup.section("suspects", title, markup.paragraph(lead, "lead") + table)


def _quote(evidence: Evidence, row: int) -> str:
    language = evidence.languages[row] if evidence.languages else ""
    return markup.quoted(evidence.texts[row], language)


def _sure(evidence: Evidence, row: int) -> str:
    sure = percent(float(evidence.probabilities[row].max()), 0)
    return f'<span class="sure">{words_of(f"{sure} sure", f"把握 {sure}")}</span>'


def _place(evidence: Evidence, row: int) -> str:
    return (
        f'<span class="place">{markup.text(evidence.places[row])}</span>' if evidence.places else ""
    )
