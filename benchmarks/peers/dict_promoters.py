"""Two ways of pandas and a dictionary from base to number: read promoters, cut their flanks by length, pad, encode.

Nothing is checked, hashed or written, and flanks are taken to be there. `original` is what the published notebook
does: sequences become lists of letters in pieces of some thousands, and the dictionary is asked through numpy's
`vectorize`. (The notebook also encodes the reverse complement, twice the work, and appends every piece to a growing
array; this does neither.) `dictionary` asks it in a list comprehension, sequence by sequence.

Run as a program in an environment with pandas; gxtool itself does not need pandas. It encodes once after a warm-up,
saves tokens and values for comparison and prints wall and CPU time (s) and the version of pandas as JSON.

    dict_promoters.py original|dictionary PROMOTERS.txt FIVE_PRIME THREE_PRIME LENGTH TOKENS.npy VALUES.npy
"""

from __future__ import annotations

import json
import sys
import time

import numpy as np
import pandas as pd

NUMBERS = {"A": 0, "C": 1, "G": 2, "T": 3, "N": 4}
PIECE = 7_000


def original(inserts: pd.Series, length: int) -> np.ndarray:
    """Return tokens (n, length), piece by piece."""
    padded = inserts.str.pad(width=length, side="both", fillchar="N")
    number_of = np.vectorize(NUMBERS.get)
    pieces = []
    for first in range(0, len(padded), PIECE):
        letters = np.vstack(list(padded.iloc[first : first + PIECE].apply(list)))
        pieces.append(number_of(letters).astype(np.uint8))
    return np.concatenate(pieces)


def dictionary(inserts: pd.Series, length: int) -> np.ndarray:
    """Return tokens (n, length), sequence by sequence."""
    tokens = np.full((len(inserts), length), NUMBERS["N"], np.uint8)
    for row, insert in enumerate(inserts):
        left = (length - len(insert)) // 2
        tokens[row, left : left + len(insert)] = [NUMBERS[base] for base in insert]
    return tokens


def encode(way: str, path: str, flanks: tuple[int, int], length: int) -> tuple[np.ndarray, np.ndarray]:
    """Return tokens (n, length) and values (n,) of a file."""
    table = pd.read_csv(path, sep="\t", header=None, names=["sequence", "expression"])
    inserts = table["sequence"].str[flanks[0] : -flanks[1]]
    return {"original": original, "dictionary": dictionary}[way](inserts, length), table["expression"].to_numpy()


def main() -> None:
    """Time one encoding."""
    way, path, five_prime, three_prime, length, tokens_path, values_path = sys.argv[1:]
    few = pd.Series(["ACGTN" * 16] * 100)
    {"original": original, "dictionary": dictionary}[way](few, int(length))
    wall, cpu = time.perf_counter(), time.process_time()
    tokens, values = encode(way, path, (int(five_prime), int(three_prime)), int(length))
    lap = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu, "pandas": pd.__version__}
    np.save(tokens_path, tokens)
    np.save(values_path, values)
    print(json.dumps(lap))


if __name__ == "__main__":
    main()
