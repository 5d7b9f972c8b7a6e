"""Design on simulated promoters, whose true expression is known for any sequence; and what is written and refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from gxtool import api
from gxtool.cli import app
from gxtool.errors import ConfigError, GxtoolError, InputError
from gxtool.io.artifact import open_artifact, verify
from gxtool.io.dataset import Dataset
from gxtool.io.hashes import hash_file
from gxtool.measure.statistics import mean_interval
from gxtool.perturb.words import occurrences
from gxtool.simulate.promoter_files import FLANKS
from gxtool.simulate.promoters import true_expression

pytestmark = pytest.mark.slow
FAMILY = "proformer"
# Seconds of training each; strands count in the simulation, so they are read as they are.
STRANDS = ("model.train_strands=forward", "model.predict_strands=forward", "resources.threads=1")
DESIGNER = ("model.channels=[24,12]", "model.head=pool", "training.epochs=3", "training.learning_rate=0.006")
JUDGE = ("model.num_hidden_layers=1", "model.mask_loss=off", "training.epochs=2", "training.batch_size=64")
CONSTRAINTS = ("design.protected=[1-4,40]", "design.gc_min=0.35", "design.gc_max=0.6", "design.max_homopolymer=5")
CONSTRAINTS += ("design.forbidden=[GAATTC,GGTCTC]", "design.max_edits=6")

Design = Callable[..., Path]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Models of two trunks, trained on the same simulated promoters."""
    folder = tmp_path_factory.mktemp("design")
    settings = api.Settings(FAMILY)
    api.simulate(folder / "raw", FAMILY, seed=3)
    api.preprocess(folder / "raw/samplesheet.csv", folder / "examples", settings)
    api.tokenize([folder / "examples"], folder / "dataset", settings)
    for run, preset, fields in (("designer", "legnet", DESIGNER), ("judge", "tiny", JUDGE)):
        chosen = api.Settings(FAMILY, preset, set=(*STRANDS, *fields), name=run)
        api.train(folder / "dataset", folder / run, chosen)
    return folder


@pytest.fixture(scope="module")
def design(folder: Path) -> Design:
    """Return a function that designs with some fields set."""

    def run(output: Path, *fields: str, judge: Path | None = None, dataset: Path | None = None) -> Path:
        settings = api.Settings(FAMILY, set=("resources.threads=1", *fields))
        return api.design(
            [folder / "designer"], [judge or folder / "judge"], dataset or folder / "dataset", output, settings
        )

    return run


def truth(inserts: list[str]) -> np.ndarray:
    """Return the true expression of inserts; the simulation knows no N, which is few bases of few starts."""
    return true_expression([insert.replace("N", "A") for insert in inserts])


