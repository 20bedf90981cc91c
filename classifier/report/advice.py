"""What an editor should do next, in plain words, from what was measured."""

from __future__ import annotations

from collections.abc import Iterator

from classifier.report.evidence import Evidence
from classifier.report.measured import Measured
from classifier.report.words import Said, language, percent

WEAK_RECALL = 0.7  # an intent recognised less often than this is worth a look
FEW = 5  # fewer sentences than this say little about an intent
GAP = 0.05  # between languages, in accuracy
ENOUGH = 30  # sentences of a language before its accuracy is compared
DISHONEST = 0.05  # calibration error from which on confidence should not be trusted
STILL_RISING = 0.01  # accuracy that the last doubling of examples brought
SUSPECTS = 50  # `analysis.suspects` stops there


def advise(evidence: Evidence, measured: Measured) -> tuple[Said, ...]:
    """Sentences, the most useful first; at least one."""
    found = (
        *_confused(evidence, measured),
        *_suspicious(evidence, measured),
        *_weak(measured),
        *_languages(measured),
        *_calibration(measured),
        *_few(measured),
        *_learning(evidence),
    )
    return found or (
        Said(
            "Nothing stands out: no intents are confused regularly and no label looks wrong.",
            "没有明显的问题：没有经常混淆的意图，也没有可疑的标注。",
        ),
    )


def _confused(evidence: Evidence, measured: Measured) -> Iterator[Said]:
    pair = measured.confusions[0] if measured.confusions else None
    if pair is None or pair.count < 2:
        return
    total = measured.intents[pair.gold].support
    yield Said(
        f"{{0}} is taken for {{1}} most often: {pair.count} of {total} sentences. Read them: "
        "if even you hesitate, merge the two or say what sets them apart, otherwise add examples.",
        f"{{0}} 最常被误认为 {{1}}：{total} 句中有 {pair.count} 句。请读这些句子：如果您自己也"
        "难以区分，请合并两个意图或明确界限；否则请补充例句。",
        (evidence.labels[pair.gold], evidence.labels[pair.guessed]),
    )


def _suspicious(evidence: Evidence, measured: Measured) -> Iterator[Said]:
    if not measured.suspects:
        return
    first, n = measured.suspects[0], len(measured.suspects)
    en = f"At least {n} sentences seem" if n >= SUSPECTS else f"{n} sentences seem"
    zh = f"至少有 {n} 句" if n >= SUSPECTS else f"有 {n} 句"
    yield Said(
        ("1 sentence seems" if n == 1 else en) + " to have the wrong label; the first stands under "
        "{0} and looks like {1}. Check the list of suspicious labels: right labels help most.",
        zh
        + "的标注可能有误；最可疑的一句标为 {0}，但更像 {1}。请核对可疑标注列表：改正标注最有效。",
        (evidence.labels[first.given], evidence.labels[first.likely]),
    )


def _weak(measured: Measured) -> Iterator[Said]:
    weak = [i for i in measured.intents if i.support >= FEW and i.recall < WEAK_RECALL]
    worst = sorted(weak, key=lambda intent: intent.recall)[:3]
    if not worst:
        return
    shown = [f"{{{k}}} ({percent(intent.recall, 0)})" for k, intent in enumerate(worst)]
    yield Said(
        f"Recognised least: {', '.join(shown)}. Add examples in words that people really use.",
        f"识别率最低：{'、'.join(shown)}。请补充更贴近真实说法的例句。",
        tuple(intent.label for intent in worst),
    )


def _languages(measured: Measured) -> Iterator[Said]:
    known = [g for g in measured.languages if g.scores.examples >= ENOUGH]
    known.sort(key=lambda group: group.scores.accuracy)
    if len(known) < 2 or known[-1].scores.accuracy - known[0].scores.accuracy < GAP:
        return
    low, high = known[0], known[-1]
    names = language(low.group), language(high.group)
    shares = percent(low.scores.accuracy, 0), percent(high.scores.accuracy, 0)
    yield Said(
        f"{names[0].en} sentences are understood less often than {names[1].en} ones "
        f"({shares[0]} and {shares[1]}): add examples in that language.",
        f"{names[0].zh}句子的理解率低于{names[1].zh}（{shares[0]} 对 {shares[1]}）："
        "请补充该语言的例句。",
    )


def _calibration(measured: Measured) -> Iterator[Said]:
    error = measured.scores.calibration_error
    if error >= DISHONEST:
        yield Said(
            f"Do not take its confidence at face value: it is {error * 100:.1f} "
            "percentage points off on average.",
            f"不要直接采信它的置信度：平均偏差 {error * 100:.1f} 个百分点。",
        )


def _few(measured: Measured) -> Iterator[Said]:
    few = sum(intent.support < FEW for intent in measured.intents)
    if few:
        yield Said(
            ("1 intent has" if few == 1 else f"{few} intents have")
            + f" fewer than {FEW} sentences here, so what is said about them is mostly chance.",
            f"有 {few} 个意图在此不足 {FEW} 句，相关数字多半出于偶然。",
        )


def _learning(evidence: Evidence) -> Iterator[Said]:
    if len(evidence.learning_curve) < 2:
        return
    n, last = evidence.learning_curve[-1]
    half = min(evidence.learning_curve[:-1], key=lambda point: abs(point[0] - n / 2))
    gain = last - half[1]
    if gain >= STILL_RISING:
        yield Said(
            f"More examples still help: going from {half[0]:,} to {n:,} brought {gain * 100:.1f} "
            "percentage points.",
            f"增加例句仍然有效：从 {half[0]:,} 句增至 {n:,} 句，正确率提高了 "
            f"{gain * 100:.1f} 个百分点。",
        )
