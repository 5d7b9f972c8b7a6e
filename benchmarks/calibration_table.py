"""The results of the calibration as Markdown: every cell, the grid's shared error or the strength in columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Cells = Mapping[str, Mapping[str, Any]]
_GRID = ("samples", "units", "metric", "seeds", "seed sd", "sample sd")


def tables(results: Mapping[str, Cells], totals: Mapping[str, int]) -> str:
    """Return one table for each part that was measured; `totals` counts the cells that each part has in all."""
    printed = []
    for part, column in (("false positives", "shared"), ("new samples", "shared"), ("coverage", "strength")):
        if part not in results:
            printed += [f"**{part.capitalize()}** (none of {totals.get(part, 0)} cells measured yet)"]
        else:
            printed += [
                f"**{part.capitalize()}** ({_summary(results[part], totals[part])})",
                _pivot(results[part], column),
            ]
    if "baselines" in results:
        printed += ["**Six equal baselines** (share of verdicts)", _verdicts(results["baselines"])]
    if "ten errors" in results:
        rows = [(name, f"{cell['p']:.2g}") for name, cell in results["ten errors"].items()]
        printed += ["**Ten standard errors among 190 comparisons**", _markdown(("t with", "adjusted p"), rows)]
    if "timing" in results:
        rows = [
            (name, f"{cell['arranging']:.2f} s", f"{cell['judging']:.2f} s") for name, cell in results["timing"].items()
        ]
        printed += ["**CPU time, one core**", _markdown(("work", "arranging rows", "scoring and judging"), rows)]
    return "\n\n".join(printed)


def _summary(cells: Cells, total: int) -> str:
    rates = [cell["rate"] for cell in cells.values()]
    fewest = min(cell["simulations"] for cell in cells.values())
    repeated = [cell for cell in cells.values() if "first" in cell]
    measured = f"{len(cells)}" if len(cells) == total else f"{len(cells)} of {total}"
    said = f"{measured} cells of {fewest:,} simulations or more: {min(rates):.1%} to {max(rates):.1%}"
    return f"{said}; {len(repeated)} cells repeated with {repeated[0]['simulations']:,}" if repeated else said


def _facts(name: str) -> dict[str, str]:
    """Take a cell's name apart: `auroc, 6 samples, 30 units, 3 seeds, 90% shared, seed sd 1, sample sd 0`."""
    metric, *parts = name.split(", ")
    facts = {"metric": metric}
    for part in parts:
        if part.startswith(("seed sd ", "sample sd ")):
            key, value = part.rsplit(" ", 1)
        elif part.split(" ")[-1] in ("samples", "units", "seeds", "shared"):
            value, key = part.split(" ")
        else:
            key, value = "strength", part
        facts[key] = value
    return facts


def _pivot(cells: Cells, column: str) -> str:
    """Lay the cells out with the values of one fact as columns; a repeated rate is marked with *."""
    rows: dict[tuple[str, ...], dict[str, str]] = {}
    heads: list[str] = []
    keys = [key for key in _GRID if len({_facts(name).get(key) for name in cells}) > 1]
    for name, cell in cells.items():
        facts = _facts(name)
        if facts[column] not in heads:
            heads.append(facts[column])
        rows.setdefault(tuple(facts[key] for key in keys), {})[facts[column]] = (
            f"{cell['rate']:.1%}{'*' if 'first' in cell else ''}"
        )
    ordered = sorted(rows.items(), key=lambda row: [float(v) if v.isdigit() else v for v in row[0]])
    body = [(*key, *(values.get(head, "") for head in heads)) for key, values in ordered]
    return _markdown((*keys, *(f"{head} {column}" if column == "shared" else head for head in heads)), body)


def _verdicts(cells: Cells) -> str:
    heads = ("better", "worse", "no clear difference", "too little data")
    rows = [
        (*(_facts(name)[key] for key in ("metric", "units", "samples")), *(f"{cell.get(h, 0):.1%}" for h in heads))
        for name, cell in cells.items()
    ]
    return _markdown(("metric", "units", "samples", *heads), rows)


def _markdown(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "\n".join("| " + " | ".join(line) + " |" for line in (heads, ["---"] * len(heads), *rows))
