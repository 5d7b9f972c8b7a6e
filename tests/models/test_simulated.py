"""That data are simulated is known from raw files to the evaluation, by hand and through a plan."""

from __future__ import annotations

from pathlib import Path

import gxtool
from gxtool import api
from gxtool.io.artifact import open_artifact
from gxtool.models.plan import RunRequest, build_plan


def test_examples_and_datasets_of_simulated_files_say_so(tmp_path: Path) -> None:
    raw = api.simulate(tmp_path / "raw", "proformer")
    examples = gxtool.preprocess(raw / "samplesheet.csv", tmp_path / "examples", model="proformer")
    dataset = gxtool.tokenize(examples, tmp_path / "dataset")
    assert open_artifact(dataset).manifest.info["simulated"] is True
    (item,) = build_plan([RunRequest("proformer", raw / "samplesheet.csv", "tiny")])["preprocess"]
    assert item["simulated"] is True
    # The same files somewhere else are data like any others.
    (raw / "truth.json").unlink()
    (item,) = build_plan([RunRequest("proformer", raw / "samplesheet.csv", "tiny")])["preprocess"]
    assert "simulated" not in item
    again = gxtool.preprocess(raw / "samplesheet.csv", tmp_path / "again", model="proformer")
    assert "simulated" not in open_artifact(again).manifest.info
