"""The report as a whole: what lies in the folder, that it is safe to open and stands alone."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from classifier.report import page
from classifier.report.evidence import Evidence, Scope
from classifier.risk import RiskPoint

VOID = {"meta", "input"}
HOSTILE = (
    "<script>alert(1)</script>",
    "a \"quote\" & 'another' $x$ |bar| `tick`",
    "مرحبا\u202e!",
    "退款 😀",
    '</code><img src=x onerror="alert(1)">',
    "{0} {1}\nnew\x00line",
)


class Page(HTMLParser):
    """Collects tags and checks that they are closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def evidence(labels: tuple[str, ...], n: int = 60, **more: object) -> Evidence:
    """Guesses of which about a tenth is wrong, always by one class."""
    chance = np.random.default_rng(0)
    gold = chance.integers(0, len(labels), n)
    guesses = np.where(np.arange(n) % 10 == 3, (gold + 1) % len(labels), gold)
    probabilities = chance.random((n, len(labels))).astype(np.float32)
    probabilities[np.arange(n), guesses] += 3 + 2 * chance.random(n) * len(labels)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    given: dict[str, object] = {
        "texts": tuple(f"{labels[g]} {i}" for i, g in enumerate(gold)),
        "labels": labels,
        "gold": gold,
        "probabilities": probabilities,
        "source": "5-fold cross-validation",
        **more,
    }
    return Evidence(**given)  # type: ignore[arg-type]


def full(labels: tuple[str, ...] = HOSTILE, n: int = 60) -> Evidence:
    return evidence(
        labels,
        n,
        places=tuple(f"<b>train</b>.csv:{i}" for i in range(n)),
        languages=tuple(("en", "zh", "mixed", "other")[i % 4] for i in range(n)),
        learning_curve=((10, 0.5), (20, 0.7), (40, 0.9)),
        thresholds=(
            RiskPoint(risk=0.01, threshold=None, coverage=0, error=0),
            RiskPoint(risk=0.05, threshold=0.71, coverage=0.8, error=0.031),
        ),
        scope=Scope(
            familiarity=np.linspace(0.3, 1, n).astype(np.float32),
            threshold=0.4,
            outside=np.array([0.1, 0.2, 0.5], np.float32),
        ),
        facts={"method": "<i>head</i>", "seed": "7", "command": "train --seed 7"},
        notes=(("Chosen <b>so</b> {0}.", "选择了<b>它</b>。"), "int8 serves."),
        findings=("3 | duplicates", ("Two empty.", "两个空的。")),
    )


def written(folder: Path, given: Evidence) -> Page:
    page.write(folder, given)
    return Page((folder / "report/report.html").read_text(encoding="utf-8"))


def names(n: int) -> tuple[str, ...]:
    return tuple(f"意图_{i}" if i % 3 else f"intent_number_{i}" for i in range(n))


def test_the_folder_holds_page_pictures_numbers_and_card(tmp_path: Path) -> None:
    page.write(tmp_path, full())
    assert sorted(str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_file()) == [
        "MODEL_CARD.md",
        "report/confusion.svg",
        "report/learning-curve.svg",
        "report/reliability.svg",
        "report/report.html",
        "report/report.json",
        "report/risk-coverage.svg",
        "report/scope.svg",
    ]
    for picture in (tmp_path / "report").glob("*.svg"):
        assert ET.parse(picture).getroot().tag.endswith("svg")  # noqa: S314 - our own file


def test_nothing_that_came_from_outside_becomes_markup(tmp_path: Path) -> None:
    found = written(tmp_path, full())
    assert len(found.named("script")) == 1
    assert not found.named("img") + found.named("i")
    assert not [name for _, attributes in found.tags for name in attributes if name[:2] == "on"]
    text = "".join(found.words)
    for hostile in ("<script>alert(1)</script>", "{0} {1} newline", "<b>train</b>.csv:3"):
        assert hostile in text
    assert "\x00" not in text


