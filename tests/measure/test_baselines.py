"""Baselines learn what is there, choose on validation rows only, and give the same numbers every time."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.preprocessing import StandardScaler

from gxtool.errors import DependencyError, InputError
from gxtool.measure import baselines
from gxtool.measure.baselines import (
    Split,
    gradient_boosting,
    group_average,
    group_elsewhere,
    group_elsewhere_line,
    logistic_regression,
    ridge,
    train_mean,
)
from gxtool.measure.metrics import auroc, log_loss, mse, r2_score

N_TRAIN, N_VAL, N_TEST, N_FEATURES = 300, 120, 170, 7


def planted(kind, seed=0):
    """Rows whose label follows features 0 and 1; feature 2 is constant. Returns the split and the test labels."""
    generator = np.random.default_rng(seed)
    n_rows = N_TRAIN + N_VAL + N_TEST
    features = generator.normal(size=(n_rows, N_FEATURES)).astype(np.float32) * 40 + 5
    features[:, 2] = 0.1
    signal = (features[:, 0] - 2 * features[:, 1]) / 40 + generator.normal(size=n_rows)
    labels = (signal > signal.mean()).astype(np.int64) if kind == "binary" else signal
    ends = [N_TRAIN, N_TRAIN + N_VAL]
    train, val, test = np.split(features, ends)
    train_labels, val_labels, test_labels = np.split(labels, ends)
    return Split(train, train_labels, val, val_labels, test), test_labels


@pytest.fixture(scope="module")
def binary():
    return planted("binary")


@pytest.fixture(scope="module")
def regression():
    return planted("regression")


def test_train_mean_is_the_same_for_every_test_row(binary):
    split, _ = binary
    result = train_mean(replace(split, train_labels=np.array([1] * 75 + [0] * 225)))
    assert result.predictions.tolist() == [0.25] * N_TEST
    assert (result.n_train, result.chosen) == (N_TRAIN, {"mean": 0.25})


@pytest.mark.parametrize("baseline", [logistic_regression, gradient_boosting])
def test_binary_baseline_finds_the_planted_signal(baseline, binary):
    split, test_labels = binary
    result = baseline(split, 1)
    assert result.predictions.shape == (N_TEST,)
    assert auroc(test_labels, result.predictions) > 0.85
    assert log_loss(test_labels, result.predictions) < 0.55
    assert (result.n_train, result.n_available) == (N_TRAIN, N_TRAIN)


def test_regression_baselines_find_the_planted_signal(regression):
    split, test_labels = regression
    assert r2_score(test_labels, ridge(split, 1).predictions) > 0.75
    assert r2_score(test_labels, gradient_boosting(split, 1, kind="regression").predictions) > 0.5


def test_logistic_regression_is_scikit_learns_at_the_chosen_penalty(binary):
    split, _ = binary
    result = logistic_regression(split, 1)
    scaler = StandardScaler().fit(split.train.astype(np.float64))
    losses = {}
    for inverse_penalty in (1e-4, 1e-3, 1e-2, 1e-1, 1.0):
        model = LogisticRegression(C=inverse_penalty, max_iter=1000, tol=1e-8)
        model.fit(scaler.transform(split.train), split.train_labels)
        losses[inverse_penalty] = log_loss(split.val_labels, model.predict_proba(scaler.transform(split.val))[:, 1])
        if inverse_penalty == result.chosen["C"]:
            expected = model.predict_proba(scaler.transform(split.test))[:, 1]
    assert result.chosen["C"] == min(losses, key=losses.get)
    assert result.chosen["val_log_loss"] == pytest.approx(min(losses.values()), rel=1e-3)
    assert result.chosen["converged"] == "yes"
    np.testing.assert_allclose(result.predictions, expected, atol=2e-3)


def test_ridge_is_scikit_learns_at_the_chosen_penalty(regression):
    split, _ = regression
    result = ridge(split, 1)
    scaler = StandardScaler().fit(split.train.astype(np.float64))
    train, val, test = (scaler.transform(rows.astype(np.float64)) for rows in (split.train, split.val, split.test))
    model = Ridge(alpha=result.chosen["alpha"]).fit(train, split.train_labels)
    np.testing.assert_allclose(result.predictions, model.predict(test), rtol=1e-9)
    assert result.chosen["val_mse"] == pytest.approx(mse(split.val_labels, model.predict(val)))


def test_gradient_boosting_keeps_the_trees_that_validation_liked_best(regression, monkeypatch):
    split, _ = regression
    monkeypatch.setattr(baselines, "ROWS_TO_CHOOSE_TREES", N_VAL)
    result = gradient_boosting(split, 3, kind="regression")
    trees = result.chosen["trees"]
    losses = []
    for n_trees in (trees - 1, trees, trees + 1):
        model = HistGradientBoostingRegressor(max_iter=n_trees, early_stopping=False, random_state=3)
        model.fit(split.train.astype(np.float64), split.train_labels)
        losses.append(mse(split.val_labels, model.predict(split.val)))
        if n_trees == trees:
            np.testing.assert_allclose(result.predictions, model.predict(split.test))
    assert losses[1] == min(losses)
    assert result.chosen["val_loss"] == pytest.approx(losses[1] / 2)


def few_rows(n_train, seed):
    """Rows of three planted rules, a sixth as many for validation, 1,000 for the test; and the test labels."""
    generator = np.random.default_rng(seed)
    n_val = max(8, n_train // 6)
    features = generator.normal(size=(n_train + n_val + 1000, 30))
    main, other, third = features[:, :3].T
    rule = (1.5 * main + other * third, features[:, :10].sum(axis=1) / 2, 2.0 * (abs(main) > 1) + other / 3)[seed % 3]
    values = rule + generator.normal(size=len(rule))
    labels = (values > np.median(values)).astype(np.int64)
    (train, val, test), (train_labels, val_labels, test_labels) = (
        np.split(array, [n_train, n_train + n_val]) for array in (features, labels)
    )
    return Split(train, train_labels, val, val_labels, test), test_labels


def mean_scores(n_train, predict, seeds=9):
    """Return the mean AUROC and log loss over seeds of what `predict` says of the test rows."""
    scores = []
    for seed in range(seeds):
        split, labels = few_rows(n_train, seed)
        said = predict(split)
        scores.append((auroc(labels, said), log_loss(labels, said)))
    return np.mean(scores, axis=0)


def by_scikit_learn(split):
    model = HistGradientBoostingClassifier(random_state=1).fit(split.train, split.train_labels)
    return model.predict_proba(split.test)[:, 1]


@pytest.mark.parametrize("n_train", [33, 60, 200])
def test_boosting_few_rows_ranks_at_least_as_well_as_scikit_learns_defaults(n_train):
    ours = mean_scores(n_train, lambda split: gradient_boosting(split, 1).predictions)
    theirs = mean_scores(n_train, by_scikit_learn)
    assert ours[0] >= theirs[0]


def test_boosting_33_rows_says_something():
    split, _ = few_rows(33, 0)
    assert np.ptp(by_scikit_learn(split)) == 0  # what scikit-learn's 20 rows in a leaf make of them
    assert np.ptp(gradient_boosting(split, 1).predictions) > 0.1
    assert mean_scores(33, lambda split: gradient_boosting(split, 1).predictions)[0] > 0.55


def test_noise_is_given_the_strongest_penalty(binary):
    split, _ = binary
    noise = np.random.default_rng(9).normal(size=(N_TRAIN + N_VAL, N_FEATURES))
    shuffled = replace(split, train=noise[:N_TRAIN], val=noise[N_TRAIN:])
    assert logistic_regression(shuffled, 1).chosen["C"] <= 1e-3


@pytest.mark.parametrize("baseline", [logistic_regression, gradient_boosting, ridge])
def test_same_seed_gives_the_same_bytes_and_changes_nothing_given(baseline, binary):
    split, _ = binary
    before = split.train.tobytes(), split.val.tobytes(), split.test.tobytes()
    first, second = baseline(split, 4, max_rows=200), baseline(split, 4, max_rows=200)
    assert first.predictions.tobytes() == second.predictions.tobytes()
    assert first.chosen == second.chosen
    assert (split.train.tobytes(), split.val.tobytes(), split.test.tobytes()) == before


def test_subsample_is_seeded_and_told(binary):
    split, test_labels = binary
    result = logistic_regression(split, 4, max_rows=90)
    assert (result.n_train, result.n_available) == (90, N_TRAIN)
    assert auroc(test_labels, result.predictions) > 0.8
    assert (logistic_regression(split, 5, max_rows=90).predictions != result.predictions).any()


def test_test_rows_do_not_see_each_other(binary, monkeypatch):
    split, _ = binary
    whole = logistic_regression(split, 1).predictions
    monkeypatch.setattr(baselines, "BLOCK_ROWS", 33)
    np.testing.assert_allclose(logistic_regression(split, 1).predictions, whole, rtol=1e-12)
    one = logistic_regression(replace(split, test=split.test[40:41]), 1).predictions
    np.testing.assert_allclose(one, whole[40:41], rtol=1e-12)


@pytest.mark.parametrize("baseline", [logistic_regression, gradient_boosting])
def test_training_rows_of_one_class_are_refused(baseline, binary):
    split, _ = binary
    with pytest.raises(InputError) as error:
        baseline(replace(split, train_labels=np.ones(N_TRAIN)), 1)
    assert str(error.value) == "all 300 training labels are 1, expected both 0 and 1"


def test_validation_rows_of_one_class_are_allowed(binary):
    split, _ = binary
    result = logistic_regression(replace(split, val_labels=np.zeros(N_VAL)), 1)
    assert np.isfinite(result.predictions).all()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"val": np.zeros((N_VAL, 6))}, r"val features have shape \(120, 6\), expected .* train has \(300, 7\)"),
        ({"test": np.zeros((0, N_FEATURES))}, r"test features have shape \(0, 7\), expected at least one row"),
        ({"test": np.full((3, N_FEATURES), np.nan)}, "test features hold NaN or infinite values"),
        ({"val_labels": np.zeros(5)}, "val has 5 labels for 120 rows, expected as many"),
        ({"train_labels": np.full(N_TRAIN, np.nan)}, r"train labels: value 0 \(counted from 0\) is nan"),
    ],
)
def test_split_that_does_not_fit_together_is_refused(change, sentence, binary):
    split, _ = binary
    with pytest.raises(InputError, match=sentence):
        replace(split, **change)


def test_labels_of_a_regression_are_no_classes(regression):
    split, _ = regression
    with pytest.raises(InputError, match=r"val labels: value 0 .* expected 0 or 1"):
        logistic_regression(split, 1)


def test_unknown_kind_and_impossible_limit_are_refused(binary):
    split, _ = binary
    with pytest.raises(InputError, match="kind is 'ordinal', expected 'binary' or 'regression'"):
        gradient_boosting(split, 1, kind="ordinal")
    with pytest.raises(InputError, match="max_rows is 0, expected at least 1"):
        ridge(split, 1, max_rows=0)


def test_importing_the_room_loads_neither_scikit_learn_nor_torch():
    code = (
        "import sys; from gxtool.measure import baselines, curves, metrics, statistics, thresholds; "
        "print([name for name in ('sklearn', 'torch', 'transformers') if name in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"


def test_missing_scikit_learn_is_named(binary, monkeypatch):
    split, _ = binary
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(DependencyError, match="baselines need scikit-learn, which is not installed"):
        ridge(split, 1)
    assert train_mean(split).n_train == N_TRAIN


def test_the_average_of_a_group_is_what_memory_reaches() -> None:
    split = Split(
        train=np.zeros((5, 2)),
        train_labels=np.array([1, 0, 1, 1, 0]),
        val=np.zeros((1, 2)),
        val_labels=np.array([1]),
        test=np.zeros((3, 2)),
        train_groups=np.array(["b", "b", "a", "a", "c"]),
        test_groups=np.array(["a", "new", "b"]),
    )
    result = group_average(split, seed=1)
    # a: 1 and 1; b: 1 and 0; a new group: 3 of 5.
    assert result.predictions.tolist() == [1.0, 0.6, 0.5]
    assert result.chosen == {"share of known groups": pytest.approx(2 / 3)}


def test_the_average_of_a_group_needs_groups() -> None:
    split = Split(np.zeros((2, 1)), np.array([0, 1]), np.zeros((1, 1)), np.array([1]), np.zeros((1, 1)))
    with pytest.raises(InputError, match="the groups of the rows are not known"):
        group_average(split, seed=1)


def elsewhere(labels: list[float], averages: list[float], test: list[float]) -> Split:
    """Return rows of new groups whose features say nothing."""
    count = len(labels)
    return Split(
        *(np.zeros((count, 2)), np.array(labels), np.zeros((count, 2)), np.array(labels), np.zeros((len(test), 2))),
        train_groups=np.array([f"train{n}" for n in range(count)]),
        test_groups=np.array([f"test{n}" for n in range(len(test))]),
        group_averages={"train": np.array(averages), "val": np.array(averages), "test": np.array(test)},
    )


def test_new_groups_are_ranked_by_their_average_in_other_samples() -> None:
    split = elsewhere([0, 1, 0, 1, 0, 1], [0.0, 4, 1, 5, 2, np.nan], [3.0, np.nan, 0.5, 6])
    result = group_elsewhere(split, 1)
    # The mean of 0, 4, 1, 5 and 2 stands for what is not known: 2.4.
    assert np.argsort(result.predictions).tolist() == [2, 1, 0, 3]
    assert 0 < result.predictions.min() < result.predictions.max() < 1
    assert result.chosen["share of known groups"] == 0.75
    assert result.chosen["read from"] == "other samples"


def test_a_line_through_averages_in_other_samples() -> None:
    averages = np.arange(8.0)
    split = elsewhere((2 * averages + 1).tolist(), averages.tolist(), [10.0, -1, np.nan])
    # The smallest penalty of ridge regression shrinks the line by little.
    np.testing.assert_allclose(group_elsewhere_line(split, 1).predictions, [21, -1, 8], atol=0.3)


@pytest.mark.parametrize("averages", [None, [np.nan, np.nan]])
def test_without_averages_training_rows_are_remembered(averages) -> None:
    split = elsewhere([1, 0], averages or [0, 0], [1.0])
    split = replace(split, test_groups=np.array(["train0"]))
    split = split if averages else replace(split, group_averages=None)
    for baseline in (group_elsewhere, group_elsewhere_line):
        assert baseline(split, 1).predictions.tolist() == group_average(split, 1).predictions.tolist() == [1.0]
