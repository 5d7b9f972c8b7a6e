"""Equal models by design: simulated labels and predictions whose true scores are known.

label = t + 0.7 noise with t = √½ of a unit's value + √½ of its value in one sample; the prediction of seed k is
(1 + tau z_k) t + √½ e + √½ e_k. Every e has the share rho of its variance common to all samples of a unit. Both runs of
a pair are drawn alike, so that no difference between them is real. For AUROC the label is whether it exceeds 0.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from gxtool.measure.contributions import unit_effects
from gxtool.measure.evidence import Evidence, Part, gather
from gxtool.measure.jackknife import estimate_score

Array = NDArray[np.float64]
NOISE = 0.7
HALF = np.sqrt(0.5)
# Units x samples x simulations held at once.
BATCH = 2_000_000


@dataclass(frozen=True)
class Cell:
    """One setting: how many samples, units and seeds; `shared` error; sd of seeds and of samples in unit errors."""

    metric: str
    units: int
    samples: int
    seeds: int = 1
    shared: float = 0.0
    seed_sd: float = 0.0
    sample_sd: float = 0.0

    @property
    def name(self) -> str:
        """Return a key for the results."""
        parts = (f"{self.samples} samples", f"{self.units} units", f"{self.seeds} seeds", f"{self.shared:.0%} shared")
        return ", ".join((self.metric, *parts, f"seed sd {self.seed_sd:g}", f"sample sd {self.sample_sd:g}"))


def batches(cell: Cell, simulations: int) -> Iterator[int]:
    """Cut simulations into sizes that fit into memory."""
    size = max(1, BATCH // (cell.units * max(cell.samples, cell.seeds)))
    while simulations > 0:
        yield min(size, simulations)
        simulations -= size


def runs(cell: Cell, n: int, generator: np.random.Generator, n_runs: int = 2, strength: float = 1.0) -> list[Evidence]:
    """Simulate n tables at once and return the evidence of each run, with n as the leading axis."""
    fixed = replace(cell, seeds=1, seed_sd=0.0, sample_sd=0.0)
    seed_tau = _tau(cell.metric, cell.seed_sd * unit_error(fixed)) if cell.seed_sd else 0.0
    single = replace(fixed, samples=1)
    sample_tau = _tau(cell.metric, cell.sample_sd * unit_error(single)) if cell.sample_sd else 0.0
    common, apart = np.sqrt(cell.shared), np.sqrt(1 - cell.shared)
    draw = generator.standard_normal
    unit = draw((n, cell.units))
    shape = (n, cell.seeds, cell.units)
    shared = [(draw((n, 1, cell.units)), draw(shape), draw((n, cell.seeds, 1))) for _ in range(n_runs)]
    parts: list[list[Part]] = [[] for _ in range(n_runs)]
    for _ in range(cell.samples):
        true = (HALF * unit + HALF * draw(unit.shape))[:, None]
        label = true + NOISE * draw(true.shape)
        if cell.metric in ("auroc", "auprc", "accuracy"):
            label = (label > 0).astype(float)
        for own, (run, seeds, factor) in zip(parts, shared, strict=True):
            error = HALF * (common * run + apart * draw(run.shape)) + HALF * (common * seeds + apart * draw(shape))
            slope = strength * (1 + seed_tau * factor + sample_tau * draw((n, 1, 1)))
            without = unit_effects(cell.metric, label, _scale(cell.metric, slope * true + error))
            own.append(Part(without.score, without.effects, cell.units))
    return [gather(own, cell.units) for own in parts]


def _scale(metric: str, prediction: Array) -> Array:
    return norm.cdf(prediction) if metric == "accuracy" else prediction


@cache
def unit_error(cell: Cell) -> float:
    """Return the standard error of one fixed model's score that comes of drawing units (400 simulations)."""
    generator = np.random.default_rng(99)
    errors = [estimate_score(runs(cell, n, generator, n_runs=1)[0]).error for n in batches(cell, 400)]
    return float(np.concatenate(errors).mean())


@cache
def _tau(metric: str, sd: float) -> float:
    """Return tau at which the true score varies by `sd` between seeds; the largest of 30 where that is out of reach."""
    if sd == 0:
        return 0.0
    z = norm.ppf((np.arange(4000) + 0.5) / 4000)
    low, high = 0.0, 30.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if true_score(metric, 1 + middle * z).std() < sd else (low, middle)
    return (low + high) / 2


def true_score(metric: str, slope: Array) -> Array:
    """Return the population's Pearson or AUROC for predictions slope * t + e, e of variance 1."""
    r = slope / np.sqrt((slope**2 + 1) * (1 + NOISE**2))
    if metric == "pearson":
        return r
    if metric != "auroc":
        raise ValueError(f"the true {metric} is not known in closed form")
    return np.interp(r, *_auroc_table())


@cache
def _auroc_table() -> tuple[Array, Array]:
    """Correlations of a normal score with a normal value, and the AUROC of the score for the value's sign."""
    grid = np.linspace(-0.999, 0.999, 401)
    x = np.linspace(-8, 8, 2001)
    ratio = grid[:, None] / np.sqrt(1 - grid[:, None] ** 2)
    positive, negative = (2 * norm.pdf(x) * norm.cdf(sign * ratio * x) for sign in (1, -1))
    below = np.cumsum(negative, 1) - negative / 2
    return grid, (positive * below).sum(1) * (x[1] - x[0]) ** 2
