"""Variants of sequences: VCF, or a table of alleles in a genome, alleles in given sequences, or pairs of sequences.

The 1-based positions of VCF, and of columns called `pos`, become 0-based here; a column called `start` is 0-based.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, Literal, NamedTuple

import polars as pl

from gxtool.errors import InputError, listed, plain
from gxtool.io.hashes import hash_file
from gxtool.io.packed import open_text, read_lines
from gxtool.io.samplesheet import csv_fault

_EXPECTED = "variants as VCF, or as a table with a header"
_LAYOUTS = "chrom, pos, ref, alt; or id, sequence, pos, ref, alt; or id, ref_sequence, alt_sequence"
_VCF_COLUMNS = ("#CHROM", "POS", "ID", "REF", "ALT")
_ALLELE = re.compile(r"[ACGTNRYSWKMBDHVacgtnryswkmbdhv]+")
# <DEL>, *, a missing allele, and breakends, single ones too.
_SYMBOLIC = re.compile(r"<[^<>]*>|\*|\.|.*[\[\]].*|\.[A-Za-z]+|[A-Za-z]+\.")
_WHOLE = re.compile(r"[0-9]+")
_BCF = b"BCF"
_LONGEST_LINE = 16 << 20  # bytes: genotypes of a million people stand on one
_LARGEST = 1 << 40
_MOST_ALLELES = 5_000_000
_SCHEMAS = {
    "genome": {"line": pl.UInt32, "id": pl.String, "chrom": pl.String, "start": pl.Int64, "ref": pl.String}
    | {"alt": pl.String},
    "sequence": {"line": pl.UInt32, "id": pl.String, "sequence": pl.String, "start": pl.Int64, "ref": pl.String}
    | {"alt": pl.String},
    "pair": {"line": pl.UInt32, "id": pl.String, "ref_sequence": pl.String, "alt_sequence": pl.String},
}


class Variants(NamedTuple):
    """Alternative alleles of one file, in its order.

    kind: what the table has beside line (of the file, from 1) and id (null without one): genome: chrom, start, ref,
    alt; sequence: sequence, start, ref, alt; pair: ref_sequence, alt_sequence. Starts are 0-based.
    symbolic: alleles left out because they are no sequence (<DEL>, *, breakends). source: for a manifest.
    """

    kind: Literal["genome", "sequence", "pair"]
    table: pl.DataFrame
    symbolic: int
    source: dict[str, Any]


def read_variants(path: Path) -> Variants:
    """Read variants, plain or gzipped; several alternative alleles of a line become rows of their own.

    Raises:
        InputError: no variants in it, no header, or a line that is malformed; the sentence says where.
    """
    path = Path(path)
    with open_text(path, str(path), _EXPECTED) as file:
        start = file.read(16)
    if start.startswith(_BCF):
        raise InputError(f"{path}: is BCF, expected VCF as text (bcftools view writes it)")
    named = path.name.removesuffix(".gz").removesuffix(".bgz").endswith(".vcf")
    if named or start.startswith((b"##", b"#CHROM")):
        kind, (rows, symbolic) = "genome", _read_vcf(path)
    else:
        kind, rows, symbolic = _read_table(path)
    if not rows and not symbolic:
        raise InputError(f"{path}: holds no variant, expected {_EXPECTED}")
    sha256, size = hash_file(path)
    source = {"name": path.name, "sha256": sha256, "bytes": size}
    return Variants(kind, pl.DataFrame(rows, _SCHEMAS[kind], orient="row"), symbolic, source)


def _read_vcf(path: Path) -> tuple[list[tuple], int]:
    rows: list[tuple] = []
    symbolic, has_columns = 0, False
    for number, line in read_lines(path, str(path), _EXPECTED, _LONGEST_LINE, _LARGEST):
        where = f"{path}, line {number}"
        if number == 1 and not line.startswith("##fileformat=VCF"):
            raise InputError(f"{where}: found {_shown(line)}, expected ##fileformat=VCF as every VCF begins")
        if line.startswith("#"):
            has_columns |= tuple(line.split("\t")[:5]) == _VCF_COLUMNS
            continue
        if not line:
            continue
        if not has_columns:
            raise InputError(f"{where}: stands before the header, expected a line of {', '.join(_VCF_COLUMNS)} above")
        fields = line.split("\t", 5)
        if len(fields) < 5:
            raise InputError(f"{where}: has {_count(fields)}, expected at least 5 with tabs between (CHROM to ALT)")
        chrom, _, name, ref, alts = fields[:5]
        _check_number(path, rows)
        start = _position(where, "POS", fields[1], 1)
        _require_allele(where, "REF", ref)
        for alt in alts.split(","):
            if _SYMBOLIC.fullmatch(alt):
                symbolic += 1
                continue
            _require_allele(where, "ALT", alt)
            rows.append((number, None if name == "." else name, chrom, start, ref.upper(), alt.upper()))
    if not has_columns:
        raise InputError(f"{path}: has no line of {', '.join(_VCF_COLUMNS)}, expected a VCF with its header")
    return rows, symbolic


def _read_table(path: Path) -> tuple[Literal["genome", "sequence", "pair"], list[tuple], int]:
    records = _records(path)
    first = next(records, None)
    if first is None:
        raise InputError(f"{path}: is empty, expected {_EXPECTED}")
    where, header = f"{path}, line {first[0]}", [name.lower() for name in first[1]]
    kind = _layout(where, header)
    rows: list[tuple] = []
    symbolic = 0
    for number, cells in records:
        _check_number(path, rows)
        here = f"{path}, line {number}"
        if len(cells) != len(header):
            raise InputError(f"{here}: has {_count(cells)}, expected {len(header)} as in the header")
        found = dict(zip(header, cells, strict=True))
        if kind == "pair":
            rows.append((number, found["id"] or None, found["ref_sequence"], found["alt_sequence"]))
            continue
        start = _position(here, *(("pos", found["pos"], 1) if "pos" in found else ("start", found["start"], 0)))
        _require_allele(here, "ref", found["ref"])
        first = found["chrom"] if kind == "genome" else found["sequence"]
        for alt in found["alt"].split(","):
            if _SYMBOLIC.fullmatch(alt):
                symbolic += 1
                continue
            _require_allele(here, "alt", alt)
            rows.append((number, found.get("id") or None, first, start, found["ref"].upper(), alt.upper()))
    return kind, rows, symbolic


def _records(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield the number and the cells of every line of a table that is not empty."""
    lines = (text for _, text in read_lines(path, str(path), _EXPECTED, _LONGEST_LINE, _LARGEST))
    first = next(lines, "")
    reader = csv.reader(chain([first], lines), delimiter="\t" if "\t" in first else ",")
    try:
        for cells in reader:
            if any(map(str.strip, cells)):
                yield reader.line_num, [cell.strip() for cell in cells]
    except csv.Error as error:
        raise InputError(f"{path}, line {reader.line_num}: {csv_fault(error)}") from None


