"""What simple models reach on the same rows: a score means something only beside them.

Every baseline fits on the training rows, makes its choices on the validation rows and predicts the test rows, whose
labels it is never given. scikit-learn is imported only when a baseline is fitted, and runs on one thread; the same seed
gives the same numbers.
"""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from gxtool.errors import DependencyError, InputError, quoted
from gxtool.measure.checks import Vector, binary_labels, vector
from gxtool.measure.metrics import log_loss, mse

Matrix = NDArray[np.float64]

MAX_ROWS = 50_000
# Rows turned into float64 at a time, so that a large test matrix is never copied whole.
BLOCK_ROWS = 16_384
# Strongest penalty first: on equal validation scores the simpler model is kept.
INVERSE_PENALTIES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
PENALTIES = (1e5, 1e4, 1e3, 1e2, 10.0, 1.0, 0.1)
MAX_TREES = 300
TREES_WITHOUT_GAIN = 20
# Fewer validation rows than this choose too few trees by chance, and rank worse than scikit-learn's default does.
ROWS_TO_CHOOSE_TREES = 500
# scikit-learn's defaults. With 20 rows in every leaf, fewer than 40 training rows would make no tree at all.
USUAL_TREES, USUAL_LEAF = 100, 20


@dataclass(frozen=True)
class Split:
    """Features (n, F) of the rows of each role, and labels (n,) of those a baseline may see; `columns` name F.

    `train_groups` and `test_groups` (n,) name the group of each row, such as its gene, where that is known.
    `group_averages`: role -> what each row's group (n,) is on average in samples that are not the row's own, NaN where
    unknown; None where nothing is known of other samples.
    """

    train: NDArray
    train_labels: NDArray
    val: NDArray
    val_labels: NDArray
    test: NDArray
    columns: tuple[str, ...] = ()
    train_groups: NDArray | None = None
    test_groups: NDArray | None = None
    group_averages: Mapping[str, NDArray] | None = None

    def __post_init__(self) -> None:
        for role in ("train", "val", "test"):
            features = getattr(self, role)
            if features.ndim != 2 or features.shape[1] != self.train.shape[1] or not features.shape[0]:
                raise InputError(
                    f"{role} features have shape {features.shape}, expected at least one row "
                    f"of as many features as train has {self.train.shape}"
                )
            # The extremes are NaN or infinite when any value is, and need no copy of the matrix.
            if features.size and not np.isfinite([features.min(), features.max()]).all():
                raise InputError(f"{role} features hold NaN or infinite values, expected finite numbers")
        for role in ("train", "val"):
            labels = vector(getattr(self, f"{role}_labels"), f"{role} labels")
            if labels.size != getattr(self, role).shape[0]:
                raise InputError(
                    f"{role} has {labels.size} labels for {getattr(self, role).shape[0]} rows, expected as many"
                )


@dataclass(frozen=True)
class BaselineResult:
    """Predictions (n_test,) of the test rows, what validation chose, and how many training rows were used.

    `n_train` is below `n_available` when a seeded subsample kept the fit within its limit of rows.
    """

    predictions: Vector
    chosen: dict[str, float | str]
    n_train: int
    n_available: int


class _Rows(NamedTuple):
    """The rows that a fit uses: features in float64, labels, and the numbers of training rows."""

    train: Matrix
    train_labels: Vector
    val: Matrix
    val_labels: Vector
    n_train: int
    n_available: int


def train_mean(split: Split) -> BaselineResult:
    """Predict the mean training label for every test row (for labels 0 and 1: the share of 1)."""
    labels = vector(split.train_labels, "train labels")
    mean = float(labels.mean())
    return BaselineResult(np.full(split.test.shape[0], mean), {"mean": mean}, labels.size, labels.size)


def group_average(split: Split, seed: int) -> BaselineResult:
    """Predict a row by the mean training label of its group, and a row of a new group by the mean of all.

    With the same genes in several cell types this is what a model reaches that remembers each gene's average and never
    looks at its input (Schreiber et al. 2020, Genome Biology 21:282).

    Raises:
        InputError: the groups of the rows are not known.
    """
    if split.train_groups is None or split.test_groups is None:
        raise InputError("baseline group_average: the groups of the rows are not known, expected one per row")
    labels = vector(split.train_labels, "train labels")
    names, places = np.unique(split.train_groups, return_inverse=True)
    means = np.bincount(places, labels) / np.bincount(places)
    at = np.minimum(np.searchsorted(names, split.test_groups), len(names) - 1)
    known = names[at] == split.test_groups
    predictions = np.where(known, means[at], labels.mean())
    return BaselineResult(predictions, {"share of known groups": float(known.mean())}, labels.size, labels.size)


