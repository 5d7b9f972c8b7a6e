"""Tables of sequences as text: the lines of a block, its columns and its numbers, found without a step per line."""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import IO, NamedTuple

import numpy as np
import polars as pl

from gxtool.errors import ConfigError, InputError, did_you_mean, listed, plain, quoted
from gxtool.io.expression import NO_VALUE
from gxtool.io.promoter_encoding import RowError, letter_fault

# Text taken at once: large enough for the number parser's threads, small beside the memory of any machine.
_BLOCK = 4 << 20
_LONGEST_LINE = 1 << 24
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_BOM = b"\xef\xbb\xbf"
_SHOWN_NAMES = 8


@dataclass(frozen=True)
class TableColumns:
    """Names in a table's header: of the sequence, of the values (T), and of columns handed on as text.

    Without any name a table has no header: sequence, then one value, with a tab between. `missing` are those among the
    values that a line may lack (empty, NA, NaN, ...): they are NaN there.
    """

    sequence: str = ""
    values: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


class Layout(NamedTuple):
    """Where columns stand on a line of `names`, between separators; a header is skipped."""

    names: tuple[str, ...]
    separator: bytes
    sequence: int
    values: tuple[int, ...]
    kept: tuple[int, ...]
    header: bool
    missing: tuple[int, ...] = ()


class Fields(NamedTuple):
    """Columns of n lines: buffer[starts[i, c]:ends[i, c]] is field c of line i; around the text stands a margin."""

    buffer: np.ndarray
    starts: np.ndarray
    ends: np.ndarray

    def text(self, column: int, rows: np.ndarray) -> list[str]:
        """Return the fields of some rows as strings."""
        whole = self.buffer.tobytes()
        places = zip(self.starts[rows, column].tolist(), self.ends[rows, column].tolist(), strict=True)
        return [whole[start:end].decode("utf-8", "replace") for start, end in places]


def text_blocks(file: IO[bytes], name: str, block: int = _BLOCK) -> Iterator[bytes]:
    """Yield the text in blocks of whole lines, each with a line feed at its end; CRLF becomes LF, a BOM is dropped.

    Raises:
        InputError: a line of more than 16 MiB: no text.
    """
    rest, first = b"", True
    while piece := file.read(block):
        piece = piece.removeprefix(_BOM) if first else piece
        first = False
        end = piece.rfind(b"\n") + 1
        whole = memoryview(piece)  # slices of it are not copied
        if end:
            yield _plain(b"".join((rest, whole[:end])))
            rest = b""
        rest += whole[end:]
        if len(rest) > _LONGEST_LINE:
            raise InputError(f"{name}: holds a line of more than 16 MiB, expected one sequence per line")
    if rest:
        yield _plain(rest + b"\n")


def _plain(text: bytes) -> bytes:
    return text.replace(b"\r\n", b"\n") if b"\r" in text else text


def find_layout(name: str, first_line: bytes, columns: TableColumns, with_values: bool) -> Layout:
    """Return the layout that the first line shows.

    Raises:
        InputError: bytes that are no text, a header without one of the columns, a header where none is expected, or
            another number of columns.
        ConfigError: a table with header of which the sequence is not named, or values are wanted and none is.
    """
    line = _text(name, first_line.rstrip(b"\n"))
    if columns == TableColumns():
        return _headerless(name, line, with_values)
    if not columns.sequence:
        raise ConfigError(f"{name}: the column of sequences is not named but others are, expected its name")
    if with_values and not columns.values:
        raise ConfigError(f"{name}: no column of values is named, expected the names of one or more")
    separator = "\t" if "\t" in line else ","
    names = [field.strip() for field in line.split(separator)]

    def find(column: str) -> int:
        if names.count(column) != 1:
            fault = "has two columns" if column in names else "has no column"
            hint = did_you_mean(column, names) if column not in names else ", expected one"
            setting = " (data.targets or data.test_targets says which)" if column in columns.values else ""
            raise InputError(f"{name}, line 1: {fault} {quoted(column)}{hint}{setting}")
        return names.index(column)

    values = tuple(map(find, columns.values)) if with_values else ()
    missing = tuple(map(find, columns.missing)) if with_values else ()
    places = find(columns.sequence), values, tuple(map(find, columns.kept))
    return Layout(tuple(names), separator.encode(), *places, True, missing)


