"""Shapes that real Rasa projects have: read, passed over with a note, or refused with a remedy."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from bot.cli import rasa_projects
from bot.dialogue import understanding
from bot.knowledge import rasa_folder
from bot.project import project, story_tests
from bot.project.findings import Findings, Parity
from bot.project.project import RasaProject
from classifier.prediction import RankedIntent

BASE: dict[str, str] = {
    "domain.yml": """\
version: "3.1"
intents: [greet, bye, faq]
responses:
  utter_greet:
  - text: hi
  utter_faq/price:
  - text: five
  utter_faq/place:
  - text: here
""",
    "data/nlu.yml": """\
version: "3.1"
nlu:
- intent: greet
  examples: |
    - hi
    - hello
- intent: bye
  examples: |
    - bye
- intent: faq/price
  examples: |
    - how much
- intent: faq/place
  examples: |
    - where
""",
    "data/rules.yml": """\
version: "3.1"
rules:
- rule: greet
  steps:
  - intent: greet
  - action: utter_greet
- rule: faq
  steps:
  - intent: faq
  - action: utter_faq
""",
    "config.yml": "language: en\npolicies:\n- name: RulePolicy\n",
}


def write(root: Path, files: dict[str, str]) -> None:
    for name, content in (BASE | files).items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")


def read(root: Path, **files: str) -> tuple[RasaProject, Findings]:
    """The project with these files; `data__x_yml` names data/x.yml."""
    write(root, {name.replace("__", "/").replace("_yml", ".yml"): t for name, t in files.items()})
    return project.examine(root, {})


def notes(findings: Findings, parity: Parity) -> list[tuple[str, int, str]]:
    return [(n.path, n.line, n.what) for n in findings.notes if n.parity is parity]


def test_lines_without_a_dash_are_passed_over_with_a_note(tmp_path: Path) -> None:
    found, findings = read(
        tmp_path,
        data__more_yml=(
            "nlu:\n- intent: greet\n  examples: |\n    -hey\n    # - hola\n    moin\n"
            "- intent: bye\n- lookup: city\n  examples: cities.txt\n- table: x\n"
        ),
    )
    assert findings.errors == []
    more = [one.text for one in found.examples if one.path == "data/more.yml"]
    assert more == ["hey"]
    noted = [note for note in notes(findings, Parity.SAME) if note[0] == "data/more.yml"]
    assert [(path, line) for path, line, _ in noted] == [
        ("data/more.yml", line) for line in (5, 6, 7, 9, 10)
    ]
    assert "'moin' of intent 'greet' does not start with '- '" in noted[1][2]
    assert found.entity_data.lookups == ()


def test_hidden_copies_of_editors_are_not_read(tmp_path: Path) -> None:
    _, findings = read(
        tmp_path, **{"data__.ipynb_checkpoints__nlu_yml": "nlu: [", "data__.x_yml": "a: ["}
    )
    assert findings.errors == []


def test_crlf_a_byte_order_mark_and_emoji_are_read(tmp_path: Path) -> None:
    write(tmp_path, {})
    for name, content in BASE.items():
        changed = content.replace("text: hi", 'text: "hi 😀"').replace("\n", "\r\n")
        (tmp_path / name).write_bytes(b"\xef\xbb\xbf" + changed.encode())
    found, findings = project.examine(tmp_path, {})
    assert findings.errors == []
    assert found.domain.responses["utter_greet"][0]["text"] == "hi 😀"
    assert [one.text for one in found.examples][:2] == ["hi", "hello"]


def test_a_domain_in_parts_is_one(tmp_path: Path) -> None:
    found, findings = read(
        tmp_path, domain__a_yml="intents: [more]\n", domain__b__c_yml="entities: [city]\n"
    )
    assert findings.errors == []
    assert "more" in found.domain.intents
    assert found.domain.entities == {"city"}


def test_a_domain_may_lie_among_the_data(tmp_path: Path) -> None:
    write(tmp_path, {})
    (tmp_path / "data" / "domain").mkdir()
    (tmp_path / "domain.yml").rename(tmp_path / "data" / "domain" / "main.yml")
    found, findings = project.examine(tmp_path, {})
    assert project.is_rasa(tmp_path)
    assert findings.errors == []
    assert "greet" in found.domain.intents


@pytest.mark.parametrize(
    ("section", "line", "hint"),
    [
        ("slots:\n  x:\n    type: unfeaturized\n", 11, "`type: any`"),
        (
            "slots:\n  x:\n    type: any\n    mappings: [{type: custom}]\nforms:\n  f:\n    x:\n"
            "    - type: from_text\n",
            15,
            "required_slots: [x]",
        ),
    ],
)
def test_what_rasa_2_wrote_is_refused_with_the_way_to_write_it_now(
    tmp_path: Path, section: str, line: int, hint: str
) -> None:
    _, findings = read(tmp_path, domain_yml=BASE["domain.yml"] + section)
    assert [(error.path, error.line) for error in findings.errors] == [("domain.yml", line)]
    assert hint in findings.errors[0].hint


def test_what_is_not_run_is_listed(tmp_path: Path) -> None:
    _, findings = read(
        tmp_path,
        config_yml=(
            "recipe: graph.v1\nimports: [other]\npipeline: supervised_embeddings\n"
            "policies:\n- name: my.own.Policy\n- name: RulePolicy\n"
        ),
        data__flows_yml="flows:\n  a: {}\n",
        credentials_yml="rest:\nfacebook:\n  verify: x\nmattermost:\n  url: x\n",
        endpoints_yml="tracker_store:\n  type: SQL\naction_endpoint:\n  url: http://a/webhook\n",
        **{"data__old.md": "## intent:greet\n- hi\n", "actions.py": ""},
    )
    assert findings.errors == []
    not_run = notes(findings, Parity.UNSUPPORTED)
    assert [(path, line) for path, line, _ in not_run] == [
        ("config.yml", 0),
        ("config.yml", 0),
        ("data/flows.yml", 1),
        ("data/old.md", 0),
        ("credentials.yml", 2),
        ("credentials.yml", 4),
    ]
    assert "policy Policy" in not_run[1][2]
    other = notes(findings, Parity.DIFFERS)
    assert "[channels.facebook] app_secret: Field required" in not_run[4][2]
    assert "In credentials.yml it is 'secret'" in not_run[4][2]
    assert any(path == "endpoints.yml" and "database.url" in what for path, _, what in other)
    assert any("supervised_embeddings:" in what for _, _, what in other)
    where = [n.hint for n in findings.notes if n.path == "endpoints.yml" and n.parity == "same"]
    assert "run beside the bot" in where[0]


def test_an_edit_of_any_yaml_file_is_a_new_revision(tmp_path: Path) -> None:
    write(tmp_path, {"data/more.yaml": "nlu:\n- intent: bye\n  examples: |\n    - ciao\n"})
    before = rasa_folder.read(tmp_path, {}).revision
    (tmp_path / "data" / "more.yaml").write_text(
        "nlu:\n- intent: bye\n  examples: |\n    - tschau\n", encoding="utf-8"
    )
    assert rasa_folder.read(tmp_path, {}).revision != before


TESTS = """\
stories:
- story: retrieval
  steps:
  - user: how much
    intent: faq/{intent}
  - action: utter_faq/{action}
