"""What went wrong before there was one verdict layer, each as a case that must come out right."""

from __future__ import annotations

import numpy as np
import pytest

from gxtool.measure.evidence import Predictions, Rows, Scored, scored
from gxtool.measure.metrics import auroc
from gxtool.measure.verdict import Question, difference, differences, judge, score_of

GENES = 200


class Tables:
    """Labels of genes in cell types, and predictors whose errors are shared by the cell types of a gene or not."""

    def __init__(self, n_samples: int, seed: int, shared: float = 0.0) -> None:
        self.random, self.n_samples, self.shared = np.random.default_rng(seed), n_samples, shared
        self.truth = self.random.normal(size=(n_samples, GENES))
        names = np.repeat([f"E{n:03}" for n in range(n_samples)], GENES)
        self.rows = Rows.of(self.truth.ravel(), np.tile(np.arange(GENES), n_samples), names)

    def predictor(self, name: str, noise: float, seeds: int = 1, seed_noise: float = 0.0) -> Scored:
        own = self.random.normal(size=(self.n_samples, GENES))
        of_gene = self.random.normal(size=GENES)
        error = np.sqrt(self.shared) * of_gene + np.sqrt(1 - self.shared) * own
        each = [self.truth + noise * error + seed_noise * self.random.normal(size=error.shape) for _ in range(seeds)]
        return scored(self.rows, Predictions(name, np.stack(each).reshape(seeds, -1)), "pearson")


def test_one_of_many_tests_can_still_be_better() -> None:
    # 20 runs compared with each other: 190 tests. Resampling 2,000 times gave no p below 1/2001 times 190.
    tables = Tables(1, 0)
    good, others = tables.predictor("good", 0.3), [tables.predictor(f"run{n}", 1.5) for n in range(190)]
    found = differences(good, others)
    assert {one.verdict for one in found} == {"better"}
    assert all(one.n_comparisons == 190 and one.p_value < 1e-6 for one in found)


@pytest.mark.parametrize("n_samples", [6, 7])
def test_six_cell_types_and_four_baselines_can_be_better_and_worse(n_samples: int) -> None:
    # Wilcoxon's smallest p of six pairs, 0.031, times four was never below 0.05.
    tables = Tables(n_samples, 1)
    baselines = [tables.predictor(f"baseline{n}", 1.0) for n in range(4)]
    assert judge(tables.predictor("good", 0.5), baselines).verdict == "better"
    untrained = judge(tables.predictor("untrained", 30), baselines)
    assert (untrained.verdict, untrained.has_skill) == ("worse", False)
    assert {one.verdict for one in untrained.by_sample} == {"worse"}


def test_equal_models_whose_cell_types_share_genes_seldom_differ() -> None:
    # Wilcoxon over 20 cell types called a third of such pairs different.
    n_simulations, found = 300, 0
    for seed in range(n_simulations):
        tables = Tables(20, seed, shared=0.9)
        pair = (tables.predictor(name, 1.0) for name in "ab")
        found += difference(*pair).p_value < 0.05
    # 7 % of 300 are 21; five standard deviations above 5 % would be 34.
    assert found <= 21


def test_two_seeds_of_one_recipe_do_not_differ_and_the_sentence_is_about_these_models() -> None:
    tables = Tables(1, 3)
    first, second = tables.predictor("seed 1", 1.0), tables.predictor("seed 2", 1.0)
    found = difference(first, second)
    assert (found.verdict, found.recipes) == ("no clear difference", False)
    p_values = [
        difference(*(Tables(1, seed).predictor(name, 1.0) for name in "ab")).p_value for seed in range(100, 103)
    ]
    assert min(p_values) > 0.004


def test_seeds_that_vary_much_are_not_called_different() -> None:
    # Three seeds whose scores lie far apart: units alone would call their means different.
    called = 0
    for seed in range(200):
        tables = Tables(1, seed)
        noise = tables.random.uniform(0.5, 2.0, size=(2, 3))
        sides = []
        for name, own in zip("ab", noise, strict=True):
            values = np.stack([tables.truth.ravel() + level * tables.random.normal(size=GENES) for level in own])
            sides.append(scored(tables.rows, Predictions(name, values), "pearson"))
        called += difference(*sides).p_value < 0.05
    assert called <= 20


def test_mean_is_the_mean_of_what_is_shown_by_sample() -> None:
    tables = Tables(5, 4)
    model = tables.predictor("model", 1.0, seeds=2, seed_noise=0.5)
    each = [score_of(model, sample=sample).estimate for sample in model.samples]
    assert score_of(model).estimate == pytest.approx(np.mean(each))
    assert score_of(model).estimate != pytest.approx(np.median(each))


def test_calibration_error_has_no_interval_that_could_exclude_it() -> None:
    random = np.random.default_rng(0)
    chances = random.uniform(size=500)
    labels = (random.uniform(size=500) < chances).astype(float)
    rows = Rows.of(labels, np.arange(500), np.zeros(500))
    found = score_of(scored(rows, Predictions("calibrated", chances[None]), "ece"))
    assert found.estimate is not None
    assert (found.low, found.high) == (None, None)


def test_folds_are_scored_apart_and_averaged() -> None:
    # The mean of each fold's training rows orders pooled rows the wrong way round; within a fold it says nothing.
    labels = np.tile([0.0, 1.0], 60)
    fold = np.repeat([0, 1, 2], 40)
    shift = np.array([0.0, 5.0, -5.0])[fold]
    predicted = labels + shift
    rows = Rows.of(labels, np.arange(120), np.zeros(120), fold)
    assert score_of(scored(rows, Predictions("model", predicted[None]), "auroc")).estimate == 1
    assert auroc(labels, predicted) < 0.7


def test_small_folds_have_a_score_and_no_verdict() -> None:
    random = np.random.default_rng(0)
    labels = random.normal(size=60)
    rows = Rows.of(labels, np.arange(60), np.zeros(60), np.repeat(np.arange(6), 10))
    a, b = (scored(rows, Predictions(n, (labels + random.normal(size=60))[None]), "pearson") for n in "ab")
    found = difference(a, b)
    assert (found.verdict, found.p_value) == ("too few units", None)
    assert found.remark == "a fold of 10 units, at least 20 are needed for a score of it"


def test_new_samples_need_six_of_them() -> None:
    for n_samples, verdict in ((5, "too few samples"), (6, "better")):
        tables = Tables(n_samples, 5)
        asked = Question(new_samples=True)
        assert judge(tables.predictor("good", 0.3), [tables.predictor("b", 2.0)], asked).verdict == verdict