def _check_number(path: Path, rows: Sequence[tuple]) -> None:
    if len(rows) > _MOST_ALLELES:
        raise InputError(f"{path}: holds more than {_MOST_ALLELES:,} alleles, expected fewer (split the file)")


def _layout(where: str, header: Sequence[str]) -> Literal["genome", "sequence", "pair"]:
    """Return what a table holds by its columns; those that nobody asks for do not matter."""
    names = set(header)
    if len(names) < len(header):
        twice = next(name for name in header if list(header).count(name) > 1)
        raise InputError(
            f"{where}: column {plain(twice) if twice else 'without a name'} stands there twice, expected it once"
        )
    if {"id", "ref_sequence", "alt_sequence"} <= names:
        return "pair"
    if {"ref", "alt"} <= names and {"chrom", "sequence"} & names:
        if ("pos" in names) == ("start" in names):
            raise InputError(f"{where}: expected either pos (counted from 1) or start (from 0) among its columns")
        if "chrom" in names:
            return "genome"
        if "id" in names:
            return "sequence"
    raise InputError(f"{where}: has columns {listed(header[:8])}, expected VCF or {_LAYOUTS}")


def _position(where: str, column: str, text: str, first: int) -> int:
    """Return the 0-based position of one that is counted from `first`."""
    if not _WHOLE.fullmatch(text) or len(text) > 12 or int(text) < first:
        raise InputError(f"{where}, {column}: found {_shown(text)}, expected a whole number of at least {first}")
    return int(text) - first


def _require_allele(where: str, column: str, allele: str) -> None:
    if not _ALLELE.fullmatch(allele):
        raise InputError(f"{where}, {column}: found {_shown(allele)}, expected letters of DNA")


def _shown(text: str) -> str:
    return repr(text if len(text) <= 40 else f"{text[:37]}...") if text else "nothing"


def _count(fields: Sequence[str]) -> str:
    return f"{len(fields)} column{'' if len(fields) == 1 else 's'}"
