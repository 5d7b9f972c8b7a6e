"""What the family changes in its sequences, and what it reads off the effects; every number by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from gxtool import api
from gxtool.errors import ConfigError, InputError
from gxtool.io.artifact import ArtifactWriter, open_artifact
from gxtool.io.dataset import Dataset
from gxtool.models.base import CONCERNED, Family
from gxtool.models.proformer import attribution, encode, examples, perturb
from gxtool.models.proformer.config import DataConfig, ProformerPerturbConfig
from gxtool.models.registry import get_family
from gxtool.training.predict import load_model

CONFIG = ProformerPerturbConfig()
# A, then C or G alike.
MEME = "MEME version 4\nMOTIF M1\nletter-probability matrix: alength= 4 w= 2\n1 0 0 0\n0 0.5 0.5 0\n"
TINY = (
    "data.five_prime=",
    "data.three_prime=",
    "data.length=10",
    "model.kmer=3",
    "training.epochs=1",
    "training.batch_size=20",
    "perturb.map_rows=7",
    "perturb.path_steps=64",
)


def write(path: Path, text: str) -> str:
    path.write_text(text)
    return str(path)


def make(folder: Path, **row: str) -> Dataset:
    """Return a dataset of three test sequences of up to 6 bases."""
    data = DataConfig(five_prime="", three_prime="", length=6)
    test = write(folder / "t.txt", "ACGT\t1\nTTNAC\t2\nGGGGGG\t3\n")
    with ArtifactWriter(folder / "examples", "examples", family="proformer") as writer:
        examples.preprocess([{"sample": "a", "test": test, **row}], data, writer)
    with ArtifactWriter(folder / "dataset", "dataset", family="proformer") as writer:
        encode.encode([open_artifact(folder / "examples")], data, writer)
    return Dataset.open(folder / "dataset")


def rows_of(dataset: Dataset) -> dict[str, np.ndarray]:
    return {**dataset.take(np.arange(3)), "unit": dataset.rows["group"].to_numpy()}


def test_every_real_base_becomes_each_other_base_once(tmp_path: Path) -> None:
    rows = rows_of(make(tmp_path))
    # N A C G T N; T T N A C N; G G G G G G.
    changes = dict(perturb.mutation(rows, None, CONFIG))
    assert list(changes)[:5] == ["0:A", "0:C", "0:G", "0:T", "1:A"]
    assert len(changes) == 6 * 4
    assert changes["0:A"][CONCERNED].tolist() == [False, True, True]
    assert changes["0:A"]["tokens"].tolist() == [[4, 0, 1, 2, 3, 4], [0, 3, 4, 0, 1, 4], [0, 2, 2, 2, 2, 2]]
    assert changes["2:G"][CONCERNED].tolist() == [True, False, False]
    counts = sum(changed[CONCERNED].astype(int) for changed in changes.values())
    assert counts.tolist() == [3 * 4, 3 * 4, 3 * 6]
    assert rows["tokens"].tolist()[0] == [4, 0, 1, 2, 3, 4], "arguments stay as they are"


def test_the_way_goes_from_a_quarter_of_each_base_and_n_stays(tmp_path: Path) -> None:
    rows = rows_of(make(tmp_path))
    name, start, _ = perturb.share_path(rows, None, 0.0)
    assert (name, start.dtype, start.shape) == ("tokens", np.float32, (3, 6, 5))
    assert start[0, :2].tolist() == [[0, 0, 0, 0, 1], [0.25, 0.25, 0.25, 0.25, 0]]
    _, half, slope = perturb.share_path(rows, None, 0.5)
    assert half[0, 2].tolist() == [0.125, 0.625, 0.125, 0.125, 0]
    assert slope[0, 2].tolist() == [-0.25, 0.75, -0.25, -0.25, 0]
    assert not slope[1, 2].any()
    _, end, _ = perturb.share_path(rows, None, 1.0)
    assert (end.argmax(axis=2) == rows["tokens"]).all()
    assert (end.sum(axis=2) == 1).all()


def test_places_are_positions_and_add_up_over_bases() -> None:
    values = np.arange(2 * 3 * 5, dtype=float).reshape(2, 3, 5)
    found = dict(perturb.share_places(values, None))
    assert {name: value.tolist() for name, value in found.items()} == {"0": [10, 85], "1": [35, 110], "2": [60, 135]}


def test_motifs_stand_in_the_middle_of_shuffled_sequences_on_both_strands(tmp_path: Path) -> None:
    dataset = make(tmp_path, motifs=write(tmp_path / "m.meme", MEME.replace("w= 2", "w= 5") + "0 1 0 0\n" * 3))
    forward, reverse = perturb.motif(dataset, CONFIG)
    assert (forward.change, reverse.change) == ("M1 +", "M1 -")
    assert forward.before is reverse.before
    assert list(forward.units) == ["background 1", "background 2", "background 3"]
    assert forward.after[CONCERNED].tolist() == [False, True, True], "four bases have no room for five"
    # ACCCC from the first base of TTNAC on, and of GGGGGG: (6 - 5) // 2 = 0.
    assert forward.after["tokens"][1:].tolist() == [[0, 1, 1, 1, 1, 4], [0, 1, 1, 1, 1, 2]]
    assert reverse.after["tokens"][2].tolist() == [2, 2, 2, 2, 3, 2]
    assert forward.before["tokens"][2].tolist() == [2] * 6
    few = ProformerPerturbConfig(max_rows=2)
    assert len(next(iter(perturb.motif(dataset, few))).units) == 2
    again = next(iter(perturb.motif(dataset, CONFIG)))
    assert (again.before["tokens"] == forward.before["tokens"]).all()


def test_without_motifs_and_variants_nothing_is_probed(tmp_path: Path) -> None:
    dataset = make(tmp_path)
    assert list(perturb.motif(dataset, CONFIG)) == []
    assert list(perturb.variants(dataset, CONFIG)) == []


def test_variants_are_the_two_alleles(tmp_path: Path) -> None:
    text = "id\tref_sequence\talt_sequence\nv1\tACGT\tACCT\nv2\tAAAA\tAAAAC\n"
    dataset = make(tmp_path, variants=write(tmp_path / "v.tsv", text))
    (probe,) = perturb.variants(dataset, CONFIG)
    assert (list(probe.units), probe.change) == (["v1", "v2"], "alternative allele")
    assert probe.before["tokens"].tolist() == [[4, 0, 1, 2, 3, 4], [4, 0, 0, 0, 0, 4]]
    assert probe.after["tokens"].tolist() == [[4, 0, 1, 1, 3, 4], [0, 0, 0, 0, 1, 4]]


def effects_of(tokens: np.ndarray, losses: np.ndarray) -> dict[str, np.ndarray]:
    """Return effects whose mean over the substitutions of a place is minus its loss: 0.5, 1 and 1.5 of it."""
    effects = {}
    for position in range(tokens.shape[1]):
        for base, letter in enumerate("ACGT"):
            known = (tokens[:, position] < 4) & (tokens[:, position] != base)
            share = 0.5 + 0.5 * ((base - tokens[:, position].astype(int)) % 4 - 1)
            effects[f"{position}:{letter}"] = np.where(known, -share * losses[:, position], np.nan)
    return effects


LOSSES = np.array([[9, 4, 6, 1, 3, 9], [1, 2, 9, 7, 5, 9], [1, 1, 1, 1, 1, 1]], dtype=float)


def test_importance_is_the_mean_loss(tmp_path: Path) -> None:
    tokens = rows_of(make(tmp_path))["tokens"]
    found = attribution.importance(attribution.effect_matrix(effects_of(tokens, LOSSES), tokens.shape))
    nan = np.nan
    assert found == pytest.approx(
        np.array([[nan, 4, 6, 1, 3, nan], [1, 2, nan, 7, 5, nan], [1] * 6]), rel=1e-9, nan_ok=True
    )


def test_bases_in_sites_are_compared_with_all_others(tmp_path: Path) -> None:
    dataset = make(tmp_path, motifs=write(tmp_path / "m.meme", MEME))
    rows = rows_of(dataset)
    effects = effects_of(rows["tokens"], LOSSES)
    ((name, values),) = attribution.motif_scan(effects, rows, dataset, CONFIG)
    assert name == "M1"
    # ACGT holds AC and GT, which is AC of the other strand: nothing is left beside them. TTNAC: AC at 3 and 4.
    assert np.isnan(values[0])
    assert values[1] == pytest.approx((7 + 5) / 2 - (1 + 2) / 2)
    assert np.isnan(values[2]), "no site"


def test_the_sequences_drawn_are_spread_over_the_predictions(tmp_path: Path) -> None:
    rows = rows_of(make(tmp_path))
    before = np.array([1.0, 5.0, 3.0])
    drawn = attribution.portrait_of_mutations(effects_of(rows["tokens"], LOSSES), before, rows, None)["sequences"]
    assert [(one["why"], one["sequence"], one["first"]) for one in drawn] == [
        ("highest prediction", "TTNAC", 0),
        ("median", "GGGGGG", 0),
        ("lowest prediction", "ACGT", 1),
    ]
    assert drawn[0]["effects"][0] == [-0.5, -1, -1.5, None]
    assert drawn[0]["effects"][2] == [None] * 4
    assert drawn[0]["importance"] == [1, 2, None, 7, 5]
    assert (drawn[2]["prediction"], drawn[2]["measured"]) == (1, None)
    measured = {**rows, "labels": np.array([7, 8, 9], np.float32)}
    values = {str(place): LOSSES[:, place] for place in range(6)}
    drawn = attribution.portrait_of_gradients(values, before, measured, None)["sequences"]
    assert (drawn[2]["importance"], drawn[2]["measured"]) == ([4, 6, 1, 3], 7)


def test_variants_are_listed_by_the_size_of_their_effect(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = {"unit": np.array(["v1", "v2", "v3"])}
    monkeypatch.setattr(attribution, "LISTED", 2)
    found = attribution.portrait_of_variants(
        {"alternative allele": np.array([0.5, -2, 1])}, np.array([1.0, 2, 3]), rows, None
    )
    assert found["n"] == 3
    assert found["variants"] == [
        {"name": "v2", "reference": 2, "effect": -2},
        {"name": "v3", "reference": 3, "effect": 1},
    ]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny network on 120 sequences of 7 to 9 bases, with variants and a motif."""
    pytest.importorskip("torch")
    folder, random = tmp_path_factory.mktemp("perturb"), np.random.default_rng(3)
    lines = []
    for number in range(120):
        sequence = "".join(random.choice(list("ACGT"), 7 + number % 3))
        lines.append(f"{sequence}\t{sequence.count('G') + 0.1 * (number % 7)}\n")
    write(folder / "a.txt", "".join(lines))
    write(folder / "v.tsv", "id\tsequence\tpos\tref\talt\nv1\tACGTACGT\t3\tG\tT,GG\nv2\tCCCCCCC\t1\tC\tA\n")
    write(folder / "m.meme", MEME)
    sheet = write(folder / "sheet.csv", "sample,data,variants,motifs\na,a.txt,v.tsv,m.meme\n")
    settings = api.Settings("proformer", "tiny", set=TINY)
    api.preprocess(Path(sheet), folder / "examples", settings)
    api.tokenize([folder / "examples"], folder / "dataset", settings)
    api.train(folder / "dataset", folder / "models", settings, api.Units(seeds=(1, 2)))
    return folder


