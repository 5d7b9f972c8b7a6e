"""How good a model could be at all: the noise ceiling of each scored sample beside the scores that reach it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gxtool.measure.faults import listing
from gxtool.report import blocks, formats
from gxtool.report.blocks import Cell, Part
from gxtool.report.gather import FamilyMaterial, Scored

SOURCES = {"replicates": "{} replicates", "repeated rows": "{} rows of the same {{unit}}"}
OF_VALUES = (
    "The ceiling is what a perfect model would score against measurements as noisy as these: the root of the "
    "correlation that the measurements would have with others of the same depth (Spearman and Brown)."
)
OF_CLASSES = (
    "The ceiling is what a perfect model would score against classes as noisy as these: from how well one measurement "
    "predicts the classes that another gives, if noise is bell-shaped and classes are split at the median."
)


def ceilings_part(family: FamilyMaterial) -> Part | None:
    """Show a row per run and sample of which something was measured more than once; nothing where nothing was."""
    found = list(_ceilings(family))
    if not found:
        return None
    label = formats.metric_label(family.metric)
    rows = [_row(family, scored, sample) for scored, sample in found]
    binary = any(scored.metrics.get("kind") == "binary" for scored, _ in found)
    columns = ("Run", family.sample_word.capitalize(), "Measured", "Correlation", f"Ceiling of {label}")
    columns = (*columns, f"{label} of the model", "At ceiling")
    note = (
        "At ceiling: predictors whose interval reaches the ceiling; by measurements as noisy as these no better model "
        "could be told from them."
    )
    table = blocks.table(f"What the noise leaves room for: {label}", columns, rows, note)
    return Part("Noise ceiling", OF_CLASSES if binary else OF_VALUES, (table,))


def _ceilings(family: FamilyMaterial) -> Iterator[tuple[Scored, Mapping[str, Any]]]:
    for scored in family.scored:
        for sample in scored.samples:
            if formats.nested(sample, "ceiling", "metrics", family.metric):
                yield scored, sample


def _row(family: FamilyMaterial, scored: Scored, sample: Mapping[str, Any]) -> list[Cell]:
    ceiling = sample["ceiling"]
    source = SOURCES[ceiling["source"]].format(ceiling["n_measurements"]).format(unit=family.unit)
    names = ["the model" if name == "model" else formats.predictor_label(name) for name in ceiling["reached_by"]]
    return [
        blocks.text(scored.run),
        blocks.text(sample["sample"]),
        blocks.text(f"{source}, {formats.plural(ceiling['n_units'], family.unit, family.units)}"),
        blocks.estimate(ceiling["between"]),
        blocks.estimate(ceiling["metrics"][family.metric]),
        blocks.estimate(formats.nested(sample, "model", family.metric)),
        blocks.text(listing(names), "good" if names else ""),
    ]
