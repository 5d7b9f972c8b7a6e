"""Other ways in which the models read the same test rows, such as both strands, beside their own."""

from __future__ import annotations

from gxtool.report import blocks, formats
from gxtool.report.gather import FamilyMaterial


def readings_tables(family: FamilyMaterial) -> list[blocks.Table]:
    """Return one table with a line for each run, sample and reading; none where nothing else was tried."""
    rows, metrics = [], []
    for one in family.scored:
        for reading in one.metrics.get("readings") or []:
            metrics = one.metrics["metrics"]
            name = reading["name"] + (" (the model's own)" if reading["own"] else "")
            for sample in reading["samples"]:
                start = [blocks.text(one.run), blocks.text(sample["sample"]), blocks.text(name)]
                rows.append([*start, *(blocks.num(sample.get(metric)) for metric in metrics)])
    if not rows:
        return []
    columns = ("Run", family.sample_word.capitalize(), "Reading", *map(formats.metric_label, metrics))
    note = f"The same models and test {family.units}, predicted in other ways; averaged over seeds."
    return [blocks.table("Ways of reading", columns, rows, note)]
