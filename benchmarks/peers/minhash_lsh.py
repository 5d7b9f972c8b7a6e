"""Near-duplicates by datasketch, as its documentation shows it: a MinHash of each sequence's 16-mers, and an LSH index.

python minhash_lsh.py tokens.npy groups.npy     (in an environment that has datasketch and numpy)

Prints wall and CPU time (s) as JSON; writes the group of each sequence.
"""

from __future__ import annotations

import json
import sys
import time

import numpy as np
from datasketch import MinHash, MinHashLSH

K, PERMUTATIONS = 16, 128
# Two sequences of one length that share half of their 16-mers have a Jaccard index of a third.
THRESHOLD = 1 / 3
OTHER = str.maketrans("ACGT", "TGCA")


def main() -> None:
    """Group the sequences of one file."""
    tokens = np.load(sys.argv[1])
    texts = ["".join("ACGT"[base] for base in row if base < 4) for row in tokens]
    wall, cpu = time.perf_counter(), time.process_time()
    index, groups = MinHashLSH(threshold=THRESHOLD, num_perm=PERMUTATIONS), list(range(len(texts)))
    for number, text in enumerate(texts):
        words = {text[i : i + K] for i in range(len(text) - K + 1)}
        sketch = MinHash(num_perm=PERMUTATIONS)
        sketch.update_batch([min(word, word[::-1].translate(OTHER)).encode() for word in words])
        found = [groups[other] for other in index.query(sketch)]
        groups[number] = min(found, default=number)
        index.insert(number, sketch)
    spent = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
    np.save(sys.argv[2], groups)
    print(json.dumps(spent))


if __name__ == "__main__":
    main()
