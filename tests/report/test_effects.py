"""Effects on the page: figures that can be read, tables that do not carry every bin."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from gxtool.models.base import Figure, Heatmap, ReportSection, Trace
from gxtool.report import effects
from gxtool.report.blocks import Gallery, Part, Table, from_section
from gxtool.report.effects import effects_part
from gxtool.report.gather import gather

Make = Callable[[str], Path]


def part_of(study: Make, name: str) -> Part:
    part = effects_part(gather([study(name)]).families[0])
    assert part is not None
    return part


def table_of(part: Part) -> Table:
    (table,) = [block for block in part.blocks if isinstance(block, Table)]
    return table


def test_few_changes_are_all_listed_and_drawn(study: Make) -> None:
    part = part_of(study, "several_runs")
    assert len(table_of(part).rows) == 6
    assert table_of(part).title == "Every change"
    assert "Of" not in table_of(part).columns
    (gallery,) = [block for block in part.blocks if isinstance(block, Gallery)]
    assert gallery.labels == ("convnet-1a2b3c, E003, drop mark", "convnet-1a2b3c, E004, drop mark")


def test_many_samples_are_averaged_and_maps_show_their_strongest_changes(study: Make) -> None:
    part = part_of(study, "many_maps")
    rows = [[cell.text for cell in row] for row in table_of(part).rows]
    # 12 strongest of 200 blanked bins, 12 of 200 attributions, both dropped marks; 8 samples of 200 rows each.
    assert len(rows) == 12 + 12 + 2
    assert rows[0] == [
        "convnet", "mean of 8\u00a0cell types", "blank bin", "prediction", "H3K4me3:51", "\u22120.030", "0.030",
        "\u2013", "1,600",
    ]  # fmt: skip
    assert "26 of 402 changes are listed" in table_of(part).note


def test_only_few_changes_of_the_prediction_are_drawn(study: Make) -> None:
    (gallery,) = [block for block in part_of(study, "many_maps").blocks if isinstance(block, Gallery)]
    (figure,) = gallery.charts[0].views
    assert figure.title == "Mean effect of drop mark, convnet on mean of 8\u00a0cell types"


def test_the_table_never_has_more_rows_than_a_page_bears(study: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(effects, "MAX_ROWS", 10)
    table = table_of(part_of(study, "many_maps"))
    assert len(table.rows) == 10
    assert "10 of 402 changes are listed" in table.note


def figure(title: str) -> Figure:
    return Figure(title, "", "x", "y", (Trace("t", (1,), (2.0,)),))


def test_mappings_of_figures_are_chosen_by_one_menu_and_others_stand_alone() -> None:
    heatmap = Heatmap("map", "", "x", "y", (1, 2), ("a",), ((0.5, None),))
    section = ReportSection(
        "s", "", ({"E003": figure("a"), "E004": figure("b")}, {"E003": heatmap, "E004": heatmap}, figure("c"))
    )
    together, alone = from_section(section, "Cell type").blocks
    assert (together.picker, together.labels) == ("Cell type", ("E003", "E004"))
    assert [len(chart.views) for chart in together.charts] == [2, 2]
    assert (alone.labels, len(alone.charts)) == (("",), 1)


def test_a_section_that_holds_something_else_is_refused() -> None:
    with pytest.raises(TypeError, match="report section 's' holds str, expected Figure or Table"):
        from_section(ReportSection("s", "", ("text",)))


def test_maps_are_drawn_by_the_family_however_few_their_changes(study: Make) -> None:
    family = gather([study("several_runs")]).families[0]
    part = effects_part(replace(family, record=replace(family.record, maps=("drop_mark",))))
    assert part is not None
    assert [type(block) for block in part.blocks] == [Table]
