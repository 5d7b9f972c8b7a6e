"""Ceilings of classes: how well one noisy measurement predicts the classes of another, against what is known."""

from __future__ import annotations

import numpy as np
import pytest

from gxtool.errors import InputError
from gxtool.measure.ceiling import Bounds, auroc_of, class_ceiling, repeat_score
from gxtool.measure.metrics import auroc


def measured(n: int, noise: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    truth = generator.normal(size=n)
    return truth, truth + noise * generator.normal(size=(2, n))


def above_median(values: np.ndarray) -> np.ndarray:
    return values > np.median(values, axis=1, keepdims=True)


def test_by_hand() -> None:
    """Rows 0 to 3: classes of the first 0011, of the second 0101; each ranks one of the four pairs wrongly."""
    values = np.array([[1, 2, 3, 4], [1, 3, 2, 4.0]])
    bounds, n_units = repeat_score("auroc", values, above_median(values))
    assert (bounds.estimate, n_units) == (0.75, 4)
    assert np.isnan([bounds.low, bounds.high]).all(), "ten units are needed"


def test_without_noise_a_repeat_is_perfect_and_with_noise_alone_it_guesses() -> None:
    values = np.tile(np.arange(20.0), (3, 1))
    assert repeat_score("auroc", values, above_median(values))[0].estimate == 1.0
    noise = np.random.default_rng(1).normal(size=(2, 5_000))
    assert repeat_score("auroc", noise, above_median(noise))[0].estimate == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize("noise", [0.3, 1.0, 2.0])
def test_a_perfect_prediction_is_at_least_as_good_as_a_repeat(noise: float) -> None:
    truth, values = measured(20_000, noise)
    positive = above_median(values)
    repeat = repeat_score("auroc", values, positive)[0].estimate
    assert repeat == pytest.approx((auroc(positive[0], values[1]) + auroc(positive[1], values[0])) / 2)
    assert auroc(positive[0], truth) > repeat


def test_interval_covers_what_many_rows_say() -> None:
    values = measured(400_000, 1.0)[1]
    known = repeat_score("auroc", values, above_median(values))[0].estimate
    covered = 0
    for seed in range(200):
        small = measured(80, 1.0, seed)[1]
        bounds, _ = repeat_score("auroc", small, small > 0)
        covered += bounds.low < known < bounds.high
    assert 180 <= covered <= 199


def test_auroc_of_a_correlation() -> None:
    assert auroc_of([0, 1, -1]).tolist() == pytest.approx([0.5, 1.0, 0.0])
    rng = np.random.default_rng(4)
    first, second = rng.normal(size=(2, 200_000))
    for r in (0.3, 0.7, 0.95):
        other = r * first + np.sqrt(1 - r**2) * second
        assert auroc_of(r) == pytest.approx(auroc(other > 0, first), abs=0.004)


@pytest.mark.parametrize("count", [2, 4])
@pytest.mark.parametrize("noise", [0.3, 1.0, 2.0])
def test_ceiling_of_classes_is_what_the_truth_itself_reaches(count: int, noise: float) -> None:
    rng = np.random.default_rng(5)
    truth = rng.normal(size=40_000)
    values = truth + noise * rng.normal(size=(count, 40_000))
    label = values.mean(0)
    repeat, _ = repeat_score("auroc", values, above_median(values))
    ceiling = class_ceiling(repeat, count)
    assert ceiling.estimate == pytest.approx(auroc(label > np.median(label), truth), abs=0.01)
    assert ceiling.low < ceiling.estimate < ceiling.high


def test_repeats_that_guess_leave_no_room_and_perfect_ones_all_of_it() -> None:
    assert class_ceiling(Bounds(0.4, 0.3, 0.5), 2) == (0.5, 0.5, 0.5)
    assert class_ceiling(Bounds(1.0, 1.0, 1.0), 2) == pytest.approx((1.0, 1.0, 1.0))


def test_interval_of_the_ceiling_of_classes_covers_it() -> None:
    """Noise as large as the truth, mean of two: the truth correlates with it by the root of 2/3."""
    known = float(auroc_of(np.sqrt(2 / 3)))
    covered = 0
    for seed in range(300):
        values = measured(100, 1.0, seed)[1]
        low, high = class_ceiling(repeat_score("auroc", values, above_median(values))[0], 2)[1:]
        covered += low < known < high
    assert 270 <= covered <= 298


def test_one_class_or_one_measurement_is_refused() -> None:
    values = np.array([[1, 2, 3.0], [2, 1, 3]])
    with pytest.raises(InputError, match="puts all rows in one class"):
        repeat_score("auroc", values, values > 9)
    with pytest.raises(InputError, match="expected at least two"):
        repeat_score("auroc", values[:1], values[:1] > 1)
