"""How a score is rounded, in one place: sentences, tables, tiles and figures must show the same digits."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal


def rounded(value: float, digits: int = 3) -> Decimal:
    """Round as a reader of the decimal number would, half away from zero: 0.8115 -> 0.812."""
    return Decimal(repr(float(value))).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)


def decimals(value: float, digits: int = 3) -> str:
    """Write a rounded number; what rounds to 0 has no sign."""
    found = rounded(value, digits)
    return f"{found if found else abs(found)}"


def signed_decimals(value: float, digits: int = 3) -> str:
    """Write a rounded difference with its sign, also where it rounds to 0."""
    return f"{rounded(value, digits):+}"
