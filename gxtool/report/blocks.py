"""What a page is made of, as data: parts that hold paragraphs, charts, tables and listings in reading order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from gxtool.models.base import Figure, Heatmap, Logo, ReportSection
from gxtool.models.base import Table as FamilyTable
from gxtool.report import formats

# Longer tables stay folded until they are asked for.
FOLD_ROWS = 20


class Cell(NamedTuple):
    """One cell: its text, the value it sorts by (a number, a text, None for a missing one), and that value's unit.

    Style `edits` is code whose capitals stand out.
    """

    text: str
    value: float | str | None = None
    numeric: bool = False
    style: Literal["", "code", "edits", "good", "bad", "even", "anchor", "link"] = ""
    target: str = ""
    unit: str = ""


@dataclass(frozen=True)
class Table:
    """A sortable table whose cells are written already; the first cell of a row is its heading."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""
    folded: bool = False

    @property
    def units(self) -> tuple[str, ...]:
        """Return the unit of each column's values, empty where there is none."""
        return tuple(next((row[j].unit for row in self.rows if row[j].unit), "") for j in range(len(self.columns)))

    @property
    def numeric(self) -> tuple[bool, ...]:
        """Say for each column whether it holds numbers (they are set flush right)."""
        return tuple(
            any(cell.numeric for cell in column) and all(cell.numeric or cell.value is None for cell in column)
            for column in ([row[j] for row in self.rows] for j in range(len(self.columns)))
        )


@dataclass(frozen=True)
class Look:
    """How a figure is drawn beyond what its data say.

    slots: colour of each trace (0 is the first of the palette), in order where empty; roles: weight of each trace;
    horizontal: x is drawn on the vertical axis, for long lists of names, one row each; legend: whether there is one;
    grouped: traces of one role share one entry of the legend, the words before the comma of their names;
    values: each marker's text stands at the end of its row; order: the rows from top to bottom, by appearance if empty.
    """

    slots: tuple[int, ...] = ()
    roles: tuple[Literal["model", "baseline", "seed", "train", "chosen", "guide"], ...] = ()
    horizontal: bool = False
    legend: bool = True
    grouped: bool = False
    values: bool = False
    order: tuple[str, ...] = ()


@dataclass(frozen=True)
class Chart:
    """One place on the page for a figure; it shows one of `views` at a time."""

    views: tuple[Figure | Heatmap | Logo, ...]
    looks: tuple[Look, ...] = ()

    def look(self, index: int) -> Look:
        """Return how view `index` is drawn."""
        return self.looks[index] if index < len(self.looks) else Look()


@dataclass(frozen=True)
class Gallery:
    """Charts side by side whose views are chosen together by one menu called `picker`."""

    charts: tuple[Chart, ...]
    picker: str = ""
    labels: tuple[str, ...] = ("",)


@dataclass(frozen=True)
class Paragraph:
    """Plain text; `quiet` sets it smaller."""

    text: str
    quiet: bool = False


@dataclass(frozen=True)
class Listing:
    """Text shown as it is, in a fixed-width font, with a button that copies it."""

    title: str
    text: str
    folded: bool = False


@dataclass(frozen=True)
class Flow:
    """Steps in their order, each with a name and a remark."""

    title: str
    steps: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Meanings:
    """Terms with what they mean: (term, remark, meaning)."""

    title: str
    terms: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True)
class KeyNumbers:
    """A few numbers a reader should see first: (value, what it is, remark)."""

    title: str
    numbers: tuple[tuple[str, str, str], ...]


Block = Gallery | Table | Paragraph | Listing | Flow | Meanings | KeyNumbers


@dataclass(frozen=True)
class Part:
    """A heading, a paragraph, blocks, and smaller parts below."""

    title: str
    text: str = ""
    blocks: tuple[Block, ...] = ()
    parts: tuple[Part, ...] = ()


def text(value: object, style: str = "") -> Cell:
    """Make a cell of text; None is a dash that sorts last."""
    if value is None or value == "":
        return Cell(formats.DASH)
    return Cell(str(value), str(value), False, style)


def num(value: float | int | None, written: str = "", remark: str = "", unit: str = "") -> Cell:
    """Make a cell that sorts as a number; `remark` follows it in the same cell, `unit` is what saved files say."""
    shown = written or formats.number(value)
    shown = f"{shown} ({remark})" if remark and value is not None else shown
    return Cell(shown, None if value is None else float(value), True, unit=unit)


def estimate(score: dict[str, Any] | None) -> Cell:
    """Make a cell of an estimate with its interval: `0.951 (0.941 to 0.960)`."""
    if not score or score.get("estimate") is None:
        return Cell(formats.DASH, None, True)
    return num(score["estimate"], remark=formats.interval(score.get("low"), score.get("high")))


def any_cell(value: Any) -> Cell:
    """Make a cell of whatever a family's table holds."""
    if value is None:
        return Cell(formats.DASH)
    if isinstance(value, (int, float)):
        return num(value)
    if isinstance(value, (list, tuple)):
        words = [formats.number(item) if isinstance(item, (int, float)) else str(item) for item in value]
        return text(formats.TIMES.join(words))
    return text(value)


def table(
    title: str, columns: Sequence[str], rows: Iterable[Sequence[Cell]], note: str = "", fold_rows: int = FOLD_ROWS
) -> Table:
    """Make a table that is folded when it has more than `fold_rows` rows."""
    body = tuple(tuple(row) for row in rows)
    return Table(title, tuple(columns), body, note, len(body) > fold_rows)


def one_chart(figure: Figure | Heatmap | Logo, look: Look | None = None) -> Gallery:
    """Make a gallery of a single figure."""
    return Gallery((Chart((figure,), (look or Look(),)),))


def from_section(section: ReportSection, picker: str = "") -> Part:
    """Turn a family's section into a part: neighbouring figures stand side by side.

    A mapping of figures is one place that shows one of them at a time; neighbouring mappings with the same keys are
    changed together, by a menu called `picker` where the section does not name it.
    """
    picker = section.picker or picker
    blocks: list[Block] = []
    charts: list[tuple[tuple[str, ...], Chart]] = []
    for item in section.items:
        if isinstance(item, (Figure, Heatmap, Logo, Mapping)):
            chart = _chart(item)
            if charts and charts[-1][0] != chart[0]:
                blocks.append(_side_by_side(charts, picker))
                charts = []
            charts.append(chart)
            continue
        if charts:
            blocks.append(_side_by_side(charts, picker))
            charts = []
        if not isinstance(item, FamilyTable):
            raise TypeError(f"report section {section.title!r} holds {type(item).__name__}, expected Figure or Table")
        blocks.append(table(item.title, item.columns, [map(any_cell, row) for row in item.rows], item.note))
    if charts:
        blocks.append(_side_by_side(charts, picker))
    return Part(section.title, section.text, tuple(blocks))


def _chart(item: Figure | Heatmap | Logo | Mapping[str, Figure | Heatmap | Logo]) -> tuple[tuple[str, ...], Chart]:
    """Return the keys a chart is chosen by (one empty key for a single figure), and the chart."""
    if isinstance(item, Mapping):
        return tuple(map(str, item)), Chart(tuple(item.values()))
    return ("",), Chart((item,))


def _side_by_side(charts: Sequence[tuple[tuple[str, ...], Chart]], picker: str) -> Gallery:
    return Gallery(tuple(chart for _, chart in charts), picker, charts[0][0])
