"""Genes of an annotation in GTF or GFF3, as GENCODE, Ensembl, NCBI, UCSC and StringTie write them.

The only file that has heard of 1-based closed coordinates: what leaves it is 0-based half-open. The file is read in
pieces and only gene and transcript lines (of exons one line per transcript) are kept, so memory does not grow with it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple
from urllib.parse import unquote

import polars as pl

from gxtool.errors import ConfigError, InputError, listed, plain, quoted
from gxtool.io.packed import check_text, open_text, too_long
from gxtool.io.track_file import hash_source

CHOICES = ("gene", "canonical", "longest")
_PIECE = _LONGEST_LINE = 1 << 24
_EXPECTED = "an annotation in GTF or GFF3"
_COLUMNS = ("seqname", "source", "feature", "start", "end", "score", "strand", "frame", "attributes")
_TYPES = {name: pl.Int64 if name in ("start", "end") else pl.String for name in _COLUMNS}
_KEPT = [_COLUMNS.index(name) for name in ("seqname", "feature", "start", "end", "strand", "attributes")]
_STRANDS = ("+", "-", ".", "?")
_GENE_FEATURES = ("gene", "ncRNA_gene", "pseudogene")
# transcript, mRNA, lnc_RNA, pseudogenic_transcript, V_gene_segment: what GFF3 files call a transcript.
_TRANSCRIPT_FEATURE = re.compile(r".*(transcript|RNA|gene_segment)")
_FIRST_GFF3_ATTRIBUTE = re.compile(r"\s*[^\s=\"]+=")
_GFF3_ATTRIBUTE = r"(?:^|; *){}=([^;]+)"
_GTF_ATTRIBUTE = r'(?:^|[; ]){} +"?([^";]+)'
_GTF_GENE_ID = _GTF_ATTRIBUTE.format("gene_id")
_CANONICAL = r"(?:^|[; ])tag[ =][^;]*(?:Ensembl_canonical|MANE[ _]Select)"
_LARGEST = 2**63
_TABS = "another number of tabs than its lines should have"
# An Ensembl gene id: version and what follows it (the _PAR_Y of GENCODE) are no part of `ensembl_id`.
_VERSIONED = r"^(ENS[A-Z]*[0-9]+)\.[0-9]+.*$"
# Genes of the pseudoautosomal regions a second time, on Y: since 2015 marked, before that with an R in the id.
PAR_Y = r"_PAR_Y$|^ENSGR[0-9]"


class Annotation(NamedTuple):
    """Genes of one file and what became of the others.

    genes: ensembl_id, ensembl_id_version, gene_symbol, biotype (null where the file has none), chrom, start, end,
        strand (+ or -), tss; 0-based half-open, one row per gene, in the order of the file.
    chrom_sizes: lengths (bp) a GFF3 file declares; empty otherwise.
    dropped: genes left out as other_biotype, par_y, repeated (of an id only the first is kept) and without_strand,
        counted in this order; and, of those kept, without_canonical or without_transcript, which have the
        coordinates of the gene.
    source: name, SHA-256 and size of the file for a manifest.
    """

    genes: pl.DataFrame
    chrom_sizes: dict[str, int]
    dropped: dict[str, int]
    source: dict[str, Any]


def read_genes(
    path: str | Path, choice: Literal["gene", "canonical", "longest"] = "gene", biotypes: Sequence[str] = ()
) -> Annotation:
    """Read one row per gene from a GTF or GFF3 file, plain or gzipped.

    choice: whose coordinates a gene has. gene: its own; canonical: those of its first transcript tagged
    Ensembl_canonical or MANE_Select; longest: those of the transcript that spans most of the genome, introns included
    (the first of equals). Transcripts on another strand or away from the gene do not count.
    biotypes: keep only these (gene_type, gene_biotype); all when empty.

    A gene without a line of its own spans its transcripts, or its exons where there are no transcripts either. A gene
    without a strand has that of its transcripts if they agree (of the longest with that choice), and is dropped
    otherwise.

    Raises:
        InputError: not GTF or GFF3 (the sentence names file, line and column), no gene in it, a line without a gene
            id, none of the biotypes, or a damaged .gz.
        ConfigError: another choice.
    """
    if choice not in CHOICES:
        raise ConfigError(f"tss choice {quoted(choice)} is unknown, expected one of {', '.join(CHOICES)}")
    path = Path(path)
    lines, chrom_sizes = _read_lines(path)
    transcripts = _transcripts(lines)
    genes = _with_strands(_genes(lines, transcripts), transcripts, choice)
    genes, dropped = _drop(genes, biotypes, path)
    if choice != "gene":
        genes, missing = _take_transcripts(genes, transcripts, choice)
        dropped["without_canonical" if choice == "canonical" else "without_transcript"] = missing
    return Annotation(_finish(genes), chrom_sizes, dropped, hash_source(path))


def without_version(ids: pl.Expr) -> pl.Expr:
    """Return ids without `.version`; only ids of Ensembl have one, others keep their dots."""
    return ids.str.replace(_VERSIONED, "$1")


def _read_lines(path: Path) -> tuple[pl.DataFrame, dict[str, int]]:
    """Return the gene and transcript lines and one line per transcript for exons, and the declared chromosomes."""
    parts: list[pl.DataFrame] = []
    chrom_sizes: dict[str, int] = {}
    gff3: bool | None = None
    order = 0
    for first, text in _pieces(path):
        if b"##sequence-region" in text:
            for name, size in re.findall(rb"^##sequence-region\s+(\S+)\s+\d+\s+(\d+)", text, re.MULTILINE):
                chrom_sizes[unquote(name.decode(errors="replace"))] = int(size)
        if gff3 is None:
            gff3 = _is_gff3(text)
        frame = _parse(path, first, text, bool(gff3)).with_row_index("order", order)
        order += len(frame)
        parts.append(_lines(frame, bool(gff3)))
    if not sum(map(len, parts)):
        raise InputError(f"{path}: has no gene, transcript or exon line, expected an annotation in GTF or GFF3")
    lines = pl.concat(parts).sort("order").with_columns(pl.col(pl.Categorical).cast(pl.String))
    return lines.with_columns(pl.col("gene_symbol").map_elements(unquote, pl.String) if gff3 else []), chrom_sizes


def _pieces(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield whole lines with the number of the first of them, up to the sequences that a GFF3 file may end with."""
    with open_text(path, str(path), _EXPECTED) as file:
        line, rest = 1, b""
        while piece := file.read(_PIECE):
            whole, newline, piece = piece.rpartition(b"\n")
            if not newline:
                rest += piece
                if len(rest) > _LONGEST_LINE:
                    raise too_long(str(path), _LONGEST_LINE, _EXPECTED)
                continue
            text, rest = rest + whole + newline, piece
            check_text(str(path), text, _EXPECTED)
            text = text.removeprefix(b"\xef\xbb\xbf") if line == 1 else text
            if b"##FASTA" in text and (fasta := re.search(rb"^##FASTA", text, re.MULTILINE)):
                yield line, text[: fasta.start()]
                return
            yield line, text
            line += text.count(b"\n")
        if rest:
            check_text(str(path), rest, _EXPECTED)
            yield line, rest


