"""Effects of changes: who is asked, about which rows, and what is written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from gxtool import api
from gxtool.errors import ConfigError
from gxtool.io.artifact import open_artifact
from gxtool.perturb import scene

TINY = ("data.split=chromosome", "training.epochs=1", "training.per_sample=false", "perturb.max_rows=40")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Models of two folds by chromosome on simulated tracks."""
    folder = tmp_path_factory.mktemp("effects")
    settings = api.Settings("histone", "tiny", set=TINY)
    api.simulate(folder / "raw", "histone", seed=2, layout="tracks")
    api.preprocess(folder / "raw/samplesheet.csv", folder / "examples", settings)
    api.tokenize([folder / "examples"], folder / "dataset", settings)
    api.train(folder / "dataset", folder / "models", settings, api.Units(folds=(0, 1)))
    return folder


def effects(trained: Path, output: Path, *assignments: str) -> pl.DataFrame:
    """Perturb and return all parts as one table."""
    settings = api.Settings("histone", "tiny", set=(*TINY, *assignments))
    api.perturb([trained / "models"], trained / "dataset", output, settings)
    return pl.concat([pl.read_parquet(part) for part in sorted(output.glob("effects-*.parquet"))])


def test_only_models_that_never_saw_a_gene_say_what_moves_it(trained: Path, tmp_path: Path) -> None:
    table = effects(trained, tmp_path / "effects", "perturb.kinds=[drop_mark]")
    # Two folds were trained, and the genes asked about are those that the first fold tests.
    assert table["n"].unique().to_list() == [1]
    splits = pl.read_parquet(trained / "dataset/splits.parquet").filter(fold=0, role="test")
    rows = pl.read_parquet(trained / "dataset/rows.parquet").join(splits, on="row")
    assert set(table["unit"]) <= set(rows["group"])
    assert table.group_by("sample", "change").len()["len"].unique().to_list() == [40]


def test_an_effect_is_the_difference_that_a_change_makes(trained: Path, tmp_path: Path) -> None:
    table = effects(trained, tmp_path / "effects", "perturb.kinds=[scale_mark]", "perturb.scales=[1.0,0.0]")
    same = table.filter(pl.col("change").str.ends_with("x1"))
    assert np.abs(same["effect"].to_numpy()).max() < 1e-6, "times one changes nothing"
    dropped = effects(trained, tmp_path / "dropped", "perturb.kinds=[drop_mark]")
    nothing = table.filter(pl.col("change").str.ends_with("x0"))
    assert nothing["effect"].to_numpy() == pytest.approx(dropped["effect"].to_numpy(), abs=1e-6)


def test_changes_predicted_together_are_those_predicted_alone(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    together = effects(trained, tmp_path / "together", "perturb.kinds=[blank_run]", "perturb.map_rows=7")
    monkeypatch.setattr("gxtool.perturb.scene.TOGETHER", 1)
    alone = effects(trained, tmp_path / "alone", "perturb.kinds=[blank_run]", "perturb.map_rows=7")
    assert together["change"].to_list() == alone["change"].to_list()
    assert together["effect"].to_numpy() == pytest.approx(alone["effect"].to_numpy(), abs=1e-6)
    assert together.group_by("sample", "change").len()["len"].unique().to_list() == [7]


def test_effects_do_not_depend_on_the_rows_of_a_forward_pass(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tables = {}
    for rows in (1, 8):
        monkeypatch.setattr("gxtool.training.inference.rows_per_pass", lambda *_, rows=rows: rows)
        tables[rows] = effects(
            trained, tmp_path / str(rows), "perturb.kinds=[blank_run,drop_mark]", "perturb.map_rows=5"
        )
    assert tables[1].drop("state", "effect").equals(tables[8].drop("state", "effect"))
    for column in ("state", "effect"):
        np.testing.assert_allclose(tables[1][column], tables[8][column], atol=1e-6)


def test_rows_that_a_change_leaves_as_they_are_are_not_predicted_again() -> None:
    before = {"signal": np.array([[[0, 1]], [[2, 0]], [[0, 0]]])}
    after = {"signal": np.zeros_like(before["signal"])}
    assert scene._altered(before, after).tolist() == [True, True, False]
    assert scene._altered(before, dict(before)).tolist() == [False, False, False]


def test_what_a_network_does_not_say_can_be_left_out_but_not_asked_for(trained: Path, tmp_path: Path) -> None:
    table = effects(trained, tmp_path / "all", "perturb.map_rows=3")
    assert set(table["readout"]) == {"prediction", "attribution"}
    assert "attention" not in open_artifact(tmp_path / "all").manifest.info["kinds"]
    with pytest.raises(ConfigError, match="^perturb.kinds: is empty, expected all, or some of drop_mark, "):
        effects(trained, tmp_path / "none", "perturb.kinds=[]")
    with pytest.raises(ConfigError, match="perturb.kinds: these models have no attention"):
        effects(trained, tmp_path / "none", "perturb.kinds=[drop_mark,attention]")
    assert not (tmp_path / "none").exists()
