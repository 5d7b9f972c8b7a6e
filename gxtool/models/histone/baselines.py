"""The simplest predictors known for this task: reads of H3K4me3, the mark of active promoters, in the window."""

from __future__ import annotations

import numpy as np

from gxtool.measure.baselines import BaselineResult, Split, gradient_boosting, logistic_regression, ridge
from gxtool.measure.requirements import column_of, needs, track

PROMOTER_MARK = "H3K4me3"


@needs(column_of(PROMOTER_MARK, "mark"))
def sum_h3k4me3(split: Split, seed: int) -> BaselineResult:
    """Rank genes by their reads of H3K4me3 over all bins; nothing is learned but the scale.

    A logistic curve of log(1 + reads), fitted on the training genes, turns reads into a probability; being monotone,
    it leaves the ranking as it is (turned round if H3K4me3 falls with expression).
    """
    return logistic_regression(_promoter_reads(split), seed)


@needs(column_of(PROMOTER_MARK, "mark"))
def sum_h3k4me3_line(split: Split, seed: int) -> BaselineResult:
    """Predict log expression by a straight line through log(1 + reads of H3K4me3 over all bins)."""
    return ridge(_promoter_reads(split), seed)


def boosted_values(split: Split, seed: int) -> BaselineResult:
    """Predict log expression by gradient boosting on all bins."""
    return gradient_boosting(split, seed, kind="regression")


def _promoter_reads(split: Split) -> Split:
    """Return a split whose only feature is log(1 + reads of H3K4me3 over all bins)."""
    columns = [place for place, name in enumerate(split.columns) if track(name) == PROMOTER_MARK]
    reads = {role: _log_sum(getattr(split, role)[:, columns]) for role in ("train", "val", "test")}
    return Split(**reads, train_labels=split.train_labels, val_labels=split.val_labels)


def _log_sum(features: np.ndarray) -> np.ndarray:
    """Turn log(1 + count) of each bin (n, N) into log(1 + reads of all bins) (n, 1)."""
    values = np.sign(features) * np.expm1(np.abs(features))
    return np.log1p(np.maximum(values.sum(axis=1, keepdims=True, dtype=np.float64), 0))
