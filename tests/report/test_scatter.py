"""Predicted against measured values and residuals, and how many rows are drawn."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from gxtool.report.blocks import Gallery
from gxtool.report.gather import gather
from gxtool.report.scatter import scatter_part

Make = Callable[[str], Path]


@pytest.fixture
def gallery(study: Make) -> Gallery:
    part = scatter_part(gather([study("regression")]).families[0])
    assert part is not None
    (found,) = part.blocks
    assert isinstance(found, Gallery)
    return found


def test_each_sample_and_run_is_a_view_of_both_charts(gallery: Gallery) -> None:
    assert (gallery.picker, gallery.labels) == ("Library and run", ("native, cnn", "random, cnn"))
    assert [chart.views[1].title for chart in gallery.charts] == [
        "Predicted and measured, cnn on random",
        "Residuals, cnn on random",
    ]


def test_text_says_how_many_rows_are_drawn_and_every_score(gallery: Gallery) -> None:
    said = gallery.charts[0].views[0].description
    assert "90 of 4,321\u00a0test genes are drawn, chosen at random" in said
    assert said.startswith("Pearson r 0.852, MSE 1.296.")


def test_both_axes_of_the_agreement_are_the_same(gallery: Gallery) -> None:
    figure = gallery.charts[0].views[0]
    assert figure.x_range == figure.y_range
    assert figure.square


def test_residuals_are_predicted_minus_measured(gallery: Gallery) -> None:
    agreement, residuals = (chart.views[0].traces[0] for chart in gallery.charts)
    assert residuals.x == agreement.x
    assert residuals.y[3] == pytest.approx(agreement.y[3] - agreement.x[3])


def test_without_recorded_values_there_is_nothing(study: Make) -> None:
    assert scatter_part(gather([study("by_hand")]).families[0]) is None
