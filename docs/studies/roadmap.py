"""What the average of a gene says about 56 cell types of Roadmap: the numbers of roadmap.md.

    python docs/studies/roadmap.py FOLDER

FOLDER holds rpkm.parquet (gene, then one column of RPKM per cell type) and published_deepchrome_auroc.tsv (cell_type,
auroc). Axes: G genes, S cell types. Scores, intervals and comparisons are those of gxtool's verdict layer; a unit is a
gene, which leaves all cell types together.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from gxtool.measure.evidence import Predictions, Rows, Scored, scored
from gxtool.measure.verdict import Question, Score, differences, score_of

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

# The published files divide the genes in the order of their ids: 6,601 to train on, 6,601 to choose by, the rest test.
N_LEARNT = 2 * 6601
# The published scores are rounded to two decimals.
ROUNDING = 0.005
# Cell types that are left out as relatives of the one that is predicted, beside itself.
N_RELATIVES = 10
AVERAGE = "average of the gene"


@dataclass(frozen=True)
class Tables:
    """RPKM (G, S) of genes in the order of their ids, and the published AUROC (S,) of DeepChrome.

    Seven genes stand there twice, under two symbols with the same values: they leave together.
    """

    genes: tuple[str, ...]
    cell_types: tuple[str, ...]
    rpkm: Array
    published: Array

    @property
    def test(self) -> Mask:
        """Return which genes (G,) the published files test on."""
        return np.arange(len(self.genes)) >= N_LEARNT


def read_tables(folder: Path) -> Tables:
    """Read the expression and the published scores of the same cell types."""
    published = pl.read_csv(folder / "published_deepchrome_auroc.tsv", separator="\t")
    table = pl.read_parquet(folder / "rpkm.parquet").sort("gene")
    cell_types = tuple(published["cell_type"])
    rpkm = table.select(cell_types).to_numpy().astype(np.float64)
    return Tables(tuple(table["gene"]), cell_types, rpkm, published["auroc"].to_numpy())


def genes_on(rpkm: Array) -> Mask:
    """Return which genes are on (G, S): above the median of all genes in that cell type."""
    return rpkm > np.median(rpkm, axis=0)


def mean_of_others(values: Array) -> Array:
    """Return for every gene and cell type the mean over all other cell types (G, S)."""
    return (values.sum(axis=1, keepdims=True) - values) / (values.shape[1] - 1)


def mean_without_relatives(values: Array, correlation: Array, n_relatives: int) -> Array:
    """Return the mean (G, S) over the cell types that are neither this one nor among its nearest relatives."""
    means = np.empty_like(values)
    for place in range(values.shape[1]):
        kept = np.argsort(-correlation[place], kind="stable")
        kept = kept[kept != place][n_relatives:]
        means[:, place] = values[:, kept].mean(axis=1)
    return means


def nearest_cell_type(values: Array, correlation: Array) -> Array:
    """Return for every cell type the values of the other one that it correlates with most (G, S)."""
    others = correlation - 3 * np.eye(len(correlation))
    return values[:, others.argmax(axis=1)]


def switching(on: Mask) -> Mask:
    """Return which genes (G,) are on in some of the cell types and off in others."""
    return on.any(axis=1) & ~on.all(axis=1)


def undecided(on: Mask, least: float) -> Mask:
    """Return which genes are on in a share of the *other* cell types between `least` and 1 - `least` (G, S)."""
    share = mean_of_others(on.astype(np.float64))
    return (share >= least) & (share <= 1 - least)


def score(name: str, predictions: Array, chosen: Mask, tables: Tables) -> Scored:
    """Return the AUROC of predictions (G, S) over the chosen genes of each cell type."""
    on = genes_on(tables.rpkm)
    _, unit = np.unique(tables.genes, return_inverse=True)
    gene, place = np.nonzero(chosen)
    rows = Rows.of(on[chosen], unit[gene], np.asarray(tables.cell_types)[place])
    return scored(rows, Predictions(name, predictions[chosen][None]), "auroc")


def scores_by_cell_type(predictor: Scored) -> Array:
    """Return the AUROC of each cell type (S,), sorted by name as the layer has them."""
    return predictor.evidence.scores[0]


def predictors(tables: Tables) -> dict[str, Array]:
    """Return the predictions (G, S) that are compared; relatives are found on genes that are not tested."""
    log = np.log2(tables.rpkm + 1)
    correlation = np.corrcoef(log[~tables.test], rowvar=False)
    on = genes_on(tables.rpkm).astype(np.float64)
    return {
        AVERAGE: mean_of_others(log),
        "share of cell types in which it is on": mean_of_others(on),
        f"average without the {N_RELATIVES} nearest": mean_without_relatives(log, correlation, N_RELATIVES),
        "nearest cell type": nearest_cell_type(log, correlation),
    }


def gene_sets(tables: Tables) -> dict[str, Mask]:
    """Return the genes (G, S) that are scored apart, by the page's words for them."""
    on = genes_on(tables.rpkm)
    switches, test = switching(on)[:, None], tables.test[:, None]
    everywhere = np.ones_like(on)
    return {
        "all genes": everywhere,
        "published test third": everywhere & test,
        "switching genes": everywhere & switches,
        "switching genes, test third": everywhere & switches & test,
        "on in 20 to 80 % of the others": undecided(on, 0.2),
        "on in 20 to 80 % of the others, test third": undecided(on, 0.2) & test,
    }


