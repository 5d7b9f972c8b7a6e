"""The page in Debian's Chromium, opened from a file: drawn, silent, sortable, savable, readable at every size."""

from __future__ import annotations

import csv
import io
import json
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.browser

Make = Callable[[str], Path]
SVG = "{http://www.w3.org/2000/svg}"


class Tabs:
    """Open pages: one tab for each page as it usually is, a fresh one where a test asks for something special."""

    def __init__(self, browser: Any) -> None:
        self.browser = browser
        self._shared: dict[Path, tuple[Any, list[str]]] = {}

    def _new(self, path: Path, width: int, options: dict[str, Any]) -> tuple[Any, list[str]]:
        context = self.browser.new_context(viewport={"width": width, "height": 900}, **options)
        tab = context.new_page()
        complaints: list[str] = []
        tab.on("console", lambda message: complaints.append(f"console {message.type}: {message.text}"))
        tab.on("pageerror", lambda error: complaints.append(f"page error: {error}"))
        tab.on("requestfailed", lambda request: complaints.append(f"failed: {request.url[:80]}"))
        tab.on(
            "request",
            lambda request: request.url.startswith(("file:", "data:", "blob:")) or complaints.append(request.url[:80]),
        )
        tab.goto(path.as_uri())
        tab.wait_for_selector("html[data-ready]")
        return tab, complaints

    @contextmanager
    def opened(self, path: Path, width: int = 1280, **options: Any) -> Iterator[Any]:
        """Open a page; afterwards nothing may have been complained about or asked for."""
        special = width != 1280 or options
        tab, complaints = self._shared.get(path, (None, [])) if not special else (None, [])
        if tab is None:
            tab, complaints = self._new(path, width, options)
            if not special:
                self._shared[path] = (tab, complaints)
        yield tab
        if special:
            tab.context.close()
        assert complaints == []


@pytest.fixture(scope="module")
def tabs(chromium: Any) -> Tabs:
    """Return the open pages of this module."""
    return Tabs(chromium)


def unfold(tab: Any, selector: str = "details") -> None:
    """Open folded tables."""
    tab.evaluate("selector => document.querySelectorAll(selector).forEach(one => { one.open = true; })", selector)


def until(tab: Any, expression: str, seconds: float = 20) -> None:
    """Wait for an expression to hold, asking from outside: the page's policy forbids evaluating text inside."""
    end = time.monotonic() + seconds
    while not tab.evaluate(expression):
        assert time.monotonic() < end, expression
        tab.wait_for_timeout(50)


def saved(tab: Any, selector: str) -> tuple[str, str]:
    """Click a button that saves; return the file's name and text."""
    with tab.expect_download() as download:
        tab.locator(selector).click()
    return download.value.suggested_filename, Path(download.value.path()).read_text(encoding="utf-8")


def column(tab: Any, table: str, index: int) -> list[str]:
    return tab.locator(f"#{table} tbody tr :nth-child({index})").all_inner_texts()


@pytest.mark.parametrize(
    "scenario", ["one_run", "many_runs", "regression", "hostile", "by_hand", "schemes", "two_targets", "many_maps"]
)
def test_every_plot_is_drawn_and_the_page_never_scrolls_sideways(tabs: Tabs, page: Make, scenario: str) -> None:
    with tabs.opened(page(scenario)) as tab:
        assert tab.locator("figure.chart").count() > 0
        for figure in tab.locator("figure.chart").all():
            assert "drawn" in (figure.locator(".plot").get_attribute("class") or "").split()
            marks = figure.locator(".plot .trace, .plot .hm image, .plot .point").count()
            assert marks > 0, figure.get_attribute("id")
        assert tab.evaluate("window.broken") is None
        unfold(tab)
        for width in (1920, 1280, 820, 360):
            tab.set_viewport_size({"width": width, "height": 900})
            until(tab, f"Number(document.querySelector('#figure-1 .plot').dataset.width) < {width}")
            assert tab.evaluate("document.documentElement.scrollWidth") <= width
        tab.set_viewport_size({"width": 1280, "height": 900})