def effects(trained: Path, output: Path, *assignments: str, dataset: str = "dataset") -> pl.DataFrame:
    settings = api.Settings("proformer", "tiny", set=(*TINY, *assignments))
    api.perturb([trained / "models"], trained / dataset, output, settings)
    return pl.concat([pl.read_parquet(part) for part in sorted(output.glob("effects-*.parquet"))])


def entries(output: Path) -> dict[str, dict[str, Any]]:
    return {entry["kind"]: entry for entry in open_artifact(output).json("summary.json")["effects"]}


def test_all_kinds_are_written_and_described(trained: Path, tmp_path: Path) -> None:
    table = effects(trained, tmp_path / "effects")
    assert table.columns == ["unit", "change", "readout", "state", "effect", "n", "sample", "kind"]
    assert not table["effect"].is_nan().any()
    found = entries(tmp_path / "effects")
    assert list(found) == ["mutation", "integrated_gradients", "variants", "motif", "motif_scan"]
    assert {kind: entry["readout"] for kind, entry in found.items()} == {
        "mutation": "prediction",
        "integrated_gradients": "attribution",
        "variants": "prediction",
        "motif": "prediction",
        "motif_scan": "motif_scan",
    }
    kinds = dict(table.group_by("kind").len().iter_rows())
    test = open_artifact(trained / "dataset").table("rows.parquet")
    sizes = test.filter(pl.col("group").is_in(table.filter(kind="mutation")["unit"].unique().implode()))
    assert len(sizes) == 7
    assert kinds["integrated_gradients"] == 7 * 10
    assert kinds["variants"] == 3
    variants = table.filter(kind="variants")
    assert variants["unit"].to_list() == ["v1 3 G>T", "v1 3 G>GG", "v2 1 C>A"]
    assert [change["change"] for change in found["motif"]["changes"]] == ["M1 +", "M1 -"]
    assert table["n"].unique().to_list() == [2]
    assert found["mutation"]["portrait"]["sequences"][0]["measured"] is not None