def _text(name: str, line: bytes) -> str:
    """Return a first line as text, where it is some: archives, pictures and UTF-16 begin with other bytes."""
    with contextlib.suppress(UnicodeDecodeError):
        if not any(byte < ord("\t") for byte in line):
            return line.decode("utf-8")
    raise InputError(f"{name}, line 1: holds bytes that are no text, expected a table of sequences as UTF-8 text")


def _headerless(name: str, line: str, with_values: bool) -> Layout:
    fields = line.split("\t")
    expected = "2 (sequence and expression, with a tab between)" if with_values else "1 or 2 (sequence, expression)"
    if not line:
        raise InputError(f"{name}, line 1: is empty, expected {expected}")
    header = "or a header whose column of sequences data.sequence_column names"
    if len(fields) != 2 and (with_values or len(fields) != 1):
        raise InputError(f"{name}, line 1: has {_count(len(fields))}, expected {expected}, {header}")
    if letter_fault(fields[0].encode()) and not any(map(_NUMBER.fullmatch, fields[1:])):
        raise InputError(
            f"{name}, line 1: found {quoted(line[:60])}, a header or no DNA, expected {expected} without header, "
            f"{header}"
        )
    names = ("sequence", "expression")[: len(fields)]
    return Layout(names, b"\t", 0, (1,) if with_values else (), (), False)


def split_fields(text: bytes, layout: Layout, margin: int) -> Fields:
    """Return where the fields of a block's lines are.

    Raises:
        RowError: a line that is empty or has another number of columns.
    """
    width = len(layout.names)
    edge = b"\n" * margin
    buffer = np.frombuffer(b"".join((edge, text, edge)), np.uint8)
    body = buffer[margin : len(buffer) - margin]
    # No byte of a sound table is smaller than a tab, so that one comparison finds tabs and line feeds.
    at_end = body <= ord("\n")
    if layout.separator != b"\t":
        at_end |= body == ord(layout.separator)
    ends = np.flatnonzero(at_end)
    pattern = np.array([*[ord(layout.separator)] * (width - 1), ord("\n")], np.uint8)
    if ends.size % width or not (body[ends].reshape(-1, width) == pattern).all():
        raise _width_fault(text, layout)
    ends = ends.reshape(-1, width) + margin
    starts = np.empty_like(ends)
    starts[:, 1:] = ends[:, :-1] + 1
    starts[0, 0] = margin
    starts[1:, 0] = ends[:-1, -1] + 1
    return Fields(buffer, starts, ends)


def _width_fault(text: bytes, layout: Layout) -> RowError:
    width = len(layout.names)
    expected = f"{_count(width)} ({listed(layout.names[:_SHOWN_NAMES])})"
    for row, line in enumerate(text.split(b"\n")):
        found = line.count(layout.separator) + 1
        if not line:
            return RowError(row, f"is empty, expected {expected}")
        if found != width:
            return RowError(row, f"has {_count(found)}, expected {expected}")
        if any(byte < ord("\t") for byte in line):
            return RowError(row, "holds bytes that are no text, expected a table of sequences")
    raise AssertionError("a block with a fault in its columns has none in its lines")


def read_values(text: bytes, fields: Fields, layout: Layout) -> np.ndarray:
    """Return the values (n, T) f8 of a block, NaN where a line lacks one that it may lack.

    Raises:
        RowError: a field that is no finite number.
    """
    needed = [column for column in layout.values if column not in layout.missing]
    values = np.empty((len(fields.starts), len(layout.values)))
    values[:, [column in needed for column in layout.values]] = _needed_values(
        text, fields, layout._replace(values=tuple(needed))
    )
    for column in layout.missing:
        values[:, layout.values.index(column)] = _values_or_nan(fields, layout, column)
    return values


