"""The model card, after Mitchell et al. 2019, "Model Cards for Model Reporting": English, Chinese.

The card names labels and figures but quotes no sentence, so that it can be passed on.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from classifier.report import words
from classifier.report.evidence import Evidence
from classifier.report.measured import Measured
from classifier.report.words import Said, percent

Pick = Callable[[Said], str]
"""Writes out a sentence in the language of the card."""

_SPECIAL = re.compile(r"([\\`*_\[\]|~$])")

USE = (
    Said(
        "Meant to rank the intents of short messages from customers, in the languages of its "
        "training data, and to leave a message alone when it is not sure.",
        "用于对客户的短消息进行意图排序，适用于训练数据所含的语言；没有把握时不作判断。",
    ),
    Said(
        "Not meant to decide about people (credit, employment, health), to detect crime or "
        "feelings, or to serve without a way to reach a person.",
        "不得用于对人作出决定（信贷、雇佣、健康），不得用于识别犯罪或情绪，也不应在无法转人工时使用。",
    ),
)
LIMITS = (
    Said(
        "The figures hold for messages like those it was measured on. Other topics, other wording, "
        "other languages and deliberate tricks do worse.",
        "以上数字只适用于与测量所用类似的消息；话题、措辞、语言不同或有意误导时，表现会更差。",
    ),
    Said(
        "It knows only its intents. Any message gets the nearest of them; confidence and "
        "familiarity are the only signs that none fits.",
        "它只认识自己的意图，任何消息都会得到最接近的一个；只有置信度和熟悉程度能提示都不合适。",
    ),
    Said(
        "Wrong labels in the measured data count as mistakes of the model, or hide them.",
        "测量数据中的错误标注会被算作模型的错误，或掩盖错误。",
    ),
    Said(
        "It repeats what is uneven in its examples, such as fewer examples in one language. "
        "Compare the languages above before relying on it.",
        "例句中的不均衡（如某种语言例句较少）会体现在结果中；使用前请比较上面各语言的数字。",
    ),
)


def render(evidence: Evidence, found: Measured, advice: Sequence[Said]) -> str:
    """The whole card as Markdown."""
    english = _card(evidence, found, advice, lambda said: _filled(said.en, said.names))
    chinese = _card(evidence, found, advice, lambda said: _filled(said.zh, said.names))
    return f"[English](#model-card) · [中文](#模型卡)\n\n{english}\n\n---\n\n{chinese}\n"


def _card(evidence: Evidence, found: Measured, advice: Sequence[Said], pick: Pick) -> str:
    parts = (
        _heading(pick, "Model card", "模型卡", level=1),
        _summary(found, pick),
        _heading(pick, "Model details", "模型信息"),
        _facts(evidence, pick),
        _heading(pick, "Intended use", "预期用途"),
        _items(USE, pick),
        _heading(pick, "Data", "数据"),
        _data(evidence, pick),
        _heading(pick, "Figures", "各项指标"),
        _figures(evidence, found, pick),
        _heading(pick, "Calibration", "校准"),
        _calibration(found, pick),
        _heading(pick, "Risk and coverage", "风险与覆盖率"),
        _dial(found, pick),
        _scope(found, pick),
        _heading(pick, "Limits", "局限"),
        _items((*LIMITS, *advice), pick),
        _heading(pick, "How to reproduce", "如何复现"),
        _reproduce(evidence, pick),
    )
    return "\n\n".join(part for part in parts if part)


def _summary(found: Measured, pick: Pick) -> str:
    part, whole = words.of_hundred(found.scores.accuracy)
    return pick(
        Said(
            f"Ranks {len(found.intents)} intents of customer messages. Of {whole:,} messages that "
            f"it had not seen, it understood {part}. Details: report/report.html.",
            f"对客户消息的 {len(found.intents)} 个意图进行排序。{whole:,} 句没见过的话，"
            f"听懂了 {part} 句。详见 report/report.html。",
        )
    )


def _facts(evidence: Evidence, pick: Pick) -> str:
    rows = [(pick(words.fact(k)), pick(words.said(v))) for k, v in evidence.facts.items()]
    rows.append((pick(Said("Kind", "类型")), pick(Said("intent classifier", "意图分类器"))))
    table = _table((pick(Said("What", "项目")), pick(Said("Value", "值"))), rows)
    notes = _items(map(words.said, evidence.notes), pick)
    return f"{table}\n\n{notes}" if notes else table


def _data(evidence: Evidence, pick: Pick) -> str:
    n, classes = len(evidence.texts), len(evidence.labels)
    lead = Said("Measured by: ", "测量方式：")
    how = pick(lead) + " " + pick(words.source(evidence.source))
    size = Said(
        f"{n:,} sentences of {classes} intents that the guessing model had not seen.",
        f"{n:,} 句模型没有见过的话，{classes} 个意图。",
    )
    findings = _items(map(words.said, evidence.findings), pick)
    return "\n\n".join(part for part in (how, pick(size), findings) if part)


def _figures(evidence: Evidence, found: Measured, pick: Pick) -> str:
    everything = (pick(Said("all", "全部")), found.scores)
    groups = [everything, *((pick(words.language(g.group)), g.scores) for g in found.languages)]
    heads = [
        pick(Said("Language", "语言")),
        pick(Said("Sentences", "句子数")),
        pick(Said("Accuracy", "正确率")),
        pick(Said("Macro F1", "宏平均 F1")),
        pick(Said("Calibration error", "校准误差")),
    ]
    rows = [
        (
            name,
            f"{s.examples:,}",
            percent(s.accuracy),
            percent(s.macro_f1),
            percent(s.calibration_error),
        )
        for name, s in groups
    ]
    low, high = found.interval
    sure = Said(
        f"With 95 % confidence the accuracy is between {percent(low)} and {percent(high)}.",
        f"正确率的 95 % 置信区间为 {percent(low)} 至 {percent(high)}。",
    )
    picture = f"![{pick(Said('Confusion matrix', '混淆矩阵'))}](report/confusion.svg)"
    parts = [_table(heads, rows), pick(sure), _mistakes(evidence, found, pick), picture]
    if len(evidence.learning_curve) > 1:
        parts.append(f"![{pick(Said('Learning curve', '学习曲线'))}](report/learning-curve.svg)")
    return "\n\n".join(part for part in parts if part)


def _mistakes(evidence: Evidence, found: Measured, pick: Pick) -> str:
    rows = [
        (_code(evidence.labels[c.gold]), _code(evidence.labels[c.guessed]), str(c.count))
        for c in found.confusions[:5]
    ]
    heads = Said("Intent", "意图"), Said("Taken for", "被误认为"), Said("Sentences", "句子数")
    return _table([pick(head) for head in heads], rows) if rows else ""


def _calibration(found: Measured, pick: Pick) -> str:
    points = f"{found.scores.calibration_error * 100:.1f}"
    said = Said(
        f"Confidence is {points} percentage points off on average (expected "
        "calibration error, 15 bins).",
        f"置信度平均偏差 {points} 个百分点（期望校准误差，15 个区间）。",
    )
    return f"{pick(said)}\n\n![{pick(Said('Reliability', '可靠性图'))}](report/reliability.svg)"


def _dial(found: Measured, pick: Pick) -> str:
    heads = (
        Said("Mistakes accepted", "可接受的错误"),
        Said("Acted on, in hindsight", "事后看可处理"),
        Said("Confidence needed", "所需置信度"),
        Said("Acts on", "处理的句子"),
        Said("Mistakes to expect", "预计错误"),
    )
    rows = []
    for row in found.dial:
        promised: tuple[str, str, str] = ("–", "–", "–")
        if row.promise is not None:
            promised = (pick(Said("cannot be promised", "无法承诺")), "–", "–")
            if row.promise.threshold is not None:
                point = row.promise
                promised = (
                    f"{point.threshold:.3f}",
                    percent(point.coverage),
                    percent(point.error),
                )
        rows.append((f"≤ {row.risk * 100:.3g} %", percent(row.observed_coverage), *promised))
    area = f"AURC: {found.curve.aurc:.4f}"
    picture = f"![{pick(Said('Risk over coverage', '风险与覆盖率'))}](report/risk-coverage.svg)"
    return f"{_table([pick(head) for head in heads], rows)}\n\n{area}\n\n{picture}"


def _scope(found: Measured, pick: Pick) -> str:
    if found.scope is None:
        return ""
    refused = percent(found.scope.refused)
    said = Said(
        f"{refused} of the sentences in scope look too strange and are refused.",
        f"范围内的句子有 {refused} 因太陌生而被拒。",
    )
    if found.scope.caught is None:
        return pick(said)
    caught = percent(found.scope.caught)
    more = Said(
        f" {caught} of {found.scope.outside:,} sentences out of scope are noticed.",
        f"{found.scope.outside:,} 句范围之外的话中，识别出 {caught}。",
    )
    return pick(Said(said.en + more.en, said.zh + more.zh))


def _reproduce(evidence: Evidence, pick: Pick) -> str:
    said = Said(
        "Train again with the same data (compare the data hash), the same seed and the same "
        "versions; all are listed above and in manifest.json. All figures are in "
        "report/report.json.",
        "用相同的数据（请核对数据哈希）、相同的随机种子和相同的软件版本重新训练；这些都列在上文和 "
        "manifest.json 中。全部数字见 report/report.json。",
    )
    command = evidence.facts.get("command")
    if not isinstance(command, str):
        return pick(said)
    return f"{pick(said)}\n\n{_fenced(words.plain(command))}"


def _heading(pick: Pick, en: str, zh: str, level: int = 2) -> str:
    return f"{'#' * level} {pick(Said(en, zh))}"


def _items(sentences: Iterable[Said], pick: Pick) -> str:
    return "\n".join(f"- {pick(said)}" for said in sentences)


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _filled(sentence: str, names: tuple[str, ...]) -> str:
    escaped = _text(sentence)
    return escaped.format(*map(_code, names)) if names else escaped


def _text(value: str) -> str:
    """`value` as Markdown text: what it holds is shown, not obeyed."""
    escaped = _SPECIAL.sub(r"\\\1", words.plain(value))
    return escaped.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _code(value: str) -> str:
    """A label as code that may stand in a table: its own backticks and bars change nothing."""
    shown = words.plain(value).replace("|", "\\|")
    fence = "`" * (max(map(len, re.findall("`+", shown)), default=0) + 1)
    pad = " " if shown[:1] == "`" or shown[-1:] == "`" or not shown else ""
    return f"{fence}{pad}{shown}{pad}{fence}"


def _fenced(value: str) -> str:
    fence = "`" * max(3, max(map(len, re.findall("`+", value)), default=0) + 1)
    return f"{fence}\n{value}\n{fence}"
