"""Real K562 genes: a model is not scored on the genes it was trained on, whatever dataset they come in."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from gxtool import api
from gxtool.errors import InputError
from gxtool.training.options import TrainOptions

pytestmark = pytest.mark.real_data
ONE_CORE = TrainOptions(device="cpu", threads=1)
QUICK = ("training.epochs=2", "evaluation.baselines=[]")


def dataset(folder: Path) -> Path:
    (folder / "sheet.csv").write_text("sample,data\nK562,cell\n")
    settings = api.Settings("histone", "tiny", set=QUICK)
    api.preprocess(folder / "sheet.csv", folder / "examples", settings)
    return api.tokenize([folder / "examples"], folder / "dataset", settings)


def test_swapped_train_and_test_files_are_refused(real_data, tmp_path):
    source = real_data / "epigenome" / "derived_deepchrome_layout" / "E123"
    for name in ("first", "swapped"):
        shutil.copytree(source, tmp_path / name / "cell")
    train = next((tmp_path / "swapped").rglob("train.csv"))
    content, test = train.read_bytes(), train.with_name("test.csv")
    train.write_bytes(test.read_bytes())
    test.write_bytes(content)
    first, swapped = dataset(tmp_path / "first"), dataset(tmp_path / "swapped")
    api.train(first, tmp_path / "model", api.Settings("histone", "tiny", set=QUICK), options=ONE_CORE)
    api.evaluate([tmp_path / "model"], first, tmp_path / "evaluation", options=ONE_CORE)
    claim = json.loads((tmp_path / "evaluation/metrics.json").read_text())["claim"]
    assert (claim["n_rows"], claim["left_out"]["rows"], claim["sentences"]) == (200, 0, [])
    with pytest.raises(InputError, match="all 200 test rows are left out, of 200 genes that the model was trained"):
        api.evaluate([tmp_path / "model"], swapped, tmp_path / "other", options=ONE_CORE)
