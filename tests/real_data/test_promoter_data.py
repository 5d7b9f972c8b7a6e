"""Real promoters of the DREAM 2022 challenge: training rows, the lists of the test set, and public measurements."""

from __future__ import annotations

import csv
import json

import numpy as np
import polars as pl
import pytest

from gxtool.errors import InputError
from gxtool.io.artifact import ArtifactWriter, open_artifact
from gxtool.io.dataset import Dataset
from gxtool.io.dream_subsets import read_public, read_subsets
from gxtool.io.promoter_encoding import InsertRules
from gxtool.io.promoter_table import TableColumns
from gxtool.io.promoters import PromoterReader, PromoterSource
from gxtool.io.submission import check_same_rows, read_submission, write_submission
from gxtool.measure.dream import by_row, dream_scores, without_public
from gxtool.models.proformer import encode, examples
from gxtool.models.proformer.config import DataConfig
from gxtool.models.proformer.details import details

pytestmark = pytest.mark.real_data
N_TEST = 71_103


@pytest.fixture(scope="module")
def folder(real_data):
    return real_data / "proformer" / "dream2022"


def test_training_rows_are_encoded_as_letters_say(folder):
    reader = PromoterReader(PromoterSource(folder / "demo_train.txt", InsertRules(too_long="trim")))
    blocks = list(reader)
    tokens_of_all, lengths, values = (np.concatenate([block[part] for block in blocks]) for part in range(3))
    rows = [line.split("\t") for line in (folder / "demo_train.txt").read_text().splitlines()]
    assert tokens_of_all.shape == (6370, 100)
    assert values[:, 0].tolist() == [float(value) for _, value in rows]
    assert (values == np.rint(values)).mean() == pytest.approx(0.58, abs=0.02)
    for sequence, tokens, length in zip((sequence for sequence, _ in rows), tokens_of_all, lengths, strict=True):
        insert = sequence[17:-13]
        if len(insert) <= 100:
            left = (100 - len(insert)) // 2
            assert "".join("ACGTN"[token] for token in tokens) == "N" * left + insert + "N" * (100 - left - len(insert))
            assert length == len(insert)
    assert reader.tally.with_n == sum("N" in sequence[17:-13] for sequence, _ in rows) == 25
    assert reader.tally.trimmed == sum(len(sequence) > 130 for sequence, _ in rows)
    assert reader.tally.without_flanks == 0


def test_training_row_with_a_long_insert_is_refused_by_default(folder):
    with pytest.raises(InputError, match="demo_train.txt, line 526: the insert has 101 bases, expected at most 100"):
        list(PromoterReader(PromoterSource(folder / "demo_train.txt")))


def test_labelled_test_sequences_are_read_by_column(folder):
    columns = TableColumns("sequence", ("expression_maude",), ("test_index", "subsets"))
    (block,) = PromoterReader(PromoterSource(folder / "public_leaderboard_labelled.tsv", InsertRules(), columns))
    assert block.tokens.shape == (1921, 100)
    assert set(block.lengths.tolist()) == {80}
    ground = json.loads((folder / "public_leaderboard_ids" / "ground.json").read_text())
    for row, value in zip(block.kept["test_index"], block.values[:, 0], strict=True):
        assert ground[row] == pytest.approx(value)


def test_lists_hold_as_many_rows_as_published(folder):
    subsets, _ = read_subsets(folder / "test_subset_ids")
    assert {name: rows.shape for name, rows in subsets.items()} == {
        "random": (6349,),
        "challenging": (1953,),
        "high": (968,),
        "low": (997,),
        "yeast": (578,),
        "motif_perturbation": (3287, 2),
        "motif_tiling": (2624, 2),
    }
    public, measured = read_public(folder / "public_leaderboard_ids")
    assert {name: len(rows) for name, rows in public.items()} == {
        "all": 9045,
        "high": 96,
        "low": 99,
        "yeast": 208,
        "random": 733,
        "challenging": 195,
        "SNVs": 4670,
        "motif_perturbation": 328,
        "motif_tiling": 263,
    }
    assert max(measured) < N_TEST
    assert measured == read_submission(folder / "public_leaderboard_ids" / "ground.json")


def test_public_rows_are_part_of_the_lists_and_leave_the_final_score(folder):
    subsets, _ = read_subsets(folder / "test_subset_ids")
    public, _ = read_public(folder / "public_leaderboard_ids")
    left = without_public(subsets, public)
    for name, rows in subsets.items():
        members = set(map(tuple, rows.reshape(len(rows), -1).tolist()))
        shown = set(map(tuple, public[name].reshape(len(public[name]), -1).tolist()))
        assert shown <= members
        if rows.ndim == 2:
            assert len(left[name]) == len(rows) - len(shown)
        else:
            assert not set(left[name].tolist()) & set(public["all"].tolist())


def test_measurements_themselves_score_1_and_a_public_submission_round_trips(folder, tmp_path):
    public, measured = read_public(folder / "public_leaderboard_ids")
    values = by_row(measured, N_TEST)
    found = dream_scores(public, values, 3 * values + 1)
    assert found.missing == ()
    assert found.weight == pytest.approx(4.65)
    assert found.score_pearson == pytest.approx(1)
    assert found.score_spearman == pytest.approx(1)
    sample = read_submission(folder / "public_leaderboard_ids" / "sample_submission.json")
    write_submission(tmp_path / "pred.json", sample, np.nan_to_num(values))
    again = read_submission(tmp_path / "pred.json")
    check_same_rows(tmp_path / "pred.json", again, sample)
    assert again == {row: measured[row] for row in sample}