def _is_gff3(text: bytes) -> bool | None:
    """Tell GFF3 (key=value) from GTF (key value) by the attributes of the first line; None without a line."""
    for line in text.splitlines():
        if line.strip() and not line.startswith(b"#"):
            fields = line.decode(errors="replace").split("\t")
            return bool(_FIRST_GFF3_ATTRIBUTE.match(fields[-1]))
    return None


def _parse(path: Path, first: int, text: bytes, gff3: bool) -> pl.DataFrame:
    """Return the lines of a piece that are of use; only a failure is looked at line by line."""
    try:
        frame = pl.read_csv(
            text,
            separator="\t",
            has_header=False,
            schema=_TYPES,
            columns=_KEPT,
            quote_char=None,
            comment_prefix="#",
            missing_columns="insert",
            raise_if_empty=False,
        )
        frame = frame.filter(~pl.all_horizontal(pl.all().is_null()))
        reason = _first_doubt(frame, text)
    except pl.exceptions.PolarsError as error:
        reason = str(error).splitlines()[0]
    if reason and (fault := _find_fault(path, first, text, gff3)):
        raise InputError(fault)
    if reason and reason != _TABS:
        raise InputError(f"{path}: cannot be read as GTF or GFF3 ({reason[:200]})")
    frame = _useful(frame, gff3)
    if not gff3 and frame["gene_id"].has_nulls():
        raise InputError(_find_fault(path, first, text, gff3) or f"{path}: has a line without gene_id, expected one")
    return frame


