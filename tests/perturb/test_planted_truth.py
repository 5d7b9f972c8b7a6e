"""Simulated tracks in which known bins of known marks drive expression: it is found again, and nothing else."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pytest

from gxtool import api
from gxtool.io.artifact import open_artifact
from gxtool.measure.metrics import auroc

pytestmark = pytest.mark.slow
SETTINGS = api.Settings(
    "histone",
    "convnet",
    set=(
        "data.split=gene",
        "training.epochs=15",
        "evaluation.baselines=[gene_average]",
        "perturb.kinds=[blank_bin,integrated_gradients]",
        "perturb.map_rows=150",
    ),
)


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tracks, annotation and expression of three cell types; only the first is used."""
    folder = api.simulate(tmp_path_factory.mktemp("planted") / "raw", "histone", seed=4, layout="tracks")
    sheet = (folder / "samplesheet.csv").read_text().splitlines()
    (folder / "first.csv").write_text("\n".join(sheet[:2]) + "\n")
    return folder


def study(raw: Path, folder: Path) -> Path:
    """Run every stage on the first cell type."""
    api.preprocess(raw / "first.csv", folder / "examples", SETTINGS)
    api.tokenize([folder / "examples"], folder / "dataset", SETTINGS)
    api.train(folder / "dataset", folder / "models", SETTINGS)
    api.evaluate([folder / "models"], folder / "dataset", folder / "evaluation", SETTINGS)
    api.perturb([folder / "models"], folder / "dataset", folder / "effects", SETTINGS)
    api.compare([folder / "evaluation"], folder / "comparison")
    return folder


def found(raw: Path, folder: Path) -> dict[str, float]:
    """Return, for each kind of map, how well the size of a place's effect tells planted places from others (AUROC)."""
    truth = json.loads((raw / "truth.json").read_text())
    planted = np.array(truth["weights"]) != 0
    scores = {}
    for entry in open_artifact(folder / "effects").json("summary.json")["effects"]:
        sizes = np.zeros(planted.shape)
        for change in entry["changes"]:
            mark, number = change["change"].split(":")
            sizes[truth["marks"].index(mark), int(number) - 1] = change["mean_absolute"]
        scores[entry["kind"]] = auroc(planted.ravel().astype(int), sizes.ravel())
    return scores


def score(folder: Path) -> dict[str, float]:
    return json.loads((folder / "evaluation/metrics.json").read_text())["samples"][0]["model"]["auroc"]


def test_perturbation_and_gradients_find_the_planted_bins(raw: Path, tmp_path: Path) -> None:
    folder = study(raw, tmp_path)
    assert score(folder)["low"] > 0.75
    scores = found(raw, folder)
    assert scores["blank_bin"] >= 0.95
    assert scores["integrated_gradients"] >= 0.95


def test_tracks_of_other_genes_show_no_skill_and_hide_the_planted_bins(raw: Path, tmp_path: Path) -> None:
    table = raw / "expression.tsv"
    header, *lines = table.read_text().splitlines()
    genes = [line.split("\t", 1) for line in lines]
    values = [value for _, value in genes]
    random.Random(5).shuffle(values)
    shuffled = raw / "shuffled.tsv"
    shuffled.write_text(
        "\n".join([header, *(f"{gene}\t{v}" for (gene, _), v in zip(genes, values, strict=True))]) + "\n"
    )
    (raw / "first.csv").write_text((raw / "first.csv").read_text().replace("expression.tsv", "shuffled.tsv"))
    folder = study(raw, tmp_path)
    interval = score(folder)
    assert interval["low"] < 0.5 < interval["high"]
    verdict = open_artifact(folder / "comparison").json("comparison.json")["verdict"]
    assert "shows no skill (guessing reaches 0.5)" in verdict
    assert max(found(raw, folder).values()) < 0.8
