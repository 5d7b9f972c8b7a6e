"""Predicted against measured values, and what is left between them: one view for each run and sample."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from gxtool.models.base import Figure, Trace
from gxtool.report import formats
from gxtool.report.blocks import Chart, Gallery, Look, Part
from gxtool.report.gather import FamilyMaterial
from gxtool.report.predictors import Predictor, predictors, sample_names


class Cloud(NamedTuple):
    """One model's values of one sample: what was measured and predicted, of how many test rows in all."""

    one: Predictor
    sample: str
    measured: tuple[float, ...]
    predicted: tuple[float, ...]
    n_rows: int

    @property
    def other_scale(self) -> bool:
        """Say whether the sample is measured on another scale than the model was trained on."""
        return self.sample in (formats.nested(self.one.scored.metrics, "other_scale", "samples") or ())


def scatter_part(family: FamilyMaterial) -> Part | None:
    """Show each model's predictions and residuals; nothing when none were recorded. Baselines stand in the scores."""
    found = [
        cloud
        for sample in sample_names(family)
        for one in predictors(family)
        if not one.baseline and (cloud := _cloud(one, sample)) is not None
    ]
    if not found:
        return None
    one_scale = [cloud for cloud in found if not cloud.other_scale]
    across = [cloud for cloud in found if cloud.other_scale]
    galleries = [
        *([_gallery(family, one_scale, (_agreement, _residuals))] if one_scale else []),
        *([_gallery(family, across, (_order,))] if across else []),
    ]
    text = " ".join(dict.fromkeys(cloud.one.scored.metrics["other_scale"]["sentence"] for cloud in across))
    return Part("Predicted against measured", text, tuple(galleries))


def _gallery(
    family: FamilyMaterial, found: Sequence[Cloud], draws: Sequence[Callable[[FamilyMaterial, Cloud], Figure]]
) -> Gallery:
    looks = tuple(Look((cloud.one.slot, 6), ("model", "guide"), legend=False) for cloud in found)
    charts = tuple(Chart(tuple(draw(family, cloud) for cloud in found), looks) for draw in draws)
    labels = tuple(f"{cloud.sample}, {cloud.one.label}" for cloud in found)
    return Gallery(charts, f"{family.sample_word.capitalize()} and run", labels)


def _cloud(one: Predictor, sample: str) -> Cloud | None:
    content: Mapping[str, Any] | None = formats.nested(one.scored.curves, sample, "model", "scatter")
    if not content:
        return None
    pairs = zip(content["target"], content["prediction"], strict=True)
    known = [(measured, predicted) for measured, predicted in pairs if None not in (measured, predicted)]
    if not known:
        return None
    entry = next((s for s in one.scored.samples if str(s["sample"]) == sample), {})
    measured, predicted = zip(*known, strict=True)
    return Cloud(one, sample, measured, predicted, content.get("n") or entry.get("n") or len(known))


def _agreement(family: FamilyMaterial, cloud: Cloud) -> Figure:
    ends = min(*cloud.measured, *cloud.predicted), max(*cloud.measured, *cloud.predicted)
    room = 0.02 * (ends[1] - ends[0])
    span = ends[0] - room, ends[1] + room
    return Figure(
        f"Predicted and measured, {cloud.one.label} on {cloud.sample}",
        f"{_scores(family, cloud)} On the dashed line both are the same. {_drawn(family, cloud)}",
        "Measured",
        "Predicted",
        (
            Trace(cloud.one.label, cloud.measured, cloud.predicted, "points"),
            Trace("perfect prediction", span, span, dashed=True),
        ),
        x_range=span,
        y_range=span,
        square=True,
    )


def _order(family: FamilyMaterial, cloud: Cloud) -> Figure:
    """Draw values of two scales, each on an axis of its own: where both are the same says nothing."""
    return Figure(
        f"Predicted and measured, {cloud.one.label} on {cloud.sample}",
        f"{_scores(family, cloud)} Each axis has a scale of its own. {_drawn(family, cloud)}",
        "Measured",
        "Predicted (scale of the training labels)",
        (Trace(cloud.one.label, cloud.measured, cloud.predicted, "points"),),
        square=True,
    )


def _residuals(family: FamilyMaterial, cloud: Cloud) -> Figure:
    ends = min(cloud.measured), max(cloud.measured)
    errors = tuple(predicted - measured for measured, predicted in zip(cloud.measured, cloud.predicted, strict=True))
    return Figure(
        f"Residuals, {cloud.one.label} on {cloud.sample}",
        "Predicted minus measured. Points that run downwards say that the model keeps to the mean: low values are "
        f"predicted too high, high ones too low. {_drawn(family, cloud)}",
        "Measured",
        "Predicted minus measured",
        (
            Trace(cloud.one.label, cloud.measured, errors, "points"),
            Trace("no error", ends, (0.0, 0.0), dashed=True),
        ),
        square=True,
    )


def _scores(family: FamilyMaterial, cloud: Cloud) -> str:
    """Write every score of the model on the sample."""
    entry = next((s for s in cloud.one.scored.samples if str(s["sample"]) == cloud.sample), {})
    scores = [
        (formats.metric_label(metric), (cloud.one.score(entry, metric) or {}).get("estimate"))
        for metric in cloud.one.scored.metrics["metrics"]
    ]
    known = [f"{label} {formats.number(value)}" for label, value in scores if value is not None]
    return f"{', '.join(known)}." if known else ""


def _drawn(family: FamilyMaterial, cloud: Cloud) -> str:
    rows, drawn = formats.plural(cloud.n_rows, f"test {family.unit}", f"test {family.units}"), len(cloud.measured)
    if drawn >= cloud.n_rows:
        return f"All {rows} are drawn."
    return f"{drawn:,} of {rows} are drawn, chosen at random; scores are those of all of them."
