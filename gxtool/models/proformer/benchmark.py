"""The challenge's test set, recognised by the organisers' lists of its subsets. No torch.

Preprocessing checks that the sequences of a list are those of the test file, and that public values rise with those of
the test file; so lists with the organisers' rows speak of the organisers' sequences.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

# First 32 digits of the SHA-256 of the rows of each list in de-Boer-Lab/random-promoter-dream-challenge-2022 at
# f7b2e197: "first" or "first,second" (alternative, reference), in the order of the text, one a line.
LISTED = {
    "high": "244dd82fe83c1f605ed2dd5f6e2f0ade",
    "low": "c1eda38383b622fc345ea51c8eaea482",
    "yeast": "061874c3812c2925d96bc24b199e55bb",
    "random": "afd832bff9926f251248b2cfd45ff66e",
    "challenging": "675fca48ddb3c8c8d5c11b757b1d3fd6",
    "motif_perturbation": "4169c96c3a00a597cc65ab5b0d6af9b4",
    "motif_tiling": "54bb45e1667279ff0448f6cd9fff285a",
}
PUBLIC = {
    "high": "9b8b04b5d6ef299e5d48f26986b34cbd",
    "low": "f8edfa1c02f33e8382b6a01fcd24aeea",
    "yeast": "7999363188b34e970271cad629f11592",
    "random": "f1531c8edaee2403b292e44e65a11060",
    "challenging": "ba2d7908ea0ea91a41cfa9e102b87960",
    "SNVs": "e94108fbb024244f3431993cc12e9840",
    "motif_perturbation": "51505c2610b7d4f01cafbc9e6b7b3072",
    "motif_tiling": "e640a8df294cbb8d6839382877fd38c1",
}


def is_challenge(lists: pl.DataFrame, part: str) -> bool:
    """Say whether the lists of one sample (the table of `subsets`) are the organisers', as far as `part` needs them.

    The list of SNVs is known by its public part alone.
    """
    if part == "public":
        return _same(lists.filter(pl.col("public").fill_null(False)), PUBLIC)
    return _same(lists.filter(pl.col("listed")), LISTED)


def is_comparable(lists: pl.DataFrame, content: Mapping[str, Any]) -> bool:
    """Say whether the scores of one part (as in details.json) can stand beside published ones: its rows are all there.

    lists: those of the scored sample.
    """
    whole = not content["missing"] and all(one["n"] == one["of"] for one in content["subsets"])
    return whole and is_challenge(lists, content["part"])


def fingerprint(rows: Sequence[tuple[int, ...]]) -> str:
    """Return the hash of rows or pairs of rows, whatever their order."""
    lines = sorted(",".join(map(str, row)) for row in rows)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:32]


def _same(lists: pl.DataFrame, known: Mapping[str, str]) -> bool:
    found = {}
    for (subset,), rows in lists.group_by("subset"):
        lines = rows.select("first", "second").iter_rows()
        found[subset] = fingerprint([tuple(value for value in line if value is not None) for line in lines])
    return all(found.get(subset) == expected for subset, expected in known.items())
