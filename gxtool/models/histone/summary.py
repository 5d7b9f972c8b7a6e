"""What the report shows of the data: class sizes, each mark's mean profile around the TSS, and what looks wrong."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import polars as pl

from gxtool.models.histone.config import DataConfig

# Two-sided 95 % point of the normal distribution.
Z_95 = 1.959963984540054
CLASSES = ("off", "on")
ROLES = ("train", "val", "test")
# Genes added up at a time: small enough to stay in the processor's cache as float64.
BLOCK = 1024
# Marks of active (+1) and of silent (-1) genes: the sign of their correlation with expression.
EXPECTED = {"H3K4me3": 1, "H3K36me3": 1, "H3K27ac": 1, "H3K9ac": 1, "H3K27me3": -1}
# H3K4me3 stands within this distance of the TSS (bp), H3K36me3 along the gene behind it.
PROMOTER = 1_000
NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass
class ClassSums:
    """Sums over the genes of one class: of signal and of squared signal, each (N, C), and genes per mark (C,)."""

    signal: np.ndarray
    squares: np.ndarray
    n_genes: np.ndarray

    @classmethod
    def zeros(cls, n_bins: int, n_marks: int) -> ClassSums:
        """Return sums over no genes."""
        return cls(np.zeros((n_bins, n_marks)), np.zeros((n_bins, n_marks)), np.zeros(n_marks))

    def add(self, signal: np.ndarray, measured: np.ndarray) -> None:
        """Add genes (n, N, C); marks that were not `measured` (C,) do not count."""
        for start in range(0, len(signal), BLOCK):
            values = signal[start : start + BLOCK].astype(np.float64)
            self.signal += values.sum(axis=0) * measured
            self.squares += np.square(values, out=values).sum(axis=0) * measured
        self.n_genes += len(signal) * measured

    def profile(self, is_ratio: bool) -> dict[str, list]:
        """Return mean signal and the ends of its 95 % interval, each (C, N), rounded to 4 decimals."""
        n_genes = np.maximum(1, self.n_genes)
        mean = self.signal / n_genes
        error = Z_95 * np.sqrt(np.maximum(self.squares / n_genes - mean**2, 0) / n_genes)
        low = mean - error if is_ratio else np.maximum(mean - error, 0)
        ends = {"mean": mean, "low": low, "high": mean + error}
        return {name: np.round(values.T, 4).tolist() for name, values in ends.items()}


def mark_totals(signal: np.ndarray) -> np.ndarray:
    """Return signal per gene and mark over the window, (n, N, C) -> (n, C) float64."""
    if not len(signal):
        return np.zeros((0, signal.shape[2]))
    blocks = [signal[start : start + BLOCK] for start in range(0, len(signal), BLOCK)]
    return np.concatenate([block.astype(np.float64).sum(axis=1) for block in blocks])


def mark_correlations(totals: np.ndarray, labels: np.ndarray, is_ratio: bool = False) -> list[float | None]:
    """Return, per mark, Pearson's correlation of log(1 + signal in the window) with the label; None when undefined.

    `totals` are sums per gene and mark (n, C); those of log ratios are taken as they are.
    """
    heights = totals if is_ratio else np.sign(totals) * np.log1p(np.abs(totals))
    found: list[float | None] = []
    for mark in range(heights.shape[1]):
        varies = len(heights) > 1 and np.ptp(heights[:, mark]) > 0 and np.ptp(labels) > 0
        found.append(float(np.corrcoef(heights[:, mark], labels)[0, 1]) if varies else None)
    return found


def promoter_shares(signal: np.ndarray, bin_size: int) -> np.ndarray:
    """Return each mark's mean signal within 1,000 bp of the TSS over that of the whole window (C,); NaN without any."""
    n_bins = signal.shape[1]
    profile = np.zeros(signal.shape[1:])
    for start in range(0, len(signal), BLOCK):
        profile += signal[start : start + BLOCK].sum(axis=0, dtype=np.float64)
    distance = np.abs((np.arange(n_bins) + 0.5 - n_bins / 2) * bin_size)
    whole = profile.mean(axis=0)
    near = profile[distance < PROMOTER].mean(axis=0) if (distance < PROMOTER).any() else whole
    return np.divide(near, whole, out=np.full(len(whole), np.nan), where=whole > 0)


def mark_warnings(
    marks: Sequence[str], correlations: Sequence[float | None], shares: np.ndarray, n_genes: int
) -> list[str]:
    """Say which marks go with expression the wrong way, and which two look swapped, a sentence each.

    A mark of active genes must rise; one of silent genes must not rise by more than noise does (two standard errors
    of a correlation of `n_genes`). `shares` are those of `promoter_shares`.
    """
    known = {mark: r for mark, r in zip(marks, correlations, strict=False) if r is not None}
    falls = {mark: r for mark, r in known.items() if EXPECTED.get(mark) == 1 and r <= 0}
    rises = {mark: r for mark, r in known.items() if EXPECTED.get(mark) == -1 and r > 2 / np.sqrt(max(1, n_genes))}
    found = []
    if falls and rises:
        one, other = min(falls, key=falls.__getitem__), max(rises, key=rises.__getitem__)
        found.append(
            f"{one} falls and {other} rises with expression (correlations {falls.pop(one):+.2f} and "
            f"{rises.pop(other):+.2f}): these two look swapped"
        )
    found += [
        f"{mark} falls with expression (correlation {r:+.2f}, expected above 0): is it another mark's?"
        for mark, r in falls.items()
    ]
    found += [
        f"{mark} rises with expression (correlation {r:+.2f}, expected 0 or below): is it another mark's?"
        for mark, r in rises.items()
    ]
    peaked = dict(zip(marks, shares.tolist(), strict=True))
    start, body = peaked.get("H3K4me3", np.nan), peaked.get("H3K36me3", np.nan)
    if body > 1.5 * start:
        found.append(
            f"H3K36me3 is {body:.1f} times as high at the TSS as around it and H3K4me3 {start:.1f} times, expected the "
            "other way round: these two look swapped"
        )
    return found


