"""The page as text: what it says, what it escapes, what it leaves out, and how it is written."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest
import scenarios

from gxtool.errors import InputError
from gxtool.io.artifact import ArtifactWriter
from gxtool.report import report

Make = Callable[[str], Path]
MEGABYTE = 1_000_000


class Reader(HTMLParser):
    """Collect what a browser would read: visible text, scripts, elements and their attributes."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.scripts: list[str] = []
        self.words: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self._inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag in ("script", "style"):
            self._inside = tag
            self.scripts += [""] if tag == "script" else []

    def handle_endtag(self, tag: str) -> None:
        self._inside = "" if tag == self._inside else self._inside

    def handle_data(self, data: str) -> None:
        if self._inside == "script":
            self.scripts[-1] += data
        elif not self._inside:
            self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.words))


@cache
def read(path: Path) -> Reader:
    reader = Reader()
    reader.feed(path.read_text(encoding="utf-8"))
    return reader


def test_known_numbers_appear(page: Make) -> None:
    text = read(page("by_hand")).text
    assert "0.951 (0.946 to 0.956)" in text
    assert "6,600" in text
    assert "3,201" in text
    assert "108,674" in text
    assert "0.944" in text
    assert "0.945" in text
    assert "1,234" in text
    assert "all counts zero" in text
    assert "Test rows were scored twice for convnet." in text


def test_verdict_of_a_single_evaluation_is_its_own_sentence(page: Make) -> None:
    assert "convnet reaches AUROC 0.951." in read(page("by_hand")).text


def test_paired_test_is_written_with_interval_and_p(page: Make) -> None:
    text = read(page("by_hand")).text
    assert "no clear difference +0.002 (\u22120.006 to +0.010) 0.432" in text
    assert "better +0.090 (+0.082 to +0.098) < 0.001" in text


def test_verdict_of_the_comparison_comes_first(page: Make) -> None:
    text = read(page("many_runs")).text
    assert text.index("convnet-1a2b3c reaches AUROC 0.9") < text.index("At a glance")


def test_parts_stand_in_order(page: Make) -> None:
    titles = re.findall(r'<h2 id="[^"]+">([^<]+)</h2>', page("many_runs").read_text())
    assert titles == [
        "Scores",
        "Is the difference real?",
        "What this split proves",
        "AUROC by cell type",
        "Learning curves",
        "ROC, precision\u2013recall and calibration",
        "Mark profiles around the TSS",
        "What the models react to",
        "The network",
        "What was dropped, and why",
        "What was run",
    ]


def test_missing_pieces_are_said_in_a_sentence(page: Make) -> None:
    text = read(page("by_hand")).text
    assert "No trained model was among the inputs" in text
    assert "The evaluation recorded no curves." in text
    assert "No command line was recorded" in text
    assert "No comparison was among the inputs" in text
    assert "came without a record of time, memory and versions" in text
    assert "The artifacts list no input files." in text


def test_regression_family_has_its_own_curves_and_no_positives(page: Make) -> None:
    text = read(page("regression")).text
    assert "Predicted against measured" in text
    assert "The evaluation recorded no curves." not in text
    assert "n positive" not in text
    assert "2 libraries" in text


def test_family_that_is_not_installed_is_reported_all_the_same(tmp_path: Path) -> None:
    metrics = {"run": "r", "primary": "odd", "metrics": ["odd"], "samples": [], "scheme": "chromosome"}
    with ArtifactWriter(tmp_path / "in", "evaluation", family="unheard") as writer:
        writer.write_json("metrics.json", metrics)
    assert "does not know the family unheard" in read(report([tmp_path / "in"], tmp_path / "out")).text


def test_dataset_alone_makes_a_page_that_says_what_is_missing(tmp_path: Path) -> None:
    with ArtifactWriter(tmp_path / "in", "dataset", family="promoters") as writer:
        writer.describe(rows={"train": 70, "test": 30})
    text = read(report([tmp_path / "in"], tmp_path / "out")).text
    assert "how good the models are cannot be said yet" in text
    assert "Nothing was dropped" in text


