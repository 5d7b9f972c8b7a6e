"""What was found, as a table with one row per sequence, and in a few numbers. Nothing here searches."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from gxtool.config import DesignConfig
from gxtool.data.sequence import sequence_of
from gxtool.measure.statistics import mean_interval
from gxtool.models.base import DesignSpace
from gxtool.perturb.novelty import Composition
from gxtool.perturb.panel import Panel
from gxtool.perturb.proof import Construct, broken, edits, gc_share
from gxtool.perturb.words import WordUse, occurrences

PROPOSAL, RANDOM = "proposal", "random"
FLAGS = ("beyond_labels", "overused", "unfamiliar", "disputed")
"""What makes a sequence out of distribution: a prediction beyond the ends of the training labels, a word more often
than training rows hold it, a composition further away than theirs, or a judge that disagrees."""
# Sequences that the summary lists, for the report.
BEST = 20
# Points of a distribution in the summary.
QUANTILES = 51


@dataclass(frozen=True)
class Bench:
    """What proposals of one sample are measured with: designer, judge, composition and words of training rows, the ends
    of their labels, and the largest disagreement (standard deviations) that 99 % of the test rows do not exceed."""

    designer: Panel
    judge: Panel
    composition: Composition
    words: WordUse
    labels: tuple[float, float]
    disagreement: float


def closeness(predictions: np.ndarray, config: DesignConfig) -> np.ndarray:
    """Return how near to the goal predictions are (n,), in the unit of the labels; higher is better."""
    if config.goal == "value":
        return -np.abs(predictions - config.value)
    return predictions if config.goal == "max" else -predictions


def construct(space: DesignSpace, row: int, tokens: np.ndarray) -> Construct:
    """Return tokens (L,) that came from start `row` as a sequence between its flanks."""
    first, last = space.bounds[row]
    return Construct(space.flanks[0], sequence_of(tokens[first:last]), space.flanks[1])


def faultless(
    space: DesignSpace, tokens: np.ndarray, rows: np.ndarray, config: DesignConfig
) -> tuple[np.ndarray, Counter[str]]:
    """Return which of some sequences (m, L) of the starts `rows` (m,) break nothing, and what the others break."""
    reasons: Counter[str] = Counter()
    fine = np.ones(len(rows), bool)
    for place, row in enumerate(rows):
        found = broken(construct(space, row, space.tokens[row]), construct(space, row, tokens[place]), config)
        reasons.update(found)
        fine[place] = not found
    return fine, reasons


def table(
    space: DesignSpace, found: tuple[np.ndarray, np.ndarray, str], bench: Bench, config: DesignConfig
) -> pl.DataFrame:
    """Return one row per sequence: where from, what was changed, what designer and judge say, and how usual it is.

    found: tokens (m, L), the starts they came from (m,), and their kind (`proposal` or `random`).
    """
    tokens, rows, kind = found
    made = [construct(space, row, one) for row, one in zip(rows, tokens, strict=True)]
    starts = [construct(space, row, space.tokens[row]) for row in rows]
    changes = [edits(start.insert, one.insert) for start, one in zip(starts, made, strict=True)]
    words = {
        "start": [space.units[row] for row in rows],
        "kind": [kind] * len(rows),
        "sequence": [one.whole for one in made],
        "insert": [one.insert for one in made],
        "start_insert": [start.insert for start in starts],
        "changes": [" ".join(change) for change in changes],
    }
    # Types are said, as there may be no row to tell them from.
    columns: dict[str, Any] = {name: pl.Series(values, dtype=pl.String) for name, values in words.items()}
    columns["edits"] = pl.Series([len(change) for change in changes], dtype=pl.UInt32)
    columns["gc"] = pl.Series([float(gc_share(one.insert)) for one in made], dtype=pl.Float64)
    scaled, nothing = {}, pl.Series([None] * len(rows), dtype=pl.Float64)
    for name, panel in (("predicted", bench.designer), ("judged", bench.judge)):
        before, each = panel.predict(space.tokens[rows]), panel.each(tokens)
        after = each.mean(axis=0)
        scaled[name] = panel.scaled(after)
        columns |= {
            f"start_{name}": before,
            name: after,
            f"{name}_sd": each.std(axis=0, ddof=1) if len(each) > 1 else nothing,
            f"{name}_z": scaled[name],
            f"{name}_gain": closeness(after, config) - closeness(before, config),
        }
    return pl.DataFrame(columns | _flags(tokens, columns["predicted"], scaled, bench))


def _flags(tokens: np.ndarray, predicted: np.ndarray, scaled: Mapping[str, np.ndarray], bench: Bench) -> dict[str, Any]:
    """Return the flags of sequences (m, L), each behind what it is read off, and whether any of them is set.

    scaled: what designer and judge predict (m,), in standard deviations.
    """
    extreme, (low, high) = bench.words.most_extreme(tokens), bench.labels
    columns = {
        "distance": bench.composition.distance(tokens),
        "word": pl.Series(extreme.word, dtype=pl.String),
        "word_count": extreme.count,
        "word_limit": extreme.limit,
        "disagreement": np.abs(scaled["predicted"] - scaled["judged"]),
        "beyond_labels": (predicted < low) | (predicted > high),
    }
    columns["unfamiliar"] = columns["distance"] > bench.composition.limit
    columns["overused"] = extreme.count > extreme.limit
    columns["disputed"] = columns["disagreement"] > bench.disagreement
    return columns | {"out_of_distribution": np.logical_or.reduce([columns[name] for name in FLAGS])}


def summarise(rows: pl.DataFrame, bench: Bench) -> dict[str, Any]:
    """Return what the report shows of one sample: gains beside those of random edits, flags, and the best proposals.

    The best are those with the largest gain according to the judge that are not out of distribution, then the others.
    """
    made, control = (rows.filter(pl.col("kind") == kind) for kind in (PROPOSAL, RANDOM))
    best = made.sort("out_of_distribution", "judged_gain", descending=[False, True], maintain_order=True).head(BEST)
    return {
        "n_proposals": len(made),
        "n_random": len(control),
        "flags": {
            kind: {name: int(part[name].sum()) for name in (*FLAGS, "out_of_distribution")}
            for kind, part in ((PROPOSAL, made), (RANDOM, control))
        },
        "limits": {
            "distance": bench.composition.limit,
            "disagreement": bench.disagreement,
            "labels": list(bench.labels),
        },
        "words": {"training_share": bench.words.share, **_overused(made)},
        "edits": {"mean": made["edits"].mean(), "max": made["edits"].max()},
        "gains": {name: _gains(made, control, f"{name}_gain") for name in ("predicted", "judged")},
        "best": best.drop("kind").to_dicts(),
    }


def _overused(made: pl.DataFrame) -> dict[str, Any]:
    """Return the word that is beyond its limit in most proposals, and how often starts and proposals hold it."""
    words = (
        made.filter(pl.col("overused"))["word"].value_counts(sort=True).sort("count", "word", descending=[True, False])
    )
    if words.is_empty():
        return {}
    word = words["word"][0]
    means = {
        f"per_{name}": float(np.mean([occurrences(text, word) for text in made[column]]))
        for name, column in (("start", "start_insert"), ("proposal", "insert"))
    }
    return {"word": word, "proposals": int(words["count"][0]), **means}


def _gains(made: pl.DataFrame, control: pl.DataFrame, column: str) -> dict[str, Any]:
    """Return the distribution of both kinds' gains, and the mean difference over starts with its interval (95 %)."""
    shares = np.linspace(0, 1, QUANTILES)
    both = {kind: part[column].to_numpy() for kind, part in ((PROPOSAL, made), (RANDOM, control))}
    found: dict[str, Any] = {
        kind: {"mean": float(values.mean()), "quantiles": np.quantile(values, shares).tolist()} if len(values) else None
        for kind, values in both.items()
    }
    pairs = made.join(control, on="start", how="inner", suffix="_random", maintain_order="left")
    if len(pairs) < 2:
        return found | {"difference": None}
    return found | {"difference": mean_interval(pairs[column] - pairs[f"{column}_random"])._asdict()}


def fasta(rows: pl.DataFrame) -> str:
    """Return the proposals in FASTA, flanks and all; behind each name what was predicted, judged and flagged.

    A name ends at the first blank, so those of samples are written as _.
    """
    lines = []
    for row in rows.iter_rows(named=True):
        name = f"{'_'.join(row['sample'].split())}|{row['start']}"
        flag = " out_of_distribution" if row["out_of_distribution"] else ""
        said = f"predicted={row['predicted']:.4g} judged={row['judged']:.4g} edits={row['edits']}{flag}"
        lines.append(f">{name} {said}\n{row['sequence']}\n")
    return "".join(lines)