def _needed_values(text: bytes, fields: Fields, layout: Layout) -> np.ndarray:
    wanted = [f"column_{column + 1}" for column in layout.values]
    names = [f"column_{column + 1}" for column in range(len(layout.names))]
    schema = {name: pl.Float64 if name in wanted else pl.String for name in names}
    try:
        frame = pl.read_csv(
            text, has_header=False, separator=layout.separator.decode(), quote_char=None, schema=schema, columns=wanted
        ).select(wanted)
        values = np.stack([frame[column].to_numpy() for column in wanted], axis=1)
        sound = len(values) == len(fields.starts) and bool(np.isfinite(values).all())
    except pl.exceptions.PolarsError:
        sound = False
    # The fast parser says neither where a fault is nor quite what it takes: one rule decides, field by field.
    return values if sound else _values_one_by_one(fields, layout)


def _values_or_nan(fields: Fields, layout: Layout, column: int) -> np.ndarray:
    values = np.full(len(fields.starts), np.nan)
    for row, text in enumerate(fields.text(column, np.arange(len(values)))):
        if text.strip().lower() not in NO_VALUE:
            values[row] = _finite(text.strip(), row, column, layout)
    return values


def _values_one_by_one(fields: Fields, layout: Layout) -> np.ndarray:
    rows = np.arange(len(fields.starts))
    values = np.empty((len(rows), len(layout.values)))
    texts = [fields.text(column, rows) for column in layout.values]
    for row in rows:
        for target, column in enumerate(layout.values):
            values[row, target] = _finite(texts[target][row].strip(), int(row), column, layout)
    return values


def _finite(text: str, row: int, column: int, layout: Layout) -> float:
    value = float(text) if _NUMBER.fullmatch(text) else math.nan
    if not math.isfinite(value):
        where = f"column {column + 1} ({plain(layout.names[column])})"
        raise RowError(row, f"{where}: found {plain(text) if text else 'nothing'}, expected a finite number")
    return value


def read_id_table(name: str, file: IO[bytes], columns: Sequence[str]) -> pl.DataFrame:
    """Read a table of ids and values: id (text), then one f8 column per target, named as in the header.

    Without `columns` there is no header, the first column is the id and all others are values; with them the first
    column of the header is the id and these are the values.

    Raises:
        InputError: an empty table, another number of columns, a value that is no finite number, or an id twice.
    """
    frames, layout, line = [], None, 0
    for text in text_blocks(file, name):
        if layout is None:
            layout = _id_layout(name, text[: text.find(b"\n")].decode("utf-8", "replace"), columns)
            text, line = (text[text.find(b"\n") + 1 :], 1) if layout.header else (text, 0)
        if text:
            frames.append(_id_block(name, text, layout, line))
            line += len(frames[-1])
    if not frames or layout is None:
        raise InputError(f"{name}: is empty, expected one line per sequence with its id and its value")
    table = pl.concat(frames)
    repeated = table.filter(~pl.col("id").is_first_distinct())
    if not repeated.is_empty():
        raise InputError(f"{name}: id {plain(repeated['id'][0])} stands there twice, expected every id once")
    return table


def _id_layout(name: str, line: str, columns: Sequence[str]) -> Layout:
    if columns:
        first = line.split("\t" if "\t" in line else ",")[0].strip()
        return find_layout(name, line.encode(), TableColumns(first, tuple(columns)), with_values=True)
    separator = "\t" if "\t" in line else ","
    fields = line.split(separator)
    if len(fields) < 2:
        raise InputError(f"{name}, line 1: has 1 column, expected an id and its value")
    names = ("id", *(f"value {number}" for number in range(1, len(fields))))
    return Layout(names, separator.encode(), 0, tuple(range(1, len(fields))), (), False)


def _id_block(name: str, text: bytes, layout: Layout, line: int) -> pl.DataFrame:
    try:
        fields = split_fields(text, layout, 0)
        values = read_values(text, fields, layout)
    except RowError as fault:
        raise InputError(f"{name}, line {line + fault.row + 1}: {fault.fault}") from None
    ids = pl.Series("id", fields.text(layout.sequence, np.arange(len(values))), pl.String)
    return pl.DataFrame({"id": ids, **{layout.names[c]: values[:, t] for t, c in enumerate(layout.values)}})


def _count(n: int) -> str:
    return f"{n} column{'' if n == 1 else 's'}"