def group_elsewhere(split: Split, seed: int) -> BaselineResult:
    """Rank rows by the average of their group in other samples, where that is known; else as `group_average`.

    A logistic curve, fitted on the training rows, turns averages into probabilities of label 1.
    """
    known = _elsewhere(split)
    return group_average(split, seed) if known is None else _of_known(logistic_regression(known, seed), split)


def group_elsewhere_line(split: Split, seed: int) -> BaselineResult:
    """Predict values by a straight line through the average of the group in other samples; else as `group_average`."""
    known = _elsewhere(split)
    return group_average(split, seed) if known is None else _of_known(ridge(known, seed), split)


def _elsewhere(split: Split) -> Split | None:
    """Return a split whose only feature is the average of the group in other samples; None where it is not known.

    A group without one gets the mean over the training rows.
    """
    averages = split.group_averages
    if averages is None or not np.isfinite(averages["train"]).any():
        return None
    mean = float(np.nanmean(averages["train"]))
    columns = {role: np.nan_to_num(values, nan=mean)[:, None] for role, values in averages.items()}
    return Split(**columns, train_labels=split.train_labels, val_labels=split.val_labels)


def _of_known(result: BaselineResult, split: Split) -> BaselineResult:
    known = float(np.isfinite(split.group_averages["test"]).mean())
    return replace(result, chosen={"read from": "other samples", "share of known groups": known, **result.chosen})


def logistic_regression(split: Split, seed: int, *, max_rows: int = MAX_ROWS) -> BaselineResult:
    """Predict probabilities of label 1 with an L2-penalised logistic regression.

    Features are standardised on the training rows. C, the inverse penalty, is the one of `INVERSE_PENALTIES` with the
    lowest validation log loss.
    """
    _need_scikit_learn()
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    rows = _rows(split, seed, max_rows)
    _need_both_classes(rows)
    scaler = _Scaler.fit(rows.train)
    train, val = scaler(rows.train), scaler(rows.val)
    model = LogisticRegression(max_iter=1000, warm_start=True)
    fits: list[_LogisticFit] = []
    with _one_thread(), warnings.catch_warnings():
        # A fit that did not converge is told in `chosen` instead.
        warnings.simplefilter("ignore", ConvergenceWarning)
        for inverse_penalty in INVERSE_PENALTIES:
            model.set_params(C=inverse_penalty).fit(train, rows.train_labels)
            loss = log_loss(rows.val_labels, model.predict_proba(val)[:, 1])
            converged = int(model.n_iter_[0]) < model.max_iter
            fits.append(
                _LogisticFit(inverse_penalty, loss, model.coef_[0].copy(), float(model.intercept_[0]), converged)
            )
        best = min(fits, key=lambda fit: fit.val_log_loss)
        predictions = _in_blocks(lambda block: expit(scaler(block) @ best.weights + best.intercept), split.test)
    chosen: dict[str, float | str] = {
        "C": best.inverse_penalty,
        "val_log_loss": best.val_log_loss,
        "converged": "yes" if best.converged else "no",
    }
    return BaselineResult(predictions, chosen, rows.n_train, rows.n_available)


def ridge(split: Split, seed: int, *, max_rows: int = MAX_ROWS) -> BaselineResult:
    """Predict values with ridge regression on features standardised on the training rows.

    The penalty is the one of `PENALTIES` with the lowest validation mean squared error.
    """
    _need_scikit_learn()
    from sklearn.linear_model import Ridge

    rows = _rows(split, seed, max_rows)
    scaler = _Scaler.fit(rows.train)
    train, val = scaler(rows.train), scaler(rows.val)
    with _one_thread():
        fits = [Ridge(alpha=penalty, solver="cholesky").fit(train, rows.train_labels) for penalty in PENALTIES]
        losses = [mse(rows.val_labels, fit.predict(val)) for fit in fits]
        best = int(np.argmin(losses))
        predictions = _in_blocks(lambda block: fits[best].predict(scaler(block)), split.test)
    chosen: dict[str, float | str] = {"alpha": PENALTIES[best], "val_mse": losses[best]}
    return BaselineResult(predictions, chosen, rows.n_train, rows.n_available)


