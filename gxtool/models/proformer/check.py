"""What is recognised in files of promoters before anything is spent: every sequence is read. No torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from gxtool.errors import InputError
from gxtool.io.promoter_encoding import Tally
from gxtool.io.promoters import PromoterSource
from gxtool.measure.scales import moments, on_other_scale
from gxtool.models.look import InputFacts, Look
from gxtool.models.proformer.config import DataConfig
from gxtool.models.proformer.encode import SIMILARITY_SCHEME, split_rows
from gxtool.models.proformer.examples import FILES, files_of, read_blocks, rows_to_test, with_numbers
from gxtool.models.proformer.features import feature_names
from gxtool.models.proformer.ids import sequence_ids
from gxtool.models.proformer.near import describe, sentence, similarity_groups
from gxtool.models.proformer.side import describe_side
from gxtool.models.proformer.subsets import boards, has_lists, subset_table
from gxtool.models.proformer.windows import parse_windows, with_overlaps

# Sequences per minute that two cores read, and that they train the default preset on for all its epochs.
READ_PER_MINUTE, TRAIN_PER_MINUTE = 1.5e7, 3e3
# Memory of Python with PyTorch (GB), and bytes that a sequence takes beside its tokens while it is encoded and on disk.
BASE_MEMORY_GB, BYTES_IN_MEMORY, BYTES_ON_DISK = 1.5, 120, 30
# Sequences among which near-duplicates are looked for.
LOOKED = 200_000
# Kind of effect -> column of the samplesheet that it takes.
_NEEDED = {"variants": "variants", "motif": "motifs", "motif_scan": "motifs"}
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
    tokens: those of all sequences, empty where they are too many to look for near-duplicates in seconds.
    windows: chrom, start and end of each sequence, where columns say them.
    """

    column: str
    ids: pl.Series
    lengths: np.ndarray
    values: Mapping[str, np.ndarray]
    tally: Tally
    tested: pl.DataFrame
    tokens: np.ndarray
    windows: pl.DataFrame = field(default_factory=pl.DataFrame)


def check(sheet: Sequence[Mapping[str, str]], data: DataConfig, look: Look) -> InputFacts:
    """Return what the files hold, what looks wrong, what a run with one seed will cost, and the rows of the dataset.

    What would end a run is among the problems of `look`.
    """
    facts = [
        ("flanks", _flanks(data)),
        ("inserts", f"up to {data.length} {'base' if data.length == 1 else 'bases'}"),
        ("split", _split(data)),
    ]
    warnings: list[str] = []
    samples: list[dict[str, Looked] | None] = []
    for row in sheet:
        looked = None
        with look.collect():
            looked, said = _sample(row, data, look)
            facts += said
            warnings += [f"{row['sample']}: {text}" for text in _warnings(looked, data)] if looked else []
        samples.append(looked)
    sizes = [(column, len(found.ids)) for looked in samples for column, found in (looked or {}).items()]
    n_rows = sum(size for column, size in sizes if column != "measured")
    n_train = sum(size for column, size in sizes if column == "data")
    if n_train:
        facts.append(("costs", "of one seed with the default preset; other presets may take many times as long"))
    rows, splits, labels = _dataset(sheet, samples, data, look)
    if rows is not None and splits is not None:
        splits, told, doubts = _near_duplicates(rows, splits, _near(samples, rows), data)
        facts.append(("near-duplicates", told))
        warnings += doubts
    return InputFacts(
        facts=tuple(facts),
        warnings=tuple(warnings),
        memory_gb=round(BASE_MEMORY_GB + n_rows * BYTES_IN_MEMORY / 1e9, 1),
        disk_gb=round(2 * n_rows * (data.length + BYTES_ON_DISK) / 1e9, 3),
        minutes=round(n_rows / READ_PER_MINUTE + n_train / TRAIN_PER_MINUTE, 1),
        rows=rows,
        splits=splits,
        labels=labels,
        labelled=any(row.get("data") for row in sheet),
        columns=tuple(feature_names()),
        info={
            "length": data.length,
            "target": ", ".join(data.predicted),
            **({"targets": list(data.predicted)} if len(data.targets) > 1 else {}),
        },
        no_effects={
            kind: f"no sample has {column}"
            for kind, column in _NEEDED.items()
            if not any(row.get(column) for row in sheet)
        },
    )


def _sample(
    row: Mapping[str, str], data: DataConfig, look: Look
) -> tuple[dict[str, Looked] | None, list[tuple[str, str]]]:
    """Return what each file of a sample holds, and facts; None where files are not read whole."""
    beside = [row[column] for column in ("variants", "genome", "motifs") if row.get(column)]
    named = [path for column, path in row.items() if column != "sample" and path and path not in beside]
    if not look.sees(*named):
        return None, []
    sources, listed = files_of(row, data), has_lists(row)
    with_side = look.reads(*beside)
    if not look.reads(*named):
        return None, []
    looked = {column: _look(column, source, data, listed) for column, source in sources.items()}
    facts = [(f"{row['sample']}, {column}", _describe(found, data)) for column, found in looked.items()]
    if listed:
        facts.append((f"{row['sample']}, subsets", _subsets(row, looked)))
    return looked, facts + (describe_side(row, data) if with_side else [])


