"""What goes beside simulated promoters: their motifs in the minimal MEME format, and substitutions as variants."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from gxtool.simulate.promoter_files import FLANKS, MOTIFS, VARIANTS, TestSet

# Probability of the consensus at each position of a motif; the others share the rest.
_SHARE = 0.97


def write_motifs(folder: Path, motifs: Iterable[tuple[str, str]]) -> None:
    """Write (name, consensus) of each motif as a matrix of letter probabilities."""
    lines = ["MEME version 4", "", "ALPHABET= ACGT", "", "strands: + -", "", "Background letter frequencies"]
    lines.append("A 0.25 C 0.25 G 0.25 T 0.25")
    for name, consensus in motifs:
        lines += ["", f"MOTIF {name}", f"letter-probability matrix: alength= 4 w= {len(consensus)}"]
        lines += [
            " ".join(f"{_SHARE if base == letter else (1 - _SHARE) / 3:.4f}" for base in "ACGT") for letter in consensus
        ]
    (folder / MOTIFS).write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_variants(folder: Path, test: TestSet) -> None:
    """Write the pairs of test promoters that differ in one base as a table of variants, positions counted from 1."""
    lines = ["id\tsequence\tpos\tref\talt"]
    for alternative, reference in test.pairs["SNVs"].tolist():
        before, after = (np.frombuffer(test.inserts[row], np.uint8) for row in (reference, alternative))
        (place,) = np.flatnonzero(before != after).tolist()
        whole = FLANKS[0] + test.inserts[reference].decode() + FLANKS[1]
        position = len(FLANKS[0]) + place + 1
        lines.append(f"SNVs_{alternative}\t{whole}\t{position}\t{chr(before[place])}\t{chr(after[place])}")
    (folder / VARIANTS).write_text("\n".join(lines) + "\n", encoding="utf-8")
