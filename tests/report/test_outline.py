"""What a page is made of gets ids and numbers, and heat maps with many columns the whole width."""

from __future__ import annotations

import pytest

from gxtool.models.base import Heatmap
from gxtool.report.blocks import Meanings, one_chart
from gxtool.report.outline import Outline


@pytest.mark.parametrize(("n_columns", "wide"), [(40, False), (41, True)])
def test_a_heat_map_of_many_columns_is_wide(n_columns: int, wide: bool) -> None:
    heatmap = Heatmap("map", "", "x", "y", tuple(range(n_columns)), ("a",), ((0.5,) * n_columns,))
    (chart,) = Outline().block(one_chart(heatmap), 3)["charts"]
    assert chart["wide"] is wide


def test_meanings_keep_their_order() -> None:
    meanings = Meanings("What it says", (("b", "(second)", "two"), ("a", "", "one")))
    assert Outline().block(meanings, 3) == {"kind": "meanings", "meanings": meanings}


def test_something_else_is_refused() -> None:
    with pytest.raises(TypeError, match="a report cannot show str"):
        Outline().block("text", 3)  # type: ignore[arg-type]
