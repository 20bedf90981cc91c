"""The numbers of the report against values worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from classifier import evaluate
from classifier.report import analysis, figures, words

# Guesses 0, 1, 1, 1, 2, 0 for gold 0, 0, 0, 1, 2, 2.
PROBABILITIES = np.array(
    [
        [0.9, 0.1, 0.0],
        [0.2, 0.7, 0.1],
        [0.1, 0.8, 0.1],
        [0.2, 0.6, 0.2],
        [0.0, 0.1, 0.9],
        [0.5, 0.1, 0.4],
    ],
    np.float32,
)
GOLD = np.array([0, 0, 0, 1, 2, 2], np.int64)


def test_scores_of_each_class() -> None:
    first, second, third = analysis.per_class(PROBABILITIES, GOLD, ("a", "b", "c"))
    assert (first.precision, first.recall, first.f1, first.support) == pytest.approx(
        (1 / 2, 1 / 3, 2 / 5, 3)
    )
    assert (second.precision, second.recall, second.f1) == pytest.approx((1 / 3, 1, 1 / 2))
    assert (third.precision, third.recall, third.f1) == pytest.approx((1, 1 / 2, 2 / 3))


def test_means_over_classes() -> None:
    means = analysis.averages(PROBABILITIES, GOLD)
    assert means.macro_f1 == pytest.approx((2 / 5 + 1 / 2 + 2 / 3) / 3)
    assert means.macro_f1 == pytest.approx(evaluate.score(PROBABILITIES, GOLD).macro_f1)
    assert means.weighted_f1 == pytest.approx((3 * 2 / 5 + 1 / 2 + 2 * 2 / 3) / 6)
    assert means.micro_f1 == pytest.approx(1 / 2)


def test_groups_are_scored_apart_the_largest_first() -> None:
    groups = analysis.per_group(PROBABILITIES, GOLD, ("zh", "en", "en", "en", "en", "zh"))
    assert [(g.group, g.scores.examples, g.scores.accuracy) for g in groups] == [
        ("en", 4, 0.5),
        ("zh", 2, 0.5),
    ]
    assert analysis.per_group(PROBABILITIES, GOLD, ()) == ()


def test_confusions_name_the_sentences_behind_them() -> None:
    first, second = analysis.confusions(PROBABILITIES, GOLD)
    assert (first.gold, first.guessed, first.count, first.rows) == (0, 1, 2, (2, 1))
    assert first.share == pytest.approx(2 / 3)
    assert (second.gold, second.guessed, second.count, second.rows) == (2, 0, 1, (5,))
    assert analysis.confusions(PROBABILITIES, GOLD, sentences=1)[0].rows == (2,)
    assert analysis.matrix(PROBABILITIES, GOLD).tolist() == [[1, 2, 0], [0, 1, 0], [1, 0, 1]]


def test_suspects_reach_the_threshold_of_another_class() -> None:
    # Thresholds are the means of p(given): .4 (of .9 .2 .1), .6 and .65 (of .9 .4).
    found = analysis.suspects(PROBABILITIES, GOLD)
    assert [(s.row, s.given, s.likely) for s in found] == [(2, 0, 1), (1, 0, 1), (5, 2, 0)]
    assert [s.margin for s in found] == pytest.approx([0.1 - 0.8, 0.2 - 0.7, 0.4 - 0.5])
    assert len(analysis.suspects(PROBABILITIES, GOLD, limit=2)) == 2


def test_a_guess_below_the_threshold_of_its_class_raises_no_suspicion() -> None:
    # Class 1 is sure of its own (.9), so .55 for it is no reason to doubt the first text.
    probabilities = np.array([[0.45, 0.55], [0.1, 0.9], [0.1, 0.9]], np.float32)
    assert analysis.suspects(probabilities, np.array([0, 1, 1])) == ()


def test_classes_without_texts_are_never_suspected() -> None:
    probabilities = np.array([[0.2, 0.1, 0.7], [0.1, 0.8, 0.1]], np.float32)
    assert analysis.suspects(probabilities, np.array([0, 1])) == ()


def test_planted_label_errors_are_found_first() -> None:
    chance = np.random.default_rng(3)
    truth = chance.integers(0, 5, 500)
    logits = chance.normal(size=(500, 5)).astype(np.float32)
    logits[np.arange(500), truth] += 6
    gold = truth.copy()
    planted = np.arange(0, 500, 25)
    gold[planted] = (truth[planted] + 2) % 5
    found = analysis.suspects(evaluate.softmax(logits), gold)
    assert {s.row for s in found[:18]} <= set(planted.tolist())
    assert len({s.row for s in found} & set(planted.tolist())) >= 18


def test_reliability_bins_hold_the_calibration_error() -> None:
    bins = analysis.reliability(PROBABILITIES, GOLD)
    assert [b.count for b in bins] == [1, 1, 1, 1, 2]
    assert (bins[-1].confidence, bins[-1].accuracy) == pytest.approx((0.9, 1))
    error = sum(b.count * abs(b.accuracy - b.confidence) for b in bins) / 6
    assert error == pytest.approx(evaluate.calibration_error(PROBABILITIES, GOLD))


def test_risk_over_coverage() -> None:
    # By confidence: .9 right, .9 right, .8 wrong, .7 wrong, .6 right, .5 wrong.
    curve = analysis.risk_coverage(PROBABILITIES, GOLD)
    risks = [0, 0, 1 / 3, 2 / 4, 2 / 5, 3 / 6]
    assert curve.risk.tolist() == pytest.approx(risks)
    assert curve.coverage.tolist() == pytest.approx([k / 6 for k in range(1, 7)])
    assert curve.aurc == pytest.approx(sum(risks) / 6)
    assert analysis.best_coverage(curve, 0.1) == pytest.approx(2 / 6)
    assert analysis.best_coverage(curve, 0.4) == pytest.approx(5 / 6)
    assert analysis.best_coverage(curve, 0.5) == 1


def test_no_threshold_can_part_equal_confidence() -> None:
    probabilities = np.array([[0.8, 0.2], [0.8, 0.2]], np.float32)
    curve = analysis.risk_coverage(probabilities, np.array([0, 1]))
    assert curve.risk[0] == 0
    assert analysis.best_coverage(curve, 0.4) == 0


def test_interval_of_wilson() -> None:
    assert analysis.interval(0.9, 100) == pytest.approx((0.8256, 0.9448), abs=1e-4)
    assert analysis.interval(1.0, 10) == pytest.approx((0.7225, 1.0), abs=1e-4)


def test_separation_counts_ties_half() -> None:
    inside, outside = np.array([0.9, 0.5], np.float32), np.array([0.5, 0.1], np.float32)
    assert analysis.separation(inside, outside) == pytest.approx((1 + 1 + 0.5 + 1) / 4)


def test_the_picture_shows_the_classes_with_most_mistakes() -> None:
    matrix = np.eye(40, dtype=np.int64) * 9
    matrix[38, 39] = 5
    shown = figures.most_confused(matrix)
    assert len(shown) == 25
    assert shown[-2:] == [38, 39]
    assert figures.most_confused(matrix[:30, :30]) == list(range(30))


@pytest.mark.parametrize(
    ("share", "shown"),
    [(0.94, (94, 100)), (0.998, (998, 1000)), (1.0, (100, 100)), (0.0, (0, 100))],
)
def test_shares_in_words_are_never_rounded_to_all_or_none(
    share: float, shown: tuple[int, int]
) -> None:
    assert words.of_hundred(share) == shown


def test_labels_are_cut_by_the_room_they_take() -> None:
    assert words.shortened("退款退款退款", 7) == "退款退…"
    assert words.shortened("refund", 7) == "refund"
