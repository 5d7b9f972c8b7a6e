"""Which assembly of a genome do files belong to? Chromosome lengths, names, headers and well-known genes answer.

Assemblies have UCSC's names. Everything here takes what was read elsewhere and opens no file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import polars as pl

from gxtool.io.chromosomes import MITOCHONDRION, assembly_of_names, plain_name

_HUMAN = (*map(str, range(1, 23)), "X", "Y")
_MOUSE = (*map(str, range(1, 20)), "X", "Y")
# Lengths (bp) of UCSC's chrom.sizes.
_HG19 = (
    *(249250621, 243199373, 198022430, 191154276, 180915260, 171115067, 159138663, 146364022, 141213431, 135534747),
    *(135006516, 133851895, 115169878, 107349540, 102531392, 90354753, 81195210, 78077248, 59128983, 63025520),
    *(48129895, 51304566, 155270560, 59373566),
)
_HG38 = (
    *(248956422, 242193529, 198295559, 190214555, 181538259, 170805979, 159345973, 145138636, 138394717, 133797422),
    *(135086622, 133275309, 114364328, 107043718, 101991189, 90338345, 83257441, 80373285, 58617616, 64444167),
    *(46709983, 50818468, 156040895, 57227415),
)
_MM10 = (
    *(195471971, 182113224, 160039680, 156508116, 151834684, 149736546, 145441459, 129401213, 124595110, 130694993),
    *(122082543, 120129022, 120421639, 124902244, 104043685, 98207768, 94987271, 90702639, 61431566),
    *(171031299, 91744698),
)
_MM39 = (
    *(195154279, 181755017, 159745316, 156860686, 151758149, 149588044, 144995196, 130127694, 124359700, 130530862),
    *(121973369, 120092757, 120883175, 125139656, 104073951, 98008968, 95294699, 90720763, 61420004),
    *(169476592, 91455967),
)
LENGTHS: Mapping[str, Mapping[str, int]] = {
    "hg19": dict(zip(_HUMAN, _HG19, strict=True)),
    "hg38": dict(zip(_HUMAN, _HG38, strict=True)),
    "hs1": {"1": 248387328},
    "mm9": {"1": 197195432},
    "mm10": dict(zip(_MOUSE, _MM10, strict=True)),
    "mm39": dict(zip(_MOUSE, _MM39, strict=True)),
}
"""Assembly -> length (bp) of its chromosomes, by their names without `chr`."""
# What annotations and genome browsers call the assemblies, without patch numbers.
_NAMES = {
    "grch37": "hg19",
    "hg19": "hg19",
    "grch38": "hg38",
    "hg38": "hg38",
    "t2t-chm13v2": "hs1",
    "chm13v2": "hs1",
    "hs1": "hs1",
    "ncbim37": "mm9",
    "mm9": "mm9",
    "grcm38": "mm10",
    "mm10": "mm10",
    "grcm39": "mm39",
    "mm39": "mm39",
}
# \b before a name, and no letter or digit behind it: GRCh38.p13 is GRCh38.
_NAMED = re.compile(r"(?<![A-Za-z0-9])(" + "|".join(map(re.escape, _NAMES)) + r")(?![A-Za-z0-9])", re.IGNORECASE)

# Genes that moved by more than 90,000 bp between hg19 and hg38, by symbol and Ensembl id: TSS in either (0-based).
_MOVED = {
    ("CDC20", "ENSG00000117399"): (43824652, 43358981),
    ("JUN", "ENSG00000177606"): (59249718, 58784046),
    ("NRAS", "ENSG00000213281"): (115259385, 114716764),
    ("MYCN", "ENSG00000134323"): (16080676, 15940554),
    ("ALK", "ENSG00000171094"): (30144451, 29921585),
    ("SOX2", "ENSG00000181449"): (181429713, 181711925),
    ("PIK3CA", "ENSG00000121879"): (178866144, 179148356),
    ("KIT", "ENSG00000157404"): (55524123, 54657956),
    ("APC", "ENSG00000134982"): (112073584, 112737887),
    ("MYC", "ENSG00000136997"): (128748476, 127736230),
    ("GATA4", "ENSG00000136574"): (11561713, 11704204),
    ("NOTCH1", "ENSG00000148400"): (139440314, 136545862),
    ("PTEN", "ENSG00000171862"): (89623389, 87863632),
    ("RET", "ENSG00000165731"): (43572516, 43077068),
    ("CCND1", "ENSG00000110092"): (69455923, 69641155),
    ("GAPDH", "ENSG00000111640"): (6643682, 6534516),
    ("KRAS", "ENSG00000133703"): (25403862, 25250928),
    ("MDM2", "ENSG00000135679"): (69201958, 68808178),
    ("BRCA2", "ENSG00000139618"): (32889644, 32315507),
    ("RB1", "ENSG00000139687"): (48878015, 48303879),
    ("AKT1", "ENSG00000142208"): (105262084, 104795747),
    ("FOS", "ENSG00000170345"): (75745530, 75278827),
    ("FBN1", "ENSG00000166147"): (48937905, 48645708),
    ("IDH2", "ENSG00000182054"): (90645699, 90102467),
    ("TP53", "ENSG00000141510"): (7590804, 7687486),
    ("BRCA1", "ENSG00000012048"): (41277380, 43125363),
    ("SMAD4", "ENSG00000141646"): (48556591, 51030221),
    ("BCL2", "ENSG00000171791"): (60987287, 63320054),
    ("CEBPA", "ENSG00000245848"): (33793439, 33302533),
    ("GNAS", "ENSG00000087460"): (57466475, 58891420),
    ("BCL2L1", "ENSG00000171552"): (30310670, 31722867),
    ("RUNX1", "ENSG00000159216"): (36260989, 34888692),
    ("SOD1", "ENSG00000142168"): (33032005, 31659692),
    ("EP300", "ENSG00000100393"): (41487764, 41091760),
    ("NF2", "ENSG00000186575"): (29999629, 29603640),
    ("GATA1", "ENSG00000102145"): (48645004, 48786589),
    ("AR", "ENSG00000169083"): (66763874, 67544032),
}
_TSS = {name: places for names, places in _MOVED.items() for name in names}
# Transcripts of one gene start within this distance of each other (bp), less than half of the shortest move.
_NEAR = 40_000


def recognised_assembly(sizes: Mapping[str, int]) -> str:
    """Return the assembly whose chromosomes have the lengths found; empty when none is known, or several are.

    Chromosome 1 decides where it is there; otherwise all others that have a known length.
    """
    plain = {plain_name(name): length for name, length in sizes.items()}
    compared = {"1": plain["1"]} if "1" in plain else plain
    fitting = [
        name
        for name, lengths in LENGTHS.items()
        if (shared := compared.keys() & lengths.keys()) and all(compared[chrom] == lengths[chrom] for chrom in shared)
    ]
    return fitting[0] if len(fitting) == 1 else ""


def named_assembly(comments: Iterable[str]) -> str:
    """Return the assembly that the first comment lines of an annotation name; empty without any, or with several."""
    found = {_NAMES[name.lower()] for line in comments for name in _NAMED.findall(line)}
    return found.pop() if len(found) == 1 else ""


def assembly_of_genes(genes: pl.DataFrame) -> str:
    """Return the assembly that genes (ensembl_id, gene_symbol, chrom, tss) lie in; empty when that cannot be told.

    RefSeq accessions of chromosomes say it, or the places of well-known genes that moved between hg19 and hg38, if
    nine in ten of them agree.
    """
    named = assembly_of_names(genes["chrom"].unique().to_list())
    if named:
        return named
    votes = {"hg19": 0, "hg38": 0}
    ids = pl.coalesce(*(pl.when(pl.col(c).is_in(list(_TSS))).then(pl.col(c)) for c in ("ensembl_id", "gene_symbol")))
    for name, tss in genes.select(ids.alias("name"), "tss").drop_nulls("name").iter_rows():
        for assembly, place in zip(votes, _TSS[name], strict=True):
            votes[assembly] += abs(tss - place) <= _NEAR
    most = max(votes, key=votes.__getitem__)
    return most if votes[most] > 0.9 * sum(votes.values()) else ""


def differing_chromosome(sizes: Mapping[str, int], others: Mapping[str, int]) -> tuple[str, str] | None:
    """Return the names, in one and the other, of the first chromosome whose lengths differ; None when all agree.

    Under different names mitochondria do not count: hg19 has another one than GRCh37.
    """
    plain = {plain_name(name): name for name in others}
    for name, length in sizes.items():
        other = name if name in others else plain.get(plain_name(name))
        if other is None or (other != name and plain_name(name) == MITOCHONDRION):
            continue
        if others[other] != length:
            return name, other
    return None
