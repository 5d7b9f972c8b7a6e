"""Predictions that say nothing about a row: constant, NaN or infinite. They are named, and stop nothing else.

A constant scores what a constant scores: AUROC 0.5, correlations undefined. NaN and infinite predictions have no score.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

CONSTANT, NAN, INFINITE = "constant", "NaN", "infinite"
FAULTS = {
    CONSTANT: "predicts the same value for every row",
    NAN: "predicts NaN for some rows",
    INFINITE: "predicts infinite values for some rows",
}
# More names than this are counted instead of listed.
FEW = 5


def fault_of(predictions: ArrayLike) -> str:
    """Return which of `FAULTS` the predictions (n,) of one predictor have; empty for none, and for a single row."""
    values = np.asarray(predictions, dtype=np.float64)
    if np.isnan(values).any():
        return NAN
    if np.isinf(values).any():
        return INFINITE
    return CONSTANT if values.size > 1 and np.ptp(values) == 0 else ""


def has_score(predictions: ArrayLike) -> bool:
    """Say whether all predictions are finite numbers."""
    return bool(np.isfinite(np.asarray(predictions, dtype=np.float64)).all())


def fault_sentences(metrics: Mapping[str, Any]) -> list[str]:
    """Say what is wrong with the predictions of a run, in one sentence for each fault; `metrics` is metrics.json.

    A fault of single seeds names them: the mean over seeds has it too, or hides it. Baselines that predict a constant
    are as they should be; those with NaN or infinite predictions are named, as they are no score to beat.
    """
    samples = metrics["samples"]
    sentences = []
    for fault, words in FAULTS.items():
        places = {}
        for sample in samples:
            seeds = [entry["seed"] for entry in sample.get("per_seed") or () if entry.get("fault") == fault]
            if seeds or sample.get("fault") == fault:
                places[sample["sample"]] = sorted(set(seeds))
        if not places:
            continue
        everyone = {entry["seed"] for sample in samples for entry in sample.get("per_seed") or ()}
        affected = sorted({seed for seeds in places.values() for seed in seeds})
        some = affected and len(affected) < len(everyone)
        who = f" with {'seed' if len(affected) == 1 else 'seeds'} {listing(affected)}" if some else ""
        names = list(places)
        sentences.append(f"{metrics['run']} {words} of {_places(names, metrics)}{who}.")
    return sentences + _baseline_sentences(metrics)


def _baseline_sentences(metrics: Mapping[str, Any]) -> list[str]:
    places: dict[tuple[str, str], list[str]] = {}
    for sample in metrics["samples"]:
        for name, baseline in sample.get("baselines", {}).items():
            if baseline.get("fault") in (NAN, INFINITE):
                places.setdefault((name, baseline["fault"]), []).append(sample["sample"])
    return [
        f"The baseline {name.replace('_', ' ')} {FAULTS[fault]} of {_places(names, metrics)} and has no score there."
        for (name, fault), names in places.items()
    ]


def _places(names: Sequence[str], metrics: Mapping[str, Any]) -> str:
    return listing(names) if len(names) <= FEW else f"{len(names)} {metrics['words']['samples']}"


def listing(names: Sequence[Any]) -> str:
    """Join names as a sentence does: `a`, `a and b`, `a, b and c`."""
    words = [str(name) for name in names]
    return "".join(words) if len(words) < 2 else f"{', '.join(words[:-1])} and {words[-1]}"
