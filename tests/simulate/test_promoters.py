"""Simulated promoters: the challenge's layout, the same bytes for the same seed, and the motifs that were planted."""

from __future__ import annotations

import csv
import json
import re

import numpy as np
import pytest

from gxtool.errors import ConfigError
from gxtool.io.meme import read_meme
from gxtool.io.variants import read_variants
from gxtool.simulate import promoters as simulator

FIVE_PRIME, THREE_PRIME = "TGCATTTTTTTCACATC", "GGTTACGGCTGTT"
MEASURED = "filtered_test_data_with_MAUDE_expression.txt"
COMPLEMENTS = str.maketrans("ACGT", "TGCA")
SIZE = simulator.Size(2_000, 150, 40)


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    """A small simulation, read back by nothing of ours."""
    folder = tmp_path_factory.mktemp("simulated")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(simulator.SIZES, "test", SIZE)
        patch.setattr(simulator, "_CHUNK", 700)
        simulator.simulate(folder, "test", 7)
    return folder


def read(path):
    return [line.split("\t") for line in path.read_text().splitlines()]


def inserts(rows):
    return [sequence[17:-13] for sequence, _ in rows]


def test_training_promoters_are_as_the_challenge_has_them(simulated):
    rows = read(simulated / "train_sequences.txt")
    assert len(rows) == 2000
    assert all(sequence.startswith(FIVE_PRIME) and sequence.endswith(THREE_PRIME) for sequence, _ in rows)
    lengths = [len(insert) for insert in inserts(rows)]
    assert 74 <= min(lengths) < max(lengths) <= 86
    assert 0.8 < lengths.count(80) / 2000 < 0.95
    assert set("".join(inserts(rows))) == set("ACGTN")
    assert 0 < sum("N" in insert for insert in inserts(rows)) < 30
    values = [float(value) for _, value in rows]
    assert 0 <= min(values) < 2
    assert 16 < max(values) <= 17
    assert 0.5 < sum(value.isdigit() for _, value in rows) / 2000 < 0.7


def test_test_promoters_have_110_bases_and_measurements_on_another_scale(simulated):
    rows, measured = read(simulated / "test_sequences.txt"), read(simulated / MEASURED)
    assert len(rows) == 150 + 3 * 2 * 40
    assert {len(sequence) for sequence, _ in rows} == {110}
    assert {value for _, value in rows} == {"0"}
    assert [sequence for sequence, _ in measured] == [sequence for sequence, _ in rows]
    values = [float(value) for _, value in measured]
    assert -1.8 < min(values) < -0.8
    assert 0.8 < max(values) < 1.8


def test_truth_names_motifs_that_stand_in_the_sequence(simulated):
    truth = json.loads((simulated / "truth.json").read_text())
    sequences = inserts(read(simulated / "test_sequences.txt"))
    assert len(truth["test"]) == len(sequences)
    seen = 0
    for insert, promoter in zip(sequences, truth["test"], strict=True):
        for motif, start, strand, effect in promoter["motifs"]:
            consensus = truth["motifs"][motif]["consensus"]
            word = consensus if strand == "+" else consensus.translate(COMPLEMENTS)[::-1]
            assert insert[start : start + 7] == word
            assert np.sign(effect) in (0, np.sign(truth["motifs"][motif]["weight"]))
            seen += 1
    assert seen > 400


def test_true_expression_is_that_of_the_formula_by_hand():
    # One perfect TTACCCG (weight 2.4, slope 0.2) at the last place of 80 bases of a letter that fits it nowhere else.
    background = "A" * 80
    planted = "A" * 73 + "TTACCCG"
    plain, with_motif = simulator.true_expression([background, planted])
    effects = simulator.effect_of_places(planted)
    assert effects[73:].mean() * 7 == pytest.approx(2.4, abs=0.25)
    assert with_motif > plain + 5
    odds = [np.log(value / (17 - value)) for value in (plain, with_motif)]
    assert odds[1] - odds[0] == pytest.approx(2.4, abs=0.3)


def test_place_and_strand_of_a_motif_count_as_planted():
    near, far = "A" * 73 + "TATAAAG", "TATAAAG" + "A" * 73
    reverse = "A" * 73 + "CTTTATA"
    plain, at_gene, at_start, turned = simulator.true_expression(["A" * 80, near, far, reverse])
    assert at_gene > at_start + 2
    assert abs(at_start - plain) < 1.5
    assert abs(turned - plain) < 1.5
    repressed, _ = simulator.true_expression(["A" * 40 + "CCCCGCG" + "A" * 33, "A" * 80])
    assert repressed < plain - 2


def test_expression_of_other_lengths_counts_places_from_the_3_prime_end():
    short, long = simulator.true_expression(["C" * 20 + "TGACTCA" + "C" * 10, "C" * 60 + "TGACTCA" + "C" * 10])
    assert long == pytest.approx(short, abs=1.0)