def summarise(
    parts: Iterable[tuple[pl.DataFrame, np.ndarray]],
    splits: pl.DataFrame,
    data: DataConfig,
    facts: Mapping[str, Any] = NOTHING,
) -> dict[str, Any]:
    """Describe all rows of a dataset, given as parts of (rows, signal); one sample is in memory at a time.

    The label of a row is 0 or 1, or log2(expression + 1): then a gene is on when it is above its sample's median.
    `facts` may hold signal_kind, orientation, target and assembly, and by sample: matched (genes, expression, both),
    outside (genes whose window leaves the chromosome), blacklisted (bins) and missing_marks. With several folds,
    roles are those of the first.
    """
    is_ratio = facts.get("signal_kind") == "log2_ratio"
    n_bins, n_marks = data.n_bins, len(data.marks)
    sums = {name: ClassSums.zeros(n_bins, n_marks) for name in (*CLASSES, "all")}
    first = splits.filter(pl.col("fold") == splits["fold"].min()).select("row", "role")
    samples: list[dict[str, Any]] = []
    offset = 0
    for rows, signal in parts:
        places = pl.DataFrame({"row": np.arange(offset, offset + len(rows), dtype=np.uint32)})
        roles = places.join(first, on="row", how="left", maintain_order="left")["role"].fill_null("").to_numpy()
        for (sample,), chosen in rows.with_columns(place=pl.row_index()).group_by("sample", maintain_order=True):
            indices = chosen["place"].to_numpy()
            own = _Sample(
                name=str(sample),
                signal=signal[indices],
                labels=chosen["label"].to_numpy() if "label" in rows.columns else None,
                roles=roles[indices],
                missing=tuple(facts.get("missing_marks", {}).get(sample, ())),
            )
            measured = np.array([mark not in own.missing for mark in data.marks], dtype=float)
            for name, genes in own.classes().items():
                sums[name].add(own.signal[genes], measured)
            samples.append(_describe(own, data, is_ratio) | _of_sample(facts, sample))
        offset += len(rows)
    shown = CLASSES if samples and samples[0]["correlations"] is not None else ("all",)
    return {
        "marks": list(data.marks),
        "n_bins": n_bins,
        "bin_size": data.bin_size,
        **{key: facts[key] for key in ("signal_kind", "orientation", "target", "assembly") if facts.get(key)},
        "profiles": {name: sums[name].profile(is_ratio) for name in shown},
        "scheme": splits["scheme"][0],
        "n_folds": splits["fold"].n_unique(),
        "samples": samples,
    }


@dataclass(frozen=True)
class _Sample:
    """The rows of one sample: signal (n, N, C), labels (n,) or None, roles (n,), and marks it does not have."""

    name: str
    signal: np.ndarray
    labels: np.ndarray | None
    roles: np.ndarray
    missing: tuple[str, ...]

    def on(self) -> np.ndarray | None:
        """Return which genes are on (n,)."""
        if self.labels is None:
            return None
        if np.issubdtype(self.labels.dtype, np.floating):
            return self.labels > np.median(self.labels)
        return self.labels == 1

    def classes(self) -> dict[str, np.ndarray]:
        """Return which genes each class holds."""
        on = self.on()
        return {"all": np.ones(len(self.signal), dtype=bool)} if on is None else {"off": ~on, "on": on}


def _of_sample(facts: Mapping[str, Any], sample: Any) -> dict[str, Any]:
    named = ("matched", "outside", "blacklisted", "missing_marks", "renamed_chromosomes", "other_expression")
    return {key: facts[key][sample] for key in named if sample in facts.get(key, {})}


def _describe(own: _Sample, data: DataConfig, is_ratio: bool) -> dict[str, Any]:
    on, marks = own.on(), data.marks
    sizes = {}
    for role in ROLES:
        chosen = own.roles == role
        sizes[role] = {"genes": int(chosen.sum()), "on": None if on is None else int(on[chosen].sum())}
    totals = mark_totals(own.signal)
    n_genes = len(totals)
    zero_bins = np.count_nonzero(own.signal == 0, axis=(0, 1)) / max(1, n_genes * data.n_bins)
    silent = np.mean(~own.signal.any(axis=1), axis=0) if n_genes else np.zeros(len(marks))
    correlations = None if own.labels is None else mark_correlations(totals, own.labels, is_ratio)
    shares = np.full(len(marks), np.nan) if is_ratio else promoter_shares(own.signal, data.bin_size)

    def where_measured(values: np.ndarray, digits: int) -> list[float | None]:
        rounded = np.round(values, digits).tolist()
        return [None if mark in own.missing else value for mark, value in zip(marks, rounded, strict=True)]

    empty = [mark for mark, share in zip(marks, silent, strict=True) if share == 1 and mark not in own.missing]
    return {
        "sample": own.name,
        "sizes": sizes,
        "genes": n_genes,
        "on": None if on is None else int(on.sum()),
        "mean_reads": where_measured(totals.mean(axis=0) if n_genes else np.zeros(len(marks)), 2),
        "zero_bins": where_measured(zero_bins, 4),
        "silent_genes": where_measured(silent, 4),
        "correlations": correlations,
        "warnings": [
            *(f"{mark} was not measured: it is 0 everywhere, and a channel says so" for mark in own.missing),
            *(f"{mark} has no signal in any gene" for mark in empty),
            *mark_warnings(marks, correlations or (), shares, n_genes),
        ],
    }