def test_labels_written_from_right_to_left_are_set_apart(tmp_path: Path) -> None:
    page.write(tmp_path, full())
    html = (tmp_path / "report/report.html").read_text(encoding="utf-8")
    outside = re.sub(r"<bdi.*?</bdi>|<svg.*?</svg>|<style.*?</style>", "", html, flags=re.DOTALL)
    assert "مرحبا" in html
    assert "مرحبا" not in outside


def test_the_page_asks_for_nothing(tmp_path: Path) -> None:
    found = written(tmp_path, full())
    for _, attributes in found.tags:
        for name in ("src", "href", "xlink:href", "srcset", "data", "action", "poster"):
            assert (attributes.get(name) or "#").startswith("#")
    html = (tmp_path / "report/report.html").read_text(encoding="utf-8")
    assert not re.findall(r"@import|url\((?!#)", html)
    assert not found.named("link")
    assert set(re.findall(r"https?://[^\"' ]+", html)) <= {
        "http://www.w3.org/2000/svg",
        "http://www.w3.org/1999/xlink",
    }
    policy = next(m["content"] for m in found.named("meta") if "http-equiv" in m)
    assert policy is not None
    assert policy.startswith("default-src 'none'")


def test_the_page_can_be_read_by_a_machine_that_reads_aloud(tmp_path: Path) -> None:
    found = written(tmp_path, full())
    assert len(found.named("h1")) == 1
    assert all(head["scope"] in ("row", "col") for head in found.named("th"))
    assert len(found.named("caption")) == len(found.named("table")) == 5
    assert len(found.named("figcaption")) == len(found.named("figure")) == 5
    pictures = found.named("svg")
    assert [picture["role"] for picture in pictures] == ["img"] * 5
    assert all(picture["aria-label"] for picture in pictures)
    ids = [str(attributes["id"]) for _, attributes in found.tags if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_the_parts_stand_in_the_order_in_which_they_help(tmp_path: Path) -> None:
    found = written(tmp_path, full())
    assert [section["id"] for section in found.named("section")] == [
        *("next", "confusions", "suspects", "intents"),
        *("pictures", "dial", "scope", "notes", "facts"),
    ]


def test_both_languages_are_there(tmp_path: Path) -> None:
    found = written(tmp_path, full())
    text = "".join(found.words)
    for said in ("90 of 100 unseen sentences were understood", "100 句没见过的话，听懂了 90 句"):
        assert said in text
    for said in ("5-fold cross-validation", "5 折交叉验证", "cannot be promised", "无法承诺"):
        assert said in text
    spans = found.named("span")
    kinds = [span.get("class") for span in spans]
    assert kinds.count("en") == kinds.count("zh") > 50


@pytest.mark.parametrize("classes", [2, 57, 150])
def test_pages_of_few_and_many_classes(tmp_path: Path, classes: int) -> None:
    found = written(tmp_path, full(names(classes), n=300))
    rows = [attributes for attributes in found.named("th") if attributes["scope"] == "row"]
    assert len(rows) >= classes
    matrix = (tmp_path / "report/confusion.svg").read_text(encoding="utf-8")
    labels = re.findall(r">(意图_\d+|intent_number_\d+)<", matrix)
    assert len(labels) == 2 * min(classes, 25)
    assert ("Only the 25 of" in "".join(found.words)) == (classes > 25)


def test_what_is_not_known_is_left_out(tmp_path: Path) -> None:
    found = written(tmp_path, evidence(("yes", "no")))
    sections = [section["id"] for section in found.named("section")]
    assert sections == ["next", "confusions", "suspects", "intents", "pictures", "dial"]
    assert not (tmp_path / "report/learning-curve.svg").exists()
    assert "cannot be promised" not in "".join(found.words)
    numbers = json.loads((tmp_path / "report/report.json").read_text(encoding="utf-8"))
    assert numbers["scope"] is None
    assert numbers["languages"] == {}


@pytest.mark.parametrize("n", [1, 2])
def test_a_single_text_makes_a_report(tmp_path: Path, n: int) -> None:
    found = written(tmp_path, evidence(("yes", "no"), n))
    assert "100 of 100 unseen sentences were understood" in "".join(found.words)


def test_intents_that_were_never_seen_have_no_score(tmp_path: Path) -> None:
    given = evidence(("yes", "no"))
    wide = np.pad(given.probabilities, ((0, 0), (0, 1)))
    found = written(
        tmp_path,
        Evidence(
            texts=given.texts,
            labels=("yes", "no", "never"),
            gold=given.gold,
            probabilities=wide,
            source="a held-out tenth",
        ),
    )
    assert "留出的十分之一例句" in found.words
    numbers = json.loads((tmp_path / "report/report.json").read_text(encoding="utf-8"))
    assert numbers["intents"][2] == {
        **{"label": "never", "precision": 0.0, "recall": 0.0, "f1": 0.0},
        "support": 0,
    }
    assert numbers["averages"]["macro_f1"] == pytest.approx(numbers["scores"]["macro_f1"])


def test_the_json_holds_all_numbers(tmp_path: Path) -> None:
    page.write(tmp_path, full())
    numbers = json.loads((tmp_path / "report/report.json").read_text(encoding="utf-8"))
    assert numbers["scores"]["examples"] == 60
    assert numbers["scores"]["accuracy"] == pytest.approx(0.9)
    assert sum(pair["count"] for pair in numbers["confusions"]) == 6
    assert numbers["learning_curve"] == [[10, 0.5], [20, 0.7], [40, 0.9]]
    assert numbers["scope"]["caught"] == pytest.approx(2 / 3)
    assert [row["risk"] for row in numbers["risk_dial"]] == [0.01, 0.02, 0.03, 0.05, 0.1]
    assert numbers["risk_dial"][3]["promise"]["threshold"] == 0.71
    assert numbers["risk_dial"][4]["promise"] is None


def test_the_same_evidence_makes_the_same_files(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        page.write(tmp_path / name, full())
    for path in (tmp_path / "one").rglob("*"):
        if path.is_file():
            twin = tmp_path / "two" / path.relative_to(tmp_path / "one")
            assert path.read_bytes() == twin.read_bytes()


def test_a_large_report_is_written_in_seconds(tmp_path: Path) -> None:
    given = full(names(150), n=10_000)
    started = time.perf_counter()
    page.write(tmp_path, given)
    assert time.perf_counter() - started < 20  # 3 s on two idle cores; others may be at work
    assert (tmp_path / "report/report.html").stat().st_size < 2_000_000


def test_the_card_is_markdown_in_both_languages_without_sentences(tmp_path: Path) -> None:
    page.write(tmp_path, full())
    card = (tmp_path / "MODEL_CARD.md").read_text(encoding="utf-8")
    for heading in ("# Model card", "## Intended use", "## Limits", "# 模型卡", "## 如何复现"):
        assert f"\n{heading}\n" in card
    assert "| Method | &lt;i&gt;head&lt;/i&gt; |" in card
    assert "- 3 \\| duplicates" in card
    assert "```\ntrain --seed 7\n```" in card
    assert "| ≤ 5 % |" in card
    assert "| 0.710 | 80.0 % | 3.1 % |" in card
    for text in full().texts:
        assert text not in card
    tables = re.findall(r"(?:^\|.*\|\n)+", card, re.MULTILINE)
    for table in tables:
        widths = {len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}
        assert len(widths) == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda: evidence(("a", "b"), places=("x",)), "places has 1 entries for 60 texts"),
        (lambda: evidence(("a", "b"), gold=np.full(60, 2)), "from 0 to 1"),
        (lambda: evidence(("a", "b"), gold=np.zeros(3, np.int64)), r"gold \(3,\)"),
        (lambda: evidence(("a", "b"), texts=()), "at least one text"),
    ],
)
def test_evidence_that_does_not_fit_together_is_refused(
    change: Callable[[], Evidence], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        change()


def test_importing_the_report_loads_nothing_heavy() -> None:
    code = (
        "import sys; import classifier.report.page; "
        "print([m for m in ('matplotlib', 'sklearn', 'torch', 'onnxruntime') if m in sys.modules])"
    )
    done = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