def _first_doubt(frame: pl.DataFrame, text: bytes) -> str:
    """Say what makes a line-by-line look at a piece worth its time; a comment with tabs in it may be all there is."""
    sound = (pl.col("start") >= 1) & (pl.col("end") >= pl.col("start")) & pl.col("strand").is_in(_STRANDS)
    sound &= pl.all_horizontal(pl.col("seqname", "feature", "attributes").is_not_null())
    if not frame.select(sound.fill_null(False).all()).item():
        return "a field that is empty or out of range"
    return _TABS if text.count(b"\t") != (len(_COLUMNS) - 1) * len(frame) else ""


def _useful(frame: pl.DataFrame, gff3: bool) -> pl.DataFrame:
    """Keep lines of genes, transcripts and exons, as `kind`, with their gene_id.

    A GFF3 line names its gene in gene_id, or as its own ID (a gene) or its Parent (a transcript); ids of Ensembl and
    NCBI say there what they are of (gene:, rna-). An exon's Parent is a transcript and says nothing about the gene.
    """
    kinds = {feature: kind for feature in frame["feature"].unique() if (kind := _kind(feature))}
    frame = frame.filter(pl.col("feature").is_in(list(kinds))).with_columns(
        kind=pl.col("feature").replace(kinds), gene_id=_attribute("gene_id", gff3)
    )
    if not gff3:
        return frame.drop("feature")
    kind = pl.col("kind")
    named = pl.when(kind == "gene").then(_bare("ID")).when(kind == "transcript").then(_bare("Parent"))
    frame = frame.with_columns(gene_id=pl.coalesce("gene_id", named))
    return frame.filter(pl.col("gene_id").is_not_null()).drop("feature")


def _transcript_id(gff3: bool) -> pl.Expr:
    named = _attribute("transcript_id", gff3)
    return pl.coalesce(named, pl.when(pl.col("kind") == "transcript").then(_bare("ID"))) if gff3 else named


def _bare(name: str) -> pl.Expr:
    """Return a GFF3 id without what Ensembl and NCBI put in front of it."""
    return _attribute(name, True).str.replace(r"^(gene|transcript|rna)[:-]", "")


def _kind(feature: str) -> str | None:
    if feature in _GENE_FEATURES:
        return "gene"
    if feature == "exon":
        return "exon"
    return "transcript" if _TRANSCRIPT_FEATURE.fullmatch(feature) else None


def _attribute(name: str, gff3: bool) -> pl.Expr:
    """Return the value of an attribute, quoted or not; null where it is absent or empty."""
    pattern = _GFF3_ATTRIBUTE if gff3 else _GTF_ATTRIBUTE
    return pl.col("attributes").str.extract(pattern.format(name)).str.strip_chars()


def _lines(frame: pl.DataFrame, gff3: bool) -> pl.DataFrame:
    """Replace the attributes by those of use, after the exons of a transcript have become one line.

    Exons of a gene that has transcript lines are left out at once: they are most of a file, and add nothing.
    """
    exon, own = pl.col("kind") == "exon", pl.col("kind") == "gene"
    named, exons = frame.filter(~exon), frame.filter(exon)
    exons = exons.join(named.filter(kind="transcript"), on="gene_id", how="anti", maintain_order="left")
    named, exons = (part.with_columns(transcript_id=_transcript_id(gff3)) for part in (named, exons))
    keys = ["seqname", "strand", "kind", "gene_id", "transcript_id"]
    span = (pl.col("order", "attributes").first(), pl.col("start").min(), pl.col("end").max())
    exons = exons.group_by(keys, maintain_order=True).agg(*span)
    frame = pl.concat([named, exons.select(named.columns)])

    def first_of(*names: str, of_gene: str = "") -> pl.Expr:
        found = [_attribute(name, gff3) for name in names]
        # What GFF3 calls Name, biotype and version is that of the line, not of the gene it belongs to.
        return pl.coalesce(*found, pl.when(own).then(_attribute(of_gene, gff3)) if gff3 else None)

    return frame.select(
        "order",
        "kind",
        # Categories: short strings cut out of a piece would keep all of its text in memory.
        pl.col("seqname").cast(pl.Categorical).alias("chrom"),
        pl.col("start") - 1,
        "end",
        pl.col("strand").replace("?", ".").cast(pl.Categorical),
        "gene_id",
        "transcript_id",
        first_of("gene_version", of_gene="version").alias("version"),
        first_of("gene_name", *(() if gff3 else ("gene",)), of_gene="Name").alias("gene_symbol"),
        first_of("gene_type", "gene_biotype", of_gene="biotype").cast(pl.Categorical).alias("biotype"),
        canonical=pl.col("attributes").str.contains(_CANONICAL),
    )


