"""Every parser of gxtool with a few sound files of its own, small enough to be damaged a thousand times a second."""

from __future__ import annotations

import gzip
import io
import json
import shutil
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import pysam

from gxtool.config import parse_assignments, read_yaml, resolve
from gxtool.io.bam import CountRules
from gxtool.io.bed import read_bed
from gxtool.io.bins_files import find_bins_files, list_cells
from gxtool.io.bins_table import read_bins_table
from gxtool.io.deepdiff import find_deepdiff_files, is_deepdiff, read_deepdiff_table
from gxtool.io.dream_subsets import read_public, read_subsets
from gxtool.io.expression import read_expression, read_expression_table
from gxtool.io.fasta import read_contigs
from gxtool.io.gtf import read_genes
from gxtool.io.meme import read_meme
from gxtool.io.promoter_encoding import InsertRules
from gxtool.io.promoter_table import TableColumns
from gxtool.io.promoters import PromoterReader, PromoterSource
from gxtool.io.samplesheet import ANY, read_samplesheet
from gxtool.io.submission import read_predictions, read_submission
from gxtool.io.tracks import open_track
from gxtool.io.variants import read_variants
from gxtool.models.plan import read_runs
from gxtool.models.registry import get_family
from gxtool.simulate.genome_files import write_bam, write_bigwig

MARKS = ("H3K4me3", "H3K27me3")
SIZES = {"chr1": 40_000, "chr2": 20_000}


@dataclass(frozen=True)
class Parser:
    """A parser: `files` are sound contents by name, `read` what is called with the path of one of them."""

    files: Mapping[str, bytes]
    read: Callable[[Path], object]


def parsers(scratch: Path) -> dict[str, Parser]:
    """Return name -> parser; binary files are made below `scratch`."""
    return {**_tables(), **_annotations(), **_tracks(scratch), **_bins(), **_promoters(scratch), **_settings()}


def _tables() -> dict[str, Parser]:
    sheet = b"sample,H3K4me3,annotation\nE003,a.bw,g.gtf\nE004,b.bw,g.gtf\n"
    expression = b"gene_id\tE003\tE004\nENSG00000000003.1\t1.5\t2\nENSG00000000005\t0\t3e1\n"
    vcf = b"##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\nchr1\t7\trs1\tA\tC,G\nchr2\t9\t.\tAC\t<DEL>\n"
    return {
        "samplesheet": Parser(
            {"a.csv": sheet, "b.tsv": sheet.replace(b",", b"\t"), "c.csv": b'# x\n"sample","note"\n"a","x,\ny"\n'},
            lambda path: read_samplesheet(path, ["sample"], ["H3K4me3", "annotation", "note", ANY]),
        ),
        "expression": Parser(
            {
                "a.tsv": expression,
                "b.tsv.gz": gzip.compress(expression, 1),
                "c.csv": b"ENSG1,1\nTSPAN6,2\n__no_feature,3\n",
                "d.csv": b'E003,E004\n"ENSG1",1,2\n',
            },
            lambda path: read_expression(path, "", "E003"),
        ),
        "expression table": Parser(
            {"a.tsv": expression, "b.tsv.gz": gzip.compress(expression, 1), "c.csv": b'E003,E004\n"ENSG1",1,2\n'},
            read_expression_table,
        ),
        "variants": Parser(
            {
                "a.vcf": vcf,
                "b.vcf.gz": gzip.compress(vcf, 1),
                "c.csv": b"chrom,pos,id,ref,alt\nchr1,3,x,A,C\nchr1,4,,G,T\n",
                "d.tsv": b"id\tsequence\tstart\tref\talt\na\tACGT\t0\tA\tC\n",
                "e.tsv": b"id\tref_sequence\talt_sequence\na\tACGT\tACGA\n",
            },
            read_variants,
        ),
        "meme": Parser(
            {
                "a.meme": b"MEME version 4\n\nALPHABET= ACGT\n\nBackground letter frequencies\n"
                b"A 0.3 C 0.2 G 0.2 T 0.3\n\n"
                b"MOTIF M1 first\nletter-probability matrix: alength= 4 w= 2 nsites= 20 E= 0\n 1.0 0.0 0.0 0.0\n"
                b" 0.1 0.2 0.3 0.4\nURL x\n\nMOTIF M2 b\nletter-probability matrix: w= 1\n 0.25 0.25 0.25 0.25\n"
            },
            read_meme,
        ),
        "bed": Parser(
            {
                "a.bed": b"track name=x\nchr1\t0\t10\tpeak\nchr2 5 5\n#x\n",
                "b.bed.gz": gzip.compress(b"chr1\t0\t10\n", 1),
            },
            read_bed,
        ),
    }


