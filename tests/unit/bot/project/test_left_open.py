"""What a config.yml leaves open is filled in as Rasa does."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.dialogue import events, names
from bot.dialogue.prediction import next_action
from bot.dialogue.tracker import Tracker
from bot.project.findings import Findings
from bot.project.project import RasaProject, examine

DOMAIN = """
version: "3.1"
intents: [greet, unknown]
responses:
  utter_greet: [{text: Hello.}]
  utter_sorry: [{text: Sorry.}]
"""
RULES = """
version: "3.1"
rules:
- rule: greet
  steps: [{intent: greet}, {action: utter_greet}]
"""
OWN = "policies: [{name: RulePolicy, core_fallback_action_name: utter_sorry}, %s]"


def project(root: Path, config: str) -> tuple[RasaProject, Findings]:
    (root / "data").mkdir()
    (root / "domain.yml").write_text(DOMAIN, encoding="utf-8")
    (root / "data" / "rules.yml").write_text(RULES, encoding="utf-8")
    (root / "config.yml").write_text(config, encoding="utf-8")
    return examine(root, {})


@pytest.mark.parametrize(
    ("config", "threshold"),
    [
        ("recipe: default.v1\npipeline: null\n", 0.3),
        ("recipe: default.v1\nlanguage: en\n", 0.3),
        ("pipeline:\n# - name: DIETClassifier\n", 0.3),
        ("pipeline: [{name: DIETClassifier}]\n", None),
        ("pipeline: [{name: FallbackClassifier, threshold: 0.6}]\n", 0.6),
        ("language: en\n", None),
    ],
)
def test_without_a_pipeline_unlikely_messages_are_not_understood(
    tmp_path: Path, config: str, threshold: float | None
) -> None:
    found, findings = project(tmp_path, config)
    fallback = found.config.fallback
    assert (fallback and fallback.threshold) == threshold
    assert not findings.errors


@pytest.mark.parametrize(
    ("config", "policies"),
    [
        ("recipe: default.v1\n", ["MemoizationPolicy", "RulePolicy", "TEDPolicy"]),
        ("policies: null\n", ["MemoizationPolicy", "RulePolicy", "TEDPolicy"]),
        ("policies: [{name: RulePolicy}]\n", ["RulePolicy"]),
        ("language: en\n", ["MemoizationPolicy", "RulePolicy"]),
    ],
)
def test_without_policies_the_default_ones_decide(
    tmp_path: Path, config: str, policies: list[str]
) -> None:
    found, _ = project(tmp_path, config)
    assert [spec.name for spec in found.config.policies] == policies


@pytest.mark.parametrize(
    ("beside", "then"),
    [("{name: TEDPolicy}", names.LISTEN), ("{name: MemoizationPolicy}", "utter_sorry")],
)
def test_a_network_would_listen_after_the_fallback(tmp_path: Path, beside: str, then: str) -> None:
    found, _ = project(tmp_path, OWN % beside)
    tracker = Tracker("anna", found.domain, found.trained.sight)
    parse = {"intent": {"name": "unknown"}, "entities": [], "text": "/unknown"}
    happened = [
        events.action(names.SESSION_START),
        events.action(names.LISTEN),
        events.user("/unknown", parse, channel="rest", message_id="1"),
    ]
    tracker.extend(happened)
    first = next_action(tracker, found.domain, found.trained.policies)
    assert first.action == "utter_sorry"
    tracker.update(first.executed())
    assert next_action(tracker, found.domain, found.trained.policies).action == then
