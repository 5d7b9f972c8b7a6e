"""Other readings stand in one compact table; a family's details reach its sections."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from gxtool.report.gather import gather
from gxtool.report.readings import readings_tables

Make = Callable[[str], Path]


def test_each_reading_is_a_line_beside_the_models_own(study: Make) -> None:
    (table,) = readings_tables(gather([study("regression")]).families[0])
    assert table.columns == ("Run", "Library", "Reading", "Pearson r", "MSE")
    assert [[cell.text for cell in row] for row in table.rows] == [
        ["cnn", "random", "one strand (the model's own)", "0.824", "1.500"],
        ["cnn", "random", "both strands", "0.831", "1.500"],
    ]


def test_families_without_readings_have_no_table(study: Make) -> None:
    assert readings_tables(gather([study("by_hand")]).families[0]) == []


def test_details_are_handed_to_sections_by_run(study: Make) -> None:
    context = gather([study("regression")]).families[0].context
    assert context is not None
    assert list(context.details) == ["cnn"]
    assert len(context.details["cnn"]["counts"]) == 24
    other = gather([study("by_hand")]).families[0].context
    assert other is not None
    assert other.details == {}
