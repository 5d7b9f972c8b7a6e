"""Small inputs of both families, and runs on them, for tests of plans and dry runs."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pybigtools

from gxtool.io.bins_table import write_bins_table
from gxtool.models.plan import RunRequest, read_runs

MARKS = ("H3K4me3", "H3K9me3")
SMALL = ("data.n_bins=3", f"data.marks=[{', '.join(MARKS)}]")
SIZES = {"chr1": 60_000, "chr2": 40_000, "chr3": 30_000}
PROMOTERS = ("data.five_prime=", "data.three_prime=", "data.length=20")
SHORT_INSERTS = {"data.five_prime": "", "data.three_prime": "", "data.length": 20}


def table_cell(folder: Path, labels: Mapping[str, Sequence[int]] | None = None, marks: int = 2) -> Path:
    """Write a cell type of four genes a role, half of them on unless `labels` says otherwise."""
    for role in ("train", "val", "test"):
        own = np.array((labels or {}).get(role, [1, 0, 1, 0]))
        signal = np.arange(len(own) * 3 * marks).reshape(len(own), 3, marks)
        write_bins_table(folder, role, [f"{role}{n}" for n in range(len(own))], signal, own)
    return folder


def unlabelled(path: Path) -> Path:
    path.write_text("".join(f"{gene},{number},1,2\n" for gene in "ab" for number in (1, 2, 3)))
    return path


def sheet(folder: Path, text: str) -> Path:
    path = folder / "sheet.csv"
    path.write_text(text)
    return path


def tables(folder: Path, *names: str, **labels: Sequence[int]) -> Path:
    """Write cell types of published tables and their sheet."""
    for name in names:
        table_cell(folder / name, labels)
    return sheet(folder, "sample,data\n" + "".join(f"{name},{name}\n" for name in names))


def tracks(
    folder: Path, chroms: Sequence[str] = tuple(SIZES), expression: str = "", marks: Sequence[str] = MARKS
) -> Path:
    """Write one cell type of bigWigs, twelve genes on some chromosomes, and its sheet."""
    for mark in MARKS:
        signal = [(chrom, 1000 * n, 1000 * n + 10, 1.0 + n) for chrom in SIZES for n in range(1, 9)]
        pybigtools.open(str(folder / f"{mark}.bw"), "w").write(dict(SIZES), iter(signal))
    genes = [(f"g{n}", chroms[n % len(chroms)], 1000 * (n + 1)) for n in range(12)]
    lines = [f'{chrom}\ttest\tgene\t{at}\t{at + 500}\t.\t+\t.\tgene_id "{name}";\n' for name, chrom, at in genes]
    (folder / "genes.gtf").write_text("".join(lines))
    values = expression or "".join(f"{name}\t{n}\n" for n, (name, *_) in enumerate(genes))
    (folder / "expression.tsv").write_text(f"gene\tliver\n{values}")
    files = ",".join(f"{mark}.bw" for mark in MARKS)
    return sheet(folder, f"sample,{','.join(marks)},annotation,expression\nliver,{files},genes.gtf,expression.tsv\n")


def promoters(folder: Path, values: Callable[[int], float] = float, **files: int) -> Path:
    """Write files of promoters of 20 random bases without flanks, and their sheet."""
    generator = np.random.default_rng(5)
    for name, count in (files or {"data": 60}).items():
        lines = ["".join(generator.choice(list("ACGT"), 20)) + f"\t{values(n)}\n" for n in range(count)]
        (folder / f"{name}.txt").write_text("".join(lines))
    names = list(files or ("data",))
    return sheet(folder, f"sample,{','.join(names)}\nyeast,{','.join(f'{name}.txt' for name in names)}\n")


def runs_of(folder: Path, *entries: Mapping[str, object]) -> list[RunRequest]:
    (folder / "runs.yaml").write_text(json.dumps({"runs": list(entries)}))
    return read_runs(folder / "runs.yaml")
