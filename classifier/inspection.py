"""What is odd in labelled data, before anything is learned from it."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from classifier import near_duplicates
from classifier.dataset import LabelledText

THIN = 5  # examples below which an intent is learned badly
SHOWN = 5  # cases that a finding quotes
QUOTED = 60  # characters of a text that it quotes

_CHINESE = re.compile(r"[\u3400-\u9fff]")
_LATIN = re.compile(r"[A-Za-z]{2,}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One oddity, in both languages, with some cases."""

    en: str
    zh: str
    cases: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """What labelled data hold."""

    counts: Mapping[str, int]
    """Examples of each intent, most first."""
    languages: Mapping[str, int]
    """Texts by script: en, zh, mixed, other."""
    findings: tuple[Finding, ...]

    @property
    def rows(self) -> int:
        """Examples in all."""
        return sum(self.counts.values())


def language_of(text: str) -> str:
    """`en`, `zh`, `mixed` or `other`, by the letters alone."""
    chinese, latin = bool(_CHINESE.search(text)), bool(_LATIN.search(text))
    if chinese and latin:
        return "mixed"
    return "zh" if chinese else "en" if latin else "other"


def inspect(examples: Sequence[LabelledText], valid: Sequence[LabelledText] = ()) -> Inspection:
    """Look through `examples`, and compare them with `valid` if given."""
    counts = Counter(example.intent for example in examples)
    found = [_repeated(examples), _contradictory(examples), _thin(counts)]
    if valid:
        found += [_leaked(examples, valid), _unlearned(counts, valid)]
    return Inspection(
        counts=dict(counts.most_common()),
        languages=dict(Counter(language_of(example.text) for example in examples).most_common()),
        findings=tuple(finding for finding in found if finding.cases),
    )


def _repeated(examples: Sequence[LabelledText]) -> Finding:
    often = Counter((example.text, example.intent) for example in examples)
    cases = [f"{_quoted(text)} ({label}) × {n}" for (text, label), n in often.items() if n > 1]
    return _finding(
        cases,
        "{n} texts stand more than once under the same label: keep one of each.",
        "有 {n} 条文本在同一标签下重复出现：各保留一条即可。",
    )


def _contradictory(examples: Sequence[LabelledText]) -> Finding:
    places: dict[str, list[LabelledText]] = defaultdict(list)
    for example in examples:
        places[near_duplicates.key(example.text)].append(example)
    cases = [
        f"{_quoted(same[0].text)}: " + ", ".join(f"{e.intent} (line {e.line})" for e in same)
        for same in places.values()
        if len({e.intent for e in same}) > 1
    ]
    return _finding(
        cases,
        "{n} texts stand under several labels: decide for one.",
        "有 {n} 条文本属于多个标签：请只保留一个。",
    )


def _thin(counts: Mapping[str, int]) -> Finding:
    cases = [f"{label}: {n}" for label, n in counts.items() if n < THIN]
    return _finding(
        cases,
        f"{{n}} labels have fewer than {THIN} examples: write more.",
        f"有 {{n}} 个标签的例句少于 {THIN} 条：请补充。",
    )


def _leaked(examples: Sequence[LabelledText], valid: Sequence[LabelledText]) -> Finding:
    if max(len(examples), len(valid)) > near_duplicates.LIMIT:
        learned = {near_duplicates.key(example.text) for example in examples}
        cases = [_quoted(e.text) for e in valid if near_duplicates.key(e.text) in learned]
    else:
        found = near_duplicates.pairs([e.text for e in examples], [e.text for e in valid])
        first = {j: i for i, j in reversed(found)}
        cases = [
            f"{_quoted(valid[j].text)} ~ {_quoted(examples[i].text)}" for j, i in first.items()
        ]
    return _finding(
        cases,
        "{n} texts to measure on are near-duplicates of texts to learn from: scores flatter.",
        "有 {n} 条评测文本与训练文本几乎相同：评测结果会偏高。",
    )


def _unlearned(counts: Mapping[str, int], valid: Sequence[LabelledText]) -> Finding:
    strange = Counter(e.intent for e in valid if e.intent not in counts)
    return _finding(
        [f"{label}: {n}" for label, n in strange.items()],
        "{n} labels occur only in the second file: they cannot be learned.",
        "有 {n} 个标签只出现在第二个文件中：无法学习。",
    )


def _finding(cases: Sequence[str], en: str, zh: str) -> Finding:
    n = len(cases)
    return Finding(en=en.format(n=n), zh=zh.format(n=n), cases=tuple(cases[:SHOWN]))


def _quoted(text: str) -> str:
    short = text if len(text) <= QUOTED else text[: QUOTED - 1] + "…"
    return f"“{' '.join(short.split())}”"
