"""All stages in one go for every family, and once more with predictions that say nothing: they stop nothing."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from family_workplace import OPTIONS, Workplace

from gxtool import api
from gxtool.errors import ConfigError, InputError
from gxtool.measure.faults import FAULTS


def json_of(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))


def broken(fault: str) -> Callable[[np.ndarray], np.ndarray]:
    """Return what makes good predictions (n,) or (n, T) constant, or NaN or infinite in every third row."""

    def spoil(predictions: np.ndarray) -> np.ndarray:
        spoilt = np.full_like(np.asarray(predictions, dtype=np.float64), 0.25)
        if fault != "constant":
            spoilt[::3] = {"NaN": np.nan, "infinite": np.inf}[fault]
        return spoilt

    return spoil


def spoil_predictions(work: Workplace, monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    """Let a family's `predict` say nothing about the rows."""
    true, spoil = work.family.load(work.family.predict), broken(fault)
    monkeypatch.setattr(sys.modules[true.__module__], true.__name__, lambda logits: spoil(true(logits)))


def walk(work: Workplace, folder: Path, kinds: Sequence[str]) -> str:
    """Evaluate, perturb, compare and report what was trained; return the report's page."""
    settings = work.settings("tiny", f"perturb.kinds=[{','.join(kinds)}]")
    api.evaluate([work.models], work.dataset, folder / "evaluation", settings, OPTIONS)
    if kinds:
        api.perturb([work.models], work.dataset, folder / "effects", settings, OPTIONS)
    api.compare([folder / "evaluation"], folder / "comparison")
    return api.report([folder, work.dataset, work.models], folder / "report").read_text(encoding="utf-8")


@pytest.mark.slow
def test_from_simulated_files_to_the_report(work: Workplace, tmp_path: Path) -> None:
    facts = api.check(work.raw / "samplesheet.csv", work.settings())
    assert facts.facts
    api.predict([work.models], work.dataset, tmp_path / "predictions", options=OPTIONS)
    page = walk(work, tmp_path, ["all"] if work.family.effect_kinds else [])
    metrics = json_of(tmp_path / "evaluation/metrics.json")
    assert list(metrics["samples"][0]["baselines"]), "every family has something to beat"
    assert {sample["fault"] for sample in metrics["samples"]} <= {"", "constant"}
    assert set(metrics["words"]) == {"group", "groups", "sample", "samples"}
    assert pl.read_parquet(tmp_path / "evaluation/predictions.parquet")["prediction"].is_finite().all()
    assert work.family.title in page
    for name in work.family.predictions:
        assert (tmp_path / "predictions" / name).stat().st_size
    found = {entry["kind"] for entry in json_of(tmp_path / "effects/summary.json")["effects"]}
    of_data = {*work.family.probes, *work.family.derived, *work.family.readouts}
    assert found >= set(work.family.effect_kinds) - of_data
    for kind in set(work.family.effect_kinds) - found:
        with pytest.raises(ConfigError, match=f"have no {kind}|has no {kind}"):
            settings = work.settings("tiny", f"perturb.kinds=[{kind}]")
            api.perturb([work.models], work.dataset, tmp_path / f"only-{kind}", settings, OPTIONS)


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_predictions_that_say_nothing_are_named_and_stop_nothing(
    work: Workplace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    assert work.models.is_dir()
    spoil_predictions(work, monkeypatch, fault)
    refusal = ""
    try:
        api.predict([work.models], work.dataset, tmp_path / "predictions", options=OPTIONS)
    except InputError as error:  # a customary format may have no place for what is no number
        refusal = str(error)
    assert not refusal or (fault != "constant" and "expected a finite number" in refusal)
    # A kind that is asked for by name must be there: its effects may be undefined all the same.
    page = walk(work, tmp_path, work.family.effect_kinds[:1])
    metrics = json_of(tmp_path / "evaluation/metrics.json")
    assert {sample["fault"] for sample in metrics["samples"]} == {fault}
    for sample in metrics["samples"]:
        scores = {name: score["estimate"] for name, score in sample["model"].items()}
        if fault == "constant":
            assert scores.get("auroc", 0.5) == 0.5
            assert scores.get("pearson") is None
            assert scores.get("mse", 1.0) > 0
            assert scores.get("brier", 1.0) > 0
        else:
            assert set(scores.values()) == {None}
        assert all(entry["fault"] == fault for entry in sample["per_seed"])
        primary = metrics["primary"]
        assert any(one["metrics"][primary]["estimate"] is not None for one in sample["baselines"].values())
    verdict = json_of(tmp_path / "comparison/comparison.json")["verdict"]
    assert verdict.startswith(f"{metrics['run']} {FAULTS[fault]} of {metrics['samples'][0]['sample']}")
    assert FAULTS[fault] in page