def _annotations() -> dict[str, Parser]:
    def line(feature: str, start: int, end: int, strand: str, attributes: str) -> str:
        return f"chr7\tx\t{feature}\t{start}\t{end}\t.\t{strand}\t.\t{attributes}\n"

    gene = 'gene_id "ENSG00000000001.4"; gene_type "protein_coding"; gene_name "A";'
    gtf = "##provider: GENCODE\n" + line("gene", 101, 500, "+", gene) + line("transcript", 101, 450, "+", gene)
    gtf += line("exon", 101, 300, "+", gene + ' transcript_id "T1.1"; tag "Ensembl_canonical";')
    gff = "##gff-version 3\n##sequence-region chr7 1 9999\n" + line("gene", 5, 90, "-", "ID=gene:G1;Name=A%20b")
    gff += line("mRNA", 5, 80, "-", "ID=transcript:T1;Parent=gene:G1") + line("exon", 5, 9, "-", "Parent=T1")

    def read(path: Path) -> None:
        for choice in ("gene", "canonical", "longest"):
            read_genes(path, choice)

    fasta = b">chr1 first\nACgtN\nRY\n>chr2\r\nGG GG\r\nT"
    return {
        "gtf": Parser(
            {"a.gtf": gtf.encode(), "b.gff3": gff.encode(), "c.gtf.gz": gzip.compress(gtf.encode(), 1)}, read
        ),
        "fasta": Parser(
            {"a.fa": fasta, "b.fa.gz": gzip.compress(fasta, 1)},
            lambda path: list(read_contigs(path, lambda name: name != "chr2")),
        ),
    }


def _tracks(scratch: Path) -> dict[str, Parser]:
    rng = np.random.default_rng(1)
    chroms = np.array(["chr1"] * 60 + ["chr2"] * 30)
    starts = np.concatenate([np.arange(60) * 500, np.arange(30) * 500])
    write_bigwig(scratch / "a.bw", SIZES, chroms, starts, starts + 200, np.arange(90.0))
    write_bam(scratch / "a.bam", SIZES, chroms, starts, rng)
    with (
        pysam.AlignmentFile(str(scratch / "a.bam")) as bam,
        pysam.AlignmentFile(str(scratch / "a.cram"), "wc", header=bam.header, format_options=[b"no_ref=1"]) as cram,
    ):
        for read in bam:
            cram.write(read)
    pysam.index(str(scratch / "a.cram"))

    def read(path: Path) -> None:
        for kind in ("bai", "crai"):
            if not Path(f"{path}.{kind}").exists():
                shutil.copy(scratch / f"a.{'bam' if kind == 'bai' else 'cram'}.{kind}", f"{path}.{kind}")
        with open_track(path, CountRules(fragments=True)) as track:
            wanted = list(track.chrom_sizes)[:3] or ["chr1"]
            track.bins(wanted, np.zeros(len(wanted), int), np.full(len(wanted), 20_000), 10)
            _ = track.n_mapped, track.source

    def read_index(path: Path) -> None:
        with open_track(f"{scratch / 'a.bam'}##idx##{path}") as track:
            track.bins(["chr1"], np.array([0]), np.array([20_000]), 10)

    content = {kind: (scratch / f"a.{kind}").read_bytes() for kind in ("bw", "bam", "cram")}
    return {
        "bigwig": Parser({"a.bw": content["bw"], "a.bw.gz": gzip.compress(content["bw"], 1)}, read),
        "bam": Parser({"a.bam": content["bam"]}, read),
        "cram": Parser({"a.cram": content["cram"]}, read),
        "bai": Parser({"a.bai": (scratch / "a.bam.bai").read_bytes()}, read_index),
    }


def _bins() -> dict[str, Parser]:
    rows = [f"ENSG{gene:05d},{bin_},{gene},{bin_},{gene % 2}\n" for gene in range(1, 4) for bin_ in (1, 2, 3)]
    table = "".join(rows).encode()
    deepdiff = "".join(f"ENSG{g:011d}_A_{b},{g},{b}\n" for g in (1, 2) for b in (1, 2, 3)).encode()

    def read(path: Path) -> None:
        for file in find_bins_files("E003", path, path.parent / "scratch"):
            file.count_lines()
            read_bins_table(file, MARKS, 3)

    def read_archive(path: Path) -> None:
        list_cells(path)
        read(path)

    def read_deepdiff(path: Path) -> None:
        is_deepdiff(path)
        for file in find_deepdiff_files("E003", path):
            read_deepdiff_table(file, MARKS, 3)

    return {
        "bins table": Parser({"a.csv": table, "b.csv.gz": gzip.compress(table, 1)}, read),
        "archive": Parser(
            {"E003.zip": _zip(table), "E003.tar": _tar(table, "w"), "E003.tar.gz": _tar(table, "w:gz")}, read_archive
        ),
        "deepdiff": Parser({"E003.test.csv": deepdiff}, read_deepdiff),
    }