@pytest.mark.parametrize("width", [390, 1280])
def test_what_lies_outside_of_an_axis_is_an_arrow_at_its_edge(tabs: Tabs, page: Make, width: int) -> None:
    with tabs.opened(page("constant_baseline"), width) as tab:
        figure = tab.evaluate(
            """() => { const plot = document.querySelector('#figure-1 .plot');
            const frame = plot.querySelector('.plotbg rect, .bg').getBoundingClientRect();
            const places = Array.from(plot.querySelectorAll('.trace .points path'), one => one.getBoundingClientRect());
            return { marks: places.map(one => (one.left + one.right) / 2 - frame.left), wide: frame.width,
                     symbols: plot.data.map(trace => [].concat(trace.marker.symbol)).flat(),
                     low: plot.layout.xaxis.range[0] }; }"""
        )
        assert figure["low"] > 0.6
        assert figure["symbols"].count("triangle-left") >= 1
        assert 0 < min(figure["marks"]) < 0.06 * figure["wide"]
        assert max(figure["marks"]) <= figure["wide"]


def test_every_view_of_every_menu_can_be_drawn(tabs: Tabs, page: Make) -> None:
    with tabs.opened(page("one_run")) as tab:
        for menu in tab.locator("select").all():
            for value in range(menu.locator("option").count()):
                menu.select_option(str(value))
        tab.locator("select").first.select_option("2")
        assert tab.locator("#figure-1 .title .name").inner_text().startswith("Brier score on E123")
        assert "lower is better" in tab.locator("#figure-1 figcaption").inner_text()
        label = tab.locator("#figure-1 .plot").get_attribute("aria-label")
        assert label.startswith("Brier score on E123")
        assert "lower is better" in label


def test_menu_changes_all_charts_beside_each_other(tabs: Tabs, page: Make) -> None:
    with tabs.opened(page("several_runs")) as tab:
        tab.get_by_label("Cell type", exact=True).select_option("1")
        titles = tab.locator(".charts.count-3 .title .name").all_inner_texts()
        assert titles == ["ROC, E004", "Precision\u2013recall, E004", "Calibration, E004"]


def test_table_sorts_by_click_in_both_directions(tabs: Tabs, page: Make) -> None:
    with tabs.opened(page("by_hand")) as tab:
        assert column(tab, "table-1", 1) == ["convnet", "logistic regression", "sum h3k4me3"]
        heading = tab.locator("#table-1 thead th").nth(4)
        assert heading.get_attribute("aria-sort") is None
        heading.locator("button").click()
        assert heading.get_attribute("aria-sort") == "ascending"
        assert column(tab, "table-1", 1) == ["sum h3k4me3", "logistic regression", "convnet"]
        heading.locator("button").click()
        assert heading.get_attribute("aria-sort") == "descending"
        assert column(tab, "table-1", 1) == ["convnet", "logistic regression", "sum h3k4me3"]
        assert tab.locator("#said").inner_text() == "Sorted by AUROC, descending"


def test_table_sorts_by_keyboard_and_only_one_column_is_sorted(tabs: Tabs, page: Make) -> None:
    with tabs.opened(page("by_hand")) as tab:
        tab.locator("#table-1 thead button").nth(4).focus()
        tab.keyboard.press("Enter")
        assert column(tab, "table-1", 1)[0] == "sum h3k4me3"
        tab.keyboard.press("Shift+Tab")
        tab.keyboard.press("Space")
        assert tab.locator("#table-1 th[aria-sort]").all_inner_texts() == ["n positive"]


def test_missing_values_sort_last_both_ways(tabs: Tabs, page: Make) -> None:
    with tabs.opened(page("regression")) as tab:
        button = tab.locator("#table-2 thead button").nth(3)
        for _ in range(2):
            button.click()
            assert column(tab, "table-2", 4)[2:] == ["\u2013", "\u2013"]


