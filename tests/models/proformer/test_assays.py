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
from gxtool.io.artifact import open_artifact
from gxtool.io.dataset import Dataset
from gxtool.io.submission import read_predictions
from gxtool.training.options import TrainOptions

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


def prepared(folder: Path, target: str, settings: api.Settings) -> Path:
    """Check and preprocess library.tsv into a folder of its own."""
    source = sheet(folder, data="library.tsv")
    facts = dict(api.check(source, settings).facts)
    assert target in facts["library, data"]
    (folder / target).mkdir()
    api.preprocess(source, folder / target / "examples", settings)
    return folder / target


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


def test_both_targets_of_starr_one_after_the_other_with_the_settings_of_the_readme(starr: Path) -> None:
    given = settings_of("STARR-seq")
    assert "data.length=249" in given
    (choice,) = (text for text in given if text.startswith("data.target="))
    others = tuple(text for text in given if text != choice)
    library = pl.read_csv(starr / "library.tsv", separator="\t")
    found = {}
    for target in (choice.removeprefix("data.target="), "Hk_log2_enrichment"):
        settings = api.Settings("proformer", "tiny", set=(*others, f"data.target={target}", *SHORT))
        folder = prepared(starr, target, settings)
        dataset = trained(folder, settings)
        assert dataset.arrays["tokens"].shape == (60, 249)
        assert dataset.arrays["labels"].tolist() == pytest.approx(library[target].to_list(), abs=1e-5)
        model = next((folder / "models").iterdir())
        assert f'"{target}"' in (model / "config.json").read_text()
        found[target] = read_predictions(folder / "predictions/pred.tsv")[1]
    one, other = found.values()
    assert len(one) == len(other) == 5
    assert not np.allclose(one, other)
    # What is read from the table does not depend on the target: one preprocessing would have done.
    assert len({open_artifact(starr / target / "examples").id for target in found}) == 1


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