def test_several_families_become_parts_of_one_page(study: Make, tmp_path: Path) -> None:
    page = report([study("by_hand"), study("regression")], tmp_path).read_text()
    assert re.findall(r'<h2 id="[^"]+">([^<]+)</h2>', page) == ["Histone marks", "Promoters", "What was run"]
    assert page.count(">Scores</h3>") == 2


def test_same_artifact_found_twice_counts_once(study: Make, tmp_path: Path) -> None:
    page = report([study("by_hand"), study("by_hand") / "evaluation"], tmp_path)
    assert "1 run" in read(page).text.replace("\u00a0", " ")
    assert "convnet (2)" not in read(page).text


def test_two_evaluations_of_one_run_are_both_shown(study: Make, tmp_path: Path) -> None:
    metrics = json.loads((study("by_hand") / "evaluation" / "metrics.json").read_text())
    metrics["samples"][0]["model"]["auroc"]["estimate"] = 0.7777
    with ArtifactWriter(tmp_path / "again", "evaluation", family="marks", preset="convnet") as writer:
        writer.write_json("metrics.json", metrics)
    text = read(report([study("by_hand"), tmp_path / "again"], tmp_path / "out")).text
    assert "convnet (2)" in text
    assert "0.778" in text


def test_plan_is_shown(study: Make, tmp_path: Path) -> None:
    text = read(report([study("by_hand")], tmp_path, scenarios.plan(tmp_path / "plan.json"))).text
    assert "ab12cd34ef56" in text
    assert "1, 2, 3" in text
    assert (
        "gxtool train --item 'pipeline_info/plan.json#ab12cd34ef56' --input again/datasets/d5 "
        "--output again/runs/convnet/models"
    ) in text


def test_commands_hashes_lineage_versions_and_configuration_are_shown(page: Make) -> None:
    text = read(page("one_run")).text
    assert "gxtool train --model marks --input dataset --output models --seeds 2" in text
    assert "E123/classification/train.csv" in text
    assert re.search(r"\b[0-9a-f]{64}\b", text)
    assert "examples 1 dataset 1 model 3 evaluation 1" in text
    assert "2.15.0" in text
    assert "learning_rate: 0.001" in text
    assert "412.5 MB" in text.replace("\u00a0", " ")


def test_hostile_names_stay_text(page: Make) -> None:
    reader = read(page("hostile"))
    assert [tag for tag, _ in reader.elements].count("script") == 3
    assert "img" not in [tag for tag, _ in reader.elements]
    assert not [name for _, attributes in reader.elements for name in attributes if name.startswith("on")]
    for name in scenarios.HOSTILE:
        assert re.sub(r"\s+", " ", name) in reader.text
    drawings = json.loads(reader.scripts[0])
    orders = [view.get("order") or [] for views in drawings.values() for view in views]
    assert any(scenarios.HOSTILE[0] in order for order in orders)


def test_json_for_scripts_holds_no_character_that_html_reads(page: Make) -> None:
    data = re.search(r'<script type="application/json" id="drawings">(.*?)</script>', page("hostile").read_text(), re.S)
    assert data is not None
    assert not set("<>&\u2028\u2029") & set(data.group(1))


def test_page_loads_nothing(page: Make) -> None:
    for tag, attributes in read(page("one_run")).elements:
        assert "src" not in attributes, tag
        if tag == "link":
            assert (attributes.get("href") or "").startswith("data:")
    style = re.search(r"<style>(.*?)</style>", page("one_run").read_text(), re.S)
    assert style is not None
    assert "url(" not in style.group(1)
    assert "@import" not in style.group(1)


def test_plotly_is_there_exactly_once(page: Make) -> None:
    assert page("one_run").read_text().count("* plotly.js v") == 1