def test_numbers_in_names_sort_as_numbers_and_intervals_by_estimate(tabs: Tabs, page: Make) -> None:
    with tabs.opened(page("several_runs")) as tab:
        unfold(tab, "#table-3 details")
        tab.locator("#table-3 thead button").nth(4).click()
        values = [float(text.split(" (")[0]) for text in column(tab, "table-3", 5)]
        assert values == sorted(values)


def test_long_table_filters(tabs: Tabs, page: Make) -> None:
    with tabs.opened(page("several_runs")) as tab:
        unfold(tab, "#table-3 details")
        tab.get_by_label("Rows that contain").first.fill("E004")
        # Three models, the average of the seeds of each, and three baselines.
        assert tab.locator("#table-3 tbody tr:visible").count() == 9
        assert tab.locator("#said").inner_text() == "9 rows"


def test_svg_is_saved_with_title_names_and_light_paper(tabs: Tabs, page: Make) -> None:
    with tabs.opened(page("one_run"), color_scheme="dark") as tab:
        name, text = saved(tab, "#figure-1 [data-save=svg]")
        assert name == "figure-01-auroc-on-e123-each-model-beside-each-baseline.svg"
        drawn = ET.fromstring(text)
        assert drawn.tag == f"{SVG}svg"
        words = " ".join("".join(element.itertext()) for element in drawn.iter(f"{SVG}text"))
        assert "AUROC on E123: each model beside each baseline" in words
        assert "gradient boosting" in words
        assert "DeepChrome, published 0.801" in words
        assert "AttentiveChrome, published 0.812" in words
        paper = drawn.find(f".//{SVG}rect")
        assert "rgb(255, 255, 255)" in paper.get("style").replace("fill: white", "rgb(255, 255, 255)")
        assert tab.locator("#figure-1 .plot .main-svg").count() > 0


def test_every_kind_of_figure_can_be_saved_as_svg(tabs: Tabs, page: Make) -> None:
    with tabs.opened(page("one_run")) as tab:
        for words in (
            "Validation AUROC",
            "ROC",
            "Calibration,",
            "H3K4me3 around",
            "Correlation of each",
            "Reads per mark",
        ):
            figure = tab.locator("figure.chart", has_text=words).first.get_attribute("id")
            name, text = saved(tab, f"#{figure} [data-save=svg]")
            assert name.startswith("figure-")
            assert name.endswith(".svg")
            assert len(list(ET.fromstring(text).iter(f"{SVG}path"))) > 0


def test_csv_of_a_figure_holds_its_numbers(tabs: Tabs, page: Make) -> None:
    with tabs.opened(page("by_hand")) as tab:
        name, text = saved(tab, "#figure-1 [data-save=csv]")
        assert name.endswith(".csv")
        rows = list(csv.reader(io.StringIO(text)))
        assert rows[0] == ["series", "Predictor", "AUROC", "low", "high", "text"]
        assert ["convnet", "convnet", "0.9514", "0.9463", "0.9561", "0.951 (0.946 to 0.956)"] in rows
        assert ["convnet, single seeds", "convnet", "0.944", "", "", ""] in rows


@pytest.mark.parametrize("width", [400, 1024, 1440])
def test_heat_map_between_two_scales_fits_a_screen_and_names_few_of_its_steps(
    tabs: Tabs, page: Make, width: int
) -> None:
    with tabs.opened(page("regression"), width) as tab:
        (figure,) = [one for one in tab.query_selector_all("figure.chart") if "Predicted against" in one.inner_text()]
        area = figure.query_selector(".plot .bglayer .bg, .plot .plot").bounding_box()
        assert area["height"] < min(1.3 * area["width"], 440)
        assert 4 <= len(figure.query_selector_all(".ytick")) <= 12