def _transcripts(lines: pl.DataFrame) -> pl.DataFrame:
    """Return one row per transcript: its line, or the span of its exons where the gene has no transcript lines."""
    named = lines.filter(kind="transcript")
    # A mature miRNA of NCBI's GFF3 is a transcript's child, not a gene's.
    named = named.join(named.select(gene_id="transcript_id"), on="gene_id", how="anti", maintain_order="left")
    exons = lines.filter(kind="exon").join(named, on="gene_id", how="anti", maintain_order="left")
    keys = ["chrom", "strand", "gene_id", "transcript_id"]
    # Exons of one transcript may have come from two pieces of the file.
    exons = exons.group_by(keys, maintain_order=True).agg(
        pl.col("start").min(), pl.col("end").max(), pl.exclude("start", "end", *keys).first()
    )
    return pl.concat([named, exons.select(named.columns)]).sort("order")


def _genes(lines: pl.DataFrame, transcripts: pl.DataFrame) -> pl.DataFrame:
    """Return the gene lines, and the spans of transcripts whose gene has none, with strand . for the latter."""
    own = lines.filter(kind="gene")
    built = transcripts.join(own, on="gene_id", how="anti", maintain_order="left").group_by(
        "gene_id", "chrom", maintain_order=True
    )
    facts = pl.col("version", "gene_symbol", "biotype").drop_nulls().first()
    genes = built.agg(pl.col("order").first(), pl.col("start").min(), pl.col("end").max(), facts, strand=pl.lit("."))
    return pl.concat([own.select(genes.columns), genes]).sort("order")


def _with_strands(genes: pl.DataFrame, transcripts: pl.DataFrame, choice: str) -> pl.DataFrame:
    """Give genes without a strand that of their transcripts on the same chromosome, if those to choose from agree."""
    stranded = transcripts.filter(pl.col("strand") != ".")
    if choice == "longest":
        stranded = stranded.sort(pl.col("end") - pl.col("start"), descending=True, maintain_order=True)
        stranded = stranded.unique(["gene_id", "chrom"], keep="first", maintain_order=True)
    agreed = stranded.group_by("gene_id", "chrom").agg(
        agreed=pl.when(pl.col("strand").n_unique() == 1).then(pl.col("strand").first()).first()
    )
    genes = genes.join(agreed, on=["gene_id", "chrom"], how="left", maintain_order="left")
    strand = pl.when(pl.col("strand") == ".").then(pl.col("agreed").fill_null(".")).otherwise("strand")
    return genes.with_columns(strand.alias("strand")).drop("agreed")


def _drop(genes: pl.DataFrame, biotypes: Sequence[str], path: Path) -> tuple[pl.DataFrame, dict[str, int]]:
    """Return the genes to keep, with `ensembl_id`, and how many were dropped why."""
    genes = genes.with_columns(ensembl_id=without_version(pl.col("gene_id")))
    wanted = pl.col("biotype").is_in(biotypes).fill_null(False) if biotypes else pl.lit(True)
    keep = {
        "other_biotype": wanted,
        "par_y": ~pl.col("gene_id").str.contains(PAR_Y),
        "repeated": pl.col("ensembl_id").is_first_distinct(),
        "without_strand": pl.col("strand") != ".",
    }
    dropped = {}
    for why, condition in keep.items():
        kept = genes.filter(condition)
        dropped[why] = len(genes) - len(kept)
        if kept.is_empty():
            raise InputError(_none_left(genes, why, biotypes, path))
        genes = kept
    return genes, dropped