def test_effects_of_mutations_are_those_of_predicting_each_mutant(trained: Path, tmp_path: Path) -> None:
    table = effects(trained, tmp_path / "effects", "perturb.kinds=[mutation]")
    dataset = Dataset.open(trained / "dataset")
    rows = {group: row for row, group in dataset.rows.select("row", "group").iter_rows()}
    models = [load_model(path) for path in sorted((trained / "models").iterdir())]
    for one in table.sample(25, seed=1).iter_rows(named=True):
        before = np.array(dataset.arrays["tokens"][[rows[one["unit"]]]])
        after = before.copy()
        position, letter = one["change"].split(":")
        after[0, int(position)] = "ACGT".index(letter)
        assert (after != before).sum() == 1
        change = np.mean([model.predict({"tokens": after}) - model.predict({"tokens": before}) for model in models])
        assert one["effect"] == pytest.approx(change, abs=1e-5)


def test_gradients_add_up_to_the_change_of_the_prediction(trained: Path, tmp_path: Path) -> None:
    table = effects(trained, tmp_path / "effects", "perturb.kinds=[integrated_gradients]")
    note = entries(tmp_path / "effects")["integrated_gradients"]["note"]
    assert float(note.split("; ")[1].split(" %")[0]) < 1
    dataset = Dataset.open(trained / "dataset")
    rows = {group: row for row, group in dataset.rows.select("row", "group").iter_rows()}
    models = [load_model(path) for path in sorted((trained / "models").iterdir())]
    for (unit,), own in table.group_by("unit"):
        arrays = {"tokens": np.array(dataset.arrays["tokens"][[rows[unit]]])}
        ends = [perturb.share_path(arrays, dataset, t)[1] for t in (0.0, 1.0)]
        change = np.mean([model.predict({"tokens": ends[1]}) - model.predict({"tokens": ends[0]}) for model in models])
        assert own["effect"].sum() == pytest.approx(change, abs=5e-3)


