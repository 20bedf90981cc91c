"""All numbers of a report in one place: what the page shows, the card sums up and JSON stores."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from classifier import evaluate
from classifier.report import analysis
from classifier.report.evidence import Evidence
from classifier.risk import RiskPoint

RISKS = (0.01, 0.02, 0.03, 0.05, 0.10)
"""Shares of mistakes that the page always looks at."""
CURVE_POINTS = 200  # of the risk-coverage curve in JSON; more cannot be seen


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskRow:
    """One position of the risk dial."""

    risk: float
    """Share of mistakes that is accepted, 0 to 1."""
    observed_coverage: float
    """Share of these texts that could be acted on in hindsight, 0 to 1."""
    promise: RiskPoint | None
    """What training worked out for unseen texts, if it did."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopeScore:
    """How well texts of the known intents are told from anything else."""

    refused: float
    """Share of the texts in scope that fall below the threshold, 0 to 1."""
    outside: int
    """Texts known to be out of scope."""
    caught: float | None
    """Share of those that fall below the threshold."""
    auroc: float | None
    """Chance that a text in scope looks more familiar than one out of scope."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Measured:
    """Everything that was worked out from an `Evidence`."""

    scores: evaluate.Scores
    interval: tuple[float, float]
    """Of the accuracy, 95 %."""
    averages: analysis.Averages
    intents: tuple[analysis.ClassScore, ...]
    languages: tuple[analysis.GroupScore, ...]
    confusions: tuple[analysis.Confusion, ...]
    matrix: NDArray[np.int64]
    """(classes, classes), gold by guess."""
    suspects: tuple[analysis.Suspect, ...]
    bins: tuple[analysis.Bin, ...]
    curve: analysis.RiskCurve
    dial: tuple[RiskRow, ...]
    scope: ScopeScore | None


def measure(evidence: Evidence) -> Measured:
    """Work out every number; a second for 10,000 texts of 150 classes."""
    probabilities, gold = evidence.probabilities, evidence.gold
    scores = evaluate.score(probabilities, gold)
    curve = analysis.risk_coverage(probabilities, gold)
    return Measured(
        scores=scores,
        interval=analysis.interval(scores.accuracy, scores.examples),
        averages=analysis.averages(probabilities, gold),
        intents=analysis.per_class(probabilities, gold, evidence.labels),
        languages=analysis.per_group(probabilities, gold, evidence.languages),
        confusions=analysis.confusions(probabilities, gold),
        matrix=analysis.matrix(probabilities, gold),
        suspects=analysis.suspects(probabilities, gold),
        bins=analysis.reliability(probabilities, gold),
        curve=curve,
        dial=_dial(evidence.thresholds, curve),
        scope=_scope(evidence),
    )


def _dial(promises: tuple[RiskPoint, ...], curve: analysis.RiskCurve) -> tuple[RiskRow, ...]:
    by_risk = {round(point.risk, 6): point for point in promises}
    return tuple(
        RiskRow(
            risk=risk,
            observed_coverage=analysis.best_coverage(curve, risk),
            promise=by_risk.get(risk),
        )
        for risk in sorted({*RISKS, *by_risk})
    )


def _scope(evidence: Evidence) -> ScopeScore | None:
    scope = evidence.scope
    if scope is None:
        return None
    known = len(scope.outside) > 0
    return ScopeScore(
        refused=float((scope.familiarity < scope.threshold).mean()),
        outside=len(scope.outside),
        caught=float((scope.outside < scope.threshold).mean()) if known else None,
        auroc=analysis.separation(scope.familiarity, scope.outside) if known else None,
    )


def as_dict(evidence: Evidence, measured: Measured) -> dict[str, Any]:
    """All numbers as JSON types. Classes are named; texts are quoted where the page quotes them."""
    names = evidence.labels
    return {
        "format": 1,
        "source": evidence.source,
        "scores": measured.scores.as_dict(),
        "accuracy_interval_95": list(measured.interval),
        "averages": asdict(measured.averages),
        "languages": {group.group: group.scores.as_dict() for group in measured.languages},
        "intents": [asdict(intent) for intent in measured.intents],
        "confusions": [
            {
                "gold": names[pair.gold],
                "guessed": names[pair.guessed],
                "count": pair.count,
                "share": pair.share,
                "sentences": [_sentence(evidence, row) for row in pair.rows],
            }
            for pair in measured.confusions
        ],
        "suspicious_labels": [
            {
                **_sentence(evidence, suspect.row),
                "given": names[suspect.given],
                "likely": names[suspect.likely],
                "margin": suspect.margin,
            }
            for suspect in measured.suspects
        ],
        "reliability": [asdict(found) for found in measured.bins],
        "risk_coverage": _curve(measured.curve),
        "risk_dial": [asdict(row) for row in measured.dial],
        "learning_curve": [list(point) for point in evidence.learning_curve],
        "scope": asdict(measured.scope) if measured.scope else None,
        "facts": dict(evidence.facts),
        "notes": list(evidence.notes),
        "findings": list(evidence.findings),
    }


def _sentence(evidence: Evidence, row: int) -> dict[str, Any]:
    return {
        "text": evidence.texts[row],
        "confidence": float(evidence.probabilities[row].max()),
        "place": evidence.places[row] if evidence.places else "",
    }


def _curve(curve: analysis.RiskCurve) -> dict[str, Any]:
    n = len(curve.risk)
    rows = np.unique(np.linspace(0, n - 1, min(n, CURVE_POINTS)).round().astype(int))
    points = {"confidence": curve.confidence, "coverage": curve.coverage, "risk": curve.risk}
    return {"aurc": curve.aurc, **{name: all_[rows].tolist() for name, all_ in points.items()}}
