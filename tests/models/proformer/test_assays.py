"""Libraries of other assays, read with the settings that the family's README names, from table to prediction."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import gxtool.models.proformer as package
from gxtool import api
from gxtool.io.dataset import Dataset
from gxtool.io.submission import read_predictions
from gxtool.training.options import TrainOptions
from gxtool.training.predict import load_model

README = Path(package.__file__).with_name("README.md")
ADAPTERS = ("AGGACCGGATCAACT", "CATTGCGTGAACCGA")
COMPLEMENTS = str.maketrans("ACGT", "TGCA")
ONE_CORE = TrainOptions(device="cpu", threads=1)
SHORT = ("training.max_steps=3", "resources.threads=1")


def settings_of(assay: str) -> tuple[str, ...]:
    """Return the settings of an assay in the README's table."""
    (row,) = re.findall(rf"^\| {assay}[^|]*\|(.*)\|$", README.read_text(), re.MULTILINE)
    return tuple(re.findall("`([^`]*)`", row))


def inserts(n: int, size: int, seed: int) -> list[str]:
    random = np.random.default_rng(seed)
    return ["".join(random.choice(list("ACGT"), size)) for _ in range(n)]


def write(path: Path, header: str, rows: list[tuple[object, ...]]) -> str:
    path.write_text("\n".join([header, *("\t".join(map(str, row)) for row in rows)]) + "\n")
    return path.name


def sheet(folder: Path, **files: str) -> Path:
    path = folder / f"{'-'.join(files)}.csv"
    path.write_text(f"sample,{','.join(files)}\nlibrary,{','.join(files.values())}\n")
    return path


@pytest.fixture
def lenti(tmp_path: Path) -> Path:
    """Return a folder with lentiMPRA's tables: 40 elements in both orientations, adapters the same around both."""

    def rows(words: list[str]) -> list[tuple[object, ...]]:
        found = []
        for number, word in enumerate(words):
            for name, text in (("F", word), ("Reversed", word.translate(COMPLEMENTS)[::-1])):
                value = (text.count("G") - 50) / 10
                found.append((f"seq{number}_{name}", ADAPTERS[0] + text + ADAPTERS[1], value, number % 10))
        return found

    header = "seq_id\tseq\tmean_value\tfold"
    write(tmp_path / "library.tsv", header, rows(inserts(40, 200, 1)))
    write(tmp_path / "new.tsv", header, rows(inserts(3, 200, 2)))
    return tmp_path


@pytest.fixture
def starr(tmp_path: Path) -> Path:
    """Return a folder with STARR-seq's tables: 60 regions with the activity of two promoters."""

    def rows(words: list[str]) -> list[tuple[object, ...]]:
        return [
            ("chrX", 100 * n, 100 * n + 248, f"chrX_{n}_+_negative", "Train", word, word.count("G") / 60, -n / 10)
            for n, word in enumerate(words)
        ]

    header = "seqnames\tstart\tend\tID\tset\tSequence\tDev_log2_enrichment\tHk_log2_enrichment"
    write(tmp_path / "library.tsv", header, rows(inserts(60, 249, 3)))
    write(tmp_path / "new.tsv", header, rows(inserts(5, 249, 4)))
    return tmp_path


def trained(folder: Path, settings: api.Settings) -> Dataset:
    """Tokenize and train in a folder that holds examples, predict new.tsv, and return the dataset."""
    dataset = api.tokenize([folder / "examples"], folder / "dataset", settings)
    api.train(dataset, folder / "models", settings, options=ONE_CORE)
    new = sheet(folder.parent, test="new.tsv")
    api.predict([folder / "models"], new, folder / "predictions", options=ONE_CORE)
    return Dataset.open(dataset)


def prepared(folder: Path, name: str, settings: api.Settings) -> Path:
    """Check and preprocess library.tsv into a folder of its own."""
    source = sheet(folder, data="library.tsv")
    facts = dict(api.check(source, settings).facts)
    for target in settings.resolve().data.predicted:
        assert target in facts["library, data"]
    (folder / name).mkdir()
    api.preprocess(source, folder / name / "examples", settings)
    return folder / name


