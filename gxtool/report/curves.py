"""Curves behind the scores of classes: ROC, precision-recall and calibration."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gxtool.measure.faults import listing
from gxtool.models.base import Figure, ReferenceLine, Trace
from gxtool.report import formats
from gxtool.report.blocks import Chart, Gallery, Look, Part
from gxtool.report.gather import FamilyMaterial
from gxtool.report.predictors import Predictor, by_scheme, predictors, sample_names
from gxtool.report.schemes import scheme_title

Drawn = list[tuple[Trace, int, str]]
UNIT = (0.0, 1.0)


def curves_part(family: FamilyMaterial) -> Part | None:
    """Show every curve that was recorded, one view for each sample and split; nothing when there is none."""
    schemes = by_scheme(predictors(family))
    keys = [(sample, scheme) for sample in sample_names(family) for scheme in schemes]
    charts, shown = [], []
    for name, draw in CURVES.items():
        views = {key: draw(schemes[key[1]], key[0], family) for key in keys}
        if any(view is not None for view in views.values()):
            charts.append(views)
            shown.append(name)
    if not charts:
        if not family.scored or family.scored[0].metrics.get("kind") == "regression":
            return None
        return Part("Curves", "The evaluation recorded no curves.")
    kept = [key for key in keys if any(views[key] is not None for views in charts)]
    word = family.sample_word.capitalize()
    gallery = Gallery(
        tuple(Chart(*zip(*(views[key] or _nothing(key[0]) for key in kept), strict=True)) for views in charts),
        word if len(schemes) == 1 else f"{word} and split",
        tuple(key[0] if len(schemes) == 1 else f"{key[0]}, {scheme_title(family, key[1])}" for key in kept),
    )
    title = listing(shown)
    return Part(title[0].upper() + title[1:], "", (gallery,))


def _nothing(sample: str) -> tuple[Figure, Look]:
    return Figure(f"Nothing recorded for {sample}", "No predictor has this curve.", "", "", ()), Look()


def _found(everyone: Sequence[Predictor], sample: str, curve: str) -> list[tuple[Predictor, Mapping[str, Any]]]:
    """Return the predictors that have a curve of this sample."""
    pairs = []
    for one in everyone:
        content = formats.nested(one.scored.curves, sample, one.baseline or "model", curve)
        if content and any(len(values) for values in content.values()):
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
        counts = tuple(formats.plural(count, *family.unit_noun) for count in c.get("count", ()))
        low, high = (tuple(c.get("low", ())), tuple(c.get("high", ()))) if alone and not one.baseline else ((), ())
        trace = Trace(one.label, tuple(c["mean_predicted"]), tuple(c["fraction_positive"]), "line", low, high, counts)
        drawn.append((trace, one.slot, one.role))
    drawn.append((Trace("perfect calibration", UNIT, UNIT, dashed=True), 6, "guide"))
    finding = (
        f"Share of positive {family.units} in bins of predicted probability; "
        "on the diagonal a probability means what it says."
    )
    return _figure(f"Calibration, {sample}", finding, ("Predicted probability", "Observed share"), drawn)


CURVES: dict[str, Callable[[Sequence[Predictor], str, FamilyMaterial], tuple[Figure, Look] | None]] = {
    "ROC": _roc,
    "precision\u2013recall": _precision_recall,
    "calibration": _calibration,
}
