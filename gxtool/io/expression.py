"""Expression of genes in one sample: a table of text with one line per gene, any number of value columns."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any, NamedTuple

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
    no_gene, par_y = (pl.col("gene").str.contains(pattern) for pattern in (f"^({_NO_GENE.pattern})$", PAR_Y))
    dropped = frame.select(par_y=par_y.sum(), no_gene=no_gene.sum()).row(0, named=True)
    frame = frame.filter(~(no_gene | par_y)).with_columns(without_version(pl.col("gene")))
    if frame.is_empty():
        raise InputError(f"{path}: holds no gene, expected at least one line with an id and a value")
    _check_unique(path, frame)
    sha256, size = hash_file(path)
    source = {"name": path.name, "sha256": sha256, "bytes": size}
    return Expression(frame.select("gene", "value"), layout.column, dropped, source)


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
    # R leaves out the name of the genes' column; others end every line with a separator, which is no column.
    complete = headerless or _GENE_COLUMN.fullmatch(header[0])
    if not complete and any(len(fields) == len(header) + 1 and fields[-1] for _, fields in lines):
        header = ["", *header]
    header = header[:-1] if len(header) > 2 and not header[-1] else header
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
