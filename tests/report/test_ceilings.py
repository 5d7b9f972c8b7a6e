"""The noise ceiling stands beside the scores, with the predictors that reach it; without one nothing is shown."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from gxtool.io.artifact import ArtifactWriter
from gxtool.report import formats
from gxtool.report.blocks import Table
from gxtool.report.ceilings import ceilings_part
from gxtool.report.gather import FamilyMaterial, gather

CEILING = {
    "source": "replicates",
    "n_measurements": 2,
    "n_units": 600,
    "between": {"estimate": 0.8, "low": 0.75, "high": 0.85},
    "metrics": {"auroc": {"estimate": 0.96, "low": 0.95, "high": 0.97}},
    "reached_by": ["model", "logistic_regression"],
}


def family_with(study: Callable[[str], Path], folder: Path, ceiling: dict | None) -> FamilyMaterial:
    metrics = json.loads((study("by_hand") / "evaluation" / "metrics.json").read_text())
    samples = [{**sample, **({"ceiling": ceiling} if ceiling else {})} for sample in metrics["samples"]]
    with ArtifactWriter(folder / "in", "evaluation", family="marks") as writer:
        writer.write_json("metrics.json", {**metrics, "samples": samples})
    return gather([folder / "in"]).families[0]


def test_ceiling_stands_beside_the_score(study: Callable[[str], Path], tmp_path: Path) -> None:
    part = ceilings_part(family_with(study, tmp_path, CEILING))
    assert part is not None
    assert part.text.startswith("The ceiling is what a perfect model would score against classes")
    (table,) = part.blocks
    assert isinstance(table, Table)
    assert table.columns[4:] == ("Ceiling of AUROC", "AUROC of the model", "At ceiling")
    cells = [cell.text.replace("\u00a0", " ") for cell in table.rows[0]]
    assert cells[2:5] == ["2 replicates, 600 genes", "0.800 (0.750 to 0.850)", "0.960 (0.950 to 0.970)"]
    assert cells[5].startswith("0.951")
    assert cells[6] == "the model and logistic regression"


def test_repeated_rows_and_nobody_at_the_ceiling(study: Callable[[str], Path], tmp_path: Path) -> None:
    ceiling = {**CEILING, "source": "repeated rows", "reached_by": []}
    part = ceilings_part(family_with(study, tmp_path, ceiling))
    assert part is not None
    cells = [cell.text.replace("\u00a0", " ") for cell in part.blocks[0].rows[0]]
    assert cells[2] == "2 rows of the same gene, 600 genes"
    assert cells[6] == formats.DASH


def test_nothing_is_shown_where_nothing_was_measured_twice(study: Callable[[str], Path], tmp_path: Path) -> None:
    assert ceilings_part(family_with(study, tmp_path, None)) is None
