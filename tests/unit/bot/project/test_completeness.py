"""What a project names and does not have is told with file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.project.findings import Findings
from bot.project.project import examine

BASE = {
    "domain.yml": (
        'version: "3.1"\nintents: [greet, bye]\n'
        "responses:\n  utter_greet:\n  - text: hi\n"
        "slots:\n  size:\n    type: text\n    mappings:\n    - type: from_text\n"
    ),
    "data/nlu.yml": (
        "nlu:\n- intent: greet\n  examples: |\n    - hi\n- intent: bye\n  examples: |\n    - bye\n"
    ),
    "config.yml": "policies:\n- name: RulePolicy\n",
}


def read(folder: Path, files: dict[str, str]) -> Findings:
    for name, content in (BASE | files).items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(content, encoding="utf-8")
    return examine(folder, {})[1]


def domain(more: str) -> dict[str, str]:
    return {"domain.yml": BASE["domain.yml"] + more}


FORM = "forms:\n  f:\n    required_slots: [size]\n"
STORY = "stories:\n- story: s\n  steps:\n"
RULE = "rules:\n- rule: r\n  steps:\n  - intent: bye\n  - action: utter_greet\n"


@pytest.mark.parametrize(
    ("files", "where", "words"),
    [
        (domain("forms:\n  f:\n    required_slots: []\n"), "domain.yml:12", "asks for no slot"),
        (
            domain(FORM) | {"config.yml": "policies:\n- name: MemoizationPolicy\n"},
            "domain.yml:12",
            "needs the RulePolicy",
        ),
    ],
)
def test_what_forbids_to_serve(
    tmp_path: Path, files: dict[str, str], where: str, words: str
) -> None:
    (error,) = read(tmp_path, files).errors
    assert f"{error.path}:{error.line}" == where
    assert words in str(error)
    assert error.hint


@pytest.mark.parametrize(
    ("files", "where", "words"),
    [
        (domain("actions:\n- utter_bye\n"), "domain.yml:12", "'utter_bye' has no response"),
        (domain(FORM), "domain.yml:12", "nothing asks for 'size'"),
        ({}, "domain.yml:0", "there is no response 'utter_default'"),
        (
            {"data/more.yml": "nlu:\n- intent: other\n  examples: |\n    - what\n"},
            "data/more.yml:4",
            "'other' has examples and is not in the domain",
        ),
        (
            {"data/s.yml": f"{STORY}  - checkpoint: a\n  - intent: bye\n  - action: utter_greet\n"},
            "data/s.yml:2",
            "begins at 'a', where no story ends",
        ),
        (
            {"data/s.yml": f"{STORY}  - intent: bye\n  - action: utter_greet\n  - checkpoint: a\n"},
            "data/s.yml:2",
            "ends at 'a', where no story goes on",
        ),
        (
            {"data/r.yml": RULE, "config.yml": "policies:\n- name: MemoizationPolicy\n"},
            "data/r.yml:2",
            "there is no RulePolicy",
        ),
        ({"data/nlu.yml": "nlu: []\n"}, "data:0", "no text is understood"),
    ],
)
def test_what_is_told(tmp_path: Path, files: dict[str, str], where: str, words: str) -> None:
    findings = read(tmp_path, files)
    assert findings.errors == []
    assert any(f"{n.path}:{n.line}" == where and words in n.what for n in findings.notes)


@pytest.mark.parametrize(
    "more",
    [
        "  utter_ask_size:\n  - text: Which?\n",
        "  utter_ask_f_size:\n  - text: Which?\n",
    ],
)
def test_a_form_that_asks_is_complete(tmp_path: Path, more: str) -> None:
    files = {"domain.yml": BASE["domain.yml"].replace("slots:\n", f"{more}slots:\n") + FORM}
    assert not any("asks for" in note.what for note in read(tmp_path, files).notes)


def test_a_form_whose_slots_are_named_by_its_validation_may_list_none(tmp_path: Path) -> None:
    more = "forms:\n  f:\n    required_slots: []\nactions: [validate_f]\n"
    assert read(tmp_path, domain(more)).errors == []
