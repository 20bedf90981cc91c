"""The sections of the page, in its order: functions that return HTML, "" for nothing to say."""

from __future__ import annotations

from collections.abc import Mapping

from classifier.report import figures, markup, words
from classifier.report.evidence import Evidence
from classifier.report.markup import both, cell, number, share, words_of
from classifier.report.measured import Measured, RiskRow
from classifier.report.words import Said, percent


def switch() -> str:
    """The choice of language: radio buttons that style alone obeys, so it needs no script."""
    return (
        '<fieldset class="switch"><legend>Language 语言</legend>'
        '<input type="radio" name="language" id="show-en" checked>'
        '<label for="show-en" lang="en">English</label>'
        '<input type="radio" name="language" id="show-zh">'
        '<label for="show-zh" lang="zh">中文</label></fieldset>\n'
    )


def headline(evidence: Evidence, found: Measured) -> str:
    """How good it is, in one sentence and five figures."""
    scores, (low, high) = found.scores, found.interval
    part, whole = words.of_hundred(scores.accuracy)
    source = words.source(evidence.source)
    error = percent(scores.calibration_error)
    tiles = (
        (
            Said("Accuracy", "正确率"),
            percent(scores.accuracy),
            Said(
                f"95 % sure: {percent(low)} to {percent(high)}",
                f"95 % 置信区间：{percent(low)} 至 {percent(high)}",
            ),
        ),
        (
            Said("Macro F1", "宏平均 F1"),
            percent(found.averages.macro_f1),
            Said("every intent counts the same", "每个意图权重相同"),
        ),
        (
            Said("Calibration error", "校准误差"),
            error,
            Said("how far confidence is off on average", "置信度的平均偏差"),
        ),
        (
            Said("Unseen sentences", "未见过的句子"),
            f"{scores.examples:,}",
            Said(f"of {len(evidence.labels)} intents", f"共 {len(evidence.labels)} 个意图"),
        ),
    )
    cards = "".join(
        f"<div><dt>{both(title)}</dt><dd><b>{value}</b>{both(note)}</dd></div>"
        for title, value, note in tiles
    )
    title = words_of(
        f"{part} of {whole:,} unseen sentences were understood",
        f"{whole:,} 句没见过的话，听懂了 {part} 句",
    )
    return (
        f'<header><p class="kind">{words_of("Model report", "模型报告")}</p>'
        f"<h1>{title}</h1>"
        f"<p>{words_of('How measured:', '测量方式：')} <strong>{both(source)}</strong></p>"
        f'<dl class="tiles">{cards}</dl>{_languages(found)}</header>'
    )


def next_steps(evidence: Evidence, sentences: tuple[Said, ...]) -> str:
    """What to do, then what the check of the data found."""
    html = markup.items(map(both, sentences), "ol")
    if evidence.findings:
        found = markup.items(both(words.said(finding)) for finding in evidence.findings)
        html += f"<h3>{words_of('From the check of the data', '数据检查的发现')}</h3>{found}"
    return markup.section("next", Said("What to do next", "下一步做什么"), html)


def intents(found: Measured) -> str:
    """Every intent, the least recognised first; those without sentences last."""
    order = sorted(found.intents, key=lambda i: (not i.support, i.f1, i.label))
    unknown = cell("–", -1)
    rows = [
        (
            cell(markup.name(intent.label)),
            share(intent.f1, bar=True) if intent.support else unknown,
            share(intent.recall) if intent.support else unknown,
            share(intent.precision),
            number(intent.support),
        )
        for intent in order
    ]
    heads = [
        Said("Intent", "意图"),
        Said("F1", "F1"),
        Said("Recognised (recall)", "识别率（召回率）"),
        Said("Right when guessed (precision)", "判断正确率（精确率）"),
        Said("Sentences", "句子数"),
    ]
    means = found.averages
    mean = Said(
        f"Means over intents: precision {percent(means.macro_precision)}, recall "
        f"{percent(means.macro_recall)}, F1 {percent(means.macro_f1)}; weighted by sentences: F1 "
        f"{percent(means.weighted_f1)}; micro F1 (accuracy): {percent(means.micro_f1)}.",
        f"各意图平均：精确率 {percent(means.macro_precision)}，召回率 "
        f"{percent(means.macro_recall)}，F1 {percent(means.macro_f1)}；"
        f"按句数加权 F1 {percent(means.weighted_f1)}；"
        f"微平均 F1（即正确率）{percent(means.micro_f1)}。",
    )
    caption = Said("Intents, the weakest first", "各意图，最弱的在前")
    table = markup.table(caption, heads, rows, sortable=True)
    title = Said("Every intent", "每个意图")
    return markup.section("intents", title, markup.paragraph(mean, "lead") + table)


def pictures(evidence: Evidence, found: Measured, drawn: Mapping[str, str]) -> str:
    """The pictures, each with what it says in words."""
    captions = _captions(evidence, found)
    html = "".join(
        markup.figure(
            figures.inline(svg, name, f"{captions[name].en} {captions[name].zh}"),
            captions[name],
            wide=name == "confusion",
        )
        for name, svg in drawn.items()
    )
    return markup.section("pictures", Said("Pictures", "图"), f'<div class="figures">{html}</div>')