def true_gains(proposals: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return what proposals and as many random edits of the same starts (n,) add to the true expression."""
    table = pl.read_parquet(proposals / "proposals.parquet")
    kinds = (table.filter(pl.col("kind") == kind) for kind in ("proposal", "random"))
    made, control = (part.sort("start") for part in kinds)
    assert made["start"].to_list() == control["start"].to_list()
    assert made["edits"].to_list() == control["edits"].to_list()
    before = truth(made["start_insert"].to_list())
    return truth(made["insert"].to_list()) - before, truth(control["insert"].to_list()) - before


@pytest.mark.parametrize("strategy", ["greedy", "genetic", "gradient"])
def test_design_raises_the_true_expression_more_than_random_edits_do(
    design: Design, tmp_path: Path, strategy: str
) -> None:
    fields = ("design.starts=20", "design.generations=50", "design.steps=100", f"design.strategy={strategy}")
    design(tmp_path / "designs", *fields, *CONSTRAINTS)
    proposed, random = true_gains(tmp_path / "designs")
    assert len(proposed) >= 15
    difference = mean_interval(proposed - random)
    assert difference.low > 0.5, difference
    assert proposed.mean() > 0


def test_the_lowest_and_a_value_can_be_wanted_too(design: Design, tmp_path: Path) -> None:
    fields = ("design.starts=15", "design.max_edits=4")
    design(tmp_path / "low", "design.goal=min", *fields)
    proposed, random = true_gains(tmp_path / "low")
    assert mean_interval(random - proposed).low > 0
    design(tmp_path / "near", "design.goal=value", "design.value=8", *fields)
    table = pl.read_parquet(tmp_path / "near/proposals.parquet").filter(pl.col("kind") == "proposal")
    assert ((table["predicted"] - 8).abs() < (table["start_predicted"] - 8).abs()).all()
    assert (table["predicted"] - 8).abs().median() < 0.3


@pytest.fixture(scope="module")
def designs(design: Design, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return designs under constraints."""
    return design(tmp_path_factory.mktemp("designs") / "designs", "design.starts=12", *CONSTRAINTS)


def test_every_sequence_holds_what_was_asked(designs: Path) -> None:
    """Read as text, with nothing of the program's own."""
    for row in pl.read_parquet(designs / "proposals.parquet").iter_rows(named=True):
        whole, insert, start = row["sequence"], row["insert"], row["start_insert"]
        assert whole == FLANKS[0] + insert + FLANKS[1]
        assert len(insert) == len(start)
        assert insert[:4] + insert[39] == start[:4] + start[39]
        assert 0.35 <= (insert.count("G") + insert.count("C")) / sum(insert.count(base) for base in "ACGT") <= 0.6
        for site in ("GAATTC", "GGTCTC", "GAGACC"):
            assert site not in whole
        # The flanks hold a run of seven T, far from the insert.
        assert not any(base * 6 in whole[len(FLANKS[0]) - 5 : -len(FLANKS[1]) + 5] for base in "ACGT")
        changed = [n for n, (was, now) in enumerate(zip(start, insert, strict=True), 1) if was != now]
        assert 1 <= len(changed) == row["edits"] <= 6
        assert row["changes"] == " ".join(f"{start[n - 1]}{n}{insert[n - 1]}" for n in changed)


def test_text_files_hold_the_proposals_and_no_random_edits(designs: Path) -> None:
    made = pl.read_parquet(designs / "proposals.parquet").filter(pl.col("kind") == "proposal")
    table = pl.read_csv(designs / "proposals.tsv", separator="\t")
    assert table["sequence"].to_list() == made["sequence"].to_list()
    assert set(table.columns) == set(made.columns) - {"kind"}
    lines = (designs / "proposals.fasta").read_text().splitlines()
    assert lines[1::2] == made["sequence"].to_list()
    assert lines[0].startswith(f">simulated|{made['start'][0]} predicted={made['predicted'][0]:.4g} judged=")


def test_counts_add_up_and_the_judge_is_named(designs: Path, folder: Path) -> None:
    artifact = open_artifact(designs, "designs")
    assert verify(artifact) == []
    summary = artifact.json("summary.json")
    assert (summary["run"], summary["judge"]) == ("designer", {"models": 1, "run": "judge", "same_network": False})
    (sample,) = summary["samples"]
    assert (sample["n_starts"], sample["rejected"]) == (12, 0)
    assert sample["n_proposals"] + sample["unrepairable"] + sample["not_improved"] == 12
    assert (
        artifact.manifest.rows["proposals"]
        == sample["n_proposals"]
        == len(pl.read_csv(designs / "proposals.tsv", separator="\t"))
    )
    parents = {parent["kind"] for parent in artifact.manifest.parents}
    assert parents == {"dataset", "model"}
    gain = sample["gains"]["predicted"]
    assert gain["proposal"]["mean"] > gain["random"]["mean"]
    assert gain["difference"]["low"] > 0


def test_starts_are_test_rows_and_what_is_said_of_them_is_what_the_models_predict(designs: Path, folder: Path) -> None:
    splits = pl.read_parquet(folder / "dataset/splits.parquet")
    rows = pl.read_parquet(folder / "dataset/rows.parquet").join(splits, on="row").filter(pl.col("role") == "test")
    table = pl.read_parquet(designs / "proposals.parquet")
    assert set(table["start"]) <= set(rows["group"])
    api.predict([folder / "designer"], folder / "dataset", designs.parent / "predictions")
    predicted = pl.read_parquet(designs.parent / "predictions/predictions.parquet")
    both = table.join(predicted.unique("group"), left_on="start", right_on="group")
    assert both["start_predicted"].to_numpy() == pytest.approx(both["prediction"].to_numpy(), abs=1e-4)
    # In standard deviations of the predictions for training rows: one line through all of them.
    scale = np.polyfit(table["predicted"], table["predicted_z"], 1)
    assert np.abs(np.polyval(scale, table["predicted"]) - table["predicted_z"].to_numpy()).max() < 1e-6


def test_the_same_seed_gives_the_same_bytes_and_another_seed_other_starts(design: Design, tmp_path: Path) -> None:
    fields = ("design.starts=4", "design.max_edits=2", "design.start=random")
    first, again = (open_artifact(design(tmp_path / name, *fields)) for name in ("first", "again"))
    assert first.id == again.id
    other = open_artifact(design(tmp_path / "other", *fields, "design.seed=2"))
    starts = [one.table("proposals.parquet")["start_insert"].to_list() for one in (first, other)]
    assert set(starts[0]).isdisjoint(starts[1])
    assert {len(insert) for insert in starts[0]} == {80}
    assert first.table("proposals.parquet")["start"][0] == "random-1"


def test_what_is_composed_like_nothing_in_training_is_flagged(design: Design, folder: Path, tmp_path: Path) -> None:
    """Nine bases of ten G or C: no training sequence is; one edit leaves a sequence as usual as it was."""
    labels = np.load(folder / "dataset/labels.npy")[Dataset.open(folder / "dataset").indices("train")]
    for fields, n_flagged in ((("design.gc_min=0.9", "design.max_edits=50", "design.strategy=gradient"), 8), ((), 0)):
        few = ("design.max_edits=1",) if not fields else ("design.steps=5",)
        written = design(tmp_path / str(n_flagged), "design.starts=8", *fields, *few)
        made = pl.read_parquet(written / "proposals.parquet").filter(pl.col("kind") == "proposal")
        assert (len(made), made["unfamiliar"].sum()) == (8, n_flagged)
        assert (made["beyond_labels"] == (made["predicted"] > labels.max()) | (made["predicted"] < labels.min())).all()
        assert (made["overused"] == (made["word_count"] > made["word_limit"])).all()
        counted = [occurrences(insert, word) for insert, word in made.select("insert", "word").iter_rows()]
        assert counted == made["word_count"].to_list()
        flagged = made["unfamiliar"] | made["disputed"] | made["beyond_labels"] | made["overused"]
        assert (made["out_of_distribution"] == flagged).all()
        summary = json.loads((written / "summary.json").read_text())["samples"][0]
        assert summary["limits"]["labels"] == [labels.min(), labels.max()]
        assert summary["flags"]["proposal"]["overused"] == made["overused"].sum()
        assert ("word" in summary["words"]) == made["overused"].any()


def test_starts_that_nothing_can_be_done_about_are_counted(design: Design, tmp_path: Path) -> None:
    """Of 80 random bases about 40 are G or C: three edits do not make 60 of them."""
    written = design(tmp_path / "designs", "design.starts=6", "design.gc_min=0.75", "design.max_edits=3")
    artifact = open_artifact(written)
    assert artifact.manifest.dropped["unrepairable"] == 6
    assert len(artifact.table("proposals.parquet")) == 0
    assert (written / "proposals.fasta").read_text() == ""
    assert artifact.json("summary.json")["samples"][0]["gains"]["judged"]["proposal"] is None


def renamed(source: Path, target: Path, **info: object) -> Path:
    """Copy the only model of a run under another manifest."""
    shutil.copytree(source, target)
    (path,) = target.glob("*/manifest.json")
    manifest = open_artifact(source / path.parent.name).manifest
    path.write_bytes(replace(manifest, info={**manifest.info, **info}).to_bytes())
    return target


def refused(call: Callable[[], object], kind: type[GxtoolError], words: str, output: Path) -> None:
    """Check that a call ends with one sentence and leaves nothing behind."""
    with pytest.raises(kind, match=words) as caught:
        call()
    assert "\n" not in str(caught.value)
    assert not list(output.parent.glob("*designs*"))


def test_a_judge_that_is_the_designer_is_refused(design: Design, folder: Path, tmp_path: Path) -> None:
    output = tmp_path / "designs"
    same = "of run designer as the designer is, expected models of another run$"
    refused(lambda: design(output, judge=folder / "designer"), ConfigError, same, output)
    posing = renamed(folder / "designer", tmp_path / "posing", run="other")
    refused(lambda: design(output, judge=posing), ConfigError, "is a model of the designer, expected other", output)


def test_a_judge_of_other_rows_or_samples_is_refused(design: Design, folder: Path, tmp_path: Path) -> None:
    output = tmp_path / "designs"
    rows = json.loads(next((folder / "judge").glob("*/manifest.json")).read_text())["info"]["data"]
    for number, (field, value) in enumerate((("length", 90), ("target", "growth"))):
        other = renamed(folder / "judge", tmp_path / str(number), data={**rows, field: value})
        refused(lambda judge=other: design(output, judge=judge), InputError, f"{field} is .*, expected", output)
    foreign = renamed(folder / "judge", tmp_path / "foreign", sample="elsewhere")
    unknown = "run judge has no model of sample simulated and fold 0, expected one"
    refused(lambda: design(output, judge=foreign), InputError, unknown, output)


def test_positions_no_insert_has_and_a_family_that_designs_nothing_are_refused(
    design: Design, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "designs"
    beyond = "design.protected: found 200-210, expected positions up to 8., the longest insert$"
    refused(lambda: design(output, "design.protected=200-210"), ConfigError, beyond, output)
    from gxtool.perturb import design as module

    record = module.family_of
    monkeypatch.setattr(module, "family_of", lambda models: replace(record(models), design=""))
    refused(lambda: design(output), ConfigError, "designs no sequences, expected a family that does", output)


def test_a_dataset_to_predict_has_nothing_to_design_from(design: Design, folder: Path, tmp_path: Path) -> None:
    """Nothing says there how training sequences are composed."""
    raw, settings = folder / "raw", api.Settings(FAMILY)
    (tmp_path / "sheet.csv").write_text(f"sample,test\nsimulated,{raw}/test_sequences.txt\n")
    api.preprocess(tmp_path / "sheet.csv", tmp_path / "examples", settings)
    api.tokenize([tmp_path / "examples"], tmp_path / "dataset", settings)
    words = "has no training rows of simulated, expected those of the models"
    refused(lambda: design(tmp_path / "designs", dataset=tmp_path / "dataset"), InputError, words, tmp_path / "designs")


def test_sequences_kept_without_flanks_have_none_to_put_back_on(design: Design, folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder / "dataset", tmp_path / "dataset")
    path = tmp_path / "dataset/summary.json"
    summary = json.loads(path.read_text())
    summary["samples"][0]["tally"]["without_flanks"] = 3
    path.write_text(json.dumps(summary))
    manifest = open_artifact(folder / "dataset").manifest
    sha256, size = hash_file(path)
    files = {**manifest.files, "summary.json": {"sha256": sha256, "bytes": size}}
    (tmp_path / "dataset/manifest.json").write_bytes(replace(manifest, files=files).to_bytes())
    words = "3 sequences were kept without their flanks, expected data with flanks"
    refused(lambda: design(tmp_path / "designs", dataset=tmp_path / "dataset"), InputError, words, tmp_path / "designs")


def test_the_command_says_how_many_were_proposed_and_what_it_lacks(folder: Path, tmp_path: Path) -> None:
    runner = CliRunner()
    models = ["--checkpoint", folder / "designer", "--judge", folder / "judge"]
    arguments = ["design", *models, "--input", folder / "dataset", "--output", tmp_path / "designs"]
    arguments += ["--set", "design.starts=3", "--set", "design.max_edits=1", "--threads", "1"]
    done = runner.invoke(app, list(map(str, arguments)))
    assert (done.exit_code, done.stdout) == (0, ""), done.output
    assert f"{tmp_path}/designs: 3 sequences proposed" in done.stderr
    lacking = runner.invoke(app, ["design", "--checkpoint", str(folder / "designer")])
    assert str(lacking.exception).startswith("--judge is missing: trained models of another run")
    assert lacking.exception.exit_code == 2
