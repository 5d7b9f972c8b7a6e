"""What can be gained on a score without knowing more: attacks on the train mean, as a table of metric x attack.

A predictor that has seen every gene in other samples predicts its mean there (Schreiber et al. 2020, Genome Biology
21:282). Whoever only rescales, bends, swaps or repeats that mean knows nothing more, and must not score better by it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pytest
from family_workplace import Workplace

from gxtool.io.dataset import Dataset
from gxtool.measure.metrics import METRICS, find_metric, score
from gxtool.models.base import Family, Target

N_GROUPS, N_SAMPLES = 2_000, 6
MOST_GAINED = 0.01


class Table(NamedTuple):
    """Labels of one test sample (n,), and what is known of the same groups: their labels in other samples (k, n)."""

    labels: np.ndarray
    known: np.ndarray

    @property
    def train_mean(self) -> np.ndarray:
        """Return the mean of each group over the samples that are known."""
        return self.known.mean(axis=0)


class Attacked(NamedTuple):
    """Labels and predictions (n,) as an attack hands them to the metric."""

    labels: np.ndarray
    predictions: np.ndarray


def doubled_variance(table: Table) -> Attacked:
    mean = table.train_mean
    return Attacked(table.labels, mean.mean() + np.sqrt(2) * (mean - mean.mean()))


def under_log1p(table: Table) -> Attacked:
    return Attacked(table.labels, np.log1p(table.train_mean - min(0.0, table.known.min())))


ATTACKS: dict[str, Callable[[Table], Attacked]] = {
    "a constant": lambda table: Attacked(table.labels, np.full(len(table.labels), table.known.mean())),
    "the train mean": lambda table: Attacked(table.labels, table.train_mean),
    "doubled variance": doubled_variance,
    "under log1p": under_log1p,
    "samples swapped": lambda table: Attacked(table.labels, table.known[0]),
    "rows duplicated": lambda table: Attacked(np.tile(table.labels, 2), np.tile(table.train_mean, 2)),
}


def simulated(kind: str, seed: int = 0) -> Table:
    """Return values of genes that are alike in all samples by half, on a log2 scale, or whether they are on.

    Values are skewed as log2(TPM + 1) is: a third of the genes is silent.
    """
    rng = np.random.default_rng(seed)
    latent = rng.normal(size=N_GROUPS) + rng.normal(size=(N_SAMPLES, N_GROUPS))
    values = np.maximum(0, 3 * latent + 1.5)
    if kind == "binary":
        values = (values > np.median(values, axis=1, keepdims=True)).astype(float)
    return Table(values[0], values[1:])


def probabilities(attacked: Attacked) -> Attacked:
    """Return predictions that may be read as probabilities: attacks must stay within 0 and 1 to be scored at all."""
    return Attacked(attacked.labels, np.clip(attacked.predictions, 0, 1))


def gain(name: str, attacked: Attacked, honest: Attacked) -> float:
    """Return how much better an attack scores than the train mean; an undefined score is worth that of guessing."""
    metric = find_metric(name)
    values = []
    for labels, predictions in (attacked, honest):
        value = score([name], labels, predictions)[name]
        values.append((metric.chance or 0.0) if np.isnan(value) else value)
    return (values[0] - values[1]) * (1 if metric.higher_is_better else -1)


def gains(name: str, table: Table) -> dict[str, float]:
    """Return attack -> gain of one metric."""
    made = {attack: make(table) for attack, make in ATTACKS.items()}
    if find_metric(name).needs == "probability":
        made = {attack: probabilities(one) for attack, one in made.items()}
    return {attack: gain(name, one, made["the train mean"]) for attack, one in made.items()}


# Where an attack does pay: guessing one probability for all is calibrated, and never wrong and certain.
PAYING = {("ece", "a constant"), ("log_loss", "a constant"), ("log_loss", "under log1p")}


def test_table_of_metric_and_attack() -> None:
    table = {
        (name, attack): value
        for name, metric in METRICS.items()
        for attack, value in gains(name, simulated(metric.kind)).items()
    }
    assert len(table) == len(METRICS) * len(ATTACKS)
    assert {where for where, value in table.items() if value > MOST_GAINED} == PAYING
    assert table["mse", "doubled variance"] < -MOST_GAINED
    assert table["pearson", "samples swapped"] < -MOST_GAINED
    assert table["auroc", "a constant"] < -MOST_GAINED


def judged(family: Family) -> list[tuple[str, str]]:
    """Return (kind, metric that carries the verdict) of everything that a family can predict."""
    records: list[Family | Target] = [family, *family.targets.values()]
    return [(record.kind, record.metrics[0]) for record in records]


@pytest.mark.parametrize("seed", range(3))
def test_no_attack_pays_on_what_a_family_is_judged_by(work: Workplace, seed: int) -> None:
    for kind, metric in judged(work.family):
        assert find_metric(metric).kind == kind
        for attack, value in gains(metric, simulated(kind, seed)).items():
            assert value <= MOST_GAINED, f"{metric} rises by {value:.3f} with {attack}"


def test_no_attack_pays_on_the_labels_of_the_family_itself(work: Workplace) -> None:
    """Groups that several samples share have a mean; where none do, the train mean is one number for all rows."""
    dataset = Dataset.open(work.dataset, work.family.name)
    first, *others = dataset.samples
    labels = np.asarray(dataset.labels(), np.float64)
    rows = {name: (dataset.rows["sample"] == name).to_numpy() for name in dataset.samples}
    if others and all(
        dataset.rows["group"].filter(rows[first]).equals(dataset.rows["group"].filter(own)) for own in rows.values()
    ):
        table = Table(labels[rows[first]], np.stack([labels[rows[name]] for name in others]))
    else:
        train, test = dataset.indices("train"), dataset.indices("test")
        table = Table(labels[test], np.full((2, len(test)), labels[train].mean()))
    for attack, value in gains(work.family.primary_metric, table).items():
        assert value <= MOST_GAINED, f"{work.family.primary_metric} rises by {value:.3f} with {attack}"
