"""Find near-duplicates among 6,739,258 promoters of 80 bases: gxtool's groups against datasketch's MinHash and LSH.

Every 300th promoter has a mutant of one base, half of them on the other strand. Both must find nearly all of them; ours
must find all, and join nobody else.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import numpy as np
from numpy.lib.format import open_memmap

from benchmarks.comparison import compare, scaled
from benchmarks.fresh import run_fresh
from benchmarks.table import PACKAGES, Result, Row, finish, parser
from benchmarks.timing import Lap, take_turns
from benchmarks.uv import run_with_packages
from gxtool.data.similarity import near_duplicates
from gxtool.io.runtime import package_versions

DATASKETCH = ("datasketch==1.6.5", "numpy")
SIZES = {"tiny": 3_000, "full": 6_739_258}  # that of the DREAM challenge's training sequences
SAMPLE = {"tiny": 600, "full": 20_000}  # promoters that the peer groups; its time is scaled to all
LENGTH, PADDED, EVERY, N_TOKEN = 80, 100, 300, 4
BLOCK = 65_536
PEERS = {"datasketch": "datasketch MinHash and LSH, scaled from a sample"}
AT_MOST_S, AT_MOST_MB = 120.0, 2_000.0
LEAST_FOUND = 0.9


def main() -> None:
    """Measure and print."""
    options = parser(__doc__ or "")
    options.add_argument("--offline", action="store_true", help="do not download datasketch")
    options.add_argument("--group", type=Path, help="group this file alone and print nothing: for the memory of it")
    chosen = options.parse_args()
    if chosen.group:
        near_duplicates(np.load(chosen.group, mmap_mode="r"))
        return
    with tempfile.TemporaryDirectory(prefix="gxtool-bench-", dir=chosen.folder) as folder:
        result = measure(Path(folder), chosen.size, chosen.rounds or 1, chosen.offline)
    finish(result, chosen.results)


def measure(folder: Path, size: str, rounds: int, offline: bool) -> Result:
    """Let both group promoters written below `folder`, and check what they found."""
    n, n_some, full = SIZES[size], SAMPLE[size], size == "full"
    path, some = folder / "tokens.npy", folder / "some.npy"
    n_mutants = write_promoters(path, n)
    some_mutants = write_promoters(some, n_some)
    tokens, found = np.load(path, mmap_mode="r"), {}

    def ours() -> None:
        found["ours"] = near_duplicates(tokens)

    contenders = {"ours": ours}
    command = ["python", str(Path(__file__).parent / "peers/minhash_lsh.py"), str(some), str(folder / "groups.npy")]
    if try_datasketch(folder, offline):
        contenders["datasketch"] = lambda: Lap(**json.loads(run_with_packages(DATASKETCH, command, True, folder)))
    laps = take_turns(contenders, rounds)
    share, strangers = mutants_found(found["ours"], n_mutants)
    assert share == 1, f"{share:.2%} of the mutants are found, expected all"
    assert not strangers, f"{strangers} promoters are joined with a stranger"
    facts = {"promoters": n, "mutants": n_mutants, "promoters_of_datasketch": n_some}
    if "datasketch" in laps:
        laps["datasketch"] = scaled(laps["datasketch"], n_some / n)
        facts["found_by_datasketch"], _ = mutants_found(np.load(folder / "groups.npy"), some_mutants)
        assert facts["found_by_datasketch"] >= LEAST_FOUND
    cost = run_fresh([sys.executable, "-m", "benchmarks.similarity", "--group", str(path)])
    work = f"find near-duplicates among {n:,} promoters"
    rows = compare(work, PEERS, laps, {})
    rows += [
        Row("the same in a fresh process", "", "s", ours=cost["wall"], at_most=AT_MOST_S if full else None),
        Row("the same: peak memory", "", "MB", ours=cost["peak_rss_mb"], at_most=AT_MOST_MB if full else None),
    ]
    return Result("similarity", size, tuple(rows), laps, facts, package_versions((*PACKAGES, "scipy")))


def write_promoters(path: Path, n: int) -> int:
    """Write tokens (n, 100) of random promoters, the last n / 300 mutants of the first; return how many."""
    random, n_mutants = np.random.default_rng(1), n // EVERY
    tokens = open_memmap(path, "w+", np.uint8, (n, PADDED))
    first = (PADDED - LENGTH) // 2
    inside = slice(first, first + LENGTH)
    for start in range(0, n, BLOCK):
        block = tokens[start : start + BLOCK]
        block[:] = N_TOKEN
        block[:, inside] = random.integers(0, 4, (len(block), LENGTH))
    mutants = np.array(tokens[:n_mutants, inside])
    places = random.integers(0, LENGTH, n_mutants)
    mutants[np.arange(n_mutants), places] = (mutants[np.arange(n_mutants), places] + 1) % 4
    mutants[::2] = 3 - mutants[::2, ::-1]
    tokens[n - n_mutants :, inside] = mutants
    tokens.flush()
    return n_mutants


def mutants_found(groups: np.ndarray, n_mutants: int) -> tuple[float, int]:
    """Return the share of the mutants that stand in their parent's group, and how many others stand in a stranger's."""
    n = len(groups) - n_mutants
    return float((groups[n:] == np.arange(n_mutants)).mean()), int((groups[:n] != np.arange(n)).sum())


def try_datasketch(folder: Path, offline: bool) -> bool:
    """Say whether datasketch can be measured."""
    try:
        run_with_packages(DATASKETCH, ["python", "-c", "import datasketch"], offline, folder)
        return True
    except (RuntimeError, FileNotFoundError) as error:
        print(f"without datasketch: {error}", file=sys.stderr)
        return False


if __name__ == "__main__":
    main()
