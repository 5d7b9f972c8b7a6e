"""Baselines that say nothing do not stretch the axis of scores; everything else does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from gxtool.report.axes import says_nothing, score_range
from gxtool.report.by_sample import by_sample_part
from gxtool.report.gather import gather
from gxtool.report.predictors import predictors
from gxtool.report.scores import scores_part

Make = Callable[[str], Path]


@pytest.mark.parametrize(
    ("telling", "others", "expected"),
    [
        ([0.90, 0.95], [0.89], None),
        ([0.90, 0.95], [], None),
        ([], [0.5], None),
        ([0.90, None, 0.95], [0.5, None], (0.897, 0.953)),
        ([0.90, 0.95], [0.5, 0.89], (0.8864, 0.9536)),
        ([0.10, 0.15], [0.9], (0.097, 0.153)),
        ([0.8], [0.5], (0.8 - 0.06 * 0.016, 0.8 + 0.06 * 0.016)),
    ],
)
def test_axis_reaches_to_what_knows_something(
    telling: list, others: list, expected: tuple[float, float] | None
) -> None:
    found = score_range(telling, others)
    assert found == (pytest.approx(expected) if expected else None)


def test_a_constant_baseline_stands_at_the_edge(study: Make) -> None:
    family = gather([study("constant_baseline")]).families[0]
    silent = [one.label for one in predictors(family) if says_nothing(one, family.metric)]
    assert silent == ["gene average"]
    overview = scores_part(family).blocks[0].charts[0].views[0]
    by_sample = by_sample_part(family).blocks[0].charts[0].views[0]
    for figure in (overview, by_sample):
        low, high = figure.y_range
        assert low > 0.6
        assert figure.description.endswith("At the edge, outside of the axis: gene average 0.500.")
        others = [trace for trace in figure.traces if not trace.name.startswith("gene average")]
        assert all(low < value < high for trace in others for value in (*trace.y, *trace.low, *trace.high) if value)


def test_without_such_a_baseline_the_axis_shows_all(study: Make) -> None:
    family = gather([study("one_run")]).families[0]
    assert scores_part(family).blocks[0].charts[0].views[0].y_range is None
