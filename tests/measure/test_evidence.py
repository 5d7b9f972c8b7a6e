"""Rows of several samples, folds and seeds become scores and unit effects, as leaving units out says."""

import numpy as np
import pytest

from gxtool.errors import InputError
from gxtool.measure.evidence import Predictions, Rows, constant_score, scored, unit_variance
from gxtool.measure.jackknife import estimate_difference, estimate_score, side
from gxtool.measure.metrics import METRICS, auroc, pearson, spearman


def table(generator, per_sample=(14, 11, 17), repeats=0):
    """Samples with different genes, `repeats` of the rows twice; returns labels, genes, samples and two predictions."""
    samples = np.repeat(np.arange(len(per_sample)), per_sample)
    genes = np.concatenate([generator.permutation(20)[:n] for n in per_sample])
    if repeats:
        again = generator.integers(0, samples.size, repeats)
        samples, genes = np.append(samples, samples[again]), np.append(genes, genes[again])
    labels = generator.normal(size=samples.size)
    predictions = labels + generator.normal(size=(2, samples.size))
    return labels, genes, samples, predictions


def mean_score(function, labels, samples, predictions, kept):
    scores = [
        np.mean([function(labels[kept & (samples == s)], p[kept & (samples == s)]) for p in predictions])
        for s in np.unique(samples)
    ]
    return np.mean(scores)


@pytest.mark.parametrize("repeats", [0, 9])
@pytest.mark.parametrize("name", ["pearson", "auroc", "mse"])
def test_unit_variance_is_that_of_leaving_each_gene_out_of_all_samples(name, repeats):
    labels, genes, samples, predictions = table(np.random.default_rng(1), repeats=repeats)
    if name == "auroc":
        labels = (labels > 0).astype(float)
    shuffled = np.random.default_rng(2).permutation(labels.size)
    labels, genes, samples, predictions = labels[shuffled], genes[shuffled], samples[shuffled], predictions[:, shuffled]
    evidence = scored(Rows.of(labels, genes, samples), Predictions("a", predictions), name).evidence
    function = METRICS[name].function
    left = np.array([mean_score(function, labels, samples, predictions, genes != g) for g in np.unique(genes)])
    one = side(evidence)
    assert one.scores.mean() == pytest.approx(mean_score(function, labels, samples, predictions, genes >= 0))
    n = left.size
    assert unit_variance(one.effects, n) == pytest.approx((n - 1) / n * np.sum((left - left.mean()) ** 2))


def test_difference_pairs_genes_over_samples():
    labels, genes, samples, (first, second) = table(np.random.default_rng(3))
    rows = Rows.of(labels, genes, samples)
    a, b = (scored(rows, Predictions("x", own[None]), "pearson").evidence for own in (first, second))
    left = np.array(
        [
            mean_score(pearson, labels, samples, [first], genes != g)
            - mean_score(pearson, labels, samples, [second], genes != g)
            for g in np.unique(genes)
        ]
    )
    n = left.size
    found = estimate_difference(a, b)
    assert found.error == pytest.approx(np.sqrt((n - 1) / n * np.sum((left - left.mean()) ** 2)))
    assert found.df == n - 1


def test_one_sample_counts_its_own_genes():
    labels, genes, samples, predictions = table(np.random.default_rng(4))
    rows = Rows.of(labels, genes, samples)
    alone = samples == 1
    whole = scored(rows, Predictions("a", predictions), "pearson").evidence
    single = scored(
        Rows.of(labels[alone], genes[alone], samples[alone]), Predictions("a", predictions[:, alone]), "pearson"
    )
    together, apart = estimate_score(whole, sample=1), estimate_score(single.evidence)
    assert together.value == pytest.approx(apart.value)
    assert together.error == pytest.approx(apart.error)
    assert whole.sample_units.tolist() == [14, 11, 17]


def test_folds_of_a_sample_are_scored_apart_and_averaged():
    labels = np.array([0, 1, 0, 1, 1, 0.0])
    predictions = np.array([[0.1, 0.9, 0.2, 7, 6, 8]])
    rows = Rows.of(labels, list("abcdef"), ["K562"] * 6, parts=[0, 0, 0, 1, 1, 1])
    # Fold 0 is in order (1.0), fold 1 in reverse (0.0), though on scales that pooling would mix.
    assert scored(rows, Predictions("a", predictions), "auroc").evidence.scores.tolist() == [[0.5]]


def test_sample_of_one_class_is_left_out():
    rows = Rows.of([0, 1, 0, 1, 1], list("abcab"), ["x", "x", "x", "y", "y"])
    one = scored(rows, Predictions("a", np.array([[0.1, 0.9, 0.2, 0.3, 0.4]])), "auroc")
    assert one.samples == ("x",)


def test_rarer_class_is_counted_in_units_over_samples():
    # Gene a is on in x and y, gene b in y only: 1 and 2 genes are on, 2 over both.
    rows = Rows.of([1, 0, 0, 1, 1, 0, 0], list("abcabcd"), list("xxxyyyy"))
    facts = scored(rows, Predictions("a", np.arange(7.0)[None]), "auroc").facts
    assert (facts.rarest, facts.rarest_overall) == ((1, 2), 2)
    assert scored(rows, Predictions("a", np.arange(7.0)[None]), "mse").facts.rarest == (3, 4)


