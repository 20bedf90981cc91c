"""The starter knowledge is what was promised, and each broken file says what is wrong and where."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from bot import errors
from bot.domain import Language
from bot.evaluation import questions
from bot.knowledge import reader
from bot.knowledge.model import Knowledge, Variation
from classifier.near_duplicates import key
from tests.conftest import KNOWLEDGE

HAN = re.compile("[\u4e00-\u9fff]")
NLU = 'version: "3.1"\nnlu:\n- intent: greet\n  examples: |\n'


def test_the_starter_knowledge_is_as_large_as_promised(starter: Knowledge) -> None:
    by_language = Counter((e.intent, bool(HAN.search(e.text))) for e in starter.examples)
    intents = {example.intent for example in starter.examples}
    assert len(intents) >= 40
    assert min(by_language[intent, han] for intent in intents for han in (True, False)) >= 25
    spoken = Counter(answer.lang for answer in starter.answers)
    assert min(spoken["en"], spoken["zh"]) >= 160
    assert min(len(answer.questions) for answer in starter.answers) >= 4
    pairs = Counter(answer.id for answer in starter.answers)
    assert set(pairs.values()) == {2}


def test_no_evaluation_question_stands_in_the_training_data(starter: Knowledge) -> None:
    learned = {key(example.text) for example in starter.examples}
    learned |= {key(q) for answer in starter.answers for q in answer.questions}
    for part in ("dev", "test"):
        asked = questions.read(KNOWLEDGE / "eval", part)
        assert not [q.text for q in asked if key(q.text) in learned]


def test_the_frozen_questions_are_as_many_as_promised(starter: Knowledge) -> None:
    known = {answer.id for answer in starter.answers}
    known |= {f"intent:{intent}" for intent in starter.rules}
    asked = questions.read(KNOWLEDGE / "eval", "test")
    for language in Language:
        mine = [q for q in asked if q.language is language]
        assert len(mine) >= 300
        assert sum(not q.expected for q in mine) >= 80
    assert all(q.expected <= known for q in asked)


def test_changed_test_questions_are_refused(project: Path) -> None:
    path = project / "eval/test.en.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"en-t-001"', b'"en-t-XXX"'))
    with pytest.raises(errors.KnowledgeError, match="changed after it was frozen"):
        questions.read(project / "eval", "test")


@pytest.mark.parametrize(
    ("file", "text", "line", "problem"),
    [
        ("nlu/x.yml", "nlu: [", 1, "not YAML"),
        ("nlu/x.yml", "- a\n- b\n", 1, "no keys at the top"),
        ("nlu/x.yml", "nlu: text\n", 1, "`nlu` is no list"),
        ("nlu/x.yml", "nlu:\n- intent: greet\n", 2, "has no examples"),
        ("nlu/x.yml", NLU + "    - hi you\n    oops\n", 6, "'oops'"),
        ("nlu/x.yml", NLU.replace("greet", "gret") + "    - a b\n    - c d\n", 5, "greet"),
        ("nlu/x.yml", NLU + "    - I want to buy something\n", 5, "stands under"),
        ("rules.yml", "rules:\n- rule: a\n  steps: []\n", 2, "cannot be read"),
        (
            "rules.yml",
            "rules:\n- rule: a\n  steps:\n  - intent: greet\n  - action: utter_gret\n",
            2,
            "utter_greet",
        ),
        ("domain.yml", "version: '3.1'\n", 1, "no intents"),
        ("domain.yml", "intents: [greet]\nresponses:\n  greeting:\n  - text: hi\n", 3, "utter_"),
        ("answers/x.csv", "id,lang,intent,questions,answer\nq,en,nothing,q?,a\n", 2, "nothing"),
    ],
)
def test_a_broken_file_is_named(
    project: Path, file: str, text: str, line: int, problem: str
) -> None:
    if file.startswith("domain"):
        (project / "nlu/x.yml").write_text(NLU + "    - qqq\n", encoding="utf-8")
    (project / file).write_text(text, encoding="utf-8")
    with pytest.raises(errors.KnowledgeError) as caught:
        reader.read(project)
    if line:
        assert str(caught.value).startswith(f"{file}:{line}: ")
    assert caught.value.hint
    assert problem in str(caught.value) or problem in caught.value.hint


def test_a_missing_project_is_named(tmp_path: Path) -> None:
    with pytest.raises(errors.KnowledgeError, match=r"domain\.yml: not found"):
        reader.read(tmp_path)


def test_a_response_that_lacks_a_language_is_named(project: Path) -> None:
    path = project / "domain.yml"
    text = path.read_text(encoding="utf-8")
    start = text.index("  utter_handoff:")
    cut = text.index("    - condition:", text.index("    - condition:", start) + 5)
    end = text.index("  utter_", start + 5)
    path.write_text(text[:cut] + text[end:], encoding="utf-8")
    with pytest.raises(errors.KnowledgeError, match="'utter_handoff' cannot be said in 'zh'"):
        reader.read(project)


@pytest.mark.parametrize(
    ("variation", "rank"),
    [
        (Variation(text="a"), 3),
        (Variation(text="a", conditions=(("language", "en"),)), 2),
        (Variation(text="a", channel="rest"), 1),
        (Variation(text="a", channel="rest", conditions=(("language", "en"),)), 0),
        (Variation(text="a", channel="slack"), None),
        (Variation(text="a", conditions=(("language", "zh"),)), None),
        (Variation(text="a", conditions=(("logged_in", True),)), None),
    ],
)
def test_variations_are_chosen_in_rasas_order(variation: Variation, rank: int | None) -> None:
    assert variation.rank({"language": "en"}, "rest") == rank
