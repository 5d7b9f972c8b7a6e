"""What is recognised in files of promoters before anything is spent: every sequence is read. No torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from gxtool.io.promoter_encoding import Tally
from gxtool.io.promoters import PromoterSource
from gxtool.models.base import CheckReport
from gxtool.models.proformer.config import DataConfig
from gxtool.models.proformer.examples import files_of, read_blocks, tested_rows, with_numbers
from gxtool.models.proformer.ids import sequence_ids
from gxtool.models.proformer.side import describe_side
from gxtool.models.proformer.subsets import boards, has_lists, subset_table
from gxtool.models.proformer.summary import is_foreign

# Sequences per minute that two cores read, and that they train the default preset on for all its epochs.
READ_PER_MINUTE, TRAIN_PER_MINUTE = 1.5e7, 3e3
# Memory of Python with PyTorch (GB), and bytes that a sequence takes beside its tokens while it is encoded and on disk.
BASE_MEMORY_GB, BYTES_IN_MEMORY, BYTES_ON_DISK = 1.5, 120, 30
WORDS = {
    "dropped": "too long and left out",
    "trimmed": "too long and trimmed",
    "without_flanks": "kept whole for want of flanks",
    "lower_case": "with lower-case letters",
    "ambiguous": "with IUPAC codes, which become N",
    "with_n": "with N",
}


@dataclass(frozen=True)
class Looked:
    """What one file holds: ids, lengths and values of each target (none: not read) of its sequences, and what was
    counted.

    tested: number and sequence of test sequences (n rows) that lists or a column of numbers speak of, else nothing.
    """

    column: str
    ids: pl.Series
    lengths: np.ndarray
    values: Mapping[str, np.ndarray]
    tally: Tally
    tested: pl.DataFrame


def check(sheet: Sequence[Mapping[str, str]], data: DataConfig) -> CheckReport:
    """Report what the files hold, what looks wrong, and what a run with one seed will cost.

    Raises:
        InputError: a file that is no table of promoters, or that does not fit the others of its sample.
    """
    facts = [
        ("flanks", _flanks(data)),
        ("inserts", f"up to {data.length} bases"),
        ("split", _split(data)),
    ]
    warnings: list[str] = []
    n_rows = n_train = 0
    for row in sheet:
        listed = has_lists(row)
        looked = {column: _look(column, source, data, listed) for column, source in files_of(row, data).items()}
        facts += [(f"{row['sample']}, {column}", _describe(found, data)) for column, found in looked.items()]
        if listed:
            facts.append((f"{row['sample']}, subsets", _subsets(row, looked)))
        facts += describe_side(row, data)
        warnings += [f"{row['sample']}: {text}" for text in _warnings(looked)]
        n_rows += sum(len(found.ids) for column, found in looked.items() if column != "measured")
        n_train += len(looked["data"].ids) if "data" in looked else 0
    if n_train:
        facts.append(("costs", "of one seed with the default preset; other presets may take many times as long"))
    return CheckReport(
        facts=tuple(facts),
        warnings=tuple(warnings),
        memory_gb=round(BASE_MEMORY_GB + n_rows * BYTES_IN_MEMORY / 1e9, 1),
        disk_gb=round(2 * n_rows * (data.length + BYTES_ON_DISK) / 1e9, 3),
        minutes=round(n_rows / READ_PER_MINUTE + n_train / TRAIN_PER_MINUTE, 1),
    )


def _split(data: DataConfig) -> str:
    if data.split == "file":
        return "as the files say (data.split=file)"
    given = "" if data.split == "sequence" else ", where no file says who validates or is tested"
    return (
        f"by sequence, {data.test_fraction:.0%} to test and {data.validation_fraction:.0%} of the others to validate"
        f"{given} (data.split={data.split})"
    )


def _flanks(data: DataConfig) -> str:
    if not data.five_prime and not data.three_prime:
        return "none"
    otherwise = "an error" if data.without_flanks == "refuse" else "kept whole"
    return f"{data.five_prime or 'nothing'} ... {data.three_prime or 'nothing'}; a sequence without them is {otherwise}"


def _look(column: str, source: PromoterSource, data: DataConfig, listed: bool) -> Looked:
    reader, blocks = read_blocks(source, data)
    ids, lengths, values, tested = [], [], [], [pl.DataFrame()]
    for block in blocks:
        ids.append(sequence_ids(block.tokens, block.lengths))
        lengths.append(block.lengths)
        if block.values is not None:
            values.append(block.values)
        if column == "test" and (listed or source.columns.kept):
            tested.append(tested_rows(block))
    return Looked(
        column,
        pl.concat(ids),
        np.concatenate(lengths),
        {name: np.concatenate(values)[:, data.targets.index(name)] for name in data.predicted} if values else {},
        reader.tally,
        with_numbers(pl.concat(tested, how="diagonal"), source),
    )


def _subsets(row: Mapping[str, str], looked: Mapping[str, Looked]) -> str:
    """Say how many rows and pairs of each subset are there."""
    judged = looked.get("measured") or looked["test"]
    tested = looked["test"].tested
    table = subset_table(row, tested, np.stack(list(judged.values.values()), axis=1) if judged.values else None)
    found = boards(table, row["sample"], tested["number"].to_numpy().astype(np.int64))
    board = found[0 if row.get("subsets") else -1]
    said = [
        f"{name} {len(rows):,}" + (f" of {size:,}" if (size := board.sizes[name]) not in (None, len(rows)) else "")
        for name, rows in board.subsets.items()
    ]
    return ", ".join(said)


def _describe(found: Looked, data: DataConfig) -> str:
    n = len(found.ids)
    if not n:
        return "no sequence that can be used"
    low, middle, high = (f"{np.quantile(found.lengths, q):.0f}" for q in (0, 0.5, 1))
    sizes = f"{low} bases" if low == high else f"{low} to {high} bases (median {middle})"
    said = [f"{n:,} sequences, inserts of {sizes}"]
    for target, values in found.values.items():
        whole = f"{(values == np.rint(values)).mean():.0%}"
        said.append(
            f"{target} {values.min():.4g} to {values.max():.4g}, mean {values.mean():.4g}"
            + (f", {whole} whole numbers" if whole != "0%" else "")
        )
    said += [f"{getattr(found.tally, name):,} {word}" for name, word in WORDS.items() if getattr(found.tally, name)]
    twice = n - found.ids.n_unique()
    return "; ".join([*said, *([f"{twice:,} repeat another one, or its other strand"] if twice else [])])


def _warnings(looked: Mapping[str, Looked]) -> list[str]:
    """Say what is left out or odd, what is measured on another scale, and what stands on both sides."""
    found = []
    for one in looked.values():
        if one.tally.dropped:
            found.append(
                f"{one.tally.dropped:,} of {one.tally.read:,} sequences ({one.column}) are too long and left out"
            )
        if one.tally.without_flanks:
            found.append(
                f"{one.tally.without_flanks:,} of {one.tally.read:,} sequences ({one.column}) do not stand between the "
                "flanks and are kept whole"
            )
        for target, values in one.values.items():
            if len(values) and values.min() == values.max():
                found.append(
                    f"all values of {target} in {one.column} are {values[0]:g}: there is nothing to learn or to score"
                )
    for one, other in (("data", "val"), ("data", "test"), ("val", "test")):
        if one in looked and other in looked:
            shared = int(looked[one].ids.is_in(looked[other].ids.unique().implode()).sum())
            if shared:
                found.append(f"{shared:,} sequences of {one} stand in {other} too and are left out of {one}")
    judged = looked.get("measured") or looked.get("test")
    for target in judged.values if "data" in looked and judged is not None else ():
        both = {"train": looked["data"].values[target], "test": judged.values[target]}
        scales = {role: {"mean": values.mean(), "sd": values.std()} for role, values in both.items()}
        if is_foreign(scales):
            train, test = (f"(mean {one['mean']:.3g}, sd {one['sd']:.3g})" for one in scales.values())
            of = f" of {target}" if len(judged.values) > 1 else ""
            found.append(
                f"test values{of} {test} are on another scale than training values {train}: only correlations "
                "with them mean something"
            )
    return found
