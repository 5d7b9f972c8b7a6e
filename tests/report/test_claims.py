"""What a run may claim: its split, the bar it had to pass, and whether it has any skill at all."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gxtool.io.artifact import ArtifactWriter, open_artifact
from gxtool.models.base import Noun
from gxtool.report.blocks import Gallery, Meanings, Paragraph, Part, Table
from gxtool.report.claims import claims, claims_part
from gxtool.report.gather import FamilyMaterial, Material, gather
from gxtool.report.paired import all_pairs
from gxtool.report.predictors import predictors
from gxtool.report.skill import remark, sentence, skill_of
from gxtool.report.verdict import key_numbers, verdicts

Make = Callable[[str], Path]


def read(study: Make, name: str) -> tuple[FamilyMaterial, Material]:
    material = gather([study(name)])
    return material.families[0], material


def table(part: Part, title: str) -> list[list[str]]:
    (found,) = [block for block in part.blocks if isinstance(block, Table) and block.title == title]
    return [[cell.text for cell in row] for row in found.rows]


def test_a_single_split_is_said_in_a_sentence_and_a_row_per_run(study: Make) -> None:
    part = claims_part(read(study, "by_hand")[0])
    assert part is not None
    assert part.title == "What this split proves"
    assert part.text.startswith("A good score on this split (published files) says this much. It predicts genes")
    (row,) = table(part, "Runs, their splits and the score to beat")
    assert row[:3] == ["convnet", "published files", "0.951 (0.946 to 0.956)"]
    assert row[3:] == ["logistic regression", "0.950", "no clear difference"]
    assert len(part.blocks) == 1


def test_splits_stand_side_by_side_the_easier_first(study: Make) -> None:
    family, _ = read(study, "schemes")
    assert [claim.scheme for claim in claims(family)] == ["group", "chromosome", "sample", "group_and_sample"]
    part = claims_part(family)
    assert part is not None
    gallery, meanings, *_ = part.blocks
    assert isinstance(gallery, Gallery)
    assert isinstance(meanings, Meanings)
    figure = gallery.charts[0].views[0]
    assert [trace.name for trace in figure.traces] == ["model", "strongest baseline"]
    assert figure.traces[0].x == ("new genes", "new chromosomes", "new cell types", "new genes in new cell types")
    assert all(
        low < y < high
        for low, y, high in zip(*(getattr(figure.traces[0], k) for k in ("low", "y", "high")), strict=True)
    )
    assert [term[:2] for term in meanings.terms] == [
        ("new genes", "(held out: genes)"),
        ("new chromosomes", "(held out: genes and chromosomes)"),
        ("new cell types", "(held out: cell types)"),
        ("new genes in new cell types", "(held out: genes and cell types)"),
    ]
    assert "the average of the gene is the bar to pass" in meanings.terms[2][2]


def test_a_clear_fall_says_what_it_hints_at(study: Make) -> None:
    family, _ = read(study, "schemes")
    part = claims_part(family)
    assert part is not None
    rows = {(row[1].split(" (")[0], row[2].split(" (")[0]): row[3] for row in table(part, "From one split to another")}
    assert rows["new genes", "new chromosomes"] == "falls: a sign that neighbours and relatives of the genes helped"
    assert rows["new cell types", "new genes in new cell types"].startswith("falls: a sign that it remembered genes")
    assert rows["new chromosomes", "new genes in new cell types"] == "does not clearly fall"
    assert len(rows) == 4


def test_verdict_counts_samples_where_they_differ(study: Make) -> None:
    family, _ = read(study, "schemes")
    verdicts_ = {claim.scheme: claim.verdict for claim in claims(family)}
    assert verdicts_["group"].startswith("better; better in ")
    for verdict in verdicts_.values():
        overall, counts = verdict.split("; ")
        assert overall in ("better", "worse", "no clear difference", "too little data to say")
        assert " of 7 cell types" in counts or counts.endswith(" in all 7 cell types")


def test_nothing_is_claimed_without_a_score(study: Make, tmp_path: Path) -> None:
    with ArtifactWriter(tmp_path / "in", "dataset", family="promoters") as writer:
        writer.describe(rows={"train": 70, "test": 30})
    material = gather([tmp_path / "in"])
    assert claims_part(material.families[0]) is None


def test_an_unknown_split_keeps_its_name(study: Make, tmp_path: Path) -> None:
    metrics = json.loads((study("by_hand") / "evaluation" / "metrics.json").read_text())
    with ArtifactWriter(tmp_path / "in", "evaluation", family="marks") as writer:
        writer.write_json("metrics.json", {**metrics, "scheme": "by_donor"})
    material = gather([tmp_path / "in"])
    part = claims_part(material.families[0])
    assert part is not None
    assert part.text == "A good score on this split (by donor) says this much."


def test_rows_that_the_model_had_seen_are_told_beside_the_claim(study: Make, tmp_path: Path) -> None:
    metrics = json.loads((study("by_hand") / "evaluation" / "metrics.json").read_text())
    sentence = "18 of 24 test rows are left out, of 18 genes that the model was trained or chosen on."
    claim = {"new": "groups", "title": "new genes", "split": "group", "sentences": [sentence]}
    family, _ = family_of(tmp_path, {**metrics, "claim": claim})
    part = claims_part(family)
    assert part is not None
    (paragraph,) = [block for block in part.blocks if isinstance(block, Paragraph)]
    assert paragraph.text == f"{metrics['run']}: {sentence}"


def scored(low: float, high: float, other: tuple[float, float] | None = None) -> dict[str, Any]:
    ends = {"K562": (low, high), **({"H1": other} if other else {})}
    return {
        "run": "net", "family": "marks", "preset": "net", "kind": "binary", "primary": "auroc", "metrics": ["auroc"],
        "scheme": "group", "level": 0.95,
        "samples": [
            {"sample": name, "n": 40, "model": {"auroc": {"estimate": (a + b) / 2, "low": a, "high": b}}, "tests": []}
            for name, (a, b) in ends.items()
        ],
        "words": {"group": "gene", "groups": "genes", "sample": "cell type", "samples": "cell types"},
        "overall": {"model": {"auroc": {"mean": 0.5, "low": low, "high": high, "min": low, "max": high}}},
    }  # fmt: skip


def family_of(folder: Path, metrics: dict[str, Any]) -> tuple[FamilyMaterial, Material]:
    with ArtifactWriter(folder / "evaluation", "evaluation", family="marks", preset="net") as writer:
        writer.write_json("metrics.json", metrics)
    material = gather([folder])
    return material.families[0], material


def test_an_interval_that_holds_chance_is_no_skill_and_the_page_opens_with_it(study: Make) -> None:
    family, material = read(study, "no_skill")
    assert verdicts(material) == ["convnet reaches AUROC 0.512 and shows no skill (guessing reaches 0.5)."]
    assert claims(family)[0].verdict == "no skill"
    numbers = key_numbers(family, material)
    assert numbers is not None
    assert numbers.numbers[0] == ("0.512", "AUROC of convnet", "0.471 to 0.553: no skill")


def test_skill_is_counted_over_samples(tmp_path: Path) -> None:
    family, _ = family_of(tmp_path, scored(0.45, 0.58, (0.6, 0.8)))
    (model,) = predictors(family)
    skill = skill_of(model, "auroc")
    assert skill == (("K562",), 2)
    assert remark(skill, Noun("cell type", "cell types")) == "no skill on 1 of 2\u00a0cell types"
    assert sentence(model, family).startswith("net shows no skill on 1 of 2\u00a0cell types (K562): there the interval")


def test_a_score_below_chance_is_no_skill_either(tmp_path: Path) -> None:
    family, _ = family_of(tmp_path, scored(0.3, 0.4, (0.2, 0.45)))
    assert skill_of(predictors(family)[0], "auroc").none


def test_skill_everywhere_and_metrics_without_chance_say_nothing(tmp_path: Path) -> None:
    family, _ = family_of(tmp_path, scored(0.6, 0.7))
    (model,) = predictors(family)
    assert sentence(model, family) == ""
    assert skill_of(model, "brier") == ((), 0)


@pytest.mark.parametrize(("verdict", "first"), [("net reaches AUROC 0.515.", "net shows no skill on K562: the 95%"),
                                                ("net shows no skill.", "net shows no skill.")])  # fmt: skip
def test_a_comparison_that_says_nothing_of_skill_is_preceded_by_it(tmp_path: Path, verdict: str, first: str) -> None:
    with ArtifactWriter(tmp_path / "evaluation", "evaluation", family="marks", preset="net") as writer:
        writer.write_json("metrics.json", scored(0.45, 0.58))
    runs = [{"run": "net", "family": "marks", "metric": "auroc"}]
    with ArtifactWriter(tmp_path / "comparison", "comparison") as writer:
        writer.add_parent(open_artifact(tmp_path / "evaluation"))
        writer.write_json("comparison.json", {"metric": "auroc", "runs": runs, "pairs": [], "verdict": verdict})
    found = verdicts(gather([tmp_path]))
    assert found[0].startswith(first)
    assert found.count(verdict) == 1


def test_pairs_are_those_of_the_comparison_and_of_the_judgement(tmp_path: Path) -> None:
    metrics = scored(0.6, 0.7)
    test = {"baseline": "constant", "metric": "auroc", "difference": None, "verdict": "none"}
    metrics["overall"]["judgement"] = {"verdict": "none", "strongest": None, "tests": [test]}
    runs = [{"run": "net", "family": "marks", "metric": "auroc"}]
    pair = {"a": "net", "b": "other", "kind": "runs", "sample": None, "difference": 0.1, "verdict": "better"}
    with ArtifactWriter(tmp_path / "comparison", "comparison") as writer:
        writer.write_json("comparison.json", {"metric": "auroc", "runs": runs, "pairs": [pair], "verdict": "Said."})
    family, material = family_of(tmp_path, metrics)
    assert {pair["b"]: pair["verdict"] for pair in all_pairs(family, material)} == {
        "other": "better",
        "constant": "none",
    }


def test_simulated_data_are_the_first_thing_that_is_said(study: Make, tmp_path: Path) -> None:
    metrics = json.loads((study("by_hand") / "evaluation" / "metrics.json").read_text())
    assert not verdicts(family_of(tmp_path / "real", metrics)[1])[0].startswith("The data are simulated")
    first, second = verdicts(family_of(tmp_path / "made", {**metrics, "simulated": True})[1])
    assert first.startswith("The data are simulated: scores on them show whether a planted signal is found")
    assert second.startswith("convnet reaches")