def _zip(table: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for stem in ("train", "valid", "test"):
            archive.writestr(f"E003/classification/{stem}.csv", table)
    return out.getvalue()


def _tar(table: bytes, mode: str) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:  # type: ignore[call-overload]
        for stem in ("train", "valid", "test"):
            info = tarfile.TarInfo(f"E003/{'long' * 40}/classification/{stem}.csv")
            info.size = len(table)
            archive.addfile(info, io.BytesIO(table))
    return out.getvalue()


def _promoters(scratch: Path) -> dict[str, Parser]:
    plain = b"TGCATTTTTTTCACATCACGTNGGTTACGGCTGTT\t1.5\nTGCATTTTTTTCACATCAGGTTACGGCTGTT\t-2e1\n"
    named = b"name,sequence,a,b\nx,ACGT,1,2\ny,acgtn,3,4\n"
    rules = InsertRules("", "", 20, "keep", "trim")
    columns = TableColumns("sequence", ("a", "b"), ("name",))
    pl.DataFrame({"name": ["x"], "sequence": ["ACGT"], "a": [1.0], "b": [2]}).write_parquet(scratch / "a.parquet")

    def reader(rules: InsertRules, columns: TableColumns = TableColumns()) -> Callable[[Path], object]:  # noqa: B008
        return lambda path: list(PromoterReader(PromoterSource(path, rules, columns, with_sequences=True)))

    (scratch / "a.fa").write_bytes(b">x\nACGT\n>y\nAC\nGT\n")
    table = b"x\t1\t2\ny\t3\t4\n"

    def read_values(path: Path) -> object:
        return list(PromoterReader(PromoterSource(scratch / "a.fa", rules, table=path)))

    def read_list(path: Path) -> object:
        shutil.copy(path, path.parent / "yeast_seqs.csv")
        return read_subsets(path.parent)

    def read_measured(path: Path) -> object:
        shutil.copy(path, path.parent / "SNVs_exp_indices.json")
        return read_public(path.parent)

    lists = b",tag,sequence,pos,exp\n0,a,ACGT,5,\n1,b,ACGT,2.0,\n"
    pairs = b"alt_tag,alt_sequence,ref_sequence,alt_pos,ref_pos\na,ACGT,ACGA,7,1\n"
    return {
        "promoters": Parser({"a.txt": plain, "b.txt.gz": gzip.compress(plain, 1)}, reader(InsertRules())),
        "promoter tables": Parser({"a.csv": named, "b.tsv": named.replace(b",", b"\t")}, reader(rules, columns)),
        "promoters in parquet": Parser({"a.parquet": (scratch / "a.parquet").read_bytes()}, reader(rules, columns)),
        "promoters in fasta": Parser(
            {"a.fa": b">x one\nACGT\nAC\n>y\nNNGT\n"},
            lambda path: list(PromoterReader(PromoterSource(path, rules, with_values=False))),
        ),
        "values of fasta": Parser({"a.tsv": table}, read_values),
        "lists of rows": Parser({"a.csv": lists, "b.csv": pairs}, read_list),
        "measurements": Parser({"a.json": json.dumps({"7,1": [1, 2.5], "3,4": [0, 1]}).encode()}, read_measured),
        "submission": Parser({"a.json": b'{"0": 1.5, "1": 2, "2": -1e3}'}, read_submission),
        "predictions": Parser({"a.tsv": b"ACGT\t1.5\nACGA\t2\n"}, read_predictions),
    }


def _settings() -> dict[str, Parser]:
    family = get_family("histone")
    schema = family.load(family.config)
    settings = (
        b"# settings\ntraining: {epochs: 3, learning_rate: 1e-3}\ndata:\n  n_bins: 100\n  marks: [a, b]\n"
        b"design:\n  protected: &p [1-3, 15]\n  forbidden: [GAATTC]\nperturb:\n  kinds: [all]\n"
    )
    runs = (
        b"runs:\n- name: one\n  model: histone\n  preset: tiny\n  input: s.csv\n  seeds: 2\n  folds: [0, 1]\n"
        b"  set: {training.epochs: 3}\n- {model: histone, input: s.csv, from: one, set: [training.epochs=2]}\n"
    )

    def read_assignments(path: Path) -> object:
        texts = path.read_bytes().decode("utf-8", "replace").split("\n")
        return resolve(schema, [parse_assignments(texts, family.aliases)])

    return {
        "settings": Parser({"a.yaml": settings}, lambda path: resolve(schema, [read_yaml(path)])),
        "runs file": Parser({"runs.yaml": runs}, read_runs),
        "assignments": Parser(
            {"a.txt": b"training.epochs=3\ntraining.learning_rate=1e-3\ndata.marks=[a, b]\ntraining.patience=7"},
            read_assignments,
        ),
    }
