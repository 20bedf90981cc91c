"""Thresholds from the operator's risk, with the real models and the starter's own questions."""

from __future__ import annotations

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bot import risk
from bot.assembly import BrainMaker, rules_of
from bot.brain import Brain
from bot.config import Policy, Settings
from bot.evaluation import questions

CONFIGURED = rules_of(Settings()).thresholds


@pytest.fixture
def brain(settings: Settings) -> Brain:
    maker = BrainMaker(settings)
    return maker.make(maker.read_knowledge())


def test_without_a_risk_the_thresholds_are_those_of_the_settings(brain: Brain) -> None:
    assert brain.thresholds is None


def test_a_risk_gives_the_lowest_confidence_that_keeps_it(brain: Brain, project: Path) -> None:
    found = risk.thresholds(brain, project, CONFIGURED, 0.25, ())
    tried = risk.attempts(brain, questions.read(project / "eval", "dev"))
    answered = [one for one in tried if one.confidence >= found.answer]
    wrong = sum(not one.is_right for one in answered)
    assert found.answer < CONFIGURED.answer
    assert len(answered) >= 100
    assert wrong / len(answered) <= 0.25
    assert (found.clarify, found.rule) == (CONFIGURED.clarify, CONFIGURED.rule)


def test_questions_for_rules_are_not_asked_of_the_answers(brain: Brain, project: Path) -> None:
    asked = questions.read(project / "eval", "dev")
    ruled = [q for q in asked if any(e.startswith("intent:") for e in q.expected)]
    assert ruled
    assert len(risk.attempts(brain, asked)) <= len(asked) - len(ruled)


def test_a_rule_takes_the_threshold_of_the_next_lower_risk(brain: Brain, tmp_path: Path) -> None:
    points: list[dict[str, float | None]] = [
        {"risk": 0.01, "threshold": None},
        {"risk": 0.02, "threshold": 0.95},
        {"risk": 0.05, "threshold": 0.81},
        {"risk": 0.1, "threshold": 0.6},
    ]
    assert risk.thresholds(brain, tmp_path, CONFIGURED, 0.06, points).rule == 0.81
    assert risk.thresholds(brain, tmp_path, CONFIGURED, 0.01, points).rule == CONFIGURED.rule


def test_what_cannot_be_proved_stays_and_is_said(brain: Brain, project: Path) -> None:
    with capture_logs() as logs:
        found = risk.thresholds(brain, project, CONFIGURED, 0.01, ())
    assert found == CONFIGURED
    assert [log["action"] for log in logs] == ["risk_unproved", "risk_unproved"]
    assert "policy.answer stays" in logs[1]["event"]


def test_a_project_without_questions_keeps_its_thresholds(brain: Brain, tmp_path: Path) -> None:
    with capture_logs() as logs:
        assert risk.thresholds(brain, tmp_path, CONFIGURED, 0.2, ()) == CONFIGURED
    assert "risk_without_questions" in [log["action"] for log in logs]


def test_the_brain_of_a_project_with_a_risk_carries_thresholds(settings: Settings) -> None:
    maker = BrainMaker(settings.model_copy(update={"policy": Policy(risk=0.25)}))
    first = maker.make(maker.read_knowledge())
    assert first.thresholds is not None
    assert first.thresholds.answer < CONFIGURED.answer
    assert maker.make(maker.read_knowledge(), previous=first).thresholds is first.thresholds
