"""Figures as the page's script reads them: plain JSON, numbers rounded to what a figure can show."""

from __future__ import annotations

import json
import math
from typing import Any

from markupsafe import Markup

from gxtool.models.base import Figure, Heatmap, Logo, Trace
from gxtool.report.blocks import Look

# More digits than any screen or printer shows, few enough to keep the page small.
SIGNIFICANT = 6
_ESCAPES = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}


def drawing(figure: Figure | Heatmap | Logo, look: Look) -> dict[str, Any]:
    """Return a figure and its look as JSON content; entries that are empty or off are left out, but for the data."""
    base = {"title": figure.title, "description": figure.description, "x": figure.x_title, "y": figure.y_title}
    if isinstance(figure, Heatmap):
        return {
            **base,
            "kind": "heatmap",
            "columns": [_plain(value) for value in figure.x],
            "rows": [_plain(value) for value in figure.y],
            "z": [[_plain(value) for value in row] for row in figure.z],
            "z_title": figure.z_title,
            "diverging": figure.diverging,
        }
    if isinstance(figure, Logo):
        return {
            **base,
            "kind": "logo",
            "columns": [_plain(value) for value in figure.x],
            "letters": list(figure.letters),
            "heights": [[_plain(value) for value in row] for row in figure.heights],
        }
    content = {
        **base,
        "kind": "xy",
        "x_range": figure.x_range,
        "y_range": figure.y_range,
        "square": figure.square,
        "horizontal": look.horizontal,
        "no_legend": not look.legend,
        "grouped": look.grouped,
        "values": look.values,
        "order": look.order,
        "lines": [{"label": line.label, "value": _plain(line.value), "axis": line.axis} for line in figure.lines],
        "traces": [_trace(trace, look, index) for index, trace in enumerate(figure.traces)],
    }
    return _without_empty(content)


def _trace(trace: Trace, look: Look, index: int) -> dict[str, Any]:
    return _without_empty(
        {
            "name": trace.name,
            "kind": trace.kind,
            "x": [_plain(value) for value in trace.x],
            "y": [_plain(value) for value in trace.y],
            "low": [_plain(value) for value in trace.low],
            "high": [_plain(value) for value in trace.high],
            "text": list(trace.text),
            "dashed": trace.dashed,
            "slot": look.slots[index] if index < len(look.slots) else None,
            "role": look.roles[index] if index < len(look.roles) else None,
        }
    )


def _without_empty(content: dict[str, Any]) -> dict[str, Any]:
    def says_nothing(key: str, value: Any) -> bool:
        return value is None or value is False or (value in ([], ()) and key not in ("x", "y", "traces"))

    return {key: value for key, value in content.items() if not says_nothing(key, value)}


def _plain(value: Any) -> Any:
    """Round a float; what JSON cannot say (NaN, infinity) becomes null."""
    if isinstance(value, float):
        return float(f"{value:.{SIGNIFICANT}g}") if math.isfinite(value) else None
    return value if value is None or isinstance(value, (bool, int, str)) else str(value)


def embed_json(content: Any) -> Markup:
    """Return JSON that cannot end the script element it stands in, whatever names it holds."""
    text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for character, escape in _ESCAPES.items():
        text = text.replace(character, escape)
    # Every character that HTML could read is escaped by now.
    return Markup(text)
