"""How numbers and names are written everywhere in the report: one way for each kind of value."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Mapping
from typing import Any

from gxtool.measure.decimals import decimals, rounded
from gxtool.measure.metrics import METRICS

DASH = "\u2013"  # stands for a value that is not there
MINUS = "\u2212"
TIMES = " \u00d7 "
NBSP = "\u00a0"
_P_VALUE = re.compile(r"\bp ([=<]) (?=\d)")
_BEFORE_UNIT = re.compile(r"(?<=\d) (?=%|(?:bp|kb|Mb|s|min|h|kB|MB|GB)\b)")


def number(value: float | int | None, digits: int = 3) -> str:
    """Write a number: integers with thousands separators, others with `digits` decimals, tiny ones as 1.2e\u22125.

    None and NaN are a dash.
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return DASH
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return _signed_text(f"{value:,}")
    if math.isinf(value):
        return MINUS * (value < 0) + "\u221e"
    if value != 0 and abs(value) < 0.5 * 10**-digits:
        mantissa, exponent = f"{value:.1e}".split("e")
        return _signed_text(f"{mantissa}e{int(exponent)}")
    return _fixed(value, 1 if abs(value) >= 1000 else digits)


def _fixed(value: float, digits: int, signs_zero: bool = False) -> str:
    """Round as a reader of the decimal number would, half away from zero: 0.8115 -> 0.812 (page script: `written`).

    What rounds to 0 keeps its sign only where the sign is what is asked for.
    """
    found = rounded(value, digits)
    return _signed_text(f"{found if found or signs_zero else abs(found):,}")


def _signed_text(text: str) -> str:
    return text.replace("-", MINUS)


def signed(value: float | None, digits: int = 3) -> str:
    """Write a difference with its sign, `+0.012` or `\u22120.004`; 0 has none."""
    if value is None or not math.isfinite(value):
        return number(value)
    text = _fixed(value, digits, signs_zero=True)
    return f"+{text}" if value > 0 else text


def interval(low: float | None, high: float | None, digits: int = 3, sign: bool = False) -> str:
    """Write `0.941 to 0.960`, or nothing when an end is missing."""
    if low is None or high is None:
        return ""
    if sign:
        return f"{signed(low, digits)} to {signed(high, digits)}"
    return f"{_fixed(low, digits)} to {_fixed(high, digits)}"


def p_value(value: float | None) -> str:
    """Write a p-value to three decimals, below that as `< 0.001`."""
    if value is None:
        return DASH
    return "< 0.001" if value < 0.001 else decimals(value)


def glued(text: str) -> str:
    """Keep together what a line may not break: `p = 0.004`, `95 %`, `12 bp`."""
    return _BEFORE_UNIT.sub(NBSP, _P_VALUE.sub(rf"p{NBSP}\1{NBSP}", str(text)))


def size(n_bytes: int | None) -> str:
    """Write a file size in decimal units: 512 bytes, 1.3 MB."""
    if n_bytes is None:
        return DASH
    value, unit = float(n_bytes), "bytes"
    for larger in ("kB", "MB", "GB", "TB"):
        if value < 1000:
            break
        value, unit = value / 1000, larger
    return f"{n_bytes:,}{NBSP}bytes" if unit == "bytes" else f"{value:.1f}{NBSP}{unit}"


def duration(seconds: float | None) -> str:
    """Write a span of time with two units at most: 0.4 s, 48 s, 3 min 05 s, 2 h 10 min."""
    if seconds is None:
        return DASH
    if seconds < 10:
        return f"{seconds:.1f}{NBSP}s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole}{NBSP}s"
    if whole < 3600:
        return f"{whole // 60}{NBSP}min {whole % 60:02d}{NBSP}s"
    return f"{whole // 3600}{NBSP}h {whole % 3600 // 60:02d}{NBSP}min"


def plural(count: int, word: str, words: str = "") -> str:
    """Write a count with its noun: `1 gene`, `6,600 genes`; `words` is the plural where an s is not enough."""
    return f"{count:,}{NBSP}{word if count == 1 else words or f'{word}s'}"


def times(count: int) -> str:
    """Write how often: `once`, `twice`, `3 times`."""
    return {0: "never", 1: "once", 2: "twice"}.get(count, f"{count:,} times")


def metric_label(name: str) -> str:
    """Return how a metric is written for readers; an unknown one keeps its name."""
    known = METRICS.get(name)
    return known.label if known else name.replace("_", " ")


def higher_is_better(name: str) -> bool:
    """Say whether larger values of a metric are better; unknown metrics count as such."""
    known = METRICS.get(name)
    return known.higher_is_better if known else True


def predictor_label(name: str) -> str:
    """Return a baseline's name with spaces for underscores."""
    return name.replace("_", " ")


def slug(text: str, limit: int = 48) -> str:
    """Return lower-case letters, digits and hyphens only: fit for an id or a file name."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:limit].strip("-") or "part"


def nested(mapping: Mapping[str, Any] | None, *path: str) -> Any:
    """Follow keys through nested mappings; None as soon as one is missing."""
    value: Any = mapping
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value
