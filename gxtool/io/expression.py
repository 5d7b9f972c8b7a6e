"""Expression of genes in one sample: a table of text with one line per gene, any number of value columns."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from gxtool.errors import InputError, did_you_mean, listed, plain, quoted
from gxtool.io.gtf import PAR_Y, without_version
from gxtool.io.hashes import hash_file
from gxtool.io.packed import read_lines
from gxtool.io.samplesheet import csv_fault
from gxtool.names import UNIT_LENGTH

_LARGEST = 4 << 30  # bytes: 60,000 genes in 8,000 samples
_MOST_LINES = 1_000_000
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
# What stands where a number should be: missing, infinite, or digits with commas in them.
_NO_NUMBER = re.compile(r"|[-.?]|n/?a|null|none|#n/a|[+-]?(nan|inf|infinity)|[+-]?[0-9][0-9,. ']*", re.IGNORECASE)
_COMMAS = re.compile(r"[+-]?[0-9]+(,[0-9]+)+(\.[0-9]+)?")
_GENE_COLUMN = re.compile(r"((ensembl|gene|target)[ _]?)?(gene|id|name|symbol)s?", re.IGNORECASE)
_ENSEMBL_ID = re.compile(r"ENS[A-Z]*[0-9]{6,}(\.[0-9]+)?.*")
NO_VALUE = frozenset(("", "-", ".", "na", "n/a", "nan", "null", "none"))
"""What stands where a number may be missing, in small letters."""
# Columns of numbers that tables of expression have beside those of samples.
_NO_SAMPLE = re.compile(r"(eff(ective)?[ _]?)?length|width|chr(om)?|strand|(\w+_)?(start|end)", re.IGNORECASE)
# Lines that HTSeq and STAR add below or above the genes.
_NO_GENE = re.compile(r"__[a-z_]+|N_(unmapped|multimapping|noFeature|ambiguous)")


class Expression(NamedTuple):
    """Values of one sample.

    table: gene (an id without version, or a symbol, as the file has it), value (f64, finite, at least 0).
    column: the header's name of the value column, empty without a header.
    dropped: lines left out: par_y (copies of X's genes on Y), no_gene (HTSeq's and STAR's lines on other reads).
    source: name, SHA-256 and size of the file for a manifest.
    """

    table: pl.DataFrame
    column: str
    dropped: dict[str, int]
    source: dict[str, Any]


class ExpressionTable(NamedTuple):
    """Values (G, S) of S samples, finite and at least 0; `genes` (G,) as `Expression` has them."""

    genes: tuple[str, ...]
    samples: tuple[str, ...]
    values: np.ndarray
    source: dict[str, Any]


class _Layout(NamedTuple):
    """Where things stand on a line; `first` is the position of the first gene among the lines.

    gaps: a line may lack the value (empty, NA, ...), which is NaN then.
    """

    first: int
    width: int
    value: int
    column: str
    gaps: bool = False


def read_expression(path: str | Path, column: str = "", sample: str = "", gaps: bool = False) -> Expression:
    """Read the genes of a table, which stand in its first column, and their values; plain or gzipped.

    Fields are separated by tabs or commas; lines that start with # are comments. The value column is the one the
    header calls `column`, else the one it calls as the sample, else the only one there is. The first line is a header
    when it names one of these or has no number where the value stands. A header without a name for the genes (as R
    writes it) is accepted. Whether values are on a logarithmic scale cannot be seen, except by a negative one.
    With `gaps` a gene may lack its value (empty, NA, ...), which is NaN then.

    Raises:
        InputError: the sentence names file and line: no such column or several, a field too many or too few, a value
            that is missing, negative, infinite or written with commas, a gene named twice or not at all.
    """
    path = Path(path)
    lines = _lines(path)
    # The header, and the first gene: it shows whether the header names the column of genes.
    head = list(islice(lines, 2))
    if not head:
        raise InputError(f"{path}: is empty, expected one line per gene with its id and its value")
    layout = _find_layout(path, head, column, sample)._replace(gaps=gaps)
    rows = []
    for line, fields in chain(head[layout.first :], lines):
        rows.append((line, *_gene_value(path, line, fields, layout)))
        if len(rows) > _MOST_LINES:
            raise InputError(f"{path}: has more than {_MOST_LINES:,} lines, expected one per gene")
    frame = pl.DataFrame(rows, {"line": pl.Int64, "gene": pl.String, "value": pl.Float64}, orient="row")
    frame, dropped = _genes_alone(path, frame)
    return Expression(frame.select("gene", "value"), layout.column, dropped, _source(path))


def read_expression_table(path: str | Path) -> ExpressionTable:
    """Read the genes of a table, which stand in its first column, and the values of every sample, one in a column.

    Lines are as in `read_expression`; the first one is a header with the names of the samples.

    A gene may stand there several times with the same values.

    Raises:
        InputError: as `read_expression`; no header, a sample named twice, or a column of lengths or positions.
    """
    path = Path(path)
    lines = _lines(path)
    head = list(islice(lines, 2))
    headed = len(head) == 2 and not _is_headerless(head[0][1])
    header = _complete_header(head) if headed else []
    names = header[1:]
    if not names:
        raise InputError(f"{path}: has no header, expected one that names the samples, and one line per gene below it")
    for place, name in enumerate(names):
        if not name or name in names[:place]:
            raise InputError(f"{path}, line {head[0][0]}: column {quoted(name)}, expected a name for each, and once")
        if _NO_SAMPLE.fullmatch(name):
            raise InputError(f"{path}, line {head[0][0]}: column {quoted(name)} is no sample, expected samples alone")
    layouts = [_Layout(1, len(header), place, name) for place, name in enumerate(names, start=1)]
    genes, values = [], []
    for line, fields in chain(head[1:], lines):
        values.append(_row_values(path, line, fields, layouts))
        genes.append((line, fields[0], len(genes)))
        if len(genes) > _MOST_LINES:
            raise InputError(f"{path}: has more than {_MOST_LINES:,} lines, expected one per gene")
    frame = pl.DataFrame(genes, {"line": pl.Int64, "gene": pl.String, "place": pl.Int64}, orient="row")
    frame, _ = _genes_alone(path, frame.filter(_differs_from_first(frame["gene"], values)))
    return ExpressionTable(tuple(frame["gene"]), tuple(names), np.stack(values)[frame["place"]], _source(path))


def _row_values(path: Path, line: int, fields: Sequence[str], layouts: Sequence[_Layout]) -> np.ndarray:
    """Return the values (S,) of one line; only a line that looks wrong is read field by field, for the sentence."""
    _gene_value(path, line, fields, layouts[0])
    texts = fields[1 : layouts[0].width]
    try:
        values = np.array([float(text) for text in texts])
    except ValueError:
        values = np.full(len(texts), np.nan)
    # Python also reads 1_000 as a number.
    if not np.isfinite(values).all() or values.min() < 0 or any("_" in text for text in texts):
        values = np.array([_gene_value(path, line, fields, layout)[1] for layout in layouts])
    return values


def _differs_from_first(genes: pl.Series, values: Sequence[np.ndarray]) -> list[bool]:
    """Say which lines are no copy of the first line of their gene: tables list a gene once for each of its symbols."""
    first: dict[str, int] = {}
    return [
        first.setdefault(gene, place) == place or not np.array_equal(values[first[gene]], values[place])
        for place, gene in enumerate(genes)
    ]


def _genes_alone(path: Path, frame: pl.DataFrame) -> tuple[pl.DataFrame, dict[str, int]]:
    """Return lines (line, gene, ...) that are genes, without versions, and how many others there were."""
    no_gene, par_y = (pl.col("gene").str.contains(pattern) for pattern in (f"^({_NO_GENE.pattern})$", PAR_Y))
    dropped = frame.select(par_y=par_y.sum(), no_gene=no_gene.sum()).row(0, named=True)
    frame = frame.filter(~(no_gene | par_y)).with_columns(without_version(pl.col("gene")))
    if frame.is_empty():
        raise InputError(f"{path}: holds no gene, expected at least one line with an id and a value")
    _check_unique(path, frame)
    return frame, dropped


def _source(path: Path) -> dict[str, Any]:
    sha256, size = hash_file(path)
    return {"name": path.name, "sha256": sha256, "bytes": size}


def header_of(path: str | Path) -> list[str]:
    """Return the fields of a table's header; none where the first line is that of a gene already."""
    _, fields = next(_lines(Path(path)), (0, []))
    return [] if _is_headerless(fields) else fields


def _lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield the fields of every line that is neither empty nor a comment, with its number."""
    texts = (text for _, text in read_lines(path, str(path), "a table of expression values", largest=_LARGEST))
    before: list[str] = []
    first = ""
    for first in texts:
        before.append(first)
        if first.strip() and not first.startswith("#"):
            break
        if len(before) > _MOST_LINES:
            raise InputError(f"{path}: has more than {_MOST_LINES:,} lines, expected one per gene")
    reader = csv.reader(chain(before, texts), delimiter="\t" if "\t" in first else ",", strict=True)
    try:
        for fields in reader:
            if any(map(str.strip, fields)) and not fields[0].startswith("#"):
                yield reader.line_num, [field.strip() for field in fields]
    except csv.Error as error:
        raise InputError(f"{path}, line {reader.line_num}: {csv_fault(error)}") from None


def _find_layout(path: Path, lines: Sequence[tuple[int, list[str]]], column: str, sample: str) -> _Layout:
    line, header = lines[0]
    where = f"{path}, line {line}"
    headerless = _is_headerless(header)
    header = _complete_header(lines)
    names = header[1:]
    if not names:
        raise InputError(f"{where}: has 1 column, expected a gene and its value with a tab or comma between")
    named = next((name for name in (column, sample) if name and name in names and not headerless), "")
    if names.count(named) > 1:
        raise InputError(f"{where}: column {plain(named)} stands there twice, expected it once")
    if column and named != column:
        known = "has no header" if headerless else f"has no column {quoted(column)}{did_you_mean(column, names)}"
        raise InputError(f"{where}: {known}" + (f", expected one with column {quoted(column)}" if headerless else ""))
    if not named and len(names) > 1:
        there = f"{listed(names[:5])}{', ...' if len(names) > 5 else ''}"
        like = f"one called as the sample, {sample}" if sample else "to be told which"
        raise InputError(f"{where}: has {len(names)} value columns ({there}), expected one, or {like}")
    if headerless:
        return _Layout(0, 2, 1, "")
    named = named or names[0]
    return _Layout(1, len(header), header.index(named, 1), named)


def _complete_header(lines: Sequence[tuple[int, list[str]]]) -> list[str]:
    """Return the first line's fields, the genes' column first.

    R leaves out the name of that column; others end every line with a separator, which is no column.
    """
    header = lines[0][1]
    complete = _is_headerless(header) or _GENE_COLUMN.fullmatch(header[0])
    if not complete and any(len(fields) == len(header) + 1 and fields[-1] for _, fields in lines):
        header = ["", *header]
    return header[:-1] if len(header) > 2 and not header[-1] else header


def _is_headerless(fields: Sequence[str]) -> bool:
    """Say whether the first line is that of a gene already: its id or its value shows it."""
    if len(fields) < 2 or _GENE_COLUMN.fullmatch(fields[0]) or (len(fields) > 2 and not fields[0]):
        return bool(fields and _ENSEMBL_ID.fullmatch(fields[0]))
    return bool(_ENSEMBL_ID.fullmatch(fields[0]) or _NUMBER.fullmatch(fields[1]) or _NO_NUMBER.fullmatch(fields[1]))


def _gene_value(path: Path, line: int, fields: Sequence[str], layout: _Layout) -> tuple[str, float]:
    where = f"{path}, line {line}"
    width = len(fields) - (len(fields) == layout.width + 1 and not fields[-1])
    if width != layout.width:
        expected = f"{layout.width} as in the header" if layout.column else "a gene and its value"
        raise InputError(f"{where}: has {width} {'field' if width == 1 else 'fields'}, expected {expected}")
    gene, text = fields[0], fields[layout.value]
    if not gene:
        raise InputError(f"{where}, column 1: found nothing, expected the id or symbol of a gene")
    if len(gene) > UNIT_LENGTH:
        raise InputError(f"{where}, column 1: found {quoted(gene)}, expected an id of up to {UNIT_LENGTH} characters")
    where = f"{where}, column {layout.value + 1} ({plain(layout.column or 'value')})"
    if layout.gaps and text.lower() in NO_VALUE:
        return gene, float("nan")
    if not _NUMBER.fullmatch(text):
        why = " without commas" if _COMMAS.fullmatch(text) else ""
        raise InputError(
            f"{where}: found {plain(text) if text else 'nothing'} for gene {plain(gene)}, expected a number{why}"
        )
    value = float(text)
    if value < 0:
        raise InputError(
            f"{where}: found {plain(text)} for gene {plain(gene)}, expected at least 0 (values that are not logarithms)"
        )
    if value == float("inf"):
        raise InputError(f"{where}: found {plain(text)} for gene {plain(gene)}, expected a finite number")
    return gene, value


def _check_unique(path: Path, frame: pl.DataFrame) -> None:
    repeated = frame.filter(~pl.col("gene").is_first_distinct())
    if repeated.is_empty():
        return
    line, gene, _ = repeated.row(0)
    first = frame.filter(gene=gene)["line"][0]
    raise InputError(
        f"{path}, line {line}: gene {plain(gene)} stands on line {first} already, expected every gene once"
    )
