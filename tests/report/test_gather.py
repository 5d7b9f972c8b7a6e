"""One entry of the page for each family and metric, with the artifacts that belong to it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from gxtool.io.artifact import ArtifactWriter, open_artifact
from gxtool.report import report
from gxtool.report.gather import gather

Make = Callable[[str], Path]


def test_runs_judged_by_different_metrics_are_entries_of_their_own(study: Make) -> None:
    classes, values = gather([study("two_targets")]).families
    assert classes.title == "Histone marks: classes, judged by AUROC"
    assert values.title == "Histone marks: log expression, judged by Pearson r"
    assert [one.run for one in classes.scored] == ["convnet"]
    assert [one.run for one in values.scored] == ["cnn"]
    assert (classes.metric, values.metric) == ("auroc", "pearson")
    assert classes.key != values.key


def test_each_entry_has_its_own_datasets(study: Make) -> None:
    classes, values = gather([study("two_targets")]).families
    for family, rows in ((classes, {"genes": 19802}), (values, {"genes": 77})):
        (dataset,) = [artifact for artifact in family.artifacts if artifact.manifest.kind == "dataset"]
        assert dataset.manifest.rows == rows
        assert family.context is not None
        assert len(family.context.summaries) == 1


def test_models_and_effects_follow_their_dataset_and_the_rest_stays_with_the_first(study: Make, tmp_path: Path) -> None:
    dataset = open_artifact(study("two_targets") / "values" / "dataset")
    with ArtifactWriter(tmp_path / "model", "model", family="marks", seed=3) as writer:
        writer.add_parent(dataset)
        writer.describe(info={"run": "cnn"})
    with ArtifactWriter(tmp_path / "effects", "effects", family="marks") as writer:
        writer.add_parent(dataset)
        writer.write_json("summary.json", {"run": "cnn", "effects": []})
    with ArtifactWriter(tmp_path / "other", "dataset", family="marks") as writer:
        writer.write_json("summary.json", {"marks": ["other"]})
    classes, values = gather([study("two_targets"), tmp_path]).families
    assert [model.seed for model in values.trained] == [3]
    assert classes.trained == ()
    assert values.context is not None
    assert classes.context is not None
    assert [effects["run"] for effects in values.context.effects] == ["cnn"]
    assert {"marks": ["other"]} in classes.context.summaries


def test_one_metric_is_one_entry_without_a_target(study: Make) -> None:
    (family,) = gather([study("schemes")]).families
    assert (family.title, family.key) == ("Histone marks", "marks")


def test_comparisons_are_shown_with_the_runs_they_are_about(study: Make, tmp_path: Path) -> None:
    runs = [
        {"run": run, "family": "marks", "metric": metric} for run, metric in (("convnet", "auroc"), ("cnn", "pearson"))
    ]
    pairs = [
        {"a": run, "b": baseline, "kind": "baseline", "sample": None, "metric": metric, "difference": 0.1, "low": 0.0,
         "high": 0.2, "verdict": "better", "method": "made up", "n_units": 3}
        for run, baseline, metric in (("convnet", "one_bar", "auroc"), ("cnn", "other_bar", "pearson"))
    ]  # fmt: skip
    with ArtifactWriter(tmp_path / "comparison", "comparison") as writer:
        writer.write_json("comparison.json", {"metric": "auroc", "runs": runs, "pairs": pairs, "verdict": "Both."})
    page = report([study("two_targets"), tmp_path / "comparison"], tmp_path / "out").read_text()
    classes, values = re.split(r'<h2 id="histone-marks-log[^"]*">', page.split('<script type="application/json"')[0])
    assert "one bar" in classes
    assert "other bar" not in classes
    assert "other bar" in values


def test_files_for_multiqc_do_not_overwrite_each_other(page: Make) -> None:
    names = {path.name for path in page("two_targets").parent.glob("*_scores_mqc.json")}
    assert names == {
        "gxtool_marks_classes_judged_by_AUROC_scores_mqc.json",
        "gxtool_marks_log_expression_judged_by_Pearson_r_scores_mqc.json",
    }


def test_a_baseline_of_several_splits_says_on_which_it_stood(page: Make) -> None:
    text = page("schemes").read_text()
    assert "gradient boosting (new chromosomes)" in text
    assert "gradient boosting (new genes in new cell types)" in text
    assert "gradient boosting (beside" not in text