def test_csv_of_a_heatmap_has_one_row_per_cell(tabs: Tabs, page: Make) -> None:
    with tabs.opened(page("one_run")) as tab:
        _, text = saved(tab, "figure:has-text('Correlation of each mark') [data-save=csv]")
        rows = list(csv.reader(io.StringIO(text)))
        assert rows[0] == ["Mark", "Cell type", "Pearson r"]
        assert rows[1] == ["H3K4me3", "E003", "0.62"]
        assert rows[6] == ["H3K9me3", "E123", ""]
        assert len(rows) == 7


def test_csv_of_a_table_holds_what_is_shown(tabs: Tabs, page: Make) -> None:
    with tabs.opened(page("by_hand")) as tab:
        _, text = saved(tab, "#table-1 [data-save=table]")
        rows = list(csv.reader(io.StringIO(text)))
        assert rows[0] == ["Predictor", "Cell type", "n", "n positive", "AUROC"]
        assert ["convnet", "K562", "6600", "3201", "0.951 (0.946 to 0.956)"] in rows


def test_csv_of_a_table_names_the_unit_of_its_numbers(tabs: Tabs, page: Make) -> None:
    with tabs.opened(page("one_run")) as tab:
        _, text = saved(tab, ".table:has-text('Input files') [data-save=table]")
        rows = list(csv.reader(io.StringIO(text)))
        assert rows[0] == ["File", "Size (bytes)", "SHA-256"]
        assert rows[1][:2] == ["E123/classification/train.csv", "18700000"]


def test_csv_never_starts_a_cell_as_a_formula(tabs: Tabs, page: Make) -> None:
    with tabs.opened(page("hostile")) as tab:
        _, text = saved(tab, "#figure-3 [data-save=csv]")
        cells = [cell for row in csv.reader(io.StringIO(text)) for cell in row]
        assert any(cell.startswith("'=HYPERLINK") for cell in cells)
        assert not any(cell.startswith(("=", "+", "@")) for cell in cells)


def test_hostile_names_are_drawn_as_text(tabs: Tabs, page: Make) -> None:
    with tabs.opened(page("hostile")) as tab:
        drawn = tab.locator("#figure-3 .plot").text_content()
        assert "</script><script>window.broken = 1</scr" in drawn
        assert tab.locator(".plot a, .plot b, .plot img").count() == 0
        assert tab.evaluate("window.broken") is None


def test_theme_follows_the_system_and_the_button(tabs: Tabs, page: Make) -> None:
    background = "getComputedStyle(document.body).backgroundColor"
    tick = "getComputedStyle(document.querySelector('#figure-1 .xtick text')).fill"
    with tabs.opened(page("one_run"), color_scheme="dark") as tab:
        assert tab.evaluate(background) == "rgb(20, 23, 27)"
        assert tab.evaluate(tick) == "rgb(169, 177, 187)"
        button = tab.get_by_role("button", name="Dark theme")
        assert button.get_attribute("aria-pressed") == "true"
        button.click()
        assert button.get_attribute("aria-pressed") == "false"
        assert tab.evaluate(background) == "rgb(255, 255, 255)"
        assert tab.evaluate(tick) == "rgb(84, 93, 104)"
        tab.reload()
        tab.wait_for_selector("html[data-ready]")
        assert tab.evaluate(background) == "rgb(255, 255, 255)"


def test_plots_change_with_the_system_theme(tabs: Tabs, page: Make) -> None:
    with tabs.opened(page("one_run"), color_scheme="light") as tab:
        tab.emulate_media(color_scheme="dark")
        until(tab, "getComputedStyle(document.querySelector('#figure-1 .xtick text')).fill.includes('169')")