def test_policy_allows_these_scripts_and_no_request(page: Make) -> None:
    reader = read(page("one_run"))
    policy = next(a["content"] for _, a in reader.elements if a.get("http-equiv") == "Content-Security-Policy") or ""
    assert policy.startswith("default-src 'none';")
    for script in reader.scripts[1:]:
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy


def test_page_without_data_fits_five_megabytes(page: Make) -> None:
    text = page("by_hand").read_text()
    data = len(read(page("by_hand")).scripts[0])
    assert len(text.encode()) - data < 5 * MEGABYTE
    assert page("many_runs").stat().st_size < 10 * MEGABYTE


def test_equal_inputs_give_equal_bytes(study: Make, tmp_path: Path) -> None:
    first, second = (report([study("by_hand")], tmp_path / name).read_bytes() for name in ("a", "b"))
    assert first == second


def test_ids_are_unique_and_links_lead_somewhere(page: Make) -> None:
    elements = read(page("many_runs")).elements
    ids = [attributes["id"] for _, attributes in elements if attributes.get("id")]
    assert len(ids) == len(set(ids))
    for _, attributes in elements:
        for name in ("href", "aria-labelledby", "for"):
            target = attributes.get(name) or ""
            if name != "href" or target.startswith("#"):
                assert set(target.removeprefix("#").split()) <= set(ids), (name, target)


def test_headings_do_not_skip_a_level(page: Make) -> None:
    for name in ("one_run", "many_runs", "regression"):
        levels = [int(tag[1]) for tag, _ in read(page(name)).elements if re.fullmatch(r"h[1-6]", tag)]
        assert levels[0] == 1
        assert all(after - before <= 1 for before, after in pairwise(levels)), name


def test_nothing_is_left_of_a_page_that_could_not_be_written(study: Make, tmp_path: Path) -> None:
    (tmp_path / "out" / "report.html").mkdir(parents=True)
    with pytest.raises(InputError, match=r"report\.html: cannot be written .*, expected a folder with room"):
        report([study("by_hand")], tmp_path / "out")
    assert not list((tmp_path / "out").glob(".*partial"))


def test_output_that_is_a_file_is_told_in_a_sentence(study: Make, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    with pytest.raises(InputError, match=r"cannot be written .*, expected a folder with room"):
        report([study("by_hand")], tmp_path / "out")
    assert (tmp_path / "out").read_text() == "mine"


def test_plan_that_is_a_pipe_is_not_waited_for(study: Make, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "plan.json")
    with pytest.raises(InputError, match=r"plan\.json: is a pipe \(FIFO\), expected a plan\.json"):
        report([study("by_hand")], tmp_path / "out", plan=tmp_path / "plan.json")


def test_folder_without_artifacts_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no artifact found at or below, expected results to report"):
        report([tmp_path], tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("content", "message"), [("{", "is not JSON"), ("[1]", "holds list")])
def test_plan_that_is_none_is_an_error(study: Make, tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "plan.json").write_text(content)
    with pytest.raises(InputError, match=message):
        report([study("by_hand")], tmp_path / "out", tmp_path / "plan.json")


def test_damaged_evaluation_is_named(study: Make, tmp_path: Path) -> None:
    with ArtifactWriter(tmp_path / "in", "evaluation", family="marks") as writer:
        writer.write_text("metrics.json", "{")
    with pytest.raises(InputError, match=r"metrics\.json: is not JSON, expected what its manifest lists"):
        report([tmp_path / "in"], tmp_path / "out")


def test_report_needs_no_torch(study: Make, tmp_path: Path) -> None:
    code = f"""
import sys
from pathlib import Path
from gxtool.report import report
report([Path({str(study("by_hand"))!r})], Path({str(tmp_path)!r}))
print(sorted({{"torch", "transformers", "sklearn", "pandas", "plotly.graph_objs"}} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"
    assert (tmp_path / "report.html").is_file()
