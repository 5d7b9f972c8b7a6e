"""Sentences and tables show the same digits."""

from __future__ import annotations

import pytest

from gxtool.measure.decimals import decimals, signed_decimals
from gxtool.report import formats


@pytest.mark.parametrize(
    ("value", "expected"),
    # In binary 0.8115 and 1.0005 lie below what they read as, and 2.5e-4 is a tie.
    [(0.8115, "0.812"), (1.0005, "1.001"), (0.0015, "0.002"), (-0.0004, "0.000"), (-0.8115, "-0.812"), (0.5, "0.500")],
)
def test_halves_are_rounded_away_from_zero(value: float, expected: str) -> None:
    assert decimals(value) == expected
    if abs(value) > 0.0005:
        assert formats.number(value).replace(formats.MINUS, "-") == expected


def test_differences_keep_their_sign() -> None:
    assert [signed_decimals(value) for value in (0.0125, -0.0004, 0.0)] == ["+0.013", "-0.000", "+0.000"]