def test_printing_from_the_dark_theme_is_light_and_fits(tabs: Tabs, page: Make) -> None:
    with tabs.opened(page("one_run"), color_scheme="dark") as tab:
        tab.evaluate("window.dispatchEvent(new Event('beforeprint'))")
        tab.emulate_media(media="print", color_scheme="dark")
        tab.set_viewport_size({"width": 680, "height": 900})
        assert tab.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        assert tab.evaluate("getComputedStyle(document.querySelector('#figure-1 .xtick text')).fill").startswith(
            "rgb(84"
        )
        widths = tab.evaluate(
            "[...document.querySelectorAll('.plot .main-svg')].map(svg => svg.getBoundingClientRect().right)"
        )
        assert max(widths) <= 680


def test_contents_follow_the_reader(tabs: Tabs, page: Make) -> None:
    with tabs.opened(page("one_run"), reduced_motion="reduce") as tab:
        tab.get_by_role("navigation", name="Contents").get_by_role("link", name="The network").click()
        until(tab, "document.querySelector('.contents [aria-current]')?.textContent === 'The network'")
        assert tab.evaluate("getComputedStyle(document.documentElement).scrollBehavior") == "auto"


def test_skip_link_is_the_first_stop_and_can_be_seen(tabs: Tabs, page: Make) -> None:
    with tabs.opened(page("by_hand"), reduced_motion="reduce") as tab:
        tab.keyboard.press("Tab")
        assert tab.evaluate("document.activeElement.className") == "skip"
        assert tab.evaluate("document.activeElement.getBoundingClientRect().top") >= 0
        tab.keyboard.press("Enter")
        assert tab.evaluate("document.activeElement.id") == "main"


def test_link_to_an_artifact_opens_the_folded_table(tabs: Tabs, page: Make) -> None:
    with tabs.opened(page("several_runs"), reduced_motion="reduce") as tab:
        target = tab.evaluate("document.querySelector('a[href^=\"#artifact-\"]').getAttribute('href')")
        tab.goto(page("several_runs").as_uri() + target)
        assert tab.locator(target).is_visible()


def test_policy_stops_a_script_that_was_smuggled_in(tabs: Tabs, page: Make, tmp_path: Path) -> None:
    smuggled = tmp_path / "smuggled.html"
    smuggled.write_text(page("by_hand").read_text().replace("<h1>", "<script>window.broken = 3</script><h1>"))
    context = tabs.browser.new_context()
    tab = context.new_page()
    tab.goto(smuggled.as_uri())
    tab.wait_for_selector("html[data-ready]")
    assert tab.evaluate("window.broken") is None
    context.close()


def test_without_scripts_tables_and_findings_can_be_read(tabs: Tabs, page: Make) -> None:
    context = tabs.browser.new_context(java_script_enabled=False)
    tab = context.new_page()
    tab.goto(page("by_hand").as_uri())
    assert "0.951 (0.946 to 0.956)" in tab.locator("#table-1").inner_text()
    assert "need JavaScript" in tab.locator("noscript").inner_text()
    assert "logistic regression 0.950" in tab.locator("#figure-1 figcaption").inner_text()
    context.close()


def axe_violations(tab: Any) -> list[str]:
    """Run axe-core in the page; return one line for each violation."""
    package = pytest.importorskip("axe_playwright_python", reason="axe-playwright-python is not installed")
    tab.evaluate((Path(package.__file__).parent / "axe.min.js").read_text(encoding="utf-8"))
    found = json.loads(tab.evaluate("axe.run().then(result => JSON.stringify(result.violations))"))
    return [f"{one['id']}: {one['help']}: {node['html'][:120]}" for one in found for node in one["nodes"]]


@pytest.mark.parametrize(("scenario", "width"), [("several_runs", 1280), ("one_run", 360)])
def test_axe_finds_no_violation_in_light_and_dark(tabs: Tabs, page: Make, scenario: str, width: int) -> None:
    with tabs.opened(page(scenario), width) as tab:
        unfold(tab, "#table-3 details, #table-4 details")
        assert axe_violations(tab) == []
        tab.locator("#theme").click()
        assert axe_violations(tab) == []
        tab.locator("#theme").click()
