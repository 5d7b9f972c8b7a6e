"""Who predicts: the models of each run and the baselines beside them, with one name and one colour each."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from gxtool.report import blocks, formats
from gxtool.report.gather import FamilyMaterial, Scored
from gxtool.report.schemes import scheme_title


class Middle(NamedTuple):
    """A score, or the mean of several, and its interval; ends are None where there is none."""

    mean: float
    low: float | None
    high: float | None

    @property
    def text(self) -> str:
        """Write `0.951 (0.946 to 0.956)`."""
        between = formats.interval(self.low, self.high)
        return formats.number(self.mean) + (f" ({between})" if between else "")


@dataclass(frozen=True)
class Predictor:
    """A run's model (`baseline` empty) or a baseline, read from one evaluation; `slot` is its colour on its split."""

    label: str
    scored: Scored
    baseline: str
    slot: int

    @property
    def run_name(self) -> str:
        """Return the run's name as comparisons know it."""
        return str(self.scored.metrics.get("run"))

    @property
    def scheme(self) -> str:
        """Return the name of the split that it was scored on."""
        return str(self.scored.metrics.get("scheme"))

    @property
    def role(self) -> str:
        """Return how heavily the predictor is drawn."""
        return "baseline" if self.baseline else "model"

    def score(self, sample: Mapping[str, Any], metric: str) -> dict[str, Any] | None:
        """Return estimate, low and high of one sample's entry in metrics.json."""
        if self.baseline:
            return formats.nested(sample, "baselines", self.baseline, "metrics", metric)
        return formats.nested(sample, "model", metric)

    def middle(self, metric: str) -> Middle | None:
        """Return the score of a single sample, or the mean over several, with its interval; None where there is none.

        Every place of the page that sums a predictor up in one number shows this one.
        """
        overall = self.overall(metric)
        return Middle(*map(overall.get, Middle._fields)) if overall.get("mean") is not None else None

    def overall(self, metric: str) -> Mapping[str, Any]:
        """Return mean over samples with its interval (low, high), min and max."""
        overall = self.scored.metrics.get("overall") or {}
        found = (
            formats.nested(overall, "baselines", self.baseline, metric)
            if self.baseline
            else formats.nested(overall, "model", metric)
        )
        return found or {}

    def scores(self, metric: str) -> dict[str, Mapping[str, Any]]:
        """Return sample -> estimate, low and high, for the samples that have an estimate."""
        found = {str(sample["sample"]): self.score(sample, metric) for sample in self.scored.samples}
        return {name: score for name, score in found.items() if score and score.get("estimate") is not None}


def predictors(family: FamilyMaterial) -> list[Predictor]:
    """List the models in the order of their runs, then the baselines.

    A baseline that several runs share (same scores on every sample) is listed once; one that differs between runs
    says on which split it stood, or beside which run where splits do not tell them apart. Colours are counted anew on
    every split, since figures show one split at a time.
    """
    counts: dict[str, int] = {}
    models = []
    for one in family.scored:
        scheme = str(one.metrics.get("scheme"))
        counts[scheme] = counts.get(scheme, 0) + 1
        models.append(Predictor(one.run, one, "", counts[scheme] - 1))
    first = max(counts.values(), default=0)
    variants: dict[str, dict[str, Scored]] = {}
    for one in family.scored:
        names = dict.fromkeys(name for sample in one.samples for name in sample.get("baselines", {}))
        for name in names:
            content = {str(s["sample"]): formats.nested(s, "baselines", name, "metrics") for s in one.samples}
            variants.setdefault(name, {}).setdefault(json.dumps(content, sort_keys=True), one)
    baselines = []
    for place, (name, found) in enumerate(variants.items()):
        seen: dict[str, int] = {}
        labels = _told_apart(family, formats.predictor_label(name), list(found.values()))
        for label, one in zip(labels, found.values(), strict=True):
            scheme = str(one.metrics.get("scheme"))
            turn = seen[scheme] = seen.get(scheme, -1) + 1
            baselines.append(Predictor(label, one, name, first + place + turn * len(variants)))
    return models + baselines


def by_scheme(everyone: Sequence[Predictor]) -> dict[str, list[Predictor]]:
    """Group predictors by split, so that a figure shows those that were scored on the same test rows."""
    found: dict[str, list[Predictor]] = {}
    for one in everyone:
        found.setdefault(one.scheme, []).append(one)
    return found


def _told_apart(family: FamilyMaterial, label: str, found: list[Scored]) -> list[str]:
    """Label the variants of one baseline."""
    if len(found) == 1:
        return [label]
    titles = [scheme_title(family, str(one.metrics.get("scheme"))) for one in found]
    if len(set(titles)) == len(found):
        return [f"{label} ({title})" for title in titles]
    return [f"{label} (beside {one.run})" for one in found]


def sample_names(family: FamilyMaterial) -> list[str]:
    """Return every sample that was scored, in order of appearance."""
    return list(dict.fromkeys(str(sample["sample"]) for one in family.scored for sample in one.samples))


def metric_names(family: FamilyMaterial) -> list[str]:
    """Return every metric that was scored, the one that carries the verdict first."""
    return list(dict.fromkeys([family.metric, *(name for one in family.scored for name in one.metrics["metrics"])]))


def middle_cell(one: Predictor, metric: str) -> blocks.Cell:
    """Return the cell of a table that shows `Predictor.middle`."""
    middle = one.middle(metric)
    if middle is None:
        return blocks.num(None)
    return blocks.num(middle.mean, remark=formats.interval(middle.low, middle.high))


def middle_label(family: FamilyMaterial, metric: str) -> str:
    """Return what `Predictor.middle` is called: the metric, or its mean over samples."""
    label = formats.metric_label(metric)
    return label if len(sample_names(family)) == 1 else f"mean {label}"


def references(family: FamilyMaterial, metric: str) -> list[Mapping[str, Any]]:
    """Return the published scores of one metric in ascending order: those that belong beside every run's scores."""
    by_run = [
        {
            (ref["name"], ref["value"]): ref
            for ref in one.metrics.get("references") or []
            if ref.get("metric") == metric and ref.get("value") is not None
        }
        for one in family.scored
    ]
    shared = [ref for key, ref in by_run[0].items() if all(key in run for run in by_run)] if by_run else []
    return sorted(shared, key=lambda ref: ref["value"])
