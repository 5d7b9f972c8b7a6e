"""The average of the gene over other cell types: never over the one that is predicted, under whatever name."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from whole_look import look_at

from gxtool import api
from gxtool.errors import InputError
from gxtool.io.bins_table import write_bins_table
from gxtool.io.dataset import Dataset
from gxtool.models.histone.check import check
from gxtool.models.histone.config import DataConfig
from gxtool.models.histone.others import read_other_cell_types

GENES = [f"ENSG000000000{n:02d}" for n in range(1, 41)]
DATA = DataConfig()


def table(folder: Path, columns: dict[str, np.ndarray], genes: list[str] = GENES, name: str = "rpkm.tsv") -> Path:
    pl.DataFrame({"gene_id": genes, **columns}).write_csv(folder / name, separator="\t")
    return folder / name


def values(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).lognormal(size=len(GENES)).round(6)


def rows_of(values: np.ndarray | None = None, genes: list[str] = GENES, sample: str = "liver") -> pl.DataFrame:
    rows = pl.DataFrame({"sample": [sample] * len(genes), "group": genes})
    return rows if values is None else rows.with_columns(expression=pl.Series(values))


def test_average_is_of_the_logarithms_of_the_other_cell_types(tmp_path: Path) -> None:
    path = table(tmp_path, {"liver": [9.0, 9, 9], "heart": [0.0, 1, 3], "brain": [3.0, 1, 15]}, ["a", "b", "c"])
    row = {"sample": "liver", "other_expression": str(path)}
    others = read_other_cell_types(row, rows_of(genes=["c", "nowhere", "a"]), DATA)
    # log2(3 + 1) = 2 and log2(15 + 1) = 4; log2(0 + 1) = 0 and log2(3 + 1) = 2.
    np.testing.assert_array_equal(others.averages, [3, np.nan, 1])
    assert (others.names, others.left_out, others.has_own) == (("heart", "brain"), {"liver": "its name"}, True)
    assert others.facts() == {"cell_types": 2, "left_out": {"liver": "its name"}, "genes": 2}


def test_a_cell_type_in_which_few_genes_are_on_is_no_copy_of_all_others(tmp_path: Path) -> None:
    rare = np.zeros(40)
    rare[:2] = [5, 6]
    row = {"sample": "liver", "other_expression": str(table(tmp_path, {"heart": values(2), "copy": 3 * rare}))}
    others = read_other_cell_types(row, rows_of(rare), DATA)
    assert others.left_out == {"copy": "the same genes are on: 100.0 %"}


def test_own_column_changes_nothing(tmp_path: Path) -> None:
    averages = []
    for number, own in enumerate([values(1), values(9)]):
        path = table(tmp_path, {"liver": own, "heart": values(2), "brain": values(3)}, name=f"{number}.tsv")
        row = {"sample": "liver", "other_expression": str(path)}
        averages.append(read_other_cell_types(row, rows_of(values(1)), DATA).averages)
    np.testing.assert_array_equal(*averages)


@pytest.mark.parametrize("known", ["expression", "label", "its own column"])
@pytest.mark.parametrize("scale", [lambda x: x, lambda x: 7 * x, lambda x: x + 1e-9], ids=["same", "units", "rounded"])
def test_a_copy_under_another_name_is_left_out(tmp_path: Path, known: str, scale) -> None:
    columns = {"HepG2": scale(values(1)), "heart": values(2), "brain": values(3)}
    rows = rows_of(values(1) if known == "expression" else None)
    if known == "label":
        rows = rows.with_columns(label=pl.Series((values(1) > np.median(values(1))).astype(np.uint8)))
    if known == "its own column":
        columns["liver"] = values(1)
    row = {"sample": "liver", "other_expression": str(table(tmp_path, columns))}
    others = read_other_cell_types(row, rows, DATA)
    assert others.names == ("heart", "brain")
    assert others.left_out["HepG2"] == "the same genes are on: 100.0 %"
    np.testing.assert_allclose(others.averages, (np.log2(values(2) + 1) + np.log2(values(3) + 1)) / 2)


@pytest.mark.parametrize("named", [False, True])
@pytest.mark.parametrize(("changed", "left_out"), [(1, True), (2, False)])
def test_another_measurement_is_left_out(tmp_path: Path, named: bool, changed: int, left_out: bool) -> None:
    again, order = values(1), np.argsort(values(1))
    # As many genes above the median change places with those below: 19 or 18 of 20 are on in both.
    below, above = order[20 - changed : 20], order[20 : 20 + changed]
    again[below], again[above] = values(1)[above], values(1)[below]
    columns = {"HepG2": again, "heart": values(2)} | ({"liver": values(1)} if named else {})
    row = {"sample": "liver", "other_expression": str(table(tmp_path, columns))}
    others = read_other_cell_types(row, rows_of(values(1)), DATA)
    assert others.names == (("heart",) if left_out else ("HepG2", "heart"))
    assert others.left_out.get("HepG2") == ("the same genes are on: 95.0 %" if left_out else None)


def test_replicates_and_the_named_column_are_left_out(tmp_path: Path) -> None:
    columns = {name: values(n) for n, name in enumerate(["liver_rep1", "liver_rep2", "E066", "heart", "liver_old"])}
    row = {"sample": "liver", "other_expression": str(table(tmp_path, columns))}
    others = read_other_cell_types(row, rows_of(), DataConfig(expression_column="E066"))
    assert others.names == ("heart", "liver_old")


def test_a_table_of_nothing_else_is_refused(tmp_path: Path) -> None:
    path = table(tmp_path, {"liver": values(1), "copy": values(1)})
    with pytest.raises(InputError, match=r"another cell type: copy \(the same genes are on: 100.0 %\), liver \("):
        read_other_cell_types({"sample": "liver", "other_expression": str(path)}, rows_of(), DATA)


def test_a_table_of_other_genes_is_refused(tmp_path: Path) -> None:
    path = table(tmp_path, {"heart": values(1)})
    rows = rows_of(genes=["mouse1", "mouse2"])
    with pytest.raises(InputError, match=r"none of the genes of sample liver \(such as 'mouse1'; the table has ENSG"):
        read_other_cell_types({"sample": "liver", "other_expression": str(path)}, rows, DATA)


@pytest.mark.parametrize("names", ["numbers", "symbols"])
def test_genes_are_found_by_number_or_symbol(tmp_path: Path, names: str) -> None:
    genes = [f"S{n}" for n in range(40)] if names == "symbols" else GENES
    row = {"sample": "liver", "other_expression": str(table(tmp_path, {"heart": values(1)}, genes))}
    rows = rows_of(genes=[gene[-6:] for gene in GENES] if names == "numbers" else GENES)
    rows = rows.with_columns(gene_symbol=pl.Series(f"S{n}" for n in range(40)))
    np.testing.assert_allclose(read_other_cell_types(row, rows, DATA).averages, np.log2(values(1) + 1))


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a sheet of two cell types whose marks say nothing; heart and brain know most of liver's genes."""
    folder = tmp_path_factory.mktemp("cells")
    generator = np.random.default_rng(0)
    genes = [f"ENSG{n:011d}" for n in range(1, 181)]
    level = generator.normal(size=180)
    columns = {name: np.exp(level + 0.4 * generator.normal(size=180)) for name in ("liver", "heart", "brain", "copy")}
    columns["copy"] = 2 * columns["liver"]
    table(folder, columns, genes)
    for name in ("liver", "heart"):
        on = columns[name] > np.median(columns[name])
        for part, role in enumerate(("train", "val", "test")):
            chosen = slice(60 * part, 60 * part + 60)
            counts = generator.poisson(2.0, (60, 100, 5))
            write_bins_table(folder / name, role, genes[chosen], counts, on[chosen])
    (folder / "sheet.csv").write_text("sample,data,other_expression\nliver,liver,rpkm.tsv\nheart,heart,\n")
    return folder / "sheet.csv"


