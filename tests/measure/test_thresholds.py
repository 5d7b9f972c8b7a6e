"""When training first passed a target."""

import math

import pytest

from gxtool.errors import ConfigError, InputError
from gxtool.measure.thresholds import Reached, steps_to_reach

HISTORY = [
    {"epoch": 0.5, "step": 7, "loss": 0.7},
    {"epoch": 1.0, "step": 14, "val_auroc": 0.78, "val_brier": 0.22},
    {"epoch": 2.0, "step": 28, "val_auroc": math.nan, "val_brier": None},
    {"epoch": 3.0, "step": 42, "val_auroc": 0.83, "val_brier": 0.18},
    {"epoch": 4.0, "step": 56, "val_auroc": 0.81, "val_brier": 0.16},
]


def test_first_row_at_or_above_the_target_counts():
    assert steps_to_reach(HISTORY, "val_auroc", 0.8008) == Reached(epoch=3.0, step=42)
    assert steps_to_reach(HISTORY, "val_auroc", 0.78).step == 14


def test_error_has_to_fall_to_the_target():
    assert steps_to_reach(HISTORY, "val_brier", 0.17) == Reached(4.0, 56)


def test_target_never_reached_is_none():
    assert steps_to_reach(HISTORY, "val_auroc", 0.95) is None
    assert steps_to_reach([], "val_auroc", 0.5) is None


def test_metric_without_known_direction_is_refused():
    with pytest.raises(ConfigError, match="metric 'auc' is not known"):
        steps_to_reach(HISTORY, "val_auc", 0.8)


def test_row_without_its_step_is_refused():
    with pytest.raises(InputError, match=r"the row with auroc 0\.9 lacks step"):
        steps_to_reach([{"epoch": 1, "auroc": 0.9}], "auroc", 0.8)
