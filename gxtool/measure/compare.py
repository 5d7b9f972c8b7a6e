"""`compare`: pool evaluations and test runs against each other and against their baselines.

Two runs are compared on the same test rows, by seed-averaged predictions; runs that were judged by different metrics
or on different rows (other splits) are not. With six samples or more the test is over samples (Wilcoxon's signed ranks
of the metric per sample); with fewer it is over the groups of each sample (paired bootstrap). P-values of all runs
judged by one metric are adjusted together by Holm's method.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from gxtool.data.splits import SCHEMES
from gxtool.errors import InputError
from gxtool.io.artifact import Artifact, ArtifactWriter, find_artifacts
from gxtool.io.runtime import Stopwatch
from gxtool.measure.faults import fault_sentences
from gxtool.measure.metrics import find_metric
from gxtool.measure.statistics import (
    FEWEST_PAIRS,
    PairedResult,
    Resampling,
    compared_rows,
    compared_samples,
    holm,
)

MODEL = "model"


@dataclass(frozen=True)
class Evaluation:
    """One run's scores and its predictions on test rows."""

    artifact: Artifact
    metrics: Mapping[str, Any]
    predictions: pl.DataFrame

    @classmethod
    def open(cls, artifact: Artifact) -> Evaluation:
        """Read what `compare` needs of an evaluation artifact."""
        return cls(artifact, artifact.json("metrics.json"), artifact.table("predictions.parquet"))

    @property
    def run(self) -> str:
        """Return the run's name."""
        return self.metrics["run"]

    def has_many_samples(self, names: Collection[str]) -> bool:
        """Say whether a test may be over samples; several targets of the same rows are no independent ones."""
        return len(names) >= FEWEST_PAIRS and len(self.metrics.get("targets", ())) < 2

    def averaged(self, sample: str) -> pl.DataFrame:
        """Return group, label and the mean prediction over seeds and folds of one sample, sorted by group."""
        return (
            self.predictions.filter((pl.col("predictor") == MODEL) & (pl.col("sample") == sample))
            .group_by("group")
            .agg(pl.col("label").first(), pl.col("prediction").mean())
            .sort("group")
        )

    def estimates(self, predictor: str, metric: str) -> dict[str, float | None]:
        """Return sample -> score of the model or of a baseline; None where it is undefined."""
        return {
            entry["sample"]: (entry["model"] if predictor == MODEL else entry["baselines"][predictor]["metrics"])[
                metric
            ]["estimate"]
            for entry in self.metrics["samples"]
        }


def compare(sources: Sequence[Path], output: Path, overwrite: bool = False) -> Path:
    """Compare every evaluation found at or below the sources.

    Raises:
        InputError: no evaluation, a run twice, or runs with intervals of different levels.
    """
    found = [Evaluation.open(artifact) for artifact in find_artifacts(sources, "evaluation")]
    names = [evaluation.run for evaluation in found]
    for name in names:
        if names.count(name) > 1:
            raise InputError(
                f"run {name}: evaluated twice below {', '.join(map(str, sources))}, expected it once, or two names "
                "(gxtool train --name)"
            )
    alike: dict[tuple[str, str], list[Evaluation]] = {}
    for evaluation in found:
        alike.setdefault((evaluation.metrics["family"], evaluation.metrics["primary"]), []).append(evaluation)
    watch = Stopwatch()
    with ArtifactWriter(output, "comparison", overwrite=overwrite) as writer:
        for evaluation in found:
            writer.add_parent(evaluation.artifact)
        content = [_compare_alike(members) for members in alike.values()]
        writer.write_json("comparison.json", _joined(content))
        watch.write(writer.folder)
    return Path(output)