def test_labels_that_define_no_score_are_a_problem_and_no_error():
    rows = Rows.of([1, 1, 1], list("abc"), ["x"] * 3)
    one = scored(rows, Predictions("a", np.array([[0.1, 0.9, 0.2]])), "auroc")
    assert (one.evidence, one.problem) == (None, "AUROC is undefined for these labels")


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ([[0.1, np.nan, 0.3, np.nan]], "NaN predictions for 2 of 4 rows"),
        ([[0.1, 0.2, 0.3, 0.4], [0.1, 0.2, np.inf, 0.4]], "infinite predictions for 1 of 4 rows"),
        ([[0.5, 0.5, 0.5, 0.5]], "constant predictions"),
    ],
)
def test_useless_predictions_are_named(values, problem):
    rows = Rows.of([0, 1, 0, 1], list("abcd"), ["x"] * 4)
    assert scored(rows, Predictions("a", np.array(values)), "auroc").problem == problem


@pytest.mark.parametrize(("metric", "chance"), [("auroc", 0.5), ("pearson", 0.0), ("auprc", 0.25), ("r2_score", 0.0)])
def test_constant_predictions_score_what_a_constant_scores(metric, chance):
    rows = Rows.of([0, 1, 0, 0], list("abcd"), ["x"] * 4)
    one = scored(rows, Predictions("a", np.full((1, 4), 0.25)), metric)
    assert one.evidence.scores.tolist() == [[chance]]
    assert one.facts.constant_scores == (chance,)


def test_one_dead_seed_of_two_scores_chance_and_is_remarked():
    rows = Rows.of([0, 1, 0, 1], list("abcd"), ["x"] * 4)
    one = scored(rows, Predictions("a", np.array([[0.1, 0.9, 0.2, 0.8], [0.3, 0.3, 0.3, 0.3]])), "pearson")
    assert one.evidence.scores[1] == 0
    assert (one.problem, one.remark) == ("", "constant predictions of 1 of 2 seeds in x")


def test_best_constant_of_unequal_classes_is_accurate_for_most():
    assert constant_score(METRICS["accuracy"], np.array([1.0, 0, 0, 0])) == 0.75


def test_drawn_units_agree_with_leaving_them_out():
    # Spearman has no closed form with two rows a gene.
    generator = np.random.default_rng(5)
    genes = np.repeat(np.arange(150), 2)
    labels = generator.normal(size=150)[genes] + generator.normal(size=300)
    predictions = (labels + generator.normal(size=300))[None]
    rows = Rows.of(labels, genes, ["x"] * 300)
    drawn = scored(rows, Predictions("a", predictions), "spearman").evidence
    left = np.array([spearman(labels[genes != g], predictions[0, genes != g]) for g in range(150)])
    error = np.sqrt(149 / 150 * np.sum((left - left.mean()) ** 2))
    # 300 draws give a standard error within 4 % of itself.
    assert drawn.drawn
    assert estimate_score(drawn).error == pytest.approx(error, rel=0.12)
    again = scored(rows, Predictions("b", predictions), "spearman").evidence
    assert estimate_difference(drawn, again).p_value == 1


def test_ensemble_is_a_predictor_of_its_own():
    ensemble = Predictions("cnn", np.array([[0.0, 1.0], [1.0, 1.0]])).ensemble()
    assert (ensemble.name, ensemble.values.tolist()) == ("cnn (average of 2 seeds)", [[0.5, 1.0]])


def test_calibration_error_has_a_score_and_no_error():
    rows = Rows.of([0, 1, 0, 1], list("abcd"), ["x"] * 4)
    evidence = scored(rows, Predictions("a", np.array([[0.1, 0.9, 0.2, 0.8]])), "ece").evidence
    assert evidence.scores.tolist() == [[pytest.approx(0.15)]]
    assert np.isnan(estimate_score(evidence).error)


@pytest.mark.parametrize("shape", [(3,), (1, 3), (0, 4)])
def test_predictions_of_another_shape_are_refused(shape):
    rows = Rows.of([0, 1, 0, 1], list("abcd"), ["x"] * 4)
    with pytest.raises(InputError, match=r"predictions of 'a' have shape \(.*\), expected \(seeds, 4\)"):
        scored(rows, Predictions("a", np.zeros(shape)), "auroc")


def test_arrays_of_another_length_are_refused():
    with pytest.raises(InputError, match=r"units has shape \(2,\), expected one for each of 3 rows"):
        Rows.of([0, 1, 0], ["a", "b"], ["x"] * 3)


def test_auroc_is_the_metric_of_the_same_name():
    labels, predictions = np.array([0, 1, 1, 0, 1.0]), np.array([[0.3, 0.3, 0.9, 0.1, 0.2]])
    one = scored(Rows.of(labels, np.arange(5), ["x"] * 5), Predictions("a", predictions), "auroc")
    assert one.evidence.scores[0, 0] == auroc(labels, predictions[0])


def test_labels_of_other_classes_are_refused():
    rows = Rows.of([0, 2, 1], list("abc"), ["K562"] * 3)
    with pytest.raises(InputError, match=r"labels of K562: value 1 \(counted from 0\) is 2, expected 0 or 1"):
        scored(rows, Predictions("a", np.zeros((1, 3))), "auroc")


def test_probabilities_beyond_one_are_refused():
    rows = Rows.of([0, 1, 1], list("abc"), ["K562"] * 3)
    with pytest.raises(InputError, match="predictions of 'a' lie between 0 and 1.5, expected probabilities for Brier"):
        scored(rows, Predictions("a", np.array([[0, 1, 1.5]])), "brier")
