"""Read, check and write one cell type of 19,802 genes: gxtool's `preprocess` against three ways of only reading it.

Ours reads the three tables, checks every row, hashes inputs and outputs and writes the `examples` artifact. The peers
load the same tables into memory and do nothing else. All of them must end with the same numbers.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.comparison import compare, scaled
from benchmarks.fresh import ROOT, run_fresh
from benchmarks.inputs import N_BINS, N_MARKS, ROLES, SIZES, tables_of, write_cells
from benchmarks.peers import plain_polars, published_loader
from benchmarks.table import Result, Row, finish, parser
from benchmarks.timing import Lap, take_turns
from benchmarks.uv import run_with_packages
from gxtool.io.artifact import open_artifact
from gxtool.models import stages
from gxtool.models.registry import get_family, resolve_config

FAMILY = "histone"
AT_LEAST = 60.0  # times the published loader
AT_MOST_MB = 400.0
PANDAS = ("pandas==2.3.3",)
PEERS = {
    "published": "csv rows into tensors, element by element (the published loader's way; only reads)",
    "pandas": "pandas, groupby gene (only reads)",
    "polars": "polars, no checks (only reads)",
}


def main() -> None:
    """Measure and print."""
    options = parser(__doc__ or "")
    options.add_argument("--peer-genes", type=int, default=0, help="genes per table for the published way (0: all)")
    options.add_argument("--offline", action="store_true", help="do not download pandas for its peer")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="gxtool-bench-", dir=chosen.folder) as folder:
        result = measure(Path(folder), chosen.size, chosen.rounds or 3, chosen.peer_genes, chosen.offline)
    finish(result, chosen.results)


def measure(folder: Path, size: str, rounds: int, peer_genes: int, offline: bool) -> Result:
    """Let all contenders take turns on one cell type written below `folder`, and check that they agree."""
    n_genes = SIZES[size].n_genes
    (cell,) = write_cells(folder / "raw", 1, n_genes)
    output = folder / "examples"
    # First, before this process has grown; the files are in the page cache afterwards.
    command = ["-m", "gxtool", "preprocess", "--model", FAMILY, "--input", str(folder / "raw"), "--output", str(output)]
    alone = run_fresh([sys.executable, *command])
    pandas = try_pandas(cell, folder, offline)
    loaded: dict[str, Any] = {}
    contenders = contenders_for(cell, output, peer_genes or None, loaded)
    if pandas:
        contenders["pandas"] = lambda: run_pandas(cell, folder, offline=True)
    laps = take_turns(contenders, rounds, {"ours": 5, "polars": 5})
    check_agreement(output, loaded, np.load(folder / "pandas.npy") if pandas else None, peer_genes)
    share = sum(min(peer_genes or n, n) for n in n_genes) / sum(n_genes)
    laps["published"] = scaled(laps["published"], share)
    facts = {"genes": sum(n_genes), "share_read_by_published_way": share, "pandas": pandas, "fresh_process": alone}
    return Result("read_bins", size, rows_of(laps, sum(n_genes), alone["peak_rss_mb"], size), laps, facts)


def contenders_for(
    cell: Path, output: Path, peer_genes: int | None, loaded: dict[str, Any]
) -> dict[str, Callable[[], Any]]:
    """Return what is timed in this process; the peers leave what they loaded in `loaded`."""
    family = get_family(FAMILY)
    config, tables = resolve_config(family), tables_of(cell)

    def published() -> None:
        loaded["published"] = published_loader.load_cell(tables, N_BINS, N_MARKS, peer_genes)

    def ours() -> None:
        stages.preprocess(family, config, cell.parent, output, overwrite=True)

    def polars() -> None:
        loaded["polars"] = plain_polars.load_cell(tables, N_BINS, N_MARKS)

    for work in (ours, polars):
        work()
    return {"published": published, "ours": ours, "polars": polars}


def check_agreement(output: Path, loaded: dict[str, Any], pandas: np.ndarray | None, peer_genes: int) -> None:
    """Check that all contenders ended with the same genes, labels and counts.

    Raises:
        AssertionError: one did not.
    """
    examples = open_artifact(output, "examples", FAMILY)
    counts, table = examples.array("signal.npy"), examples.table("rows.parquet")
    labels = table["label"].to_numpy()
    rows = np.arange(len(table))
    if peer_genes:
        rows = np.concatenate([rows[(table["role"] == role).to_numpy()][:peer_genes] for role in ROLES])
    genes = loaded["published"]
    assert [gene.name for gene in genes] == table["group"].gather(rows).to_list(), "published: genes differ"
    assert [gene.label for gene in genes] == labels[rows].tolist(), "published: labels differ"
    same = [np.array_equal(gene.signal.numpy(), counts[row]) for gene, row in zip(genes, rows, strict=True)]
    assert all(same), "published: counts differ"
    assert np.array_equal(loaded["polars"], counts), "polars: counts differ"
    assert pandas is None or np.array_equal(pandas, counts), "pandas: counts differ"


def rows_of(laps: dict[str, list[Lap]], n_genes: int, peak_rss_mb: float, size: str) -> tuple[Row, ...]:
    """Return the table's rows; bounds hold at full size."""
    work = f"read, check, hash and write one cell type ({n_genes:,} genes x {N_BINS} rows)"
    full = size == "full"
    rows = compare(work, PEERS, laps, {"published": AT_LEAST} if full else {})
    bound = AT_MOST_MB if full else None
    return (*rows, Row("the same in a fresh process: peak resident memory", "", "MB", ours=peak_rss_mb, at_most=bound))


def try_pandas(cell: Path, folder: Path, offline: bool) -> str:
    """Return the version of pandas that can be measured, empty when there is none."""
    try:
        run_pandas(cell, folder, offline)
    except (RuntimeError, FileNotFoundError) as error:
        print(f"without pandas: {error}", file=sys.stderr)
        return ""
    return PANDAS[0].partition("==")[2]


def run_pandas(cell: Path, folder: Path, offline: bool) -> Lap:
    """Let pandas load the cell type in an environment of its own, which uv makes and keeps in its cache.

    Raises:
        RuntimeError: the environment cannot be made.
        FileNotFoundError: uv is not installed.
    """
    program = str(ROOT / "benchmarks" / "peers" / "pandas_groupby.py")
    command = ["python", program, str(N_MARKS), str(folder / "pandas.npy"), *map(str, tables_of(cell))]
    measured = json.loads(run_with_packages(PANDAS, command, offline, folder).splitlines()[-1])
    return Lap(measured["wall"], measured["cpu"])


if __name__ == "__main__":
    main()
