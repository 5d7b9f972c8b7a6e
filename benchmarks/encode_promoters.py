"""Read, check and encode 6.74 million promoters: gxtool's reader against pandas and a dictionary.

Ours reads the whole file, checks every line, hashes it and hands tokens, lengths and values on block by block; a second
row says what it costs to write these into an artifact and hash them too. The peers read and encode the first promoters
of the same file into memory and do nothing else; their time is scaled. Tokens and values must be the same.
"""

from __future__ import annotations

import json
import sys
import tempfile
from itertools import islice
from pathlib import Path

import numpy as np

from benchmarks.comparison import compare, scaled
from benchmarks.fresh import ROOT, run_fresh
from benchmarks.table import Result, Row, finish, parser
from benchmarks.timing import Lap, medians, take_turns
from benchmarks.uv import run_with_packages
from gxtool.io.artifact import ArtifactWriter, open_artifact
from gxtool.io.promoters import PromoterReader, PromoterSource
from gxtool.simulate import promoters

PANDAS = ("pandas==2.3.3",)
PEERS = {
    "original": "pandas, dictionary through numpy.vectorize (the published notebook's way; only reads and encodes)",
    "dictionary": "pandas, dictionary in a list comprehension (only reads and encodes)",
}
AT_LEAST = {"original": 30.0}
AT_MOST_MB = {"resident": 1_500.0, "disk": 1_500.0}
SIZES = {"tiny": "demo", "full": "full"}
PEER_ROWS = {"tiny": 1_500, "full": 100_000}


def main() -> None:
    """Measure and print."""
    options = parser(__doc__ or "")
    options.add_argument("--peer-rows", type=int, default=0, help="promoters for the peers (0: as the size needs)")
    options.add_argument("--offline", action="store_true", help="do not download pandas for its peers")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="gxtool-bench-", dir=chosen.folder) as folder:
        result = measure(Path(folder), chosen.size, chosen.rounds or 3, chosen.peer_rows, chosen.offline)
    finish(result, chosen.results)


def measure(folder: Path, size: str, rounds: int, peer_rows: int, offline: bool) -> Result:
    """Let all contenders take turns on promoters simulated below `folder`, and check that they agree."""
    promoters.simulate(folder / "raw", SIZES[size], 1)
    path, output = folder / "raw" / "train_sequences.txt", folder / "encoded"
    n_rows = promoters.SIZES[SIZES[size]].n_train
    some = folder / "some.txt"
    with path.open("rb") as source:
        some.write_bytes(b"".join(islice(source, peer_rows or PEER_ROWS[size])))
    # First, before this process has grown.
    call = f"import benchmarks.encode_promoters as b; b.encode({str(path)!r}, {str(output)!r}, {n_rows})"
    alone = run_fresh([sys.executable, "-c", call])
    pandas = try_pandas(some, folder, offline)
    contenders = {"ours": lambda: read(path), "written": lambda: encode(path, output, n_rows)}
    if pandas:
        contenders |= {way: lambda way=way: run_pandas(way, some, folder, offline=True) for way in PEERS}
    laps = take_turns(contenders, rounds)
    n_some = check_agreement(folder, output) if pandas else 0
    for way in PEERS:
        if way in laps:
            laps[way] = scaled(laps[way], n_some / n_rows)
    facts = {
        "promoters": n_rows,
        "bytes_of_text": path.stat().st_size,
        "promoters_of_peers": n_some,
        "encoded_mb": sum(file.stat().st_size for file in output.iterdir()) / 1e6,
        "pandas": pandas,
        "fresh_process": alone,
    }
    return Result("encode_promoters", size, rows_of(laps, facts, size), laps, facts)


def read(path: Path) -> int:
    """Read, check and encode a file of promoters, and return how many there are."""
    return sum(len(block.tokens) for block in PromoterReader(PromoterSource(path)))


def encode(path: str | Path, output: str | Path, n_rows: int) -> None:
    """Do the same with a file of `n_rows` promoters and write them into an artifact."""
    reader = PromoterReader(PromoterSource(Path(path)))
    length = reader.source.rules.length
    with ArtifactWriter(Path(output), "dataset", overwrite=True) as writer:
        with (
            writer.stream_array("tokens.npy", (n_rows, length), np.dtype(np.uint8)) as tokens,
            writer.stream_array("lengths.npy", (n_rows,), np.dtype(np.uint16)) as lengths,
            writer.stream_array("labels.npy", (n_rows, 1), np.dtype(np.float32)) as labels,
        ):
            for block in reader:
                tokens.append(block.tokens)
                lengths.append(block.lengths)
                labels.append(block.values.astype(np.float32))
        writer.describe(rows={"promoters": reader.tally.read}, info={"sources": reader.sources})


def check_agreement(folder: Path, output: Path) -> int:
    """Check that all contenders ended with the same tokens and values, and return how many promoters peers had.

    Raises:
        AssertionError: one did not.
    """
    encoded = open_artifact(output, "dataset")
    for way in PEERS:
        tokens, values = np.load(folder / f"{way}.npy"), np.load(folder / f"{way}-values.npy")
        assert np.array_equal(tokens, encoded.array("tokens.npy")[: len(tokens)]), f"{way}: tokens differ"
        labels = encoded.array("labels.npy")[: len(tokens), 0]
        assert np.array_equal(values.astype(np.float32), labels), f"{way}: values differ"
    return len(tokens)


def rows_of(laps: dict[str, list[Lap]], facts: dict, size: str) -> tuple[Row, ...]:
    """Return the table's rows; bounds hold at full size."""
    full = size == "full"
    rows = compare(f"read, check and encode {facts['promoters']:,} promoters", PEERS, laps, AT_LEAST if full else {})
    bounds = AT_MOST_MB if full else {}
    resident, disk = facts["fresh_process"]["peak_rss_mb"], facts["encoded_mb"]
    return (
        *rows,
        Row("the same, written as an artifact with hashes", "", "s", ours=medians(laps["written"]).wall),
        Row(
            "the same in a fresh process: peak resident memory", "", "MB", ours=resident, at_most=bounds.get("resident")
        ),
        Row("the same: tokens, lengths and values on disk", "", "MB", ours=disk, at_most=bounds.get("disk")),
    )


def try_pandas(some: Path, folder: Path, offline: bool) -> str:
    """Return the version of pandas that can be measured, empty when there is none."""
    try:
        run_pandas("dictionary", some, folder, offline)
    except (RuntimeError, FileNotFoundError) as error:
        print(f"without pandas: {error}", file=sys.stderr)
        return ""
    return PANDAS[0].partition("==")[2]


def run_pandas(way: str, some: Path, folder: Path, offline: bool) -> Lap:
    """Let pandas encode in an environment of its own, which uv makes and keeps in its cache.

    Raises:
        RuntimeError: the environment cannot be made.
        FileNotFoundError: uv is not installed.
    """
    rules = PromoterSource(some).rules
    flanks = (str(len(rules.five_prime)), str(len(rules.three_prime)))
    saved = (str(folder / f"{way}.npy"), str(folder / f"{way}-values.npy"))
    program = str(ROOT / "benchmarks" / "peers" / "dict_promoters.py")
    command = ["python", program, way, str(some), *flanks, str(rules.length), *saved]
    measured = json.loads(run_with_packages(PANDAS, command, offline, folder).splitlines()[-1])
    return Lap(measured["wall"], measured["cpu"])


if __name__ == "__main__":
    main()