def _none_left(genes: pl.DataFrame, why: str, biotypes: Sequence[str], path: Path) -> str:
    if why == "par_y":
        return f"{path}: has only genes of chromosome Y that X has too, expected others"
    if why == "without_strand":
        return f"{path}: has only genes without a strand that all transcripts agree on, expected + or -"
    there = genes["biotype"].drop_nulls().value_counts(sort=True)["biotype"].head(5).to_list()
    found = f"has genes of biotype {listed(there)}" if there else "names no biotype (gene_type or gene_biotype)"
    return f"{path}: {found}, expected {' or '.join(map(plain, biotypes))}"


def _take_transcripts(genes: pl.DataFrame, transcripts: pl.DataFrame, choice: str) -> tuple[pl.DataFrame, int]:
    """Return genes with the coordinates of their chosen transcript, and how many have none and keep their own."""
    keys = ["gene_id", "chrom", "strand"]
    found = genes.select(*keys, "start", "end").join(transcripts, on=keys, suffix="_own", maintain_order="left_right")
    found = found.filter(pl.col("start_own") < pl.col("end"), pl.col("end_own") > pl.col("start"))
    if choice == "canonical":
        found = found.filter("canonical")
    else:
        found = found.sort(pl.col("end_own") - pl.col("start_own"), descending=True, maintain_order=True)
    chosen = found.unique("gene_id", keep="first").select("gene_id", "start_own", "end_own")
    genes = genes.join(chosen, on="gene_id", how="left", maintain_order="left")
    own = [pl.coalesce(f"{side}_own", side).alias(side) for side in ("start", "end")]
    return genes.with_columns(own), genes["start_own"].null_count()


def _finish(genes: pl.DataFrame) -> pl.DataFrame:
    """Return the columns of an annotation."""
    versioned = (pl.col("gene_id") == pl.col("ensembl_id")) & pl.col("gene_id").str.contains(r"^ENS[A-Z]*[0-9]+$")
    genes = genes.with_columns(
        ensembl_id_version=pl.when(versioned & pl.col("version").is_not_null())
        .then(pl.concat_str("gene_id", pl.lit("."), "version"))
        .otherwise("gene_id"),
        tss=pl.when(pl.col("strand") == "+").then("start").otherwise(pl.col("end") - 1),
    )
    columns = ("ensembl_id", "ensembl_id_version", "gene_symbol", "biotype", "chrom", "start", "end", "strand", "tss")
    return genes.select(columns)


def _find_fault(path: Path, first: int, text: bytes, gff3: bool) -> str | None:
    """Return one sentence about the first line that is not the layout, None when every line is."""
    for number, raw in enumerate(text.split(b"\n"), first):
        where = f"{path}, line {number}"
        try:
            line = raw.decode().rstrip("\r")
        except UnicodeDecodeError:
            return f"{where}: holds bytes that are not UTF-8 text, expected an annotation in GTF or GFF3"
        if not line or line.startswith("#"):
            continue
        fields = line.split("\t")
        if len(fields) != len(_COLUMNS):
            expected = f"{len(_COLUMNS)} columns with tabs between ({', '.join(_COLUMNS)})"
            return f"{where}: has {len(fields)} {'column' if len(fields) == 1 else 'columns'}, expected {expected}"
        if fault := _field_fault(dict(zip(_COLUMNS, fields, strict=True)), gff3):
            name, sentence = fault
            return f"{where}, column {_COLUMNS.index(name) + 1} ({name}): {sentence}"
    return None


def _field_fault(field: dict[str, str], gff3: bool) -> tuple[str, str] | None:
    for name in ("start", "end"):
        if not re.fullmatch(r" *\+?[0-9]+ *", field[name]) or not 1 <= float(field[name]) < _LARGEST:
            return name, f"found {plain(field[name])}, expected a whole number of at least 1"
    if int(field["end"]) < int(field["start"]):
        return "end", f"found {plain(field['end'])}, expected at least the start, {plain(field['start'])}"
    if field["strand"] not in _STRANDS:
        return "strand", f"found {plain(field['strand'])}, expected +, -, . or ?"
    for name in ("seqname", "feature", "attributes"):
        if not field[name]:
            return name, f"found nothing, expected the {name} of the line"
    if not gff3 and _kind(field["feature"]) and not re.search(_GTF_GENE_ID, field["attributes"]):
        return "attributes", f'found no gene_id on a line of feature {plain(field["feature"])}, expected gene_id "..."'
    return None
