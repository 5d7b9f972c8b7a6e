"""One model for many cell types: preprocess, tokenize and one epoch of training in one fresh process, and its memory.

The cell types are simulated at the published size, 19,802 genes each; 56 of them are 1.1 million genes, 2.3 GB of
tables and 1.1 GB of artifacts. The largest resident set counts what the process has mapped of the arrays on disk, which
the kernel takes back when it needs room.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.fresh import run_fresh
from benchmarks.inputs import SIZES, write_cells
from benchmarks.table import Result, Row, finish, parser

AT_MOST_MB = 4000.0


def main() -> None:
    """Measure and print."""
    options = parser(__doc__ or "")
    options.add_argument("--cells", type=int, default=0, help="cell types (0: 56 at full size, 3 at tiny)")
    options.add_argument("--threads", type=int, default=2, help="CPU threads of training")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="gxtool-bench-", dir=chosen.folder) as folder:
        result = measure(Path(folder), chosen.size, chosen.cells or SIZES[chosen.size].n_cells, chosen.threads)
    finish(result, chosen.results)


def measure(folder: Path, size: str, n_cells: int, threads: int) -> Result:
    """Write the tables, then run all stages in a fresh process."""
    write_cells(folder / "raw", n_cells, SIZES[size].n_genes)
    report = folder / "stages.json"
    devices = ["cpu", *(["cuda"] if has_accelerator() else [])]
    cost = run_fresh([sys.executable, "-m", "benchmarks.mix_stages", str(folder), str(report), str(threads), *devices])
    stages: dict[str, Any] = json.loads(report.read_text(encoding="utf-8"))
    rows = rows_of(stages, cost["peak_rss_mb"], n_cells, AT_MOST_MB if size == "full" else None)
    facts = {"cells": n_cells, "threads": threads, "stages": stages, "fresh_process": cost}
    return Result("mix_memory", size, rows, {}, facts)


def has_accelerator() -> bool:
    """Say whether torch sees a CUDA device, asked in another process so that this one stays small."""
    if importlib.util.find_spec("torch") is None:
        return False
    code = "import sys, torch; sys.exit(0 if torch.cuda.is_available() else 1)"
    return subprocess.run([sys.executable, "-c", code], check=False, capture_output=True).returncode == 0


def rows_of(stages: dict[str, Any], peak_rss_mb: float, n_cells: int, at_most: float | None) -> tuple[Row, ...]:
    """Return the table's rows."""
    n_genes = stages["preprocess"]["rows"]
    what = f"{n_cells} cell types in mix ({n_genes:,} genes)"
    named = {
        "preprocess": "preprocess",
        "tokenize": "tokenize",
        "train cpu": "training steps of convnet, CPU",
        "train cuda": "training steps of convnet, GPU",
    }
    rows = [
        Row(
            f"{what}: preprocess, tokenize, one epoch: peak resident memory",
            "",
            "MB",
            ours=peak_rss_mb,
            at_most=at_most,
        )
    ]
    for stage, name in named.items():
        rate = stages.get(stage, {}).get("rows_per_second")
        rows.append(Row(f"the same: {name}", "", "genes/s", ours=rate))
    return tuple(rows)


if __name__ == "__main__":
    main()