def _compare_alike(members: Sequence[Evaluation]) -> dict[str, Any]:
    """Compare the runs of one family that are judged by one metric."""
    metric = members[0].metrics["primary"]
    level = members[0].metrics["level"]
    for member in members:
        if member.metrics["level"] != level:
            raise InputError(
                f"run {member.run}: has intervals of level {member.metrics['level']:g}, "
                f"expected {level:g} as the others"
            )
    pairs = [pair for member in members for pair in _against_baselines(member, metric)]
    pairs += [pair for a, b in combinations(members, 2) for pair in _against_run(a, b, metric)]
    for pair, adjusted in zip(pairs, holm([pair["p_value"] for pair in pairs]), strict=True):
        pair["p_holm"] = adjusted
        pair["verdict"] = _verdict(pair, find_metric(metric).higher_is_better, 1 - level)
    return {
        "metric": metric,
        "level": level,
        "runs": [_run_entry(member, metric) for member in members],
        "pairs": pairs,
        "verdict": _verdict_of(members, metric, pairs),
    }


def _joined(content: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Put families and metrics into one comparison: their scores are never compared with each other."""
    return {
        "metric": content[0]["metric"],
        "level": content[0]["level"],
        "runs": [run for part in content for run in part["runs"]],
        "pairs": [pair for part in content for pair in part["pairs"]],
        "verdict": " ".join(part["verdict"] for part in content),
    }


def _run_entry(member: Evaluation, metric: str) -> dict[str, Any]:
    overall = member.metrics["overall"]["model"][metric]
    seeds = {entry["seed"] for sample in member.metrics["samples"] for entry in sample["per_seed"]}
    return {
        **{key: member.metrics[key] for key in ("run", "family", "preset", "dataset_id")},
        "metric": metric,
        "mean": overall["mean"],
        "median": overall["median"],
        "n_samples": len(member.metrics["samples"]),
        "n_seeds": len(seeds),
    }


def _against_baselines(member: Evaluation, metric: str) -> list[dict[str, Any]]:
    """Compare a run with each of its baselines, reusing the tests that `evaluate` made for single samples."""
    pairs = []
    own = member.estimates(MODEL, metric)
    for name in member.metrics["samples"][0]["baselines"]:
        if member.has_many_samples(own):
            theirs = member.estimates(name, metric)
            result = compared_samples(own, theirs, level=member.metrics["level"])
            pairs.append(_pair(member.run, name, "baseline", None, metric, result))
            continue
        for sample in member.metrics["samples"]:
            test = next(t for t in sample["tests"] if t["baseline"] == name and t["metric"] == metric)
            kept = {key: test[key] for key in ("difference", "low", "high", "p_value", "n_units", "method")}
            pairs.append(_entry(member.run, name, "baseline", sample["sample"], metric) | kept | {"unit": "group"})
    return pairs


def _against_run(a: Evaluation, b: Evaluation, metric: str) -> list[dict[str, Any]]:
    """Compare two runs on the samples and test rows they share; nothing when they share none or claim other things."""
    if SCHEMES[a.metrics["scheme"]].new != SCHEMES[b.metrics["scheme"]].new:
        return []
    own, theirs = a.estimates(MODEL, metric), b.estimates(MODEL, metric)
    rows = {sample: (a.averaged(sample), b.averaged(sample)) for sample in own if sample in theirs}
    shared = [sample for sample, (first, second) in rows.items() if first["group"].equals(second["group"])]
    if a.has_many_samples(shared):
        chosen = {sample: own[sample] for sample in shared}
        result = compared_samples(chosen, theirs, level=a.metrics["level"])
        return [_pair(a.run, b.run, "runs", None, metric, result)]
    pairs = []
    for sample in shared:
        first, second = rows[sample]
        result = compared_rows(
            find_metric(metric).function,
            first["label"].to_numpy(),
            first["prediction"].to_numpy(),
            second["prediction"].to_numpy(),
            resampling=Resampling(level=a.metrics["level"]),
        )
        pairs.append(_pair(a.run, b.run, "runs", sample, metric, result))
    return pairs


def _entry(a: str, b: str, kind: str, sample: str | None, metric: str) -> dict[str, Any]:
    return {"a": a, "b": b, "kind": kind, "sample": sample, "metric": metric}


def _pair(a: str, b: str, kind: str, sample: str | None, metric: str, result: PairedResult) -> dict[str, Any]:
    return _entry(a, b, kind, sample, metric) | {
        "difference": result.difference,
        "low": result.low,
        "high": result.high,
        "p_value": result.p_value,
        "n_units": result.n_units,
        "unit": "sample" if sample is None else "group",
        "method": result.method,
    }


def _verdict(pair: Mapping[str, Any], higher_is_better: bool, alpha: float) -> str:
    if pair["difference"] is None or np.isnan(pair["difference"]):
        return "undefined"
    if pair["p_holm"] is None:
        return "too few"
    if pair["p_holm"] >= alpha:
        return "not distinguishable"
    return "better" if (pair["difference"] > 0) == higher_is_better else "worse"


def _verdict_of(members: Sequence[Evaluation], metric: str, pairs: Sequence[Mapping[str, Any]]) -> str:
    """Return one sentence for each way of splitting: a best run of several would be the one with the easiest test."""
    schemes: dict[str, list[Evaluation]] = {}
    for member in members:
        schemes.setdefault(member.metrics["scheme"], []).append(member)
    sentences = {scheme: _sentence(chosen, metric, pairs) for scheme, chosen in schemes.items()}
    if len(sentences) == 1:
        return next(iter(sentences.values()))
    words = members[0].metrics["words"]
    titles = {scheme: SCHEMES[scheme].title.format(**words) for scheme in sentences}
    return " ".join(f"Judged on {titles[scheme]}: {sentence}" for scheme, sentence in sentences.items())


def _sentence(members: Sequence[Evaluation], metric: str, pairs: Sequence[Mapping[str, Any]]) -> str:
    """Name runs whose predictions say nothing, then say how the best run stands to its strongest baseline."""
    faults = [sentence for member in members for sentence in fault_sentences(member.metrics)]
    return " ".join([*faults, _best_of(members, metric, pairs)])


def _best_of(members: Sequence[Evaluation], metric: str, pairs: Sequence[Mapping[str, Any]]) -> str:
    chosen = find_metric(metric)
    sign = 1 if chosen.higher_is_better else -1
    means = {member.run: member.metrics["overall"]["model"][metric]["mean"] for member in members}
    best = max(members, key=lambda member: _worth(means[member.run], sign))
    if means[best.run] is None:
        return f"{chosen.label} of {'every run' if len(members) > 1 else best.run} is undefined."
    overall = best.metrics["overall"]
    count = len(best.metrics["samples"])
    over = f"on average over {count} {best.metrics['words']['samples']}"
    over = f"on {best.metrics['samples'][0]['sample']}" if count == 1 else over
    start = f"{best.run} reaches {chosen.label} {overall['model'][metric]['mean']:.3f} {over}"
    intervals = [sample["model"][metric] for sample in best.metrics["samples"]]
    if all(chosen.shows_skill(interval["low"], interval["high"]) is False for interval in intervals):
        start += f" and shows no skill (guessing reaches {chosen.chance:g})"
    if not overall["baselines"]:
        return f"{start}; no baseline was fitted."
    # A baseline that predicts one value for all rows has no correlation.
    bars = {name: scores[metric]["mean"] for name, scores in overall["baselines"].items()}
    strongest = max(bars, key=lambda name: _worth(bars[name], sign))
    if bars[strongest] is None:
        return f"{start}; {chosen.label} of its baselines is undefined."
    theirs = f"{strongest.replace('_', ' ')} ({bars[strongest]:.3f})"
    verdicts = {pair["verdict"] for pair in pairs if pair["a"] == best.run and pair["b"] == strongest}
    if len(verdicts) > 1:
        return f"{start}; against its strongest baseline, {theirs}, samples differ: {', '.join(sorted(verdicts))}."
    said = {"better": "better than", "worse": "worse than", "not distinguishable": "not distinguishable from"}
    said["undefined"] = "with a difference that is undefined from"
    stands = said.get(next(iter(verdicts)), "with too few samples to be told apart from")
    return f"{start}: {stands} its strongest baseline, {theirs}."


def _worth(score: float | None, sign: int) -> float:
    """Return a score as a number of which more is better; an undefined one is worse than any other."""
    return -np.inf if score is None else sign * score
