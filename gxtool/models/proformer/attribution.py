"""What single bases do for a prediction, read off effects: importance, sites of motifs, sequences to look at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from gxtool.data.motifs import covered, hits, log_odds, threshold
from gxtool.data.sequence import N_BASES, sequence_of
from gxtool.io.dataset import Dataset
from gxtool.models.proformer.config import ProformerPerturbConfig
from gxtool.models.proformer.perturb import LETTERS
from gxtool.models.proformer.side import motifs_of

# Which of the rows are drawn, by their place in the order of predictions: shares of the way from the highest.
DRAWN = (("highest prediction", 0.0), ("90th percentile", 0.1), ("median", 0.5), ("lowest prediction", 1.0))
# Variants that the report lists.
LISTED = 20
DIGITS = 5

Effects = Mapping[str, np.ndarray]
Rows = Mapping[str, np.ndarray]


def effect_matrix(effects: Effects, shape: tuple[int, int]) -> np.ndarray:
    """Return effects of `mutation` as (n, L, 4): what each base does in the place of the one that is there, or NaN."""
    matrix = np.full((*shape, N_BASES), np.nan)
    for change, values in effects.items():
        position, _, letter = change.partition(":")
        matrix[:, int(position), LETTERS.index(letter)] = values
    return matrix


def importance(matrix: np.ndarray) -> np.ndarray:
    """Return the mean of what is lost by each substitution (n, L) of effects (n, L, 4), NaN where there is no base."""
    known = np.isfinite(matrix)
    return -np.where(known, matrix, 0).sum(axis=2) / np.where(known.any(axis=2), known.sum(axis=2), np.nan)


def motif_scan(
    effects: Effects, rows: Rows, dataset: Dataset, config: ProformerPerturbConfig
) -> Iterator[tuple[str, np.ndarray]]:
    """Yield, for each motif, the mean importance of bases in its sites less that of all others (n,).

    NaN where a sequence has no site of the motif, or nothing beside it.
    """
    tokens = rows["tokens"]
    motifs = motifs_of(dataset)
    each = importance(effect_matrix(effects, tokens.shape)) if motifs else np.zeros(0)
    for one in motifs:
        scores = log_odds(one.probabilities, one.background)
        starts = hits(tokens, scores, threshold(scores, config.scan_p))
        yield one.name, inside_less_outside(each, covered(starts, len(scores.steps), tokens.shape[1]))


def inside_less_outside(values: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Return the mean of known values (n, L) inside less the mean outside (n,), NaN where one of them has none."""
    known = np.isfinite(values)
    plain = np.where(known, values, 0)
    means = []
    for chosen in (inside & known, ~inside & known):
        counts = chosen.sum(axis=1)
        means.append((plain * chosen).sum(axis=1) / np.where(counts > 0, counts, np.nan))
    return means[0] - means[1]


def portrait_of_mutations(effects: Effects, before: np.ndarray, rows: Rows, dataset: Dataset) -> dict[str, Any]:
    """Return a few sequences with the effect of every substitution (None where there is none) and each importance."""
    matrix = effect_matrix(effects, rows["tokens"].shape)
    each = importance(matrix)
    sequences = []
    for one, row, inside in _drawn(before, rows):
        effect = [[_plain(value) for value in place] for place in matrix[row, inside]]
        sequences.append({**one, "effects": effect, "importance": [_plain(value) for value in each[row, inside]]})
    return {"sequences": sequences}


def portrait_of_gradients(effects: Effects, before: np.ndarray, rows: Rows, dataset: Dataset) -> dict[str, Any]:
    """Return the same sequences with the attribution of each of their bases."""
    matrix = np.stack([effects[str(place)] for place in range(rows["tokens"].shape[1])], axis=1)
    sequences = [
        {**one, "importance": [_plain(value) for value in matrix[row, inside]]}
        for one, row, inside in _drawn(before, rows)
    ]
    return {"sequences": sequences}


def portrait_of_variants(effects: Effects, before: np.ndarray, rows: Rows, dataset: Dataset) -> dict[str, Any]:
    """Return the variants with the largest effects, and how many there are."""
    (values,) = effects.values()
    order = np.argsort(-np.abs(values), kind="stable")[:LISTED]
    listed = [
        {"name": str(rows["unit"][row]), "reference": _plain(before[row]), "effect": _plain(values[row])}
        for row in order
    ]
    return {"n": len(values), "variants": listed}


def _drawn(before: np.ndarray, rows: Rows) -> Iterator[tuple[dict[str, Any], int, slice]]:
    """Yield what is said of each row to draw, its place, and where its sequence stands without the padding."""
    order = np.argsort(-before, kind="stable")
    done: set[int] = set()
    for why, share in DRAWN:
        row = int(order[round(share * (len(order) - 1))])
        known = np.flatnonzero(rows["tokens"][row] < N_BASES)
        if row in done or not len(known):
            continue
        done.add(row)
        inside = slice(int(known[0]), int(known[-1]) + 1)
        measured = _plain(rows["labels"][row]) if "labels" in rows else None
        yield (
            {
                "unit": str(rows["unit"][row]),
                "why": why,
                "first": inside.start,
                "sequence": sequence_of(rows["tokens"][row, inside]),
                "prediction": _plain(before[row]),
                "measured": measured,
            },
            row,
            inside,
        )


def _plain(value: float) -> float | None:
    return round(float(value), DIGITS) if np.isfinite(value) else None
