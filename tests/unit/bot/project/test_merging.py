"""Projects that config.yml imports (Rasa's MultiProjectImporter) join the one that imports them."""

from __future__ import annotations

from pathlib import Path

from bot.dialogue import events, names
from bot.dialogue.prediction import next_action
from bot.dialogue.tracker import Tracker
from bot.knowledge import rasa_folder
from bot.project import story_tests
from bot.project.findings import Findings
from bot.project.project import RasaProject, examine, is_rasa

IMPORTER = "importers: [{name: MultiProjectImporter}]\npolicies: [{name: RulePolicy}]\n"
FILES = {
    "config.yml": IMPORTER + "imports:\n- skills/greet\n- ../shared\n",
    "domain.yml": """
        intents: [order]
        responses: {utter_order: [{text: Which one?}], utter_both: [{text: ours}]}
        session_config: {session_expiration_time: 7}
    """,
    "data/rules.yml": "rules: [{rule: o, steps: [{intent: order}, {action: utter_order}]}]",
    "skills/greet/domain.yml": """
        intents: [greet]
        responses: {utter_greet: [{text: Hello.}], utter_both: [{text: theirs}]}
        session_config: {session_expiration_time: 8}
    """,
    "skills/greet/config.yml": "language: en\nimports: [../bye, ../..]\n",
    "skills/greet/data/nlu.yml": 'nlu: [{intent: greet, examples: "- hello there\\n- hi\\n"}]',
    "skills/greet/data/rules.yml": """
        rules: [{rule: g, steps: [{intent: greet}, {action: utter_greet}]}]
    """,
    "skills/greet/tests/test_greet.yml": """
        stories: [{story: s, steps: [{user: hi, intent: greet}, {action: utter_greet}]}]
    """,
    "skills/bye/domain.yml": "{intents: [bye], responses: {utter_bye: [{text: Bye.}]}}",
    "skills/bye/endpoints.yml": "action_endpoint: {url: http://elsewhere/webhook}",
    "skills/bye/rules.yml": "rules: [{rule: b, steps: [{intent: bye}, {action: utter_bye}]}]",
    "skills/bye/config.yml": "imports: [../greet]\n",  # in a circle
    "../shared/responses.yml": "responses: {utter_shared: [{text: from outside}]}",
}


def project(folder: Path, **changes: str) -> tuple[RasaProject, Findings]:
    root = folder / "project"
    for name, text in (FILES | changes).items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return examine(root, {})


def test_domains_rules_and_examples_are_one(tmp_path: Path) -> None:
    found, findings = project(tmp_path)
    assert not findings.errors
    assert not [note for note in findings.notes if note.parity == "unsupported"]
    assert {"order", "greet", "bye"} <= set(found.domain.intents)
    for intent in ("order", "greet", "bye"):
        parse = {"intent": {"name": intent}, "entities": [], "text": f"/{intent}"}
        tracker = Tracker("anna", found.domain, found.trained.sight)
        tracker.extend(
            [
                events.action(names.SESSION_START),
                events.action(names.LISTEN),
                events.user(f"/{intent}", parse, channel="rest", message_id="1"),
            ]
        )
        chosen = next_action(tracker, found.domain, found.trained.policies)
        assert chosen.action == f"utter_{intent}"
    assert [example.text for example in found.examples] == ["hello there", "hi"]
    assert found.examples[0].path == "skills/greet/data/nlu.yml"


def test_the_project_that_imports_is_right(tmp_path: Path) -> None:
    found, findings = project(tmp_path)
    (variation,) = found.domain.responses["utter_both"]
    assert variation["text"] == "ours"
    assert found.domain.session.expires_after_min == 7
    assert any("utter_both" in note.what for note in findings.notes)


def test_projects_outside_the_folder_are_read_and_watched_for_changes(tmp_path: Path) -> None:
    found, _ = project(tmp_path)
    assert "utter_shared" in found.domain.responses
    before = rasa_folder.read(found.root, {}).revision
    (tmp_path / "shared/responses.yml").write_text(
        "responses: {utter_shared: [{text: other words}]}", encoding="utf-8"
    )
    assert rasa_folder.read(found.root, {}).revision != before


def test_stories_for_tests_are_not_learned_but_played(tmp_path: Path) -> None:
    found, _ = project(tmp_path)
    assert not any("test_greet" in path.name for path in found.imported)
    played, _ = story_tests.read(found)
    assert [told.name for told in played] == ["s"]


def test_an_import_that_leads_nowhere_is_named(tmp_path: Path) -> None:
    config = IMPORTER + "imports:\n- skills/greet\n- skills/gret\n"
    _, findings = project(tmp_path, **{"config.yml": config})
    (error,) = findings.errors
    assert "config.yml:5" in str(error)
    assert "imports 'skills/gret': not found." in str(error)


def test_without_the_importer_nothing_is_imported(tmp_path: Path) -> None:
    """Rasa passes `imports` over, too, when no importer reads it."""
    config = "importers: [{name: own.Importer}]\nimports: [skills/greet]\n"
    found, findings = project(tmp_path, **{"config.yml": config})
    assert "greet" not in found.domain.intents
    assert any("own.Importer: code of one's own" in note.what for note in findings.notes)


def test_a_project_may_consist_of_imports_alone(tmp_path: Path) -> None:
    project(tmp_path)
    root = tmp_path / "project"
    for name in ("domain.yml", "data/rules.yml"):
        (root / name).unlink()
    assert is_rasa(root)
    found, findings = examine(root, {})
    assert not findings.errors
    assert "greet" in found.domain.intents
