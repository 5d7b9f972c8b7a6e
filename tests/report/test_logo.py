"""Sequence logos: as data, as one of several views, and drawn in Debian's Chromium at every width."""

from __future__ import annotations

import csv
import io
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import made_up_families
import pytest
import scenarios

from gxtool.models.base import Logo, Noun, ReportContext, ReportSection
from gxtool.report import report
from gxtool.report.blocks import Look, from_section
from gxtool.report.drawings import drawing
from gxtool.report.outline import Outline

SEQUENCE = "ACGT" * 15
SVG = "{http://www.w3.org/2000/svg}"


def logo(title: str, n: int = 3, sign: float = 1.0) -> Logo:
    """Return a logo of which each letter is as high as its place, every third of them downwards."""
    heights = []
    for place in range(n):
        value = sign * (place + 1) * (-1 if place % 3 == 2 else 1)
        heights.append(tuple(value if letter == SEQUENCE[place] else 0.0 for letter in "ACGT"))
    return Logo(
        title, "Strongest base: the last.", "Position", "Height", tuple(range(8, 8 + n)), tuple("ACGT"), tuple(heights)
    )


def test_a_logo_is_data_for_the_page() -> None:
    assert drawing(logo("l"), Look()) == {
        "title": "l",
        "description": "Strongest base: the last.",
        "x": "Position",
        "y": "Height",
        "kind": "logo",
        "columns": [8, 9, 10],
        "letters": ["A", "C", "G", "T"],
        "heights": [[1.0, 0.0, 0.0, 0.0], [0.0, 2.0, 0.0, 0.0], [0.0, 0.0, -3.0, 0.0]],
    }


def test_logos_can_be_views_of_a_menu_that_the_section_names() -> None:
    views = {"one": logo("a"), "two": logo("b")}
    (chosen, alone) = from_section(ReportSection("s", "", (views, logo("c")), "Sequence"), "Library").blocks
    assert (chosen.picker, chosen.labels) == ("Sequence", ("one", "two"))
    assert alone.labels == ("",)


def test_a_long_logo_takes_the_whole_width() -> None:
    (part,) = Outline().sections([from_section(ReportSection("s", "", (logo("a", 60),)))])
    assert part["blocks"][0]["charts"][0]["wide"]
    (part,) = Outline().sections([from_section(ReportSection("s", "", (logo("a", 20),)))])
    assert not part["blocks"][0]["charts"][0]["wide"]


def logo_sections(context: ReportContext) -> list[ReportSection]:
    """Show two long logos, one at a time."""
    return [ReportSection("Letters", "Made up.", ({"up": logo("Up", 60), "down": logo("Down", 60, -1.0)},), "Sequence")]


@pytest.fixture(scope="module")
def letters(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return the page of a family whose section holds logos."""
    with pytest.MonkeyPatch.context() as patch:
        family = made_up_families.stub(
            "letters", "Letters", "regression", ("pearson", "mse"), ("logo_sections",), Noun("library", "libraries")
        )
        patch.setitem(made_up_families.FAMILIES, "letters", family)
        patch.setitem(vars(made_up_families), "logo_sections", logo_sections)
        root = scenarios.regression(tmp_path_factory.mktemp("letters"), "letters")
        yield report([root], tmp_path_factory.mktemp("page"), title="Letters")


@pytest.fixture
def tab(chromium: Any, letters: Path, request: pytest.FixtureRequest) -> Iterator[Any]:
    """Return the page, opened at a width; nothing may be complained about."""
    context = chromium.new_context(viewport={"width": request.param, "height": 900})
    page, complaints = context.new_page(), []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(letters.as_uri())
    page.wait_for_selector("html[data-ready]")
    yield page
    context.close()
    assert complaints == []


def figure(tab: Any) -> Any:
    return tab.locator("figure.chart", has_text="Up").last


@pytest.mark.browser
@pytest.mark.parametrize(("tab", "rows"), [(400, 2), (1024, 1), (1440, 1)], indirect=["tab"])
def test_every_letter_is_drawn_wide_enough_to_be_read(tab: Any, rows: int) -> None:
    plot = figure(tab).locator(".plot")
    boxes = plot.evaluate(
        "plot => [...plot.querySelectorAll('.shapelayer path')].map(one => one.getBoundingClientRect().toJSON())"
    )
    assert len(boxes) == 60
    assert min(box["width"] for box in boxes) > 6
    assert len({round(box["bottom"]) for box in boxes if box["height"] > 3}) >= rows
    assert plot.locator(".xaxislayer-above, .yaxislayer-above").count() > 0
    assert len(plot.evaluate("plot => Object.keys(plot._fullLayout).filter(name => /^yaxis/.test(name))")) == rows
    assert tab.evaluate("document.documentElement.scrollWidth") <= tab.viewport_size["width"]
    assert "Strongest base: the last." in plot.get_attribute("aria-label")


@pytest.mark.browser
@pytest.mark.parametrize("tab", [1024], indirect=True)
def test_letters_stand_on_the_line_or_hang_from_it_as_high_as_their_value(tab: Any) -> None:
    plot = figure(tab).locator(".plot")
    boxes = plot.evaluate(
        "plot => [...plot.querySelectorAll('.shapelayer path')].map(one => one.getBoundingClientRect().toJSON())"
    )
    zero = boxes[1]["bottom"]
    assert boxes[58]["bottom"] == pytest.approx(zero, abs=0.5)
    assert boxes[59]["top"] == pytest.approx(zero, abs=0.5)
    assert boxes[58]["height"] / boxes[28]["height"] == pytest.approx(59 / 29, rel=0.02)
    tab.get_by_label("Sequence").select_option(label="down")
    assert "Down" in tab.locator("figure.chart .name", has_text="Down").inner_text()


@pytest.mark.browser
@pytest.mark.parametrize("tab", [1024], indirect=True)
def test_a_logo_is_saved_as_svg_and_as_csv(tab: Any) -> None:
    with tab.expect_download() as download:
        figure(tab).locator("[data-save=csv]").click()
    rows = list(csv.reader(io.StringIO(Path(download.value.path()).read_text())))
    assert rows[:4] == [["Position", "letter", "Height"], ["8", "A", "1"], ["9", "C", "2"], ["10", "G", "-3"]]
    assert len(rows) == 61
    with tab.expect_download() as download:
        figure(tab).locator("[data-save=svg]").click()
    drawn = ET.fromstring(Path(download.value.path()).read_text())
    words = " ".join("".join(element.itertext()) for element in drawn.iter(f"{SVG}text"))
    assert "Up" in words
    assert (
        len(
            [
                path
                for path in drawn.iter(f"{SVG}path")
                if "fill-rule" in str(path.attrib) or "fill" in path.get("style", "")
            ]
        )
        >= 60
    )
