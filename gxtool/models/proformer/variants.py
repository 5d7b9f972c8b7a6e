"""Variants that a samplesheet names become pairs of sequences as long as the network's input. No torch.

A variant in a genome is read with the bases around it, allele in the middle; one in a sequence of its own is read as
promoters are: without its flanks, padded on both sides.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from gxtool.data.alleles import allele_window
from gxtool.errors import InputError
from gxtool.io.chromosomes import plain_name
from gxtool.io.fasta import read_contigs
from gxtool.io.hashes import hash_file
from gxtool.io.nucleotides import BASES, NO_LETTER, TOKEN_BITS, letter_codes
from gxtool.io.promoter_encoding import RowError, encode_rows
from gxtool.io.variants import Variants, read_variants
from gxtool.models.proformer.config import DataConfig

TABLE = "variants.parquet"
"""Side file of examples and datasets: sample, name, ref, alt, and reference and alternative: L letters each."""
# More reference alleles than this that differ from the genome say that it is another one.
MOST_MISMATCHES = 0.5
_SCHEMA = dict.fromkeys(("name", "ref", "alt", "reference", "alternative"), pl.String)
_SHOWN = 3
_LETTERS = np.frombuffer(BASES.encode(), np.uint8)
_CODES = letter_codes()


@dataclass(frozen=True)
class VariantTally:
    """Alternative alleles: read, and of these left out because they are no sequence (symbolic), their contig is not
    in the genome, their reference allele is not what stands there, or they are longer than the window; and kept."""

    read: int = 0
    symbolic: int = 0
    elsewhere: int = 0
    ref_mismatch: int = 0
    too_long: int = 0
    kept: int = 0


@dataclass
class _Found:
    """Alleles with their sequences so far: (name, ref, alt, reference, alternative) by place in the file."""

    rows: dict[int, tuple[str, ...]] = field(default_factory=dict)
    elsewhere: int = 0
    ref_mismatch: int = 0
    too_long: int = 0


@dataclass(frozen=True)
class SheetVariants:
    """What one row of a samplesheet adds: pairs of sequences, what was counted, and the files for the manifest."""

    table: pl.DataFrame
    tally: VariantTally
    sources: Sequence[Mapping[str, Any]]


def variants_of(row: Mapping[str, str], data: DataConfig) -> SheetVariants | None:
    """Return the variants of a row of the samplesheet, None where it names none.

    Raises:
        InputError: `genome` without `variants` or the other way round where they need each other, variants of another
            genome, a reference allele that is not there (data.ref_mismatch=refuse), or none that can be used.
    """
    sample, path, genome = row["sample"], row.get("variants"), row.get("genome")
    if not path:
        if genome:
            raise InputError(f"sample {sample}: has genome without variants, expected variants that are called in it")
        return None
    variants = read_variants(Path(path))
    if variants.kind == "genome" and not genome:
        raise InputError(
            f"sample {sample}: has variants in a genome ({path}) without column genome, expected the FASTA that they "
            "were called in"
        )
    if variants.kind != "genome" and genome:
        raise InputError(f"sample {sample}: has genome, but {path} holds sequences of its own, expected only one of it")
    if genome:
        found, sources = _in_genome(variants, Path(path), Path(genome), data), [_source(Path(genome))]
    else:
        found, sources = _in_sequences(variants, Path(path), data), []
    rows = [found.rows[place] for place in sorted(found.rows)]
    read = variants.symbolic + len(variants.table)
    counts = {name: getattr(found, name) for name in ("elsewhere", "ref_mismatch", "too_long")}
    tally = VariantTally(read=read, symbolic=variants.symbolic, kept=len(rows), **counts)
    if not rows:
        said = ", ".join(f"{count} {WORDS[name]}" for name, count in asdict(tally).items() if count and name in WORDS)
        raise InputError(f"{path}: none of {read} alleles can be used ({said}), expected some that can")
    table = pl.DataFrame(rows, _SCHEMA, orient="row").with_columns(pl.lit(sample).alias("sample"))
    return SheetVariants(table.select("sample", *_SCHEMA), tally, [variants.source, *sources])


WORDS = {
    "symbolic": "symbolic (<DEL>, *, breakends)",
    "elsewhere": "on contigs that the genome does not have",
    "ref_mismatch": "whose reference allele is not in the sequence",
    "too_long": "longer than the window",
}
"""Why alleles are left out, as people read it."""


def letters_to_tokens(letters: pl.Series) -> np.ndarray:
    """Return the tokens (n, L) uint8 of texts that have L letters of DNA each."""
    text = letters.str.join("").item().encode("ascii") if len(letters) else b""
    return (_CODES[np.frombuffer(text, np.uint8)] & np.uint8(TOKEN_BITS)).reshape(max(1, len(letters)), -1)[
        : len(letters)
    ]


def _source(path: Path) -> dict[str, Any]:
    sha256, size = hash_file(path)
    return {"name": path.name, "sha256": sha256, "bytes": size}


def _in_genome(variants: Variants, path: Path, genome: Path, data: DataConfig) -> _Found:
    """Find the window around each allele."""
    table = variants.table.with_row_index("place")
    # chr1, 1 and NC_000001.11 are the same contig.
    plain = pl.col("chrom").replace({name: plain_name(name) for name in table["chrom"].unique()})
    waiting = {chrom: part for (chrom,), part in table.group_by(plain, maintain_order=True)}
    found, there, n_chroms = _Found(), [], len(waiting)
    for name, letters in read_contigs(genome, lambda name: plain_name(name) in waiting):
        there.append(name)
        if letters is not None and (alleles := waiting.pop(plain_name(name), None)) is not None:
            letters = letters.upper()
            for allele in alleles.iter_rows(named=True):
                _window(allele, letters, (path, genome), data, found)
    if n_chroms and len(waiting) == n_chroms:
        contigs = table["chrom"].unique(maintain_order=True).to_list()
        raise InputError(
            f"{path}: is a VCF of another genome: none of its contigs ({_some(contigs)}) is in {genome} (which has "
            f"{_some(there)}), expected variants called in that genome"
        )
    found.elsewhere = sum(map(len, waiting.values()))
    _refuse_other_genome(path, str(genome), len(table) - found.elsewhere, found.ref_mismatch)
    return found


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")


def _window(
    allele: Mapping[str, Any], contig: bytes, files: tuple[Path, Path], data: DataConfig, found: _Found
) -> None:
    start, ref, alt = allele["start"], allele["ref"].encode(), allele["alt"].encode()
    there = contig[start : start + len(ref)]
    if there != ref:
        place = f"{allele['chrom']}:{start + 1}"
        _mismatch(f"{files[0]}, line {allele['line']}", allele["ref"], there, f"{files[1]} at {place}", data)
        found.ref_mismatch += 1
        return
    if max(len(ref), len(alt)) > data.length:
        found.too_long += 1
        return
    windows = [
        allele_window(contig, start, start + len(ref), word, data.length).decode("latin-1") for word in (ref, alt)
    ]
    if _has_no_dna(windows[0]):
        raise InputError(
            f"{files[1]}: {allele['chrom']} holds letters that are no DNA around base {start + 1}, expected letters of "
            "DNA"
        )
    name = f"{allele['chrom']}:{start + 1} {_short(allele['ref'])}>{_short(allele['alt'])}"
    name = f"{allele['id']} ({name})" if allele["id"] else name
    found.rows[allele["place"]] = (name, allele["ref"], allele["alt"], *windows)


def _mismatch(where: str, ref: str, there: bytes, at: str, data: DataConfig) -> None:
    """Refuse a reference allele that is not there, where that was asked for."""
    if data.ref_mismatch == "refuse":
        stands = there.decode("latin-1")[:20] or "nothing"
        raise InputError(
            f"{where}: the reference allele is {_short(ref)}, but {stands} stands in {at}, expected the same "
            "(data.ref_mismatch=drop leaves such alleles out)"
        )


def _refuse_other_genome(path: Path, genome: str, n_looked: int, n_mismatches: int) -> None:
    if n_mismatches > MOST_MISMATCHES * n_looked:
        raise InputError(
            f"{path}: is a VCF of another genome: {n_mismatches} of {n_looked} reference alleles are not what stands "
            f"in {genome}, expected at most half of them"
        )


def _has_no_dna(text: str) -> bool:
    return bool((_CODES[np.frombuffer(text.encode("latin-1"), np.uint8)] == NO_LETTER).any())


def _short(allele: str) -> str:
    return allele if len(allele) <= 12 else f"{allele[:9]}...({len(allele)})"


def _in_sequences(variants: Variants, path: Path, data: DataConfig) -> _Found:
    """Encode pairs of sequences as promoters are encoded."""
    found = _Found()
    kept, pairs = [], []
    for place, allele in enumerate(variants.table.iter_rows(named=True)):
        line, name = allele["line"], allele["id"] or f"line {allele['line']}"
        if variants.kind == "pair":
            kept.append((place, line, name, "", ""))
            pairs.append((allele["ref_sequence"], allele["alt_sequence"]))
            continue
        sequence, start, ref = allele["sequence"], allele["start"], allele["ref"]
        there = sequence[start : start + len(ref)]
        if there.upper() != ref:
            at = f"its sequence at base {start + 1}"
            _mismatch(f"{path}, line {line}", ref, there.encode("latin-1", "replace"), at, data)
            found.ref_mismatch += 1
            continue
        name = f"{name} {start + 1} {_short(ref)}>{_short(allele['alt'])}"
        kept.append((place, line, name, ref, allele["alt"]))
        pairs.append((sequence, sequence[:start] + allele["alt"] + sequence[start + len(ref) :]))
    if found.ref_mismatch > MOST_MISMATCHES * len(variants.table):
        raise InputError(
            f"{path}: {found.ref_mismatch} of {len(variants.table)} reference alleles are not what stands in their "
            "sequence, expected at most half of them: positions in column pos are counted from 1, in start from 0"
        )
    lines = [line for _, line, *_ in kept]
    sides = [_encoded([pair[side] for pair in pairs], lines, path, data) for side in (0, 1)]
    for row, (place, _, name, ref, alt) in enumerate(kept):
        if row in sides[0] and row in sides[1]:
            found.rows[place] = (name, ref, alt, sides[0][row], sides[1][row])
    found.too_long = len(kept) - len(found.rows)
    return found


def _encoded(sequences: Sequence[str], lines: Sequence[int], path: Path, data: DataConfig) -> dict[int, str]:
    """Return the padded insert, as letters, of each sequence that is not left out for its length."""
    margin = "\n" * data.rules.margin
    buffer = np.frombuffer((margin + "\n".join(sequences) + margin).encode("latin-1", "replace"), np.uint8)
    lengths = np.array([len(sequence) for sequence in sequences], np.int64)
    ends = len(margin) + np.cumsum(lengths + 1) - 1
    try:
        encoded = encode_rows(buffer, ends - lengths, ends, data.rules)
    except RowError as error:
        raise InputError(f"{path}, line {lines[error.row]}: {error.fault}") from None
    text = _LETTERS[encoded.tokens].tobytes().decode("ascii")
    inserts = [text[first : first + data.length] for first in range(0, len(text), data.length)]
    return dict(zip(encoded.rows.tolist(), inserts, strict=True))
