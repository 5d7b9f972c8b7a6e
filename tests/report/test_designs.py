"""Designs on the page: what was proposed beside random edits, who judged, and what a reader is warned of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gxtool.config import DesignConfig
from gxtool.io.artifact import ArtifactWriter
from gxtool.report import report
from gxtool.report.blocks import Gallery, Part, Table
from gxtool.report.designs import designs_part
from gxtool.report.gather import gather


def made(number: int, flags: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return one proposal of the summary: base 2 of eight became a G, or bases 1 and 2."""
    insert = "GGAAAAAA" if number % 2 else "AGAAAAAA"
    return {
        "start": f"start{number}",
        "insert": insert,
        "start_insert": "AAAAAAAA",
        "edits": insert.count("G"),
        "gc": insert.count("G") / 8,
        "start_predicted": 6.5,
        "predicted": 9.25 + number,
        "predicted_sd": 0.5,
        "start_judged": 7.0,
        "judged": 8.125,
        "judged_sd": None,
        **{name: name in flags for name in ("beyond_labels", "overused", "unfamiliar", "disputed")},
        "word": "CGCG",
        "word_count": 5,
        "word_limit": 3,
    }


def gains(high: float) -> dict[str, Any]:
    """Return gains from 0 to `high`, and of random edits around nothing."""
    return {
        "proposal": {"mean": high / 2, "quantiles": [high * step / 50 for step in range(51)]},
        "random": {"mean": -0.25, "quantiles": [-1 + step / 25 for step in range(51)]},
        "difference": {"estimate": high / 2 + 0.25, "low": high / 2, "high": high / 2 + 0.5, "n": 9},
    }


def sample(name: str = "native", **changes: Any) -> dict[str, Any]:
    flags = {"beyond_labels": 1, "overused": 0, "unfamiliar": 2, "disputed": 2, "out_of_distribution": 4}
    return {
        "sample": name,
        "n_starts": 12,
        "n_proposals": 9,
        "n_random": 9,
        "unrepairable": 1,
        "not_improved": 2,
        "rejected": 0,
        "flags": {"proposal": flags, "random": flags},
        "limits": {"labels": [0.0, 17.0]},
        "words": {"training_share": 0.055, "word": "CGCG", "proposals": 3, "per_start": 0.2, "per_proposal": 2.05},
        "gains": {"predicted": gains(8.0), "judged": gains(3.0)},
        "best": [made(1), made(2, ("disputed",)), made(3, ("overused", "unfamiliar"))],
        **changes,
    }


def write(folder: Path, run: str, samples: list[dict[str, Any]], same: bool = False, **config: Any) -> Path:
    """Write an artifact of designs as the report finds it."""
    judge = {"run": "second", "models": 2, "same_network": same}
    with ArtifactWriter(folder / run, "designs", family="promoters") as writer:
        asked = DesignConfig(**config).model_dump(mode="json")
        writer.write_json("summary.json", {"run": run, "judge": judge, "config": asked, "samples": samples})
        writer.describe(rows={"proposals": 9}, info={"run": run, "judge": "second"})
    return folder


def part_of(folder: Path) -> Part:
    part = designs_part(gather([folder]).families[0])
    assert part is not None
    return part


def tables(part: Part) -> list[list[list[str]]]:
    return [[[cell.text for cell in row] for row in block.rows] for block in part.blocks if isinstance(block, Table)]


def test_without_designs_there_is_no_section(study: Any) -> None:
    assert designs_part(gather([study("one_run")]).families[0]) is None


def test_the_section_says_what_was_looked_for_and_what_the_judge_makes_of_it(tmp_path: Path) -> None:
    limits = {"protected": ["1-4"], "gc_min": 0.3, "gc_max": 0.65, "max_homopolymer": 5, "forbidden": ["GAATTC"]}
    part = part_of(write(tmp_path, "first", [sample()], max_edits=2, **limits))
    assert (
        "Looked for by first: predictions as high as possible by greedy search (at most 2\u00a0edits; positions 1-4 "
        "kept, GC 0.30 to 0.65, runs of at most 5, no GAATTC)."
    ) in part.text
    assert (
        "the proposals of first for native gain +1.50 on average, +1.75 (+1.50 to +2.00) more than random" in part.text
    )
    assert (
        "4 of 9 (44 %) are out of distribution: 11 % are predicted beyond the training labels (0.00 to 17.00), 0 % "
        "hold a word more often than 99.9 % of training rows (most of all CGCG: 0.2 per start, 2.1 per proposal), "
        "22 % are of unfamiliar composition, and of 22 % designer and judge disagree."
    ) in part.text
    assert "same kind of network" not in part.text
    overview, _ = tables(part)
    assert [cell for row in overview for cell in row] == [
        *("first", "native", "second", "12", "9", "+4.00", "+1.50", "+1.75 (+1.50 to +2.00)", "4"),
        "2 not better, 1 not mended",
    ]