def test_baseline_reads_other_cell_types_on_new_genes(inputs: Path, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from gxtool.training.options import TrainOptions

    settings = api.Settings("histone", "tiny", set=("training.epochs=1",))
    api.preprocess(inputs, tmp_path / "examples", settings)
    api.tokenize([tmp_path / "examples"], tmp_path / "dataset", settings)
    dataset = Dataset.open(tmp_path / "dataset")
    known = np.isfinite(dataset.group_averages())
    assert known.tolist() == (dataset.rows["sample"] == "liver").to_list()
    assert "other_samples.parquet" in dataset.artifact.manifest.files
    assert "liver/rpkm.tsv" in [one["name"] for one in dataset.artifact.manifest.info["inputs"]]
    (liver, heart) = json.loads((tmp_path / "dataset/summary.json").read_text())["samples"]
    left_out = {"liver": "its name", "copy": "the same genes are on: 100.0 %"}
    assert liver["other_expression"] == {"cell_types": 2, "left_out": left_out, "genes": 180}
    assert "other_expression" not in heart
    one_core = TrainOptions(device="cpu", threads=1)
    models = api.train(tmp_path / "dataset", tmp_path / "models", settings, options=one_core)
    api.evaluate(models, tmp_path / "dataset", tmp_path / "evaluation", options=one_core)
    samples = json.loads((tmp_path / "evaluation/metrics.json").read_text())["samples"]
    scores = {one["sample"]: one["baselines"]["gene_average"]["metrics"]["auroc"]["estimate"] for one in samples}
    assert 0.85 < scores["liver"] < 0.999
    assert scores["heart"] == 0.5
    report = api.report([tmp_path / "dataset", tmp_path / "evaluation"], tmp_path / "report")
    sentence = "liver: the average of the gene is over 2 other cell types, without copy (the same genes are on"
    assert sentence in next(Path(report).parent.rglob("report.html")).read_text()


def test_check_says_what_is_averaged_and_warns_without_a_column_of_the_name(inputs: Path) -> None:
    folder = inputs.parent
    row = {"data": str(folder / "liver"), "other_expression": str(folder / "rpkm.tsv")}
    named, unnamed = (look_at(check, [{"sample": name, **row}], DATA) for name in ("liver", "HepG2"))
    assert dict(named.facts)["average of the gene"].startswith("liver: the average of the gene is over 2 other cell")
    assert not [warning for warning in named.warnings if "no column" in warning]
    assert dict(unnamed.facts)["average of the gene"] == (
        "HepG2: the average of the gene is over 2 other cell types, without copy (the same genes are on: 100.0 %), "
        "liver (the same genes are on: 100.0 %)"
    )
    assert [warning for warning in unnamed.warnings if "no column" in warning]


def test_averages_stay_with_their_rows_when_examples_are_joined(inputs: Path, tmp_path: Path) -> None:
    settings = api.Settings("histone", "tiny")
    sheets = {"first": "sample,data\nheart,heart\n", "second": "sample,data,other_expression\nliver,liver,rpkm.tsv\n"}
    for name, text in sheets.items():
        (inputs.parent / f"{name}.csv").write_text(text)
        api.preprocess(inputs.parent / f"{name}.csv", tmp_path / name, settings)
    api.tokenize([tmp_path / "first", tmp_path / "second"], tmp_path / "joined", settings)
    api.preprocess(inputs, tmp_path / "both", settings)
    api.tokenize([tmp_path / "both"], tmp_path / "dataset", settings)
    joined, together = Dataset.open(tmp_path / "joined"), Dataset.open(tmp_path / "dataset")
    np.testing.assert_array_equal(joined.group_averages(), np.roll(together.group_averages(), 180))
    assert np.isnan(joined.group_averages()[:180]).all()
    assert np.isfinite(joined.group_averages()[180:]).all()


def test_tracks_read_other_columns_of_their_own_table(tmp_path: Path) -> None:
    sheet = api.simulate(tmp_path / "raw", "histone", layout="tracks") / "samplesheet.csv"
    rows = pl.read_csv(sheet).with_columns(other_expression="expression")
    rows.write_csv(sheet)
    settings = api.Settings("histone", "tiny", set=("data.target=log_expression",))
    api.preprocess(sheet, tmp_path / "examples", settings)
    api.tokenize([tmp_path / "examples"], tmp_path / "dataset", settings)
    dataset = Dataset.open(tmp_path / "dataset")
    values = pl.read_csv(sheet.parent / rows["expression"][0], separator="\t")
    own = dataset.rows[0].row(0, named=True)
    line = values.filter(pl.any_horizontal(pl.col(pl.String) == own["group"])).row(0, named=True)
    others = [np.log2(line[name] + 1) for name in rows["sample"].to_list() if name != own["sample"]]
    assert dataset.group_averages()[0] == pytest.approx(np.mean(others))
    assert dataset.labels()[0] == pytest.approx(np.log2(line[own["sample"]] + 1))
