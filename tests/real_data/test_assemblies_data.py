"""Real files say which assembly they belong to, and annotation and tracks of two assemblies are refused."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from gxtool import api
from gxtool.data.assemblies import LENGTHS, assembly_of_genes, named_assembly, recognised_assembly
from gxtool.errors import InputError
from gxtool.io.annotation_head import read_head
from gxtool.io.tracks import open_track
from gxtool.models.plan import RunRequest

pytestmark = pytest.mark.real_data

TRACK = "epigenome/bigwig/bigtools_valid.bigWig"  # chromosome 17 of hg38
PROMOTERS = {
    "hg19": "gxbert/xpresso/hg19_promoters_cage_corrected_withChr.bed",
    "hg38": "gxbert/xpresso/hg38_promoters_cage_corrected.bed",  # without chr
}


def promoters(real_data: Path, assembly: str) -> pl.DataFrame:
    """Return genes whose TSS is the middle of a window of 20,000 bases."""
    columns = ["chrom", "start", "end", "ensembl_id", "score", "strand"]
    table = pl.read_csv(
        real_data / PROMOTERS[assembly],
        separator="\t",
        has_header=False,
        new_columns=columns,
        schema_overrides={"chrom": pl.String},
    )
    return table.with_columns(tss=pl.col("start") + 10_000, gene_symbol=pl.lit(None, pl.String))


@pytest.mark.parametrize("assembly", PROMOTERS)
def test_places_of_real_genes_say_their_assembly(real_data: Path, assembly: str) -> None:
    genes = promoters(real_data, assembly)
    assert assembly_of_genes(genes) == assembly
    for chrom in ("1", "12", "17", "X"):
        assert assembly_of_genes(genes.filter(pl.col("chrom").is_in([chrom, f"chr{chrom}"]))) == assembly


def test_symbols_of_two_other_sources_say_it_too(real_data: Path) -> None:
    ref_gene = pl.read_csv(real_data / "epigenome/blood14/refGene_hg19_TSS.bed.gz", separator="\t", has_header=False)
    ref_gene.columns = ["chrom", "tss", "end", "ensembl_id", "gene_symbol", "strand"]
    assert assembly_of_genes(ref_gene) == "hg19"
    path = real_data / "epigenome/crispri/EPCrisprBenchmark_training_K562.GRCh38.tsv.gz"
    pairs = pl.read_csv(path, separator="\t", infer_schema_length=0).select(
        chrom="chrTSS",
        tss=pl.col("startTSS").cast(pl.Int64, strict=False),
        ensembl_id="measuredGeneEnsemblId",
        gene_symbol="measuredGeneSymbol",
    )
    assert assembly_of_genes(pairs.unique()) == "hg38"


def test_lengths_are_those_of_real_files(real_data: Path) -> None:
    lines = (real_data / "gxbert/xpresso/hg19.chrom.sizes").read_text().splitlines()
    sizes = {name: int(size) for name, size in map(str.split, lines)}
    assert {f"chr{name}": size for name, size in LENGTHS["hg19"].items()}.items() <= sizes.items()
    for path, assembly in ((real_data / TRACK, "hg38"), (real_data / "epigenome/bigwig/pybigwig_test.bw", "mm10")):
        with open_track(path) as track:
            assert recognised_assembly(track.chrom_sizes) == assembly


def test_the_comments_of_a_real_gtf_say_its_assembly(real_data: Path) -> None:
    head = read_head(real_data / "epigenome/kallisto_test/transcripts.gtf.gz")
    assert named_assembly(head.comments) == "hg38"
    assert head.chroms == ["5", "12"]


def test_real_genes_of_hg19_are_refused_beside_a_real_track_of_hg38(real_data: Path, tmp_path: Path) -> None:
    track = real_data / TRACK
    for assembly in PROMOTERS:
        genes = promoters(real_data, assembly).filter(pl.col("chrom").is_in(["17", "chr17"]))
        lines = [
            f'{chrom}\ttest\tgene\t{tss + 1}\t{tss + 1}\t.\t{strand}\t.\tgene_id "{name}";\n'
            for chrom, tss, strand, name in genes.select("chrom", "tss", "strand", "ensembl_id").iter_rows()
        ]
        (tmp_path / f"{assembly}.gtf").write_text("".join(lines))
        values = [f"{name}\t{place % 17}\n" for place, name in enumerate(genes["ensembl_id"].to_list())]
        (tmp_path / f"{assembly}.tsv").write_text("gene\ts\n" + "".join(values))
        (tmp_path / f"{assembly}.csv").write_text(
            f"sample,H3K4me3,annotation,expression\ns,{track},{assembly}.gtf,{assembly}.tsv\n"
        )
    settings = ("data.marks=[H3K4me3]", "data.split=gene")
    fitting = RunRequest("histone", tmp_path / "hg38.csv", assignments=settings)
    assert len(api.plan([fitting], tmp_path / "plan.json")["train"]) == 1
    facts = dict(api.check(tmp_path / "hg38.csv", api.Settings("histone", set=settings)).facts)
    assert "assembly hg38" in facts["s"]
    assert "chromosomes of other names: 17 is chr17 in the tracks" in facts["s"]
    with pytest.raises(InputError) as caught:
        api.plan([RunRequest("histone", tmp_path / "hg19.csv", assignments=settings)], tmp_path / "plan.json")
    assert str(caught.value) == (
        f"{tmp_path}/hg19.gtf: is of assembly hg19, but {track} has the chromosome lengths of hg38; "
        "expected both of one assembly"
    )