def _dataset(
    sheet: Sequence[Mapping[str, str]], samples: Sequence[Mapping[str, Looked] | None], data: DataConfig, look: Look
) -> tuple[pl.DataFrame | None, pl.DataFrame | None, np.ndarray | None]:
    """Return rows, splits and labels (n, T) of the dataset; without files that were read, only what roles tell."""
    if any(looked is None for looked in samples):
        skeleton = [
            {"sample": row["sample"], "group": f"{n:016x}", "role": role}
            for row in sheet
            for n, (column, role) in enumerate(FILES.items())
            if row.get(column)
        ]
        with look.collect():
            split_rows(pl.DataFrame(skeleton).with_row_index("row"), data)
        return None, None, None
    parts, values = [], []
    for row, looked in zip(sheet, samples, strict=True):
        for column, role in FILES.items():
            if column in looked:
                measured = looked["measured"] if column == "test" and "measured" in looked else looked[column]
                names = {"sample": pl.lit(row["sample"]), "role": pl.lit(role)}
                own = pl.DataFrame({"group": looked[column].ids}).hstack(looked[column].windows)
                parts.append(own.with_columns(**names))
                values.append(np.stack(list(measured.values.values()), axis=1) if measured.values else None)
    if not parts or any(one is None for one in values):
        with look.collect():
            if any(one is not None for one in values):
                raise InputError("some samples have no expression, expected expression in all of them or in none")
        return None, None, None
    rows = pl.concat(parts, how="diagonal").with_row_index("row")
    splits = None
    with look.collect():
        splits = split_rows(rows, data)
    return rows, splits, np.concatenate(values)


def _near(samples: Sequence[Mapping[str, Looked] | None], rows: pl.DataFrame) -> pl.Series | None:
    """Return the similarity group of each row; None where they are too many to look at in seconds."""
    tokens = [looked[column].tokens for looked in samples if looked for column in FILES if column in looked]
    few = len(rows) == sum(map(len, tokens)) <= LOOKED
    return with_overlaps(similarity_groups(rows["group"], tokens), rows) if few else None


def _near_duplicates(
    rows: pl.DataFrame, splits: pl.DataFrame, near: pl.Series | None, data: DataConfig
) -> tuple[pl.DataFrame, str, list[str]]:
    """Return the split that near-duplicates lead to, what there is of them, and a warning of those on both sides."""
    if near is None:
        return splits, f"not looked for among more than {LOOKED:,} sequences; `tokenize` does", []
    splits = split_rows(rows, data, near)
    found = describe(rows["group"], near, splits)
    if not found["sequences"]:
        return splits, "none", []
    kept = splits["scheme"][0] == SIMILARITY_SCHEME
    told = "are kept on one side" if kept else "may stand on both sides (data.split=similarity keeps them on one)"
    said = sentence(found)
    return splits, f"{found['sequences']:,} sequences in {found['groups']:,} groups {told}", [said] if said else []


def _split(data: DataConfig) -> str:
    if data.split == "file":
        return "as the files say (data.split=file)"
    given = "" if data.split in ("sequence", "similarity") else ", where no file says who validates or is tested"
    by = {"sequence": "sequence", "similarity": "groups of near-duplicates"}.get(data.split, "sequence")
    by += ", near-duplicates kept together unless files give roles" if data.split == "auto" else ""
    return (
        f"by {by}, {data.test_fraction:.0%} to test and {data.validation_fraction:.0%} of the others to validate"
        f"{given} (data.split={data.split})"
    )


def _flanks(data: DataConfig) -> str:
    if not data.five_prime and not data.three_prime:
        return "none"
    otherwise = "an error" if data.without_flanks == "refuse" else "kept whole"
    return f"{data.five_prime or 'nothing'} ... {data.three_prime or 'nothing'}; a sequence without them is {otherwise}"


def _look(column: str, source: PromoterSource, data: DataConfig, listed: bool) -> Looked:
    reader, blocks = read_blocks(source, data)
    ids, lengths, values, tested, tokens, n = [], [], [], [pl.DataFrame()], [], 0
    number_column = data.number_column if column == "test" else ""
    window_columns, windows = data.window_columns if column in FILES else (), []
    for block in blocks:
        n += len(block.tokens)
        tokens = [*tokens, block.tokens] if n <= LOOKED else []
        ids.append(sequence_ids(block.tokens, block.lengths))
        lengths.append(block.lengths)
        if block.values is not None:
            values.append(block.values)
        if column == "test" and (listed or number_column):
            tested.append(rows_to_test(block, number_column))
        windows.append(parse_windows(block.kept, window_columns, str(source.path)))
    return Looked(
        column,
        pl.concat(ids),
        np.concatenate(lengths),
        {name: np.concatenate(values)[:, data.targets.index(name)] for name in data.predicted} if values else {},
        reader.tally,
        with_numbers(pl.concat(tested, how="diagonal"), source),
        np.concatenate(tokens) if tokens else np.empty((0, data.length), np.uint8),
        pl.concat(windows),
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


def _warnings(looked: Mapping[str, Looked], data: DataConfig) -> list[str]:
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
        both = moments(looked["data"].values[target]), moments(judged.values[target])
        if on_other_scale(*both, data.test_scale):
            train, test = (f"(mean {one.mean:.3g}, sd {one.sd:.3g})" for one in both)
            of = f" of {target}" if len(judged.values) > 1 else ""
            found.append(
                f"test values{of} {test} are on another scale than training values {train}: only correlations "
                "with them are scored"
            )
    return found