def test_measured_values_follow_true_expression(simulated):
    truth = json.loads((simulated / "truth.json").read_text())
    expression = [promoter["expression"] for promoter in truth["test"]]
    measured = [float(value) for _, value in read(simulated / MEASURED)]
    assert np.corrcoef(expression, measured)[0, 1] == pytest.approx(truth["test_pearson_of_truth"], abs=1e-3)
    assert truth["test_pearson_of_truth"] > 0.98
    assert expression == pytest.approx(
        simulator.true_expression(inserts(read(simulated / "test_sequences.txt"))).tolist(), abs=1e-5
    )
    rows = [row for row in read(simulated / "train_sequences.txt") if "N" not in row[0] and len(row[0]) == 110]
    true = simulator.true_expression(inserts(rows))
    assert 0.85 < np.corrcoef(true, [float(value) for _, value in rows])[0, 1] < 0.98


def test_pairs_differ_as_their_subset_says(simulated):
    sequences = [sequence for sequence, _ in read(simulated / "test_sequences.txt")]
    for stem, changed in (
        ("all_SNVs_seqs", (1, 1)),
        ("motif_perturbation_seqs", (0, 7)),
        ("motif_tiling_seqs", (0, 14)),
    ):
        with (simulated / "test_subset_ids" / f"{stem}.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        assert len(rows) == 40
        for row in rows:
            alt, ref = sequences[int(row["alt_pos"])], sequences[int(row["ref_pos"])]
            assert (alt, ref) == (row["alt_sequence"], row["ref_sequence"])
            assert changed[0] <= sum(a != b for a, b in zip(alt, ref, strict=True)) <= changed[1]


def test_single_subsets_hold_random_promoters_of_high_and_low_expression(simulated):
    truth = json.loads((simulated / "truth.json").read_text())
    expression = np.array([promoter["expression"] for promoter in truth["test"]])
    places = {}
    for stem in ("high_exp_seqs", "low_exp_seqs", "all_random_seqs"):
        with (simulated / "test_subset_ids" / f"{stem}.csv").open(newline="") as file:
            places[stem] = [int(row["pos"]) for row in csv.DictReader(file)]
    assert sorted(places["all_random_seqs"]) == list(range(150))
    assert len(places["high_exp_seqs"]) == len(places["low_exp_seqs"]) == 15
    assert expression[places["high_exp_seqs"]].min() > expression[places["low_exp_seqs"]].max()


def test_sample_submission_has_the_public_rows(simulated):
    folder = simulated / "public_leaderboard_ids"
    ground = json.loads((folder / "ground.json").read_text())
    assert set(json.loads((folder / "sample_submission.json").read_text())) == set(ground)
    measured = [float(value) for _, value in read(simulated / MEASURED)]
    assert all(value == pytest.approx(measured[int(row)], abs=1e-12) for row, value in ground.items())
    pairs = json.loads((folder / "SNVs_exp_indices.json").read_text())
    assert len(pairs) == round(0.13 * 40)
    assert all(re.fullmatch(r"\d+,\d+", key) and len(value) == 2 for key, value in pairs.items())
    assert {row for key in pairs for row in key.split(",")} <= set(ground)


def test_samplesheet_names_the_files(simulated):
    assert (simulated / "samplesheet.csv").read_text() == (
        "sample,data,test,measured,subsets,public,variants,motifs\n"
        f"simulated,train_sequences.txt,test_sequences.txt,{MEASURED},test_subset_ids,public_leaderboard_ids,"
        "variants.tsv,motifs.meme\n"
    )


def test_motifs_and_variants_are_those_of_the_promoters(simulated):
    assert [motif.name for motif in read_meme(simulated / "motifs.meme")] == [m.name for m in simulator.MOTIFS]
    first = read_meme(simulated / "motifs.meme")[0]
    assert "".join("ACGT"[base] for base in first.probabilities.argmax(axis=1)) == simulator.MOTIFS[0].consensus
    variants = read_variants(simulated / "variants.tsv")
    tested = [sequence for sequence, _ in read(simulated / "test_sequences.txt")]
    assert variants.kind == "sequence"
    assert len(variants.table) == 40
    for name, sequence, start, ref, alt in variants.table.drop("line").iter_rows():
        assert sequence[start] == ref
        assert sequence in tested
        assert tested[int(name.removeprefix("SNVs_"))] == sequence[:start] + alt + sequence[start + 1 :]


def test_same_seed_gives_the_same_bytes_and_another_seed_others(tmp_path, monkeypatch):
    monkeypatch.setitem(simulator.SIZES, "test", simulator.Size(30, 20, 5))
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        simulator.simulate(tmp_path / name, "test", seed)
    contents = {
        name: {path.name: path.read_bytes() for path in (tmp_path / name).rglob("*.*")} for name in ("a", "b", "c")
    }
    assert contents["a"] == contents["b"]
    assert contents["a"]["train_sequences.txt"] != contents["c"]["train_sequences.txt"]


def test_published_size_is_offered():
    assert simulator.SIZES["full"].n_train == 6_739_258


def test_unknown_size_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="size huge: expected one of demo, full"):
        simulator.simulate(tmp_path, "huge", 1)