def test_edits_are_capitals_and_flags_are_named(tmp_path: Path) -> None:
    _, best = tables(part_of(write(tmp_path, "first", [sample()])))
    assert best[0] == ["start1", "6.50", "10.25 ± 0.50", "7.00", "8.13", "2", "0.25", "none", "GGaaaaaa"]
    assert [row[7] for row in best] == ["none", "disputed", "5 CGCG (limit 3), unfamiliar"]
    assert best[1][8] == "aGaaaaaa"


def test_both_figures_have_one_scale_and_say_what_half_of_the_sequences_gain(tmp_path: Path) -> None:
    (gallery,) = [block for block in part_of(write(tmp_path, "first", [sample()])).blocks if isinstance(block, Gallery)]
    designer, judge = (chart.views[0] for chart in gallery.charts)
    assert designer.x_range == judge.x_range == (-1.0, 8.0)
    assert (
        judge.description == "Half of the proposals gain at least +1.50; half of the random edits gain at least 0.00."
    )
    assert judge.traces[0].y[0] == 1.0
    assert (judge.traces[0].x[-1], judge.traces[0].y[-1]) == (3.0, 0.0)


def test_runs_that_looked_for_the_same_are_named_together_and_a_judge_alike_is_told(tmp_path: Path) -> None:
    for run in ("first", "third"):
        write(tmp_path, run, [sample("native"), sample("random")], same=run == "third", goal="value", value=8.0)
    part = part_of(tmp_path)
    assert (
        "Looked for by first and third: predictions near 8.000 by greedy search (at most 10\u00a0edits)." in part.text
    )
    assert "with errors in common, are these judges: second for third." in part.text
    (gallery,) = [block for block in part.blocks if isinstance(block, Gallery)]
    assert gallery.labels == ("first, native", "first, random", "third, native", "third, random")
    _, best = tables(part)
    assert [" ".join(row[1:3]) for row in best][::3] == ["first native", "first random", "third native", "third random"]


def test_no_proposal_at_all_is_said_without_figures(tmp_path: Path) -> None:
    nothing = {"proposal": None, "random": None, "difference": None}
    empty = sample(n_proposals=0, best=[], gains={"predicted": nothing, "judged": nothing}, unrepairable=12)
    part = part_of(write(tmp_path, "first", [empty]))
    assert "first found 0\u00a0proposals for native." in part.text
    assert len(part.blocks) == 1


def test_what_designs_are_for_and_what_not_is_a_part_of_its_own(tmp_path: Path) -> None:
    (below,) = part_of(write(tmp_path, "first", [sample()])).parts
    assert below.title == "What designs are for, and what not"
    assert below.text.startswith("A prediction is no measurement")
    assert "screening" in below.text


@pytest.mark.browser
@pytest.mark.parametrize("width", [400, 1440])
def test_the_section_can_be_read_on_a_phone_and_on_a_screen(chromium: Any, tmp_path: Path, width: int) -> None:
    best = [{**made(1), "insert": "G" * 80, "start_insert": "A" * 79 + "G"}]
    page = report([write(tmp_path / "in", "first", [sample(best=best)])], tmp_path / "page")
    context = chromium.new_context(viewport={"width": width, "height": 900})
    tab = context.new_page()
    complaints: list[str] = []
    tab.on("console", lambda message: complaints.append(message.text))
    tab.goto(page.as_uri())
    tab.wait_for_selector("html[data-ready]")
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    edits = tab.locator("code.edits").first
    assert edits.inner_text() == "G" * 79 + "g"
    assert edits.locator("b").count() == 79
    assert tab.locator("#designed-sequences").count() == 1
    assert complaints == []
    context.close()