def _captions(evidence: Evidence, found: Measured) -> dict[str, Said]:
    shown = figures.most_confused(found.matrix)
    classes, part = len(evidence.labels), Said("", "")
    if len(shown) < classes:
        wrong = found.matrix.sum() - found.matrix.trace()
        within = found.matrix[shown][:, shown]
        inside = int(within.sum() - within.trace())
        part = Said(
            f" Only the {len(shown)} of {classes} intents with most mistakes are shown; {inside} "
            f"of all {wrong} mistakes are between them.",
            f"仅显示 {classes} 个意图中错误最多的 {len(shown)} 个；全部 {wrong} 个错误中有 "
            f"{inside} 个发生在它们之间。",
        )
    points, aurc = f"{found.scores.calibration_error * 100:.1f}", f"{found.curve.aurc:.4f}"
    return {
        "confusion": Said(
            "Which intent is taken for which, in percent of the sentences of a row: blue is right, "
            "orange is wrong." + part.en,
            "各意图被判断成什么，占该行句子的百分比：蓝色正确，橙色错误。" + part.zh,
        ),
        "reliability": Said(
            f"Is it as often right as it says? On the dashed line it would be; it is {points} "
            "percentage points off on average.",
            f"它的把握是否可信？在虚线上即完全可信；平均偏差 {points} 个百分点。",
        ),
        "risk-coverage": Said(
            "The fewer sentences it acts on, the surest first, the fewer mistakes it makes. Area "
            f"under the curve (AURC): {aurc}; 0 is perfect.",
            f"只处理最有把握的句子，错误就更少。曲线下面积（AURC）：{aurc}，0 为完美。",
        ),
        "learning-curve": Said(
            "What more examples bring: still rising at the right end means that more would help.",
            "增加例句的效果：右端仍在上升，说明继续增加有帮助。",
        ),
        "scope": Said(
            "How familiar the sentences look. Left of the dashed line they are refused.",
            "句子看起来有多熟悉。虚线左侧视为范围之外。",
        ),
    }


def dial(found: Measured) -> str:
    """How many mistakes are accepted, and what that costs."""
    promised = any(row.promise for row in found.dial)
    lead = Said(
        "The more mistakes you accept, the more sentences it may act on by itself; the others are "
        "asked back about or handed to a person.",
        "您接受的错误越多，它能自行处理的句子就越多；其余的会反问或转人工。",
    )
    heads = [
        Said("Mistakes accepted", "可接受的错误"),
        Said("Acted on, in hindsight", "事后看可处理"),
    ]
    if promised:
        heads += [
            Said("Confidence needed", "所需置信度"),
            Said("Acts on", "处理的句子"),
            Said("Mistakes to expect", "预计错误"),
        ]
    rows = [_dial_row(row, promised=promised) for row in found.dial]
    caption = Said("Risk dial", "风险档位")
    html = markup.paragraph(lead, "lead") + markup.table(caption, heads, rows)
    return markup.section("dial", Said("How much risk to take", "承担多少风险"), html)


def _dial_row(row: RiskRow, *, promised: bool) -> list[str]:
    cells = [cell(f"≤ {row.risk * 100:.3g} %"), share(row.observed_coverage)]
    if promised and (row.promise is None or row.promise.threshold is None):
        word = both(Said("cannot be promised", "无法承诺")) if row.promise else "–"
        cells += [cell(word, 2), cell("–", 0), cell("–", 0)]
    elif row.promise is not None and row.promise.threshold is not None:
        threshold = row.promise.threshold
        cells.append(cell(f"{threshold:.3f}", threshold))
        cells += [share(row.promise.coverage), share(row.promise.error)]
    return cells


def scope(found: Measured) -> str:
    """How well it notices that a sentence is about something else."""
    if found.scope is None:
        return ""
    refused = percent(found.scope.refused)
    sentences = [
        Said(
            f"{refused} of the sentences that it should know look too strange and are refused.",
            f"本应认识的句子中，有 {refused} 因看起来太陌生而被拒。",
        )
    ]
    if found.scope.caught is not None and found.scope.auroc is not None:
        caught, outside = percent(found.scope.caught), f"{found.scope.outside:,}"
        auroc = f"{found.scope.auroc:.3f}"
        sentences.append(
            Said(
                f"{caught} of {outside} sentences about other things are noticed (AUROC {auroc}).",
                f"{outside} 句无关的话中，识别出 {caught}（AUROC {auroc}）。",
            )
        )
    html = markup.items(map(both, sentences))
    return markup.section("scope", Said("Sentences about something else", "范围之外的句子"), html)


def notes(evidence: Evidence) -> str:
    """How the model came to be."""
    html = markup.items(both(words.said(note)) for note in evidence.notes)
    return markup.section("notes", Said("Notes on this training", "本次训练的说明"), html)


def facts(evidence: Evidence) -> str:
    """What the model is, row by row."""
    if not evidence.facts:
        return ""
    rows = [
        (cell(both(words.fact(name))), f'<td class="fact">{both(words.said(value))}</td>')
        for name, value in evidence.facts.items()
    ]
    heads = [Said("What", "项目"), Said("Value", "值")]
    table = markup.table(Said("Facts", "事实"), heads, rows)
    return markup.section("facts", Said("The model", "模型"), table)


def _languages(found: Measured) -> str:
    if not found.languages:
        return ""
    rows = [
        (
            cell(both(words.language(group.group))),
            share(group.scores.accuracy),
            share(group.scores.macro_f1),
            share(group.scores.calibration_error),
            number(group.scores.examples),
        )
        for group in found.languages
    ]
    heads = [
        Said("Language", "语言"),
        Said("Accuracy", "正确率"),
        Said("Macro F1", "宏平均 F1"),
        Said("Calibration error", "校准误差"),
        Said("Sentences", "句子数"),
    ]
    return markup.table(Said("By language", "按语言"), heads, rows)