def against_published(tables: Tables, average: Scored) -> tuple[Array, list[str]]:
    """Return how far the average is above DeepChrome (S,), and the cell types in which its interval reaches it.

    Intervals are adjusted for the number of cell types, and the published scores stand at the upper end of their
    rounding.
    """
    level = Question(1 - 0.05 / len(tables.cell_types))
    own = [score_of(average, level, cell_type) for cell_type in tables.cell_types]
    ahead = np.array([one.estimate for one in own]) - tables.published
    reached = np.array([one.low for one in own]) <= tables.published + ROUNDING
    return ahead, [name for name, unclear in zip(tables.cell_types, reached, strict=True) if unclear]


def within_gene(on: Mask, predictions: Array) -> float:
    """Return the mean over switching genes of the AUROC over cell types: does it know *where* a gene is on?"""
    scores = []
    for label, predicted in zip(on[switching(on)], predictions[switching(on)], strict=True):
        above = predicted[label][:, None] - predicted[~label][None]
        scores.append(np.mean((above > 0) + 0.5 * (above == 0)))
    return float(np.mean(scores))


def with_interval(score: Score) -> str:
    """Return `0.945 (0.944 to 0.947)`."""
    return f"{score.estimate:.3f} ({score.low:.3f} to {score.high:.3f})"


def table_of_sets(tables: Tables) -> list[str]:
    """Return the table of predictors and sets of genes, with intervals over genes."""
    names = predictors(tables)
    lines = [f"| genes | rows | {' | '.join(names)} |", f"| --- | --- |{' --- |' * len(names)}"]
    for words, chosen in gene_sets(tables).items():
        own = [score(name, values, chosen, tables) for name, values in names.items()]
        cells = " | ".join(with_interval(score_of(one)) for one in own)
        lines.append(f"| {words} | {int(chosen.sum()):,} | {cells} |")
    return lines


def table_of_facts(tables: Tables) -> list[str]:
    """Return what the page says beside the scores."""
    on, values = genes_on(tables.rpkm), predictors(tables)
    tested = gene_sets(tables)["published test third"]
    results = {name: score(name, own, tested, tables) for name, own in values.items()}
    average = results.pop(AVERAGE)
    ahead, unclear = against_published(tables, average)
    each = scores_by_cell_type(average)
    new = score_of(average, Question(new_samples=True))
    correlation = np.corrcoef(np.log2(tables.rpkm + 1), rowvar=False) - 2 * np.eye(len(tables.cell_types))
    n = len(tables.cell_types)
    facts: Mapping[str, str] = {
        "genes that switch": f"{100 * switching(on).mean():.1f} %",
        "DeepChrome, published mean": f"{tables.published.mean():.3f}",
        "average above DeepChrome": f"in {(ahead > 0).sum()} of {n} cell types",
        "its adjusted interval above DeepChrome": f"in {n - len(unclear)} of {n}, not in {' and '.join(unclear)}",
        "smallest difference": f"{ahead.min():.3f} ({tables.cell_types[ahead.argmin()]})",
        "average, lowest and highest cell type": f"{each.min():.3f} and {each.max():.3f}",
        "average, for other cell types too": with_interval(new),
        "correlation with the nearest cell type": f"{correlation.max(1).min():.3f} to {correlation.max():.3f}",
        "within genes that switch": f"{within_gene(on, values[AVERAGE]):.3f}",
    }
    for one in differences(average, list(results.values())):
        facts |= {f"average less {one.b}": f"{one.difference:+.3f} ({one.low:+.3f} to {one.high:+.3f}), {one.verdict}"}
    return ["| fact | value |", "| --- | --- |", *(f"| {name} | {value} |" for name, value in facts.items())]


def main() -> None:
    """Print both tables of the page."""
    if len(sys.argv) != 2:
        raise SystemExit("expected the folder of rpkm.parquet and published_deepchrome_auroc.tsv")
    tables = read_tables(Path(sys.argv[1]))
    print("\n".join([*table_of_sets(tables), "", *table_of_facts(tables)]))


if __name__ == "__main__":
    main()