def gradient_boosting(
    split: Split,
    seed: int,
    *,
    kind: Literal["binary", "regression"] = "binary",
    max_rows: int = MAX_ROWS,
) -> BaselineResult:
    """Predict with histogram gradient boosting, probabilities of label 1 or (kind="regression") values.

    With 500 validation rows the number of trees is the one with the lowest validation loss (log loss, half squared
    error); growth stops after 20 trees without a better one or at 300. With fewer there are as many trees as
    scikit-learn grows by default, 100. Fewer than 200 training rows get half as many trees as rows, and fewer than 120
    a sixth of the rows in a leaf at least, not 20. Everything else is scikit-learn's default.
    """
    _need_scikit_learn()
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    if kind not in ("binary", "regression"):
        raise InputError(f"kind is {quoted(kind)}, expected 'binary' or 'regression'")
    rows = _rows(split, seed, max_rows)
    if kind == "binary":
        _need_both_classes(rows)
    estimator = HistGradientBoostingClassifier if kind == "binary" else HistGradientBoostingRegressor
    with _one_thread():
        model, n_trees = _boosted(estimator, rows, seed)

        def predict(block: Matrix) -> Vector:
            stages = model.staged_predict_proba(block) if kind == "binary" else model.staged_predict(block)
            last = next(itertools.islice(stages, n_trees - 1, None))
            return last[:, 1] if kind == "binary" else last

        predictions = _in_blocks(predict, split.test)
        found = predict(rows.val)
    loss = log_loss(rows.val_labels, found) if kind == "binary" else mse(rows.val_labels, found) / 2
    chosen: dict[str, float | str] = {"trees": n_trees, "val_loss": float(loss)}
    return BaselineResult(predictions, chosen, rows.n_train, rows.n_available)


def _boosted(estimator: Any, rows: _Rows, seed: int) -> tuple[Any, int]:
    """Return scikit-learn's estimator, fitted, and how many of its trees are used."""
    common = {"min_samples_leaf": min(USUAL_LEAF, max(2, rows.n_train // 6)), "random_state": seed}
    if len(rows.val) < ROWS_TO_CHOOSE_TREES:
        n_trees = min(USUAL_TREES, max(10, rows.n_train // 2))
        model = estimator(max_iter=n_trees, early_stopping=False, **common)
        return model.fit(rows.train, rows.train_labels), n_trees
    model = estimator(max_iter=MAX_TREES, early_stopping=True, n_iter_no_change=TREES_WITHOUT_GAIN, **common)
    model.fit(rows.train, rows.train_labels, X_val=rows.val, y_val=rows.val_labels)
    # Scores are negative losses; the first one is that of no tree at all.
    return model, 1 + int(np.argmax(model.validation_score_[1:]))


class _LogisticFit(NamedTuple):
    """One candidate of the logistic regression, in the order it is tried."""

    inverse_penalty: float
    val_log_loss: float
    weights: Vector
    intercept: float
    converged: bool


class _Scaler(NamedTuple):
    """Mean and standard deviation (F,) of the training rows; a constant feature keeps scale 1."""

    mean: Vector
    scale: Vector

    @classmethod
    def fit(cls, features: Matrix) -> _Scaler:
        varies = features.max(axis=0) > features.min(axis=0)
        return cls(features.mean(axis=0), np.where(varies, features.std(axis=0), 1.0))

    def __call__(self, features: Matrix) -> Matrix:
        return (features - self.mean) / self.scale


def _rows(split: Split, seed: int, max_rows: int) -> _Rows:
    """Take at most `max_rows` training and as many validation rows, drawn without replacement, in their order."""
    if max_rows < 1:
        raise InputError(f"max_rows is {max_rows}, expected at least 1")
    generator = np.random.default_rng(seed)
    taken = []
    for features, labels in ((split.train, split.train_labels), (split.val, split.val_labels)):
        n_rows = features.shape[0]
        chosen = np.sort(generator.choice(n_rows, max_rows, replace=False)) if n_rows > max_rows else np.arange(n_rows)
        taken += [
            np.asarray(features[chosen], dtype=np.float64),
            np.asarray(labels, dtype=np.float64)[chosen],
        ]
    return _Rows(*taken, n_train=taken[0].shape[0], n_available=split.train.shape[0])


def _need_both_classes(rows: _Rows) -> None:
    """Refuse labels other than 0 and 1, and training rows of one class."""
    binary_labels(rows.val_labels, "val labels")
    positive = binary_labels(rows.train_labels, "train labels")
    if positive.all() or not positive.any():
        raise InputError(f"all {positive.size} training labels are {int(positive[0])}, expected both 0 and 1")


def _in_blocks(predict: Callable[[Matrix], Vector], features: NDArray) -> Vector:
    starts = range(0, features.shape[0], BLOCK_ROWS)
    return np.concatenate(
        [predict(np.asarray(features[start : start + BLOCK_ROWS], dtype=np.float64)) for start in starts]
    )


def _one_thread() -> AbstractContextManager:
    """Hold BLAS and OpenMP to one thread, also beside torch's own.

    The order of sums, and so the last digits, would depend on their number; and on a busy machine OpenMP's waiting
    threads made boosting many times slower than one alone.
    """
    from threadpoolctl import threadpool_limits

    return threadpool_limits(limits=1)


def _need_scikit_learn() -> None:
    try:
        import sklearn  # noqa: F401
    except ImportError:
        raise DependencyError(
            "baselines need scikit-learn, which is not installed; install gxtool with its `train` extra"
        ) from None
