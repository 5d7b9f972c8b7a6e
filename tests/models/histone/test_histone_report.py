"""Report sections: the data and what looks wrong with it, and maps of the bins a model reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from gxtool.models.base import Figure, Heatmap, ReportContext, ReportSection, Table
from gxtool.models.histone import maps, report
from gxtool.models.registry import get_family

MARKS = ["H3K4me3", "H3K9me3"]


def context(*summaries: Mapping[str, Any], effects: tuple[Mapping[str, Any], ...] = ()) -> ReportContext:
    return ReportContext(get_family("histone"), (), {}, {}, {}, summaries, {}, effects)


def sample(name: str, **changes: Any) -> dict[str, Any]:
    sizes = {role: {"genes": n, "on": n // 2} for role, n in (("train", 8), ("val", 4), ("test", 2))}
    return {
        "sample": name,
        "sizes": sizes,
        "genes": 14,
        "on": 7,
        "mean_reads": [7.0, 4.5],
        "zero_bins": [0.125, 0.5],
        "silent_genes": [0.0, 0.25],
        "correlations": [0.6, -0.1],
        "warnings": [],
        **changes,
    }


def summary(*samples: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
    ends = {"low": [[1, 8, 1], [2, 2, 2]], "mean": [[1, 9, 1], [3, 3, 3]], "high": [[1, 10, 1], [4, 4, 4]]}
    flat = {key: [[1, 2, 1], [3, 3, 3]] for key in ends}
    return {
        "marks": MARKS,
        "n_bins": 3,
        "bin_size": 100,
        "scheme": "file",
        "n_folds": 1,
        "profiles": {"off": flat, "on": ends},
        "samples": list(samples) or [sample("E003")],
        **changes,
    }


def tables(section: ReportSection) -> dict[str, Table]:
    return {item.title: item for item in section.items if isinstance(item, Table)}


def test_a_profile_per_mark_with_distance_from_the_tss() -> None:
    (section,) = report.data_sections(context(summary()))
    figures = [item for item in section.items if isinstance(item, Figure)]
    assert [figure.title for figure in figures] == MARKS
    assert [trace.name for trace in figures[0].traces] == ["on", "off"]
    assert figures[0].traces[0].x == (-100.0, 0.0, 100.0)
    assert figures[0].traces[0].y == (1, 9, 1)
    assert "at most 9.00 in genes that are on and 2.00 in genes that are off" in figures[0].description
    assert figures[0].y_title == "Reads per 100 bp"


def test_text_says_what_signal_is_and_how_bins_are_turned() -> None:
    (published,) = report.data_sections(context(summary()))
    assert "read counts of 2 marks in 3 bins of 100 bp" in published.text
    assert "not turned to the direction of transcription" in published.text
    (tracks,) = report.data_sections(context(summary(signal_kind="mean", orientation="strand", assembly="hg38")))
    assert "mean signal of the tracks of 2 marks" in tracks.text
    assert "300 bp around each TSS of hg38" in tracks.text
    assert "Bins run in the direction of transcription" in tracks.text
    assert tracks.items[0].y_title == "Mean signal per 100 bp"


def test_sizes_and_signal_of_each_mark_are_listed() -> None:
    (section,) = report.data_sections(context(summary()))
    assert tables(section)["Genes and classes, split file"].rows == (("E003", 8, 4, 4, 2, 2, 1),)
    assert tables(section)["Signal of each mark"].rows == (
        ("E003", "H3K4me3", 7.0, 0.125, 0.0, 0.6, "above 0"),
        ("E003", "H3K9me3", 4.5, 0.5, 0.25, -0.1, "any"),
    )
    for table in tables(section).values():
        assert {len(row) for row in table.rows} == {len(table.columns)}


def test_genes_of_several_folds_are_counted_as_a_whole() -> None:
    (section,) = report.data_sections(context(summary(scheme="chromosome", n_folds=3)))
    table = tables(section)["Genes and classes, split chromosome"]
    assert table.rows == (("E003", 14, 7),)
    assert "3 folds" in table.note


def test_matches_masked_bins_and_missing_marks_are_listed_where_known() -> None:
    matched = {"genes": 20, "expression": 30, "both": 15}
    told = sample("E003", matched=matched, outside=2, blacklisted=31, missing_marks=["H3K9me3"])
    (section,) = report.data_sections(context(summary(told)))
    assert tables(section)["From annotation and expression to genes"].rows == (
        ("E003", 20, 30, 15, 0.75, 2, 31, "H3K9me3"),
    )
    (without,) = report.data_sections(context(summary()))
    assert "From annotation and expression to genes" not in tables(without)


def test_warnings_come_first_and_the_text_points_to_them() -> None:
    told = [sample("E003"), sample("E004", warnings=["H3K4me3 falls with expression"])]
    (section,) = report.data_sections(context(summary(*told)))
    assert section.items[0].title == "What looks wrong"
    assert section.items[0].rows == (("E004", "H3K4me3 falls with expression"),)
    assert section.text.endswith("Something looks wrong in E004: see the table of warnings.")
    (fine,) = report.data_sections(context(summary()))
    assert fine.text.endswith("No mark goes with expression the wrong way.")


def test_correlations_of_many_cell_types_are_a_heat_map() -> None:
    (section,) = report.data_sections(context(summary(*map(sample, ("E003", "E004", "E005")))))
    heatmap = section.items[-1]
    assert isinstance(heatmap, Heatmap)
    assert (heatmap.y, heatmap.z[2]) == (("E003", "E004", "E005"), (0.6, -0.1))


def test_datasets_that_differ_in_their_split_alone_share_a_section() -> None:
    other = sample("E003", sizes={role: {"genes": 1, "on": 0} for role in ("train", "val", "test")})
    sections = report.data_sections(context(summary(), summary(other, scheme="group"), summary(marks=["a", "b"])))
    assert len(sections) == 2
    assert [title for title in tables(sections[0]) if title.startswith("Genes")] == [
        "Genes and classes, split file",
        "Genes and classes, split group",
    ]


def test_unlabelled_data_has_one_profile_and_no_correlation() -> None:
    flat = {key: [[1, 2, 1], [3, 3, 3]] for key in ("low", "mean", "high")}
    sizes = {role: {"genes": n, "on": None} for role, n in (("train", 0), ("val", 0), ("test", 7))}
    told = sample("new", sizes=sizes, on=None, correlations=None)
    (section,) = report.data_sections(context(summary(told, profiles={"all": flat})))
    assert section.items[0].traces[0].name == "all genes"
    assert tables(section)["Genes and classes, split file"].rows == (("new", 0, None, 0, None, 7, None),)
    assert tables(section)["Signal of each mark"].rows[0][5] is None
    assert "expression the wrong way" not in section.text
    assert report.data_sections(context()) == []


def group(kind: str, sample_: str, values: Mapping[str, float], **changes: Any) -> dict[str, Any]:
    found = [
        {"change": change, "mean": mean, "sd": 0.1, "mean_absolute": 1, "n": 40} for change, mean in values.items()
    ]
    return {"sample": sample_, "kind": kind, "readout": "prediction", "changes": found, **changes}


BLANKED = {"H3K4me3:1": 0.01, "H3K4me3:2": -0.4, "H3K4me3:3": 0.0, "H3K9me3:1": 0.0, "H3K9me3:3": 0.02}


def sections_of(*groups: Mapping[str, Any], **changes: Any) -> list[ReportSection]:
    effects = ({"run": "convnet", "effects": list(groups)},)
    return maps.map_sections(context(summary(**changes), effects=effects))


def test_a_map_of_single_bins_says_what_is_lost_without_them() -> None:
    (section,) = sections_of(group("blank_bin", "E003", BLANKED), orientation="strand")
    (heatmap,) = section.items
    assert section.title == "Where convnet looks, bin by bin"
    assert heatmap.y == ("H3K4me3", "H3K9me3")
    assert heatmap.x == (-150, -50, 50)
    # The prediction falls by 0.4 without bin 2 of H3K4me3; bin 2 of H3K9me3 was not blanked.
    assert heatmap.z == ((-0.01, 0.4, 0.0), (0.0, None, -0.02))
    assert heatmap.diverging
    assert "H3K4me3 at \u221250 bp (+0.4), H3K9me3 at +50 bp (\u22120.02)" in heatmap.description
    assert "40 test genes" in heatmap.description
    assert "direction of transcription" in section.text


def test_gradients_and_runs_of_bins_stand_beside_it_on_the_same_axes() -> None:
    (section,) = sections_of(
        group("integrated_gradients", "E003", {"H3K4me3:2": 0.7}, readout="attribution", note="32 steps"),
        group("blank_run", "E003", {"H3K4me3:1-2": -0.5, "H3K4me3:3": 0.1}),
        group("blank_bin", "E003", BLANKED),
        group("drop_mark", "E003", {"H3K4me3": -0.5}),
    )
    blank, run, gradients = section.items
    assert [item.title for item in section.items] == [
        "Blanking one bin, E003",
        "Blanking a run of bins, E003",
        "Integrated gradients, E003",
    ]
    assert blank.x == run.x == gradients.x
    assert run.z[0] == (0.5, 0.5, -0.1)
    assert gradients.z[0] == (None, 0.7, None)
    assert "32 steps." in gradients.description


def test_attention_is_a_map_from_0_and_bars_over_marks() -> None:
    (section,) = sections_of(
        group("attention", "E003", {"H3K4me3:1": 0.2, "H3K4me3:2": 0.8}),
        group("attention_marks", "E003", {"H3K4me3": 0.7, "H3K9me3": 0.3}),
    )
    heatmap, bars = section.items
    assert not heatmap.diverging
    assert (bars.traces[0].kind, bars.traces[0].x, bars.traces[0].y) == ("bars", ("H3K4me3", "H3K9me3"), (0.7, 0.3))
    assert bars.description.startswith("H3K4me3 has most of the attention (0.70 of 1).")


def test_a_few_cell_types_are_chosen_from_a_menu() -> None:
    (section,) = sections_of(
        *(group(kind, name, BLANKED) for kind in ("blank_bin", "integrated_gradients") for name in ("E003", "E004"))
    )
    assert [list(item) for item in section.items] == [["E003", "E004"]] * 2
    assert section.items[0]["E004"].title == "Blanking one bin, E004"


def test_many_cell_types_are_averaged() -> None:
    (section,) = sections_of(*(group("blank_bin", f"E{n:03d}", {"H3K4me3:2": -0.1 * n}) for n in range(1, 8)))
    (heatmap,) = section.items
    assert heatmap.title == "Blanking one bin, mean of 7 cell types"
    assert heatmap.z[0][1] == pytest.approx(0.4)
    assert "280 test genes" in heatmap.description


def test_each_run_has_its_own_section_and_other_effects_none() -> None:
    effects = tuple({"run": run, "effects": [group("blank_bin", "E003", BLANKED)]} for run in ("a", "b"))
    assert [section.title for section in maps.map_sections(context(summary(), effects=effects))] == [
        "Where a looks, bin by bin",
        "Where b looks, bin by bin",
    ]
    assert sections_of(group("drop_mark", "E003", {"H3K4me3": -0.5})) == []


def test_without_a_summary_that_fits_bins_are_numbered() -> None:
    effects = ({"run": "r", "effects": [group("blank_bin", "E003", {"other:4": -0.1, "other:2": 0.2})]},)
    (section,) = maps.map_sections(context(summary(), effects=effects))
    (heatmap,) = section.items
    assert (heatmap.y, heatmap.x, heatmap.x_title) == (("other",), (1, 2, 3, 4), "Bin")
    assert heatmap.z == ((None, -0.2, None, 0.1),)