def test_a_direct_way_is_taken_where_the_family_names_one(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = effects(trained, tmp_path / "plain", "perturb.kinds=[mutation,motif_scan]")
    loaded = Family.load

    def directly(model: Any, arrays: Any, dataset: Any, config: Any) -> Any:
        for change, changed in perturb.mutation(arrays, dataset, config):
            after = model.predict({"tokens": changed["tokens"]})
            yield change, np.where(changed[CONCERNED], after, np.nan)

    def load(family: Family, dotted: str) -> Any:
        return directly if dotted == "made:up" else loaded(family, dotted)

    family = get_family("proformer")
    monkeypatch.setattr(Family, "load", load)
    monkeypatch.setitem(vars(family), "direct", {"mutation": "made:up"})
    fast = effects(trained, tmp_path / "direct", "perturb.kinds=[mutation,motif_scan]")
    assert fast.drop("effect").equals(plain.drop("effect"))
    assert fast["effect"].to_numpy() == pytest.approx(plain["effect"].to_numpy(), abs=1e-5)


def test_what_a_kind_is_derived_from_comes_with_it(trained: Path, tmp_path: Path) -> None:
    effects(trained, tmp_path / "effects", "perturb.kinds=[motif_scan]")
    assert list(entries(tmp_path / "effects")) == ["mutation", "motif_scan"]


def test_kinds_that_the_data_are_not_for_can_be_left_out_but_not_asked_for(trained: Path, tmp_path: Path) -> None:
    settings = api.Settings("proformer", "tiny", set=TINY)
    write(tmp_path / "t.txt", "ACGTACG\nTTTTGGG\n")
    sheet = write(tmp_path / "sheet.csv", "sample,test\nb,t.txt\n")
    api.preprocess(Path(sheet), tmp_path / "examples", settings)
    api.tokenize([tmp_path / "examples"], tmp_path / "dataset", settings)
    # The models are of sample a; a dataset that has only others asks them all the same.
    run: Callable[..., Any] = lambda *kinds: api.perturb(  # noqa: E731
        [trained / "models"],
        tmp_path / "dataset",
        tmp_path / "effects",
        api.Settings("proformer", "tiny", set=(*TINY, *kinds)),
    )
    run()
    found = entries(tmp_path / "effects")
    assert list(found) == ["mutation", "integrated_gradients"]
    assert found["mutation"]["sample"] == "b"
    assert found["mutation"]["portrait"]["sequences"][0]["measured"] is None
    for kind in ("variants", "motif", "motif_scan"):
        with pytest.raises(ConfigError, match=f"perturb.kinds: this dataset has no {kind}, expected one"):
            api.perturb(
                [trained / "models"],
                tmp_path / "dataset",
                tmp_path / "none",
                api.Settings("proformer", "tiny", set=(*TINY, f"perturb.kinds=[{kind}]")),
            )
        assert not (tmp_path / "none").exists()


def test_rows_of_another_length_are_refused(trained: Path, tmp_path: Path) -> None:
    longer = tuple(text.replace("length=10", "length=12") for text in TINY)
    settings = api.Settings("proformer", "tiny", set=longer)
    write(tmp_path / "t.txt", "ACGTACG\nTTTTGGG\n")
    sheet = write(tmp_path / "sheet.csv", "sample,test\na,t.txt\n")
    api.preprocess(Path(sheet), tmp_path / "examples", settings)
    api.tokenize([tmp_path / "examples"], tmp_path / "dataset", settings)
    with pytest.raises(InputError, match=r"data\.length is 12, expected 10 as in .*run\.yaml"):
        api.perturb([trained / "models"], tmp_path / "dataset", tmp_path / "effects")
