"""Which epoch's weights are kept, and when patience runs out."""

from __future__ import annotations

import json

import pytest
import toy_family

from gxtool.config import TrainingConfig
from gxtool.errors import ConfigError
from gxtool.training.record import Mark, Monitor, Record


def follow(values: list[float], monitor: Monitor) -> tuple[Record, list[bool]]:
    record = Record()
    kept = []
    for epoch, value in enumerate(values, 1):
        kept.append(monitor.note(record, {"epoch": epoch, "step": 10 * epoch, "val_m": value}))
    return record, kept


def test_best_keeps_the_earlier_of_equal_values() -> None:
    record, kept = follow([0.5, 0.7, 0.7, 0.6], Monitor("m", True, "best", 0))
    assert kept == [True, True, False, False]
    assert record.kept == record.best == Mark(2, 20, 0.7)
    assert record.stale == 2


def test_lower_is_better_for_errors() -> None:
    record, _ = follow([0.5, 0.3, 0.4], Monitor("m", False, "best", 0))
    assert record.kept == Mark(2, 20, 0.3)


def test_last_keeps_the_newest_but_patience_still_counts_from_the_best() -> None:
    monitor = Monitor("m", True, "last", 2)
    record, kept = follow([0.5, 0.7, 0.6], monitor)
    assert kept == [True, True, True]
    assert record.kept == Mark(3, 30, 0.6)
    assert not monitor.is_exhausted(record)
    record, _ = follow([0.5, 0.7, 0.6, 0.6], monitor)
    assert monitor.is_exhausted(record)


def test_an_undefined_value_is_worse_than_any_other() -> None:
    record, kept = follow([float("nan"), 0.1, float("nan")], Monitor("m", True, "best", 0))
    assert kept == [True, True, False]
    assert record.kept == Mark(2, 20, 0.1)


def test_patience_zero_never_runs_out() -> None:
    monitor = Monitor("m", True, "best", 0)
    record, _ = follow([0.5] * 9, monitor)
    assert not monitor.is_exhausted(record)


def test_monitor_defaults_to_the_familys_first_metric_and_knows_its_direction() -> None:
    assert Monitor.of(toy_family.FAMILY, TrainingConfig()) == Monitor("auroc", True, "best", 0)
    assert not Monitor.of(toy_family.FAMILY, TrainingConfig(monitor="brier")).higher_is_better
    assert not Monitor.of(toy_family.FAMILY, TrainingConfig(monitor="loss")).higher_is_better


def test_unknown_monitor_is_refused_by_name() -> None:
    with pytest.raises(ConfigError, match="training.monitor is 'acuracy', no metric of toy, did you mean accuracy?"):
        Monitor.of(toy_family.FAMILY, TrainingConfig(monitor="acuracy"))


def test_record_survives_a_checkpoint_and_writes_null_for_nan(tmp_path: object) -> None:
    record, _ = follow([0.5, float("nan")], Monitor("m", True, "best", 0))
    record.save(tmp_path)
    again = Record.load(tmp_path)
    assert (again.best, again.kept, again.stale, again.finished) == (record.best, record.kept, 1, False)
    assert [json.loads(line)["val_m"] for line in again.lines().splitlines()] == [0.5, None]