- story: without keys
  steps:
  - user: where
    intent: faq
  - action: utter_faq
"""


@pytest.mark.parametrize(
    ("intent", "action", "departures"),
    [
        ("price", "price", []),
        ("place", "price", [("faq/place", "faq/price")]),
        ("price", "place", [("utter_faq/place", "utter_faq/price")]),
    ],
)
def test_test_stories_of_any_folder_may_name_retrieval_keys(
    tmp_path: Path, intent: str, action: str, departures: list[tuple[str, str]]
) -> None:
    content = TESTS.replace("{intent}", intent).replace("{action}", action)
    found, findings = read(tmp_path, stories__test_a_yml=content)
    assert findings.errors == []
    told, wrong = story_tests.read(found)
    assert wrong.errors == []

    async def understand(text: str) -> dict[str, Any]:
        meant = next(one.intent for one in found.examples if one.text == text)
        return understanding.parse(
            text, (RankedIntent(name=meant, confidence=1.0),), [], found.domain, doubt=None
        )

    async def play() -> list[list[tuple[str, str]]]:
        outcomes = [await story_tests.play(found, one, understand) for one in told]
        return [[(d.wanted, d.got) for d in one.departures] for one in outcomes]

    assert asyncio.run(play()) == [departures, []]


def test_components_with_knowledge_of_their_own_are_not_said_to_be_replaced(
    tmp_path: Path,
) -> None:
    _, findings = read(
        tmp_path,
        config_yml=(
            "pipeline:\n- name: SpacyNLP\n- name: SpacyEntityExtractor\n- name: my.own.Words\n"
            "- name: rasa.nlu.tokenizers.WhitespaceTokenizer\n"
        ),
    )
    assert findings.errors == []
    not_run = [what for _, _, what in notes(findings, Parity.UNSUPPORTED)]
    assert [what.split(":")[1].strip() for what in not_run] == ["SpacyEntityExtractor", "Words"]
    [(_, _, replaced)] = notes(findings, Parity.DIFFERS)
    assert "SpacyNLP, WhitespaceTokenizer: replaced" in replaced


def test_the_report_shows_brackets(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, {"credentials.yml": "slack:\n  slack_token: x\n"})
    assert rasa_projects.check(tmp_path) == 0
    assert "[channels.slack]" in capsys.readouterr().out.replace("\n", "")