def test_lentimpra_from_table_to_prediction_with_the_settings_of_the_readme(lenti: Path) -> None:
    given = settings_of("lentiMPRA")
    assert "data.length=200" in given
    settings = api.Settings("proformer", "tiny", set=(*given, *SHORT, "model.padding=flanks"))
    folder = prepared(lenti, "mean_value", settings)
    dataset = trained(folder, settings)
    assert dataset.arrays["tokens"].shape == (80, 200)
    assert set(dataset.arrays["lengths"].tolist()) == {200}
    assert not (np.asarray(dataset.arrays["tokens"]) == 4).any(), "adapters are cut off and nothing is padded"
    # Both orientations of an element have the same role.
    roles = dict(dataset.splits.select("row", "role").iter_rows())
    assert [roles[row] for row in range(0, 80, 2)] == [roles[row] for row in range(1, 80, 2)]
    sequences, values = read_predictions(folder / "predictions/pred.tsv")
    assert sequences == pl.read_csv(lenti / "new.tsv", separator="\t")["seq"].to_list()
    assert len(set(values)) > 1


TARGETS = ["Dev_log2_enrichment", "Hk_log2_enrichment"]


def test_both_targets_of_starr_by_one_network_with_the_settings_of_the_readme(starr: Path) -> None:
    given = settings_of("STARR-seq")
    assert "data.length=249" in given
    settings = api.Settings("proformer", "tiny", set=(*given, *SHORT))
    folder = prepared(starr, "both", settings)
    dataset = trained(folder, settings)
    library = pl.read_csv(starr / "library.tsv", separator="\t")
    assert dataset.arrays["tokens"].shape == (60, 249)
    assert np.asarray(dataset.arrays["labels"]) == pytest.approx(library.select(TARGETS).to_numpy(), abs=1e-5)
    (models,) = (folder / "models").glob("*")
    model = load_model(models, device="cpu")
    taught = np.asarray(dataset.arrays["labels"], np.float64)[dataset.indices("train")]
    assert model.network.config.targets == TARGETS
    assert model.network.config.target_mean == pytest.approx(taught.mean(axis=0).tolist())
    assert model.network.config.target_std == pytest.approx(taught.std(axis=0).tolist())
    # One column for each target, as the network says it, also in the customary format.
    sequences, values = read_predictions(folder / "predictions/pred.tsv")
    new = pl.read_csv(starr / "new.tsv", separator="\t")
    assert sequences == new["Sequence"].to_list()
    tokens = np.array([["ACGT".index(letter) for letter in word] for word in sequences], np.uint8)
    assert values == pytest.approx(model.predict({"tokens": tokens}))
    table = pl.read_parquet(folder / "predictions/predictions.parquet")
    assert table["target"].to_list() == TARGETS * len(new)
    assert table["prediction"].to_numpy() == pytest.approx(values.ravel())


def test_one_target_of_starr_alone_is_read_off_the_same_examples(starr: Path) -> None:
    given = (*settings_of("STARR-seq"), f"data.target={TARGETS[1]}", *SHORT)
    folder = prepared(starr, "alone", api.Settings("proformer", "tiny", set=given))
    dataset = trained(folder, api.Settings("proformer", "tiny", set=given))
    library = pl.read_csv(starr / "library.tsv", separator="\t")
    assert dataset.arrays["labels"].tolist() == pytest.approx(library[TARGETS[1]].to_list(), abs=1e-5)
    assert dataset.targets == [TARGETS[1]]
    assert read_predictions(folder / "predictions/pred.tsv")[1].shape == (5,)


ARCHITECTURES = ("proformer", "legnet", "dream-cnn", "dream-rnn", "cnn")


@pytest.mark.parametrize("length", [200, 249])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_network_reads_inserts_of_these_lengths_and_what_stands_around_shorter_ones(
    build: Callable[..., Any], promoters: Callable[..., np.ndarray], architecture: str, length: int
) -> None:
    torch = pytest.importorskip("torch")
    head = {} if architecture == "proformer" else {"head": "pool"}
    fields = {**head, "length": length, "flanks": ADAPTERS, "random": True, "little": True}
    tokens = promoters(7, length)
    tokens[0] = np.arange(length) % 4  # an insert without any padding
    found = {}
    with torch.no_grad():
        for padding in ("unknown", "flanks"):
            network = build(architecture, padding=padding, **fields)
            found[padding] = network(torch.from_numpy(tokens)).logits[:, 0].numpy()
    assert all(values.shape == (7,) and np.isfinite(values).all() for values in found.values())
    assert found["flanks"][0] == pytest.approx(found["unknown"][0], rel=1e-5), "nothing is padded there"
    assert not np.allclose(found["flanks"][1:], found["unknown"][1:], rtol=1e-6)
