"""What comes out: check's facts and warnings, predictions in the challenge's formats, baselines, the report, a run."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from whole_look import look_at

from gxtool.errors import InputError
from gxtool.io.artifact import ArtifactWriter, open_artifact
from gxtool.io.dataset import Dataset
from gxtool.io.submission import read_predictions, read_submission
from gxtool.measure.baselines import Split
from gxtool.models import stages
from gxtool.models.base import ReportContext, Run, Unit
from gxtool.models.proformer import baselines, encode, examples, features, report
from gxtool.models.proformer.check import check
from gxtool.models.proformer.config import DataConfig
from gxtool.models.registry import get_family, resolve_config
from gxtool.simulate import promoters as simulator

FAMILY = get_family("proformer")
PLAIN = DataConfig(five_prime="", three_prime="", length=8)


def table(path: Path, *lines: str) -> str:
    path.write_text("".join(f"{line}\n" for line in lines))
    return str(path)


@pytest.fixture(scope="module")
def simulated(tmp_path_factory) -> Path:
    """Return a folder of 300 promoters to train on and 43 to test on (5 random ones, pairs), with all its lists."""
    folder = tmp_path_factory.mktemp("simulated")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(simulator.SIZES, "little", simulator.Size(300, 25, 3))
        simulator.simulate(folder, "little", 3)
    name = folder / "public_leaderboard_ids/sample_submission.json"
    with (folder / "samplesheet.csv").open() as file:
        (row,) = csv.DictReader(file)
    row["submission"] = str(name.relative_to(folder))
    (folder / "samplesheet.csv").write_text(f"{','.join(row)}\n{','.join(row.values())}\n")
    return folder


def test_check_says_what_files_hold_and_what_looks_wrong(tmp_path):
    row = {
        "sample": "yeast",
        "data": table(tmp_path / "a.txt", "ACGTACGT\t1", "acgt\t2", "ACGT\t2.5", "GGGGGGGGG\t11"),
        "test": table(tmp_path / "t.txt", "ACRT\t100", "TTTT\t101"),
    }
    found = look_at(check, [row], PLAIN.model_copy(update={"too_long": "drop"}))
    facts = dict(found.facts)
    assert facts["flanks"] == "none"
    assert facts["yeast, data"] == (
        "3 sequences, inserts of 4 to 8 bases (median 4); expression 1 to 2.5, mean 1.833, 67% whole numbers; "
        "1 too long and left out; 1 with lower-case letters; 1 repeat another one, or its other strand"
    )
    assert facts["yeast, test"].endswith("1 with IUPAC codes, which become N")
    assert found.warnings[0] == "yeast: 1 of 4 sequences (data) are too long and left out"
    assert found.warnings[1] == (
        "yeast: test values (mean 100, sd 0.5) are on another scale than training values (mean 1.83, sd 0.624): only "
        "correlations with them are scored"
    )
    table(tmp_path / "t.txt", "ACGT\t2", "TTTT\t1")
    shared = look_at(check, [row], PLAIN.model_copy(update={"too_long": "trim"})).warnings
    assert shared[0] == "yeast: 2 sequences of data stand in test too and are left out of data"


def test_check_of_the_challenges_flanks(simulated):
    rows = stages.read_rows(FAMILY, simulated / "samplesheet.csv")
    found = look_at(check, rows, DataConfig())
    facts = dict(found.facts)
    assert facts["flanks"].startswith("TGCATTTTTTTCACATC ... GGTTACGGCTGTT; a sequence without them is an error")
    assert facts["simulated, data"].startswith("300 sequences, inserts of 7")
    assert facts["simulated, test"].startswith("43 sequences, inserts of 80 bases")
    assert "on another scale" in found.warnings[-1]
    with pytest.raises(InputError, match=r"train_sequences\.txt, line 1: the insert has 80 bases, expected at most 79"):
        look_at(check, rows, DataConfig(length=79))


def predictions(**columns: list) -> pl.DataFrame:
    base = {"sample": ["a"] * 4, "group": list("wxyz"), "prediction": [0.5, 1.5, 2.5, 3.5]}
    types = {"number": pl.UInt32, "submission": pl.UInt32, "sequence": pl.String}
    return pl.DataFrame({**base, **columns}, schema_overrides={k: v for k, v in types.items() if k in columns})


def test_predictions_in_the_formats_of_the_challenge(tmp_path):
    tested = {"sequence": [None, "ACGT", "CCnC", "TTTT"], "number": [None, 0, 2, 3]}
    table = predictions(**tested, submission=[None, 1, None, 0])
    features.write_tsv(table, tmp_path / "pred.tsv")
    sequences, values = read_predictions(tmp_path / "pred.tsv")
    assert (sequences, values.tolist()) == (["ACGT", "CCnC", "TTTT"], [1.5, 2.5, 3.5])
    features.write_json(table, tmp_path / "pred.json")
    assert list(read_submission(tmp_path / "pred.json").items()) == [(3, 3.5), (0, 1.5)]
    features.write_json(predictions(**tested), tmp_path / "all.json")
    assert read_submission(tmp_path / "all.json") == {0: 1.5, 2: 2.5, 3: 3.5}
    features.write_json(predictions(**{**tested, "sample": ["a", "a", "a", "b"]}), tmp_path / "both.json")
    assert json.loads((tmp_path / "both.json").read_text()) == {"a": {"0": 1.5, "2": 2.5}, "b": {"3": 3.5}}


def test_without_test_files_the_formats_of_the_challenge_are_empty(tmp_path):
    features.write_tsv(predictions(), tmp_path / "pred.tsv")
    features.write_json(predictions(), tmp_path / "pred.json")
    assert (tmp_path / "pred.tsv").read_text() == ""
    assert json.loads((tmp_path / "pred.json").read_text()) == {}


def test_baselines_see_gc_content_or_words():
    random = np.random.default_rng(0)
    matrix = random.random((90, 3))
    split = Split(matrix[:50], matrix[:50, 0], matrix[50:70], matrix[50:70, 0], matrix[70:], ("GC", "AAAAA", "AAAAC"))
    assert np.corrcoef(baselines.gc_line(split, 1).predictions, matrix[70:, 0])[0, 1] > 0.999
    assert abs(np.corrcoef(baselines.kmer_ridge(split, 1).predictions, matrix[70:, 0])[0, 1]) < 0.6
    by_words = replace(
        split, train_labels=matrix[:50, 1] - matrix[:50, 2], val_labels=matrix[50:70, 1] - matrix[50:70, 2]
    )
    assert np.corrcoef(baselines.kmer_ridge(by_words, 1).predictions, matrix[70:, 1] - matrix[70:, 2])[0, 1] > 0.99


def make(folder: Path, row: dict[str, str], data: DataConfig) -> Dataset:
    with ArtifactWriter(folder / "examples", "examples", family="proformer") as writer:
        examples.preprocess([row], data, writer)
    with ArtifactWriter(folder / "dataset", "dataset", family="proformer") as writer:
        encode.encode([open_artifact(folder / "examples")], data, writer)
    return Dataset.open(folder / "dataset")


def section(summary: dict):
    (found,) = report.data_sections(ReportContext(FAMILY, (), {}, {}, {}, (summary, summary), {}))
    return found


def test_report_shows_sizes_distributions_and_another_scale(tmp_path):
    row = {
        "sample": "yeast",
        "data": table(tmp_path / "a.txt", *(f"{'ACGT'[n % 4]}GGT{'AC' * (n % 2)}\t{n}" for n in range(16))),
        "val": table(tmp_path / "v.txt", "GGGA\t3", "ACCCT\t4"),
        "test": table(tmp_path / "t.txt", "AAAA\t100", "AAAAr\t102"),
    }
    found = section(make(tmp_path, row, PLAIN).artifact.json("summary.json"))
    assert found.title == "Promoters"
    assert found.text.startswith("20 sequences of 1 sample. What is predicted: expression.")
    assert "Test values of yeast are on another scale" in found.text
    sizes, expression, other, gc, lengths, tallies = found.items
    assert sizes.title == "Sequences, split file"
    assert sizes.rows[0] == ("yeast", "training", 16, 4, 6, 7.5, pytest.approx(4.6098, abs=1e-4), 1.0)
    assert sizes.rows[2][:5] == ("yeast", "test", 2, 4, 5)
    assert [trace.name for trace in expression.traces] == ["training", "validation"]
    assert sum(expression.traces[0].y) == pytest.approx(1, abs=1e-3)
    # What is on another scale has bins of its own, here from 100 to 102.
    assert [trace.name for trace in other.traces] == ["test"]
    assert (other.traces[0].y[0], other.traces[0].y[-1]) == (0.5, 0.5)
    assert 100 < other.traces[0].x[0] < other.traces[0].x[-1] < 102
    assert gc.traces[2].y[0] == 1
    assert (lengths.traces[0].x, lengths.traces[0].y) == ((4, 6), (0.5, 0.5))
    assert tallies.rows[0][:2] == ("yeast", 20)


def test_report_of_sequences_to_predict_says_that_nothing_is_known(tmp_path):
    row = {"sample": "new", "test": table(tmp_path / "t.txt", "ACGT", "NNNN")}
    found = section(make(tmp_path, row, PLAIN).artifact.json("summary.json"))
    assert found.text == "2 sequences of 1 sample. Nothing is known of their expression."
    assert [item.title for item in found.items[:2]] == ["Sequences, split file", "GC content in new"]


def test_simulated_promoters_from_files_to_scores_and_predictions(simulated, tmp_path):
    pytest.importorskip("torch")
    from gxtool.training.evaluate import evaluate
    from gxtool.training.predict import load_model, predict
    from gxtool.training.run import TrainOptions, train

    changes = (
        "training.max_steps=3",
        "training.schedule=noam",
        "training.warmup_steps=2",
        "training.max_grad_value=0.5",
    )
    changes += ("training.max_variable_norm=1", "model.predict_strands=both")
    run = Run(FAMILY, "tiny", resolve_config(FAMILY, "tiny", (), changes), "tiny")
    stages.preprocess(FAMILY, run.config, simulated / "samplesheet.csv", tmp_path / "examples")
    stages.tokenize(FAMILY, run.config, [tmp_path / "examples"], tmp_path / "dataset")
    dataset = Dataset.open(tmp_path / "dataset")
    assert dataset.indices("test").tolist() == list(range(300, 343))
    train(tmp_path / "dataset", tmp_path / "model", run, [Unit("simulated", 1)], TrainOptions(device="cpu", threads=1))
    assert open_artifact(tmp_path / "model").manifest.info["n_parameters"] == FAMILY.parameters["tiny"]
    evaluate([tmp_path / "model"], tmp_path / "dataset", tmp_path / "evaluation", run.config)
    (scores,) = json.loads((tmp_path / "evaluation/metrics.json").read_text())["samples"]
    assert sorted(scores["baselines"]) == ["gc_content", "kmer_boosting", "kmer_ridge"]
    one_strand, both = json.loads((tmp_path / "evaluation/metrics.json").read_text())["readings"]
    assert (one_strand["name"], one_strand["own"], both["own"]) == ("one strand", False, True)
    assert both["samples"][0]["pearson"] == pytest.approx(scores["model"]["pearson"]["estimate"])
    assert one_strand["samples"][0]["pearson"] != both["samples"][0]["pearson"]
    (details,) = open_artifact(tmp_path / "evaluation").json("details.json")["samples"]
    whole, private, _ = details["scores"]
    found = {one["subset"]: (one["n"], one["of"]) for one in whole["subsets"]}
    assert found == {
        "all": (43, 43),
        "random": (25, 25),
        "SNVs": (3, 3),
        "motif_perturbation": (3, 3),
        "motif_tiling": (3, 3),
    }
    assert whole["missing"] == ["high", "low", "yeast", "challenging"]  # two rows are too few
    assert whole["predictors"][0]["pearson"]["all"] == pytest.approx(scores["model"]["pearson"]["estimate"])
    assert [one["predictor"] for one in whole["predictors"]][1:] == ["gc_content", "kmer_ridge", "kmer_boosting"]
    assert (
        private["subsets"][0]["n"] + len(json.loads((simulated / "public_leaderboard_ids/ground.json").read_text()))
        == 43
    )
    assert details["other_scale"]
    assert details["residuals"] == {}
    assert sum(map(sum, details["density"]["counts"])) == 43

    predict([tmp_path / "model"], tmp_path / "dataset", tmp_path / "predictions")
    sequences, values = read_predictions(tmp_path / "predictions/pred.tsv")
    lines = (simulated / "test_sequences.txt").read_text().splitlines()
    assert sequences == [line.split("\t")[0] for line in lines]
    asked = read_submission(simulated / "public_leaderboard_ids/sample_submission.json")
    found = read_submission(tmp_path / "predictions/pred.json")
    assert list(found) == list(asked)
    assert all(values[row] == value for row, value in found.items())
    # Predictions are in the unit of the labels: about the training mean after three steps.
    labels = dataset.arrays["labels"][dataset.indices("train")]
    assert abs(values.mean() - labels.mean()) < 2 * labels.std()
    model = load_model(tmp_path / "model", device="cpu")
    assert model.network.config.target_mean == [pytest.approx(labels.mean(), rel=1e-6)]
    assert model.predict(dataset, dataset.indices("test")) == pytest.approx(values, rel=1e-5)
