"""Curves behind the scores: ROC, precision-recall and calibration, or predicted against measured values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Sized
from typing import Any

from gxtool.models.base import Figure, ReferenceLine, Trace
from gxtool.report import formats
from gxtool.report.blocks import Chart, Gallery, Look, Part
from gxtool.report.gather import FamilyMaterial
from gxtool.report.predictors import Predictor, predictors, sample_names

Drawn = list[tuple[Trace, int, str]]
UNIT = (0.0, 1.0)


def curves_part(family: FamilyMaterial) -> Part | None:
    """Show every curve that was recorded, one view for each sample; nothing when there is none."""
    everyone, samples = predictors(family), sample_names(family)
    charts, shown = [], []
    for name, draw in CURVES.items():
        views = {sample: draw(everyone, sample, family) for sample in samples}
        if any(view is not None for view in views.values()):
            charts.append(views)
            shown.append(name)
    if not charts:
        if not family.scored:
            return None
        return Part("Curves", "The evaluation recorded no curves.")
    kept = [sample for sample in samples if any(views[sample] is not None for views in charts)]
    gallery = Gallery(
        tuple(Chart(*zip(*(views[sample] or _nothing(sample) for sample in kept), strict=True)) for views in charts),
        family.sample_word.capitalize() if len(kept) > 1 else "",
        tuple(kept) if len(kept) > 1 else ("",),
    )
    title = formats.listing(shown)
    return Part(title[0].upper() + title[1:], "", (gallery,))


def _nothing(sample: str) -> tuple[Figure, Look]:
    return Figure(f"Nothing recorded for {sample}", "No predictor has this curve.", "", "", ()), Look()


def _found(everyone: Sequence[Predictor], sample: str, curve: str) -> list[tuple[Predictor, Mapping[str, Any]]]:
    """Return the predictors that have a curve of this sample."""
    pairs = []
    for one in everyone:
        content = formats.nested(one.scored.curves, sample, one.baseline or "model", curve)
        if content and any(len(values) for values in content.values() if isinstance(values, Sized)):
            pairs.append((one, content))
    return pairs


def _figure(
    title: str, finding: str, axes: tuple[str, str], drawn: Drawn, lines: Sequence[ReferenceLine] = ()
) -> tuple[Figure, Look]:
    traces, slots, roles = zip(*drawn, strict=True)
    return (
        Figure(title, finding, axes[0], axes[1], traces, tuple(lines), UNIT, UNIT, square=True),
        Look(slots, roles),
    )


def _areas(pairs: Sequence[tuple[Predictor, Mapping]], sample: str, metric: str) -> str:
    scores = [(one.label, one.scores(metric).get(sample, {}).get("estimate")) for one, _ in pairs]
    known = [f"{label} {formats.number(value)}" for label, value in scores if value is not None]
    return f"Area under the curve: {', '.join(known)}." if known else ""


def _roc(everyone: Sequence[Predictor], sample: str, family: FamilyMaterial) -> tuple[Figure, Look] | None:
    pairs = _found(everyone, sample, "roc")
    if not pairs:
        return None
    drawn: Drawn = [(Trace(one.label, tuple(c["fpr"]), tuple(c["tpr"])), one.slot, one.role) for one, c in pairs]
    drawn.append((Trace("chance", UNIT, UNIT, dashed=True), 6, "guide"))
    axes = ("False positive rate", "True positive rate")
    return _figure(f"ROC, {sample}", _areas(pairs, sample, "auroc"), axes, drawn)


def _precision_recall(everyone: Sequence[Predictor], sample: str, family: FamilyMaterial) -> tuple[Figure, Look] | None:
    pairs = _found(everyone, sample, "precision_recall")
    if not pairs:
        return None
    drawn: Drawn = [
        (Trace(one.label, tuple(c["recall"]), tuple(c["precision"])), one.slot, one.role) for one, c in pairs
    ]
    entry = next((s for s in pairs[0][0].scored.samples if str(s["sample"]) == sample), {})
    if entry.get("n") and entry.get("n_positive") is not None:
        share = entry["n_positive"] / entry["n"]
        drawn.append((Trace("chance", UNIT, (share, share), dashed=True), 6, "guide"))
    return _figure(f"Precision\u2013recall, {sample}", _areas(pairs, sample, "auprc"), ("Recall", "Precision"), drawn)


def _calibration(everyone: Sequence[Predictor], sample: str, family: FamilyMaterial) -> tuple[Figure, Look] | None:
    pairs = _found(everyone, sample, "calibration")
    if not pairs:
        return None
    drawn: Drawn = []
    # Intervals of several models would hide one another; they stay in the artifact.
    alone = sum(not one.baseline for one, _ in pairs) == 1
    for one, c in pairs:
        counts = tuple(formats.plural(count, family.unit) for count in c.get("count", ()))
        low, high = (tuple(c.get("low", ())), tuple(c.get("high", ()))) if alone and not one.baseline else ((), ())
        trace = Trace(one.label, tuple(c["mean_predicted"]), tuple(c["fraction_positive"]), "line", low, high, counts)
        drawn.append((trace, one.slot, one.role))
    drawn.append((Trace("perfect calibration", UNIT, UNIT, dashed=True), 6, "guide"))
    finding = (
        f"Share of positive {formats.many(family.unit)} in bins of predicted probability; "
        "on the diagonal a probability means what it says."
    )
    return _figure(f"Calibration, {sample}", finding, ("Predicted probability", "Observed share"), drawn)


def _scattered(everyone: Sequence[Predictor], sample: str) -> list[tuple[Predictor, Mapping[str, Any]]]:
    """Return the models whose predictions were recorded; thousands of points hide each other, so no baselines."""
    return [pair for pair in _found(everyone, sample, "scatter") if not pair[0].baseline]


def _scatter(everyone: Sequence[Predictor], sample: str, family: FamilyMaterial) -> tuple[Figure, Look] | None:
    pairs = _scattered(everyone, sample)
    if not pairs:
        return None
    drawn: Drawn = [
        (Trace(one.label, tuple(c["target"]), tuple(c["prediction"]), "points"), one.slot, one.role) for one, c in pairs
    ]
    ends = _ends(pairs)
    drawn.append((Trace("perfect prediction", ends, ends, dashed=True), 6, "guide"))
    traces, slots, roles = zip(*drawn, strict=True)
    said = f"{_scores(pairs, sample, family.metric)} {_shown(pairs, sample, family)}".strip()
    figure = Figure(f"Predicted and measured, {sample}", said, "Measured", "Predicted", traces, square=True)
    return figure, Look(slots, roles)


def _residuals(everyone: Sequence[Predictor], sample: str, family: FamilyMaterial) -> tuple[Figure, Look] | None:
    pairs = _scattered(everyone, sample)
    if not pairs:
        return None
    drawn: Drawn = [
        (
            Trace(one.label, tuple(c["target"]), tuple(map(_difference, c["prediction"], c["target"])), "points"),
            one.slot,
            one.role,
        )
        for one, c in pairs
    ]
    drawn.append((Trace("no error", _ends(pairs), (0.0, 0.0), dashed=True), 6, "guide"))
    traces, slots, roles = zip(*drawn, strict=True)
    said = (
        "Predicted minus measured. A slope downwards means that the model shrinks towards the mean: low values are "
        f"predicted too high, high ones too low. {_shown(pairs, sample, family)}"
    ).strip()
    figure = Figure(f"Residuals, {sample}", said, "Measured", "Predicted minus measured", traces, square=True)
    return figure, Look(slots, roles)


def _difference(predicted: float | None, measured: float | None) -> float | None:
    return None if predicted is None or measured is None else predicted - measured


def _ends(pairs: Sequence[tuple[Predictor, Mapping]]) -> tuple[float, float]:
    values = [value for _, c in pairs for value in c["target"] if value is not None]
    return min(values), max(values)


def _shown(pairs: Sequence[tuple[Predictor, Mapping]], sample: str, family: FamilyMaterial) -> str:
    """Say how many rows are drawn, and out of how many."""
    one, content = pairs[0]
    drawn = len(content["target"])
    entry = next((s for s in one.scored.samples if str(s["sample"]) == sample), {})
    total = content.get("n") or entry.get("n") or drawn
    rows = formats.plural(total, f"test {family.unit}")
    if drawn >= total:
        return f"All {rows} are drawn."
    return f"{drawn:,} of {rows} are drawn, chosen at random; scores are those of all of them."


def _scores(pairs: Sequence[tuple[Predictor, Mapping]], sample: str, metric: str) -> str:
    values = [(one.label, one.scores(metric).get(sample, {}).get("estimate")) for one, _ in pairs]
    known = ", ".join(f"{label} {formats.number(value)}" for label, value in values if value is not None)
    return f"{formats.metric_label(metric)}: {known}." if known else "Every point is one test row."


CURVES: dict[str, Callable[[Sequence[Predictor], str, FamilyMaterial], tuple[Figure, Look] | None]] = {
    "ROC": _roc,
    "precision\u2013recall": _precision_recall,
    "calibration": _calibration,
    "predicted and measured": _scatter,
    "residuals": _residuals,
}
