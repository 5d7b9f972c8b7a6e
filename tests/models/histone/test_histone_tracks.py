"""Raw tracks -> examples -> dataset, on a genome of two small chromosomes that can be checked by hand.

Windows are three bins of 4 bp. `plus` starts at base 20 of chr1, `minus` at base 30 (its last base), `edge` at base 3,
`other` at base 10 of chr2.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import polars as pl
import pybigtools
import pysam
import pytest

from gxtool.errors import ConfigError, InputError
from gxtool.io.artifact import Artifact, ArtifactWriter, open_artifact
from gxtool.io.dataset import Dataset
from gxtool.io.replicates import read_replicates
from gxtool.models.histone.config import DataConfig, ModelConfig
from gxtool.models.histone.encode import encode
from gxtool.models.histone.examples import preprocess
from gxtool.models.histone.features import features, fit
from gxtool.models.registry import get_family
from gxtool.models.stages import read_rows

SIZES = {"chr1": 60, "chr2": 40}
GENES = (("plus", "chr1", 21, 40, "+"), ("minus", "chr1", 11, 31, "-"), ("edge", "chr1", 4, 9, "+"))
OTHER = ("other", "chr2", 11, 20, "+")
# H3K4me3 is 2 on bases 20-24 and 5 on bases 28-30 of chr1; H3K9me3 is 1 everywhere on chr1, and nothing on chr2.
K4 = [("chr1", 20, 24, 2.0), ("chr1", 28, 30, 5.0), ("chr2", 8, 12, 3.0)]
K9 = [("chr1", 0, 60, 1.0)]
MARKS = ("H3K4me3", "H3K9me3")
DATA = DataConfig(marks=MARKS, n_bins=3, bin_size=4, split="gene")


def gtf(
    path: Path, genes: tuple = (*GENES, OTHER), attributes: str = 'gene_id "{0}"; gene_type "protein_coding";'
) -> Path:
    lines = [
        f"{chrom}\ttest\tgene\t{start}\t{end}\t.\t{strand}\t.\t{attributes.format(name)}\n"
        for name, chrom, start, end, strand in genes
    ]
    path.write_text("".join(lines))
    return path


def bigwig(path: Path, signal: list, sizes: Mapping[str, int] = SIZES) -> Path:
    pybigtools.open(str(path), "w").write(dict(sizes), iter(signal))
    return path


def bam(path: Path, starts: Mapping[str, list[int]], index: bool = True) -> Path:
    """Write reads of 5 bases that start at these bases of each chromosome."""
    header = {"HD": {"VN": "1.6", "SO": "coordinate"}, "SQ": [{"SN": n, "LN": s} for n, s in SIZES.items()]}
    with pysam.AlignmentFile(str(path), "wb", header=header) as file:
        for chrom, places in starts.items():
            for start in places:
                read = pysam.AlignedSegment(file.header)
                read.query_name, read.query_sequence, read.flag = f"r{start}", "AAAAA", 0
                read.reference_name, read.reference_start = chrom, start
                read.mapping_quality, read.cigarstring = 30, "5M"
                file.write(read)
    if index:
        pysam.index(str(path))
    return path


@pytest.fixture
def row(tmp_path: Path) -> dict[str, str]:
    """One cell type with two bigWigs, four genes and their expression."""
    (tmp_path / "expression.tsv").write_text("gene\tliver\nplus\t8\nminus\t0\nedge\t3\nother\t1\nunknown\t5\n")
    return {
        "sample": "liver",
        "H3K4me3": str(bigwig(tmp_path / "k4.bw", K4)),
        "H3K9me3": str(bigwig(tmp_path / "k9.bw", K9)),
        "annotation": str(gtf(tmp_path / "genes.gtf")),
        "expression": str(tmp_path / "expression.tsv"),
    }


def read(row: Mapping[str, str], folder: Path, **changes: object) -> Artifact:
    """Preprocess one cell type."""
    with ArtifactWriter(folder / "examples", "examples", family="histone", overwrite=True) as writer:
        preprocess([row], DATA.model_copy(update=changes), writer)
    return open_artifact(folder / "examples")


def refused(row: Mapping[str, str], folder: Path, **changes: object) -> str:
    """Return the sentence that an input is refused with, after checking that nothing is left."""
    with pytest.raises(InputError) as caught:
        read(row, folder, **changes)
    assert caught.value.exit_code == 3
    assert not (folder / "examples").exists()
    return str(caught.value)


def signal(examples: Artifact, gene: str, mark: str) -> list[float]:
    """Return the three bins of one gene and mark."""
    genes = examples.table("rows.parquet")["group"].to_list()
    return examples.array("signal.npy")[genes.index(gene), :, MARKS.index(mark)].tolist()


def test_bins_are_means_in_the_direction_of_transcription(row, tmp_path):
    examples = read(row, tmp_path)
    # plus: bases 14-26 with the TSS at index 6. minus: TSS at base 30, bases 25-37 read backwards: 33-37, 29-33, 25-29.
    assert signal(examples, "plus", "H3K4me3") == [0.0, 1.0, 1.0]
    assert signal(examples, "minus", "H3K4me3") == [0.0, 1.25, 1.25]
    assert signal(examples, "other", "H3K4me3") == [0.0, 3.0, 0.0]
    assert examples.array("signal.npy").dtype == np.float32
    assert (examples.manifest.info["signal_kind"], examples.manifest.info["orientation"]) == ("mean", "strand")


def test_bins_along_the_chromosome_are_never_turned(row, tmp_path):
    # Published windows: 6 bases in front of the TSS and 6 from it on, whatever the strand: 24-36 for `minus`.
    examples = read(row, tmp_path, orientation="none")
    assert signal(examples, "plus", "H3K4me3") == [0.0, 1.0, 1.0]
    assert signal(examples, "minus", "H3K4me3") == [0.0, 2.5, 0.0]


def test_what_lies_outside_of_the_chromosome_is_zero_and_counted(row, tmp_path):
    examples = read(row, tmp_path)
    # edge: bases -3 to 9; three of the first four do not exist.
    assert signal(examples, "edge", "H3K9me3") == [0.25, 1.0, 1.0]
    assert examples.manifest.info["origin"]["facts"]["liver"]["outside"] == 1


def test_a_chromosome_without_data_is_zero(row, tmp_path):
    assert signal(read(row, tmp_path), "other", "H3K9me3") == [0.0, 0.0, 0.0]


def test_genes_without_expression_are_dropped_and_counted(row, tmp_path):
    (tmp_path / "expression.tsv").write_text("gene,liver\nplus,8\nunknown,5\n")
    examples = read(row, tmp_path)
    assert examples.table("rows.parquet")["group"].to_list() == ["plus"]
    assert examples.manifest.dropped == {"without_expression": 3}
    assert examples.manifest.info["origin"]["facts"]["liver"]["matched"] == {"genes": 4, "expression": 2, "both": 1}


def test_a_blacklisted_bin_is_zero_and_counted(row, tmp_path):
    (tmp_path / "black.bed").write_text("chr1\t21\t22\nchr2\t0\t6\n")
    examples = read({**row, "blacklist": str(tmp_path / "black.bed")}, tmp_path)
    # Base 21 lies in the middle bin of `plus` alone; bases 4-8 of chr2 are the first bin of `other`.
    assert signal(examples, "plus", "H3K9me3") == [1.0, 0.0, 1.0]
    assert signal(examples, "minus", "H3K9me3") == [1.0, 1.0, 1.0]
    assert examples.manifest.info["origin"]["facts"]["liver"]["blacklisted"] == 2


@pytest.fixture
def reads(row: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """The same cell type with reads: 4 of H3K4me3, 2 of H3K9me3."""
    return {
        **row,
        "H3K4me3": str(bam(tmp_path / "k4.bam", {"chr1": [16, 20, 21, 50]})),
        "H3K9me3": str(bam(tmp_path / "k9.bam", {"chr1": [14, 40]})),
    }


def test_reads_are_counted_in_every_bin_they_touch(reads, tmp_path):
    examples = read(reads, tmp_path)
    # plus: bins 14-18, 18-22, 22-26; reads 16-21, 20-25 and 21-26.
    assert signal(examples, "plus", "H3K4me3") == [1, 3, 2]
    assert examples.array("signal.npy").dtype == np.uint16
    assert examples.manifest.info["signal_kind"] == "counts"


def test_counts_are_scaled_to_a_common_depth(reads, tmp_path):
    assert signal(read(reads, tmp_path, scale="cpm"), "plus", "H3K4me3") == [250_000.0, 750_000.0, 500_000.0]
    examples = read(reads, tmp_path, scale="30m")
    assert signal(examples, "plus", "H3K4me3") == [7.5e6, 22.5e6, 15e6]
    assert examples.manifest.info["signal_kind"] == "counts"


def test_a_control_makes_log_ratios_of_reads_per_million(reads, tmp_path):
    control = bam(tmp_path / "input.bam", {"chr1": [18, 50]})
    examples = read({**reads, "control": str(control)}, tmp_path)
    # Control: 500,000 per million in the bins 18-22 and 22-26, as its read 18-23 touches both.
    expected = np.log2([250_001 / 1, 750_001 / 500_001, 500_001 / 500_001])
    assert signal(examples, "plus", "H3K4me3") == pytest.approx(expected, rel=1e-5)
    assert examples.manifest.info["signal_kind"] == "log2_ratio"


def test_a_missing_mark_is_zero_and_marked_when_that_is_allowed(row, tmp_path):
    del row["H3K9me3"]
    examples = read(row, tmp_path, allow_missing=True)
    assert examples.array("present.npy").tolist() == [[1, 0]] * 4
    assert signal(examples, "plus", "H3K9me3") == [0.0, 0.0, 0.0]


def test_without_expression_every_gene_is_there_to_be_predicted(row, tmp_path):
    del row["expression"]
    examples = read(row, tmp_path)
    rows = examples.table("rows.parquet")
    assert rows["group"].to_list() == ["plus", "minus", "edge", "other"]
    assert rows["role"].to_list() == ["test"] * 4


def dataset(examples: Artifact, folder: Path, **changes: object) -> Dataset:
    with ArtifactWriter(folder / "dataset", "dataset", family="histone", overwrite=True) as writer:
        encode([examples], DATA.model_copy(update=changes), writer)
    return Dataset.open(folder / "dataset", "histone")


def test_a_gene_is_on_above_the_median_and_log_expression_is_its_logarithm(row, tmp_path):
    examples = read(row, tmp_path)
    # 8, 0, 3, 1: the median is 2.
    assert dataset(examples, tmp_path).arrays["labels"].tolist() == [1, 0, 1, 0]
    found = dataset(examples, tmp_path, target="log_expression").arrays["labels"]
    assert found.dtype == np.float32
    assert found == pytest.approx(np.log2([9, 1, 4, 2]))


def test_where_most_genes_are_silent_only_those_that_are_not_are_on(row, tmp_path):
    (tmp_path / "expression.tsv").write_text("gene\tliver\nplus\t8\nminus\t0\nedge\t0\nother\t0\n")
    assert dataset(read(row, tmp_path), tmp_path).arrays["labels"].tolist() == [1, 0, 0, 0]


def test_the_median_can_be_that_of_the_training_genes(row, tmp_path):
    examples = read(row, tmp_path)
    made = dataset(examples, tmp_path, threshold="train")
    values = examples.table("rows.parquet")["expression"].to_numpy()
    expected = float(np.median(values[made.indices("train")]))
    assert made.artifact.manifest.info["origin"]["thresholds"] == {"liver": expected}
    with pytest.raises(ConfigError, match="data.threshold: is train, but data.split=chromosome has several folds"):
        dataset(read(with_three_chromosomes(row, tmp_path), tmp_path), tmp_path, threshold="train", split="chromosome")


def with_three_chromosomes(row: dict[str, str], folder: Path) -> dict[str, str]:
    genes = (*GENES, OTHER, ("third", "chr3", 5, 9, "+"))
    (folder / "expression.tsv").write_text("gene\tliver\nplus\t8\nminus\t0\nedge\t3\nother\t1\nthird\t2\n")
    return {**row, "annotation": str(gtf(folder / "three.gtf", genes))}


def test_tracks_are_split_by_chromosome_unless_told_otherwise(row, tmp_path):
    made = dataset(read(with_three_chromosomes(row, tmp_path), tmp_path), tmp_path, split="auto")
    assert made.scheme == "chromosome"
    assert made.folds == [0, 1, 2]
    assert made.rows["chrom"].to_numpy()[made.indices("test", 0)].tolist() == ["chr1"] * 3


def test_tracks_have_no_published_files_to_split_by(row, tmp_path):
    with pytest.raises(InputError, match="tracks come without published train, valid and test genes, expected gene"):
        dataset(read(row, tmp_path), tmp_path, split="file")


def test_negative_signal_needs_a_norm_without_logarithm(row, tmp_path):
    row["H3K4me3"] = str(bigwig(tmp_path / "negative.bw", [("chr1", 0, 60, -3.0)]))
    made = dataset(read(row, tmp_path), tmp_path)
    network = {"channels": (4,), "kernel_sizes": (1,), "pool_sizes": (1,)}
    with pytest.raises(ConfigError, match="model.norm: is log1p-zscore, but the signal holds values such as -3"):
        fit(made, np.arange(4), ModelConfig(**network))
    # `plus`, `minus`: -3 in all bins; `edge`: -0.75, -3, -3; `other`: 0.
    fitted = fit(made, np.array([0, 2]), ModelConfig(**network, norm="zscore"))
    assert fitted["signal_mean"][0] == pytest.approx((5 * -3 - 0.75) / 6)
    matrix, _ = features(made.take(np.array([0])), made)
    assert matrix[0, 0] == pytest.approx(-np.log(4))


def test_rows_of_known_direction_are_never_reversed_in_training(row, tmp_path):
    network = ModelConfig(channels=(4,), kernel_sizes=(1,), pool_sizes=(1,), reverse_rate=0.5)
    oriented = dataset(read(row, tmp_path), tmp_path)
    assert fit(oriented, np.arange(4), network)["reverse_rate"] == 0.0
    along = dataset(read(row, tmp_path, orientation="none"), tmp_path)
    assert fit(along, np.arange(4), network)["reverse_rate"] == 0.5


def test_a_missing_mark_does_not_count_in_its_mean(row, tmp_path):
    with_both = read(row, tmp_path / "one", allow_missing=True)
    del row["H3K9me3"]
    without = read({**row, "sample": "lung", "expression": rename(row, tmp_path)}, tmp_path / "two", allow_missing=True)
    with ArtifactWriter(tmp_path / "dataset", "dataset", family="histone") as writer:
        encode([with_both, without], DATA.model_copy(update={"allow_missing": True}), writer)
    made = Dataset.open(tmp_path / "dataset", "histone")
    network = ModelConfig(channels=(4,), kernel_sizes=(1,), pool_sizes=(1,), norm="zscore")
    fitted = fit(made, np.array([0, 4]), network)
    # H3K9me3 is 1 in every bin of `plus`, of the cell type that has it.
    assert fitted["signal_mean"][1] == 1.0
    assert fitted["mask_channels"] is True


def rename(row: Mapping[str, str], folder: Path) -> str:
    path = folder / "lung.tsv"
    path.write_text(Path(row["expression"]).read_text().replace("liver", "lung"))
    return str(path)


def test_genes_are_matched_by_symbol_where_ids_do_not_match(row, tmp_path):
    attributes = 'gene_id "ENSG{0}"; gene_name "{0}";'
    row["annotation"] = str(gtf(tmp_path / "symbols.gtf", attributes=attributes))
    assert read(row, tmp_path).table("rows.parquet")["gene_symbol"].to_list() == ["plus", "minus", "edge", "other"]


# What a tired user gets wrong: one sentence each, exit 3, and nothing is left.


def test_a_mark_without_a_track_is_refused(row, tmp_path):
    del row["H3K9me3"]
    assert refused(row, tmp_path) == (
        "sample liver: has no track of H3K9me3, expected one for each of data.marks "
        "(data.allow_missing=true accepts it, with a channel that says so)"
    )


def test_a_mark_that_is_named_twice_is_refused(row, tmp_path):
    header = ",".join([*row, "H3K4me3"])
    (tmp_path / "sheet.csv").write_text(f"{header}\n{','.join([*row.values(), row['H3K4me3']])}\n")
    with pytest.raises(InputError) as caught:
        read_rows(get_family("histone"), tmp_path / "sheet.csv")
    assert caught.value.exit_code == 3
    assert str(caught.value) == (f"{tmp_path}/sheet.csv, line 1: column H3K4me3 stands there twice, expected it once")


def test_a_column_that_is_no_mark_is_refused(row, tmp_path):
    row["H3K4me33"] = row["H3K4me3"]
    assert refused(row, tmp_path).startswith(
        "sample liver: column H3K4me33 is no mark of data.marks, did you mean H3K4me3?"
    )


def test_tracks_without_annotation_are_refused(row, tmp_path):
    del row["annotation"]
    assert refused(row, tmp_path).startswith("sample liver: column annotation is missing or empty, expected a GTF")


def test_reads_without_index_are_refused(reads, tmp_path):
    reads["H3K4me3"] = str(bam(tmp_path / "plain.bam", {"chr1": [3]}, index=False))
    sentence = refused(reads, tmp_path)
    assert sentence.startswith(f"{tmp_path}/plain.bam: ")
    assert "index" in sentence


def test_truncated_reads_are_refused(reads, tmp_path):
    path = Path(reads["H3K4me3"])
    path.write_bytes(path.read_bytes()[:-40])
    assert refused(reads, tmp_path).startswith(f"{path}: ")


def test_reads_beside_a_bigwig_are_refused(row, reads, tmp_path):
    mixed = {**row, "H3K4me3": reads["H3K4me3"]}
    assert "is a bigWig but" in refused(mixed, tmp_path)


def test_tracks_of_two_assemblies_are_refused(row, tmp_path):
    row["H3K9me3"] = str(bigwig(tmp_path / "other.bw", K9, {"chr1": 61, "chr2": 40}))
    assert refused(row, tmp_path) == (
        f"{tmp_path}/other.bw: chr1 has 61 bases but 60 in {tmp_path}/k4.bw, expected tracks of one assembly"
    )


def test_a_track_of_another_assembly_than_asked_for_is_refused(row, tmp_path):
    sentence = refused(row, tmp_path, assembly="hg38")
    assert sentence.endswith("chromosome 1 has 60 bases, expected 248,956,422 as data.assembly=hg38 has")


def test_a_tss_beyond_the_chromosome_is_refused(row, tmp_path):
    row["annotation"] = str(gtf(tmp_path / "long.gtf", (*GENES, ("other", "chr2", 50, 70, "+"))))
    assert refused(row, tmp_path) == (
        f"{tmp_path}/long.gtf: gene other starts at chr2:50 beyond the 40 bases that chr2 has in {tmp_path}/k4.bw; "
        "expected both of one assembly"
    )


@pytest.mark.parametrize("vendor", [{"chr1": "1", "chr2": "2"}, {"chr1": "NC_000001.11", "chr2": "NC_000002.12"}])
def test_chromosomes_under_another_vendors_names_are_read_and_said(row, tmp_path, vendor):
    as_named = read(row, tmp_path)
    row["annotation"] = str(
        gtf(tmp_path / "other.gtf", tuple((n, vendor[c], *rest) for n, c, *rest in (*GENES, OTHER)))
    )
    renamed = read(row, tmp_path / "other")
    assert np.array_equal(renamed.array("signal.npy"), as_named.array("signal.npy"))
    facts = renamed.manifest.info["origin"]["facts"]["liver"]
    assert facts["renamed_chromosomes"] == f"{vendor['chr1']} is chr1, {vendor['chr2']} is chr2"
    assert facts["outside"] == 1
    assert "renamed_chromosomes" not in as_named.manifest.info["origin"]["facts"]["liver"]


def test_a_blacklist_under_another_vendors_names_masks_the_same_bins(row, tmp_path):
    row["blacklist"] = str(tmp_path / "black.bed")
    Path(row["blacklist"]).write_text("1\t20\t22\n")
    assert signal(read(row, tmp_path), "plus", "H3K4me3") == [0.0, 0.0, 1.0]


def test_chromosomes_that_nobody_has_are_refused(row, tmp_path):
    renamed = tuple((name, f"scaffold_{chrom[-1]}", *rest) for name, chrom, *rest in (*GENES, OTHER))
    row["annotation"] = str(gtf(tmp_path / "other.gtf", renamed))
    assert refused(row, tmp_path) == (
        f"{tmp_path}/k4.bw: has chromosomes such as chr1, chr2, but {tmp_path}/other.gtf has scaffold_1, scaffold_2; "
        "expected the same chromosomes in both"
    )


def test_an_hg38_annotation_of_hg19_tracks_is_refused(row, tmp_path):
    sizes = {"chr12": 133_851_895}  # chromosome 12 of hg19
    row["H3K4me3"] = str(bigwig(tmp_path / "hg19.bw", [("chr12", 20, 24, 2.0)], sizes))
    row["H3K9me3"] = row["H3K4me3"]
    # GAPDH and KRAS as GENCODE has them in GRCh38; both lie well within the chromosome of hg19.
    genes = (("GAPDH", "chr12", 6_534_512, 6_538_374, "+"), ("KRAS", "chr12", 25_205_246, 25_250_929, "-"))
    row["annotation"] = str(gtf(tmp_path / "grch38.gtf", genes))
    (tmp_path / "expression.tsv").write_text("gene\tliver\nGAPDH\t8\nKRAS\t0\n")
    assert refused(row, tmp_path) == (
        f"{tmp_path}/grch38.gtf: is of assembly hg38, but {tmp_path}/hg19.bw has the chromosome lengths of hg19; "
        "expected both of one assembly"
    )
    genes = (("GAPDH", "chr12", 6_643_585, 6_647_537, "+"), ("KRAS", "chr12", 25_358_180, 25_403_863, "-"))
    row["annotation"] = str(gtf(tmp_path / "grch37.gtf", genes))
    assert read(row, tmp_path).manifest.info["origin"]["assembly"] == "hg19"


def test_an_annotation_without_gene_ids_is_refused(row, tmp_path):
    row["annotation"] = str(gtf(tmp_path / "ids.gtf", attributes='name "{0}";'))
    sentence = refused(row, tmp_path)
    assert sentence.startswith(f"{tmp_path}/ids.gtf, line 1")
    assert "gene_id" in sentence


def test_expression_for_no_gene_of_the_annotation_is_refused(row, tmp_path):
    (tmp_path / "expression.tsv").write_text("gene\tliver\nENSG1\t8\n")
    sentence = refused(row, tmp_path)
    assert sentence.startswith(f"{tmp_path}/expression.tsv: has values for genes such as ENSG1 and for none of ")


def test_tables_cannot_be_oriented(tmp_path):
    with pytest.raises(ConfigError, match="tables do not say a gene's strand; expected none or auto with tables"):
        read({"sample": "liver", "data": str(tmp_path)}, tmp_path, orientation="strand")


def test_tables_and_tracks_do_not_mix(row, tmp_path):
    with ArtifactWriter(tmp_path / "examples", "examples", family="histone") as writer:
        with pytest.raises(InputError, match="sample lung: has tables but sample liver has tracks, expected one kind"):
            preprocess([row, {"sample": "lung", "data": str(tmp_path)}], DATA, writer)
        writer.write_table("rows.parquet", pl.DataFrame({"row": [0]}))


@pytest.mark.parametrize("starts", [{}, {"chr2": [30]}], ids=["no read at all", "no read near a gene"])
def test_alignments_without_a_usable_read_are_refused(row, tmp_path, starts):
    row |= {"H3K4me3": str(bam(tmp_path / "k4.bam", starts)), "H3K9me3": str(bam(tmp_path / "k9.bam", {"chr1": [20]}))}
    mapped = sum(map(len, starts.values()))
    assert refused(row, tmp_path).startswith(
        f"{row['H3K4me3']}: no read counts around any of 4 genes ({mapped} are mapped;"
    )


def test_reads_below_the_mapping_quality_are_not_usable(row, tmp_path):
    row |= {mark: str(bam(tmp_path / f"{mark}.bam", {"chr1": [20]})) for mark in MARKS}
    assert "data.min_mapq=31 are left out), expected some" in refused(row, tmp_path, min_mapq=31)


def test_expression_that_is_all_the_same_is_refused(row, tmp_path):
    Path(row["expression"]).write_text("gene\tliver\nplus\t8\nminus\t8\nedge\t8\nother\t8\nunknown\t5\n")
    sentence = "all 4 values of expression are 8, expected values that differ"
    assert refused(row, tmp_path) == f"{row['expression']}: {sentence}"


def test_replicates_of_expression_follow_their_genes_into_the_dataset(row, tmp_path):
    text = "gene\tliver\tliver_rep2\tliver_rep1\nplus\t8\t9\t7\nminus\t0\t0\t0\nedge\t3\t3\t3\nother\t1\t1\t1\n"
    (tmp_path / "expression.tsv").write_text(text)
    lung = {**row, "sample": "lung", "expression": str(tmp_path / "lung.tsv")}
    (tmp_path / "lung.tsv").write_text("gene\tlung_rep1\tlung_rep2\nother\t3\t7\nedge\t1\t0\n")
    plain = {**row, "sample": "skin", "expression": str(tmp_path / "skin.tsv")}
    (tmp_path / "skin.tsv").write_text("gene\tskin\nplus\t3\nedge\t1\n")
    with ArtifactWriter(tmp_path / "examples", "examples", family="histone") as writer:
        preprocess([row, plain, lung], DATA, writer)
    with ArtifactWriter(tmp_path / "dataset", "dataset", family="histone") as writer:
        encode([open_artifact(tmp_path / "examples")], DATA.model_copy(update={"target": "log_expression"}), writer)
    dataset = Dataset.open(tmp_path / "dataset")
    table = read_replicates(dataset.artifact).join(dataset.rows, on="row")
    found = {(r["sample"], r["group"], r["replicate"]): r["value"] for r in table.iter_rows(named=True)}
    assert {key: value for key, value in found.items() if key[:2] in (("liver", "plus"), ("lung", "other"))} == {
        ("liver", "plus", 1): 3.0,
        ("liver", "plus", 2): pytest.approx(np.log2(10)),
        ("lung", "other", 1): 2.0,
        ("lung", "other", 2): 3.0,
    }
    assert set(table["sample"]) == {"liver", "lung"}
    assert dataset.rows.filter(sample="lung", group="other")["expression"].to_list() == [5.0]
