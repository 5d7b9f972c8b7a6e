"""Files of made-up promoters in the layout of the DREAM 2022 challenge, written as they are made."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

FLANKS = ("TGCATTTTTTTCACATC", "GGTTACGGCTGTT")
TRAIN, TEST = "train_sequences.txt", "test_sequences.txt"
MOTIFS, VARIANTS = "motifs.meme", "variants.tsv"
MEASURED = "filtered_test_data_with_MAUDE_expression.txt"
SUBSETS, PUBLIC = "test_subset_ids", "public_leaderboard_ids"
# Share of the test set that was on the public leaderboard.
PUBLIC_SHARE = 0.13
_SINGLES = {"high": "high_exp_seqs", "low": "low_exp_seqs", "random": "all_random_seqs"}
_PAIRS = {"SNVs": "all_SNVs_seqs", "motif_perturbation": "motif_perturbation_seqs", "motif_tiling": "motif_tiling_seqs"}


@dataclass(frozen=True)
class TestSet:
    """Test promoters: inserts (n), true expression (n,), measured values (n,), planted sites (row, start, motif,
    other strand) and what they add to activity, how many of the first are random ones, and pairs of rows
    (alternative, reference) of each kind."""

    __test__ = False  # no test for pytest to collect

    inserts: list[bytes]
    expression: np.ndarray
    measured: np.ndarray
    sites: np.ndarray
    effects: np.ndarray
    n_random: int
    pairs: dict[str, np.ndarray]


def write_train(folder: Path, chunks: Iterable[tuple[list[bytes], np.ndarray]]) -> None:
    """Write inserts between flanks and their expression, chunk by chunk; whole numbers without a point."""
    with (folder / TRAIN).open("wb") as file:
        for inserts, values in chunks:
            file.writelines(_line(insert, value) for insert, value in zip(inserts, values.tolist(), strict=True))


def write_test(folder: Path, test: TestSet, truth: dict[str, Any], rng: np.random.Generator) -> None:
    """Write test promoters, their measurements, the lists of subsets and public rows, truth and samplesheet."""
    with (folder / TEST).open("wb") as file:
        file.writelines(_line(insert, 0.0) for insert in test.inserts)
    with (folder / MEASURED).open("wb") as file:
        file.writelines(_line(insert, value) for insert, value in zip(test.inserts, test.measured, strict=True))
    subsets = _subsets(test)
    _write_lists(folder / SUBSETS, test, subsets)
    _write_public(folder / PUBLIC, test, subsets, rng)
    _write_json(folder / "truth.json", {**truth, "test": _sites_of(test)})
    names = (TRAIN, TEST, MEASURED, SUBSETS, PUBLIC, VARIANTS, MOTIFS)
    rows = f"sample,data,test,measured,subsets,public,variants,motifs\nsimulated,{','.join(names)}\n"
    (folder / "samplesheet.csv").write_text(rows, encoding="utf-8")


def _line(insert: bytes, value: float) -> bytes:
    return b"%s%s%s\t%s\n" % (FLANKS[0].encode(), insert, FLANKS[1].encode(), f"{value:.15g}".encode())


def _subsets(test: TestSet) -> dict[str, np.ndarray]:
    order = np.argsort(test.expression[: test.n_random], kind="stable")
    tenth = max(1, test.n_random // 10)
    singles = {"high": order[-tenth:], "low": order[:tenth], "random": np.arange(test.n_random)}
    return {**singles, **test.pairs}


def _write_lists(folder: Path, test: TestSet, subsets: dict[str, np.ndarray]) -> None:
    folder.mkdir(exist_ok=True)
    whole = [FLANKS[0] + insert.decode() + FLANKS[1] for insert in test.inserts]
    for subset, rows in subsets.items():
        stem = {**_SINGLES, **_PAIRS}[subset]
        with (folder / f"{stem}.csv").open("w", encoding="utf-8", newline="") as file:
            table = csv.writer(file, lineterminator="\n")
            if rows.ndim == 1:
                table.writerow(["", "tag", "sequence", "pos", "exp"])
                table.writerows([n, f"{subset}_{row}", whole[row], row, ""] for n, row in enumerate(rows.tolist()))
            else:
                names = ("tag", "sequence", "pos", "exp")
                table.writerow(["", *(f"{side}_{name}" for name in names for side in ("alt", "ref"))])
                for n, (alt, ref) in enumerate(rows.tolist()):
                    tags = (f"{subset}_{alt}", f"{subset}_{ref}")
                    table.writerow([n, *tags, whole[alt], whole[ref], alt, ref, "", ""])


def _write_public(folder: Path, test: TestSet, subsets: dict[str, np.ndarray], rng: np.random.Generator) -> None:
    """Write measured values of a share of every subset, and of all of these together, in no order."""
    folder.mkdir(exist_ok=True)
    ground: dict[str, float] = {}
    for subset, rows in subsets.items():
        chosen = rows[rng.permutation(len(rows))[: max(1, round(PUBLIC_SHARE * len(rows)))]]
        values = test.measured[chosen]
        if chosen.ndim == 1:
            public: dict[str, Any] = {
                str(row): value for row, value in zip(chosen.tolist(), values.tolist(), strict=True)
            }
        else:
            public = {f"{a},{r}": pair for (a, r), pair in zip(chosen.tolist(), values.tolist(), strict=True)}
        _write_json(folder / f"{subset}_exp_indices.json", public)
        ground |= {str(row): float(test.measured[row]) for row in chosen.ravel().tolist()}
    _write_json(folder / "ground.json", ground)
    _write_json(folder / "sample_submission.json", {row: float(rng.standard_normal()) for row in ground})


def _sites_of(test: TestSet) -> list[dict[str, Any]]:
    """Return for every test promoter its true expression and planted motifs: number, first base of the insert (from
    0), strand, effect on activity."""
    found: list[dict[str, Any]] = [{"expression": round(value, 6), "motifs": []} for value in test.expression.tolist()]
    for (row, start, motif, reverse), effect in zip(test.sites.tolist(), test.effects.tolist(), strict=True):
        found[row]["motifs"].append([motif, start, "-" if reverse else "+", round(effect, 4)])
    return found


def _write_json(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content) + "\n", encoding="utf-8")