def test_measurements_of_pairs_are_those_of_their_members(folder):
    with (folder / "public_leaderboard_pairs.tsv").open(newline="") as file:
        pairs = list(csv.DictReader(file, delimiter="\t"))
    _, measured = read_public(folder / "public_leaderboard_ids")
    for pair in pairs:
        assert measured[int(pair["alt_index"])] == pytest.approx(float(pair["alt_expression"]))
        assert measured[int(pair["ref_index"])] == pytest.approx(float(pair["ref_expression"]))


@pytest.fixture(scope="module")
def labelled(folder, tmp_path_factory):
    """Return a dataset of the training rows and the 1,921 labelled test sequences with the challenge's lists."""
    target = tmp_path_factory.mktemp("labelled")
    row = {
        "sample": "yeast",
        "data": str(folder / "demo_train.txt"),
        "test": str(folder / "public_leaderboard_labelled.tsv"),
        "subsets": str(folder / "test_subset_ids"),
        "public": str(folder / "public_leaderboard_ids"),
    }
    config = DataConfig(number_column="test_index", test_targets=("expression_maude",), too_long="trim")
    with ArtifactWriter(target / "examples", "examples", family="proformer") as writer:
        examples.preprocess([row], config, writer)
    with ArtifactWriter(target / "dataset", "dataset", family="proformer") as writer:
        encode.encode([open_artifact(target / "examples")], config, writer)
    return Dataset.open(target / "dataset")


def made_up(dataset, values):
    """Return the table of an evaluation whose model predicts these values of the test rows."""
    rows = dataset.indices("test")
    labels = np.asarray(dataset.arrays["labels"])[rows].astype(float)
    frame = pl.DataFrame({"row": rows, "label": labels, "prediction": values(labels)})
    names = {"sample": pl.lit("yeast"), "target": pl.lit(0), "predictor": pl.lit("model"), "seed": pl.lit(1)}
    names["other_scale"] = pl.lit(True)
    return frame.with_columns(pl.col("row").cast(pl.UInt32), **names)


def test_labelled_test_sequences_are_scored_by_subset_and_of_how_many(labelled, folder):
    (sample,) = details(made_up(labelled, lambda labels: 2 * labels + 3), labelled)["samples"]
    whole, public = sample["scores"]
    with (folder / "public_leaderboard_pairs.tsv").open(newline="") as file:
        pairs = [pair["subset"] for pair in csv.DictReader(file, delimiter="\t")]
    counts = {one["subset"]: (one["n"], one["of"]) for one in whole["subsets"]}
    assert counts == {
        "all": (1921, None),
        "high": (96, 968),
        "low": (99, 997),
        "yeast": (208, 578),
        "random": (733, 6349),
        "challenging": (195, 1953),
        "motif_perturbation": (pairs.count("motif_perturbation"), 3287),
        "motif_tiling": (pairs.count("motif_tiling"), 2624),
    }
    assert (pairs.count("motif_perturbation"), pairs.count("motif_tiling")) == (328, 263)
    assert {one["subset"]: (one["n"], one["of"]) for one in public["subsets"]} == {
        "all": (1921, 9045),
        **{name: (n, n) for name, (n, _) in counts.items() if name != "all"},
    }
    # All of them were public, so there is no private part; sequences of SNVs are not at hand.
    assert (whole["part"], public["part"]) == ("whole", "public")
    assert whole["missing"] == public["missing"] == ["SNVs"]
    assert whole["weight"] == pytest.approx(3.4)
    for board in (whole, public):
        (own,) = board["predictors"]
        assert own["score_pearson"] == pytest.approx(1)
        assert own["score_spearman"] == pytest.approx(1)
    # Only a part of the challenge is there, so published scores do not stand beside it.
    assert not whole["comparable"]
    assert not public["comparable"]
    assert sample["residuals"] == {}


def test_noise_scores_next_to_nothing(labelled):
    random = np.random.default_rng(5)
    (sample,) = details(made_up(labelled, lambda labels: random.standard_normal(len(labels))), labelled)["samples"]
    (own,) = sample["scores"][0]["predictors"]
    assert own["score_pearson"] < 0.01
    assert abs(own["score_spearman"]) < 0.1


def test_labelled_sequences_by_their_place_in_the_file_are_not_those_of_the_lists(folder, tmp_path):
    row = {
        "sample": "yeast",
        "data": str(folder / "demo_train.txt"),
        "test": str(folder / "public_leaderboard_labelled.tsv"),
        "public": str(folder / "public_leaderboard_ids"),
    }
    config = DataConfig(test_targets=("expression_maude",), too_long="trim")
    with (
        pytest.raises(InputError, match="public_leaderboard_ids: measured values of .* rows correlate by "),
        ArtifactWriter(tmp_path / "examples", "examples") as writer,
    ):
        examples.preprocess([row], config, writer)
    lists = {"subsets": str(folder / "test_subset_ids"), **row}
    with (
        pytest.raises(InputError, match="test_subset_ids: test row .* is TGCATTTTTTTCACATC.*expected lists of these"),
        ArtifactWriter(tmp_path / "examples", "examples") as writer,
    ):
        examples.preprocess([lists], config, writer)
