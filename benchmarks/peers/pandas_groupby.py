"""The data-frame way: pandas reads a table and `groupby` cuts it into genes. Nothing is checked, hashed or written.

Run as a program in an environment with pandas; gxtool itself does not need pandas. It loads the tables once after a
warm-up, saves the counts for comparison and prints wall and CPU time (s) and the version of pandas as JSON.

    pandas_groupby.py N_MARKS COUNTS.npy TABLE...
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence

import numpy as np
import pandas as pd


def load_cell(tables: Sequence[str], n_marks: int) -> np.ndarray:
    """Load the tables of a cell type as counts (genes, bins, marks)."""
    genes = []
    for table in tables:
        frame = pd.read_csv(table, header=None, dtype={0: str})
        genes += [rows.iloc[:, 2 : 2 + n_marks].to_numpy() for _, rows in frame.groupby(0, sort=False)]
    return np.stack(genes)


def main() -> None:
    """Time one load."""
    n_marks, counts_path, *tables = sys.argv[1:]
    pd.read_csv(tables[0], header=None, nrows=1000).groupby(0).size()
    wall, cpu = time.perf_counter(), time.process_time()
    counts = load_cell(tables, int(n_marks))
    lap = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu, "pandas": pd.__version__}
    np.save(counts_path, counts)
    print(json.dumps(lap))


if __name__ == "__main__":
    main()
