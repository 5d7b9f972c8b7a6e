"""Near-duplicate promoters stand on one side of a split, and leaks of published splits are told."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import gxtool
from gxtool.errors import ConfigError, InputError
from gxtool.io.artifact import open_artifact
from gxtool.io.dataset import Dataset

N_FAMILIES, N_MUTANTS = 120, 5


def write_families(folder: Path, n_families: int = N_FAMILIES, seed: int = 1) -> Path:
    """Write families of 1-bp mutants whose expression is random, but shared by each family."""
    random = np.random.default_rng(seed)
    lines = []
    for _ in range(n_families):
        parent, level = random.integers(0, 4, 80), random.normal(10, 2)
        for _ in range(N_MUTANTS):
            mutant = parent.copy()
            place = random.integers(80)
            mutant[place] = (mutant[place] + random.integers(1, 4)) % 4
            lines.append(f"{''.join('ACGT'[base] for base in mutant)}\t{level + random.normal(0, 0.1):.4f}\n")
    folder.mkdir(parents=True)
    (folder / "promoters.txt").write_text("".join(lines))
    (folder / "sheet.csv").write_text("sample,data\nyeast,promoters.txt\n")
    return folder


SETTINGS = {"data.five_prime": "", "data.three_prime": ""}


def dataset(folder: Path, **fields: str) -> Dataset:
    chosen = SETTINGS | {f"data.{name}": value for name, value in fields.items()}
    if not (folder / "examples").exists():
        gxtool.preprocess(folder / "sheet.csv", folder / "examples", model="proformer", set=chosen)
    name = "-".join(["dataset", *fields.values()])
    return Dataset.open(gxtool.tokenize(folder / "examples", folder / name, model="proformer", set=chosen))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_families(tmp_path_factory.mktemp("near") / "families")


def roles_by_family(found: Dataset) -> list[set[str]]:
    roles = found.splits.sort("row")["role"].to_list()
    return [set(roles[start : start + N_MUTANTS]) for start in range(0, len(roles), N_MUTANTS)]


def test_families_of_mutants_stand_on_one_side_by_default(folder: Path) -> None:
    found = dataset(folder)
    assert (found.scheme, found.kept_together) == ("similarity", "similarity_group")
    assert found.rows["similarity_group"].n_unique() == N_FAMILIES
    assert all(len(roles) == 1 for roles in roles_by_family(found))
    near = found.artifact.manifest.info["origin"]["near_duplicates"]
    assert (near["groups"], near["leaks"]) == (N_FAMILIES, {"val": 0, "test": 0})


def test_split_by_sequence_leaks_and_says_so(folder: Path) -> None:
    found = dataset(folder, split="sequence")
    assert (found.scheme, found.kept_together) == ("group", "group")
    assert any(len(roles) > 1 for roles in roles_by_family(found))
    origin = found.artifact.manifest.info["origin"]
    tested = (found.splits["role"] == "test").sum()
    assert 0.8 * tested < origin["near_duplicates"]["leaks"]["test"] <= tested
    assert "test rows have near-duplicates" in origin["doubts"][0]


def test_without_near_duplicates_it_is_the_split_by_sequence(tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    text = "".join(f"{''.join(random.choice(list('ACGT'), 80))}\t{random.normal():.3f}\n" for _ in range(200))
    (tmp_path / "promoters.txt").write_text(text)
    (tmp_path / "sheet.csv").write_text("sample,data\nyeast,promoters.txt\n")
    plain, similar = dataset(tmp_path, split="sequence"), dataset(tmp_path, split="similarity")
    assert plain.splits.drop("scheme").equals(similar.splits.drop("scheme"))
    assert dataset(tmp_path).scheme == "group"


def test_published_roles_are_kept_and_their_leaks_counted(folder: Path, tmp_path: Path) -> None:
    lines = (folder / "promoters.txt").read_text().splitlines(keepends=True)
    families = [lines[start : start + N_MUTANTS] for start in range(0, len(lines), N_MUTANTS)]
    parts = {"train": families[:100] + [own[:2] for own in families[100:]]}
    parts |= {"val": [own[2:4] for own in families[100:110]], "test": [own[2:] for own in families[110:]]}
    for name, own in parts.items():
        (tmp_path / f"{name}.txt").write_text("".join(line for family in own for line in family))
    (tmp_path / "sheet.csv").write_text("sample,data,val,test\nyeast,train.txt,val.txt,test.txt\n")
    found = dataset(tmp_path)
    assert found.scheme == "file"
    assert found.artifact.manifest.info["origin"]["near_duplicates"]["leaks"] == {"val": 20, "test": 30}
    strict = dataset(tmp_path, split="similarity")
    assert strict.scheme == "similarity"
    assert strict.artifact.manifest.dropped == {"near_duplicate_in_another_role": 20}


def test_check_counts_them(folder: Path) -> None:
    n = dataset(folder, split="sequence", split_seed="5").artifact.manifest.info["origin"]["near_duplicates"][
        "sequences"
    ]
    said = gxtool.check(folder / "sheet.csv", model="proformer", set=SETTINGS)
    assert ("near-duplicates", f"{n:,} sequences in {N_FAMILIES:,} groups are kept on one side") in said.facts
    said = gxtool.check(folder / "sheet.csv", model="proformer", set=SETTINGS | {"data.split": "sequence"})
    sentence = "have near-duplicates (half of the 16-mers shared, or overlapping windows)"
    assert any(sentence in warning for warning in said.warnings)


WINDOWS = {**SETTINGS, "data.window_columns": ["chr", "from", "to"], "data.length": 30}


def write_windows(folder: Path, role: str, windows: list[tuple[str, int, int]], seed: int) -> None:
    random = np.random.default_rng(seed)
    lines = [
        f"{''.join(random.choice(list('ACGT'), 30))},{n}.5,{chrom},{start},{end}\n"
        for n, (chrom, start, end) in enumerate(windows)
    ]
    (folder / f"{role}.csv").write_text("sequence,expression,chr,from,to\n" + "".join(lines))


def test_overlapping_windows_are_near_duplicates(tmp_path: Path) -> None:
    """Random sequences that share no 16-mer: only their windows tell that some overlap."""
    write_windows(tmp_path, "data", [("1", 100, 130), ("1", 500, 530), ("2", 100, 130), ("2", 125, 155)], 1)
    write_windows(tmp_path, "val", [("3", 0, 30), ("1", 130, 160)], 2)
    write_windows(tmp_path, "test", [("1", 529, 559), ("2", 150, 180), ("2", 155, 185)], 3)
    (tmp_path / "sheet.csv").write_text("sample,data,val,test\nyeast,data.csv,val.csv,test.csv\n")
    gxtool.preprocess(tmp_path / "sheet.csv", tmp_path / "examples", model="proformer", set=WINDOWS)
    made = gxtool.tokenize(tmp_path / "examples", tmp_path / "dataset", model="proformer", set=WINDOWS)
    leaks = open_artifact(made).manifest.info["origin"]["near_duplicates"]["leaks"]
    # 2:150-180 overlaps 2:125-155, and 2:155-185 overlaps that test window: one group with two that are trained on.
    assert leaks == {"val": 0, "test": 3}
    said = gxtool.check(tmp_path / "sheet.csv", model="proformer", set=WINDOWS)
    assert any("3 test rows have near-duplicates" in warning for warning in said.warnings)


def test_overlapping_windows_are_kept_together_where_no_file_divides(tmp_path: Path) -> None:
    windows = [(f"{n % 3}", 100 * n + shift, 100 * n + shift + 30) for n in range(60) for shift in (0, 29)]
    write_windows(tmp_path, "data", windows, 1)
    (tmp_path / "sheet.csv").write_text("sample,data\nyeast,data.csv\n")
    gxtool.preprocess(tmp_path / "sheet.csv", tmp_path / "examples", model="proformer", set=WINDOWS)
    found = Dataset.open(gxtool.tokenize(tmp_path / "examples", tmp_path / "dataset", model="proformer", set=WINDOWS))
    assert found.scheme == "similarity"
    groups = found.rows["similarity_group"].to_list()
    assert groups[::2] == groups[1::2]
    assert len(set(groups)) == 60
    roles = found.splits.sort("row")["role"].to_list()
    assert roles[::2] == roles[1::2]
    assert set(roles) == {"train", "val", "test"}


@pytest.mark.parametrize(("start", "end"), [("5", "5"), ("x", "9"), ("-1", "9"), ("", "9"), ("3", "99999999999")])
def test_windows_that_are_none_are_refused(start: str, end: str, tmp_path: Path) -> None:
    row = f"ACGTACGTACGTACGTACGT,1.5,1,{start},{end}\n"
    (tmp_path / "data.csv").write_text(f"sequence,expression,chr,from,to\nTTTTACGTACGTACGTACGT,2.5,1,3,8\n{row}")
    (tmp_path / "sheet.csv").write_text("sample,data\nyeast,data.csv\n")
    with pytest.raises(InputError, match=f"data.csv: chr, from, to are '1', '{start}', '{end}', expected a chromosome"):
        gxtool.preprocess(tmp_path / "sheet.csv", tmp_path / "examples", model="proformer", set=WINDOWS)
    with pytest.raises(ConfigError, match="three .chromosome, start, end., found"):
        gxtool.check(
            tmp_path / "sheet.csv", model="proformer", set={**SETTINGS, "data.window_columns": ["chr", "from"]}
        )


@pytest.mark.slow
def test_random_expression_of_families_gives_no_baseline_skill(tmp_path: Path) -> None:
    """By sequence, k-mer boosting reads a family's level off its relatives; with families apart nothing is left."""
    folder = write_families(tmp_path / "many", 400)
    scores = {}
    for split in ("sequence", "similarity"):
        found = dataset(folder, split=split)
        options = {
            "model": "proformer",
            "preset": "tiny",
            "set": {**SETTINGS, "data.split": split, "training.epochs": 1},
        }
        models, evaluation = folder / f"models-{split}", folder / f"evaluation-{split}"
        gxtool.train(found.artifact.path, models, device="cpu", **options)
        gxtool.evaluate(models, found.artifact.path, evaluation, device="cpu")
        scores[split] = open_artifact(evaluation).json("metrics.json")
    by_sequence, apart = (scores[split]["samples"][0]["baselines"] for split in ("sequence", "similarity"))
    assert by_sequence["kmer_boosting"]["metrics"]["pearson"]["estimate"] > 0.8
    for name, baseline in apart.items():
        score = baseline["metrics"]["pearson"]
        if score["estimate"] is not None:
            assert score["low"] < 0 < score["high"], (name, score)
    sentences = json.dumps(scores["sequence"]["claim"]["sentences"])
    assert "test rows have near-duplicates" in sentences
