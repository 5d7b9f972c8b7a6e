"""Tables of predictions from anywhere: one line per predictor, seed and test row."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from gxtool.errors import InputError, quoted
from gxtool.files import check_openable

REQUIRED = ("label", "predictor", "prediction")
OPTIONAL = {"sample": "all", "group": "each line of a predictor and sample is a group of its own", "seed": "none"}
OPTIONAL |= {"fold": "0"}
SEPARATORS = {".csv": ",", ".tsv": "\t", ".txt": "\t"}


def read_prediction_table(path: Path) -> pl.DataFrame:
    """Read a Parquet, CSV or TSV table of predictions and fill in what it leaves out.

    Columns: label, predictor, prediction, and as wanted sample (one, `all`), group (what a new test set would draw
    anew, such as a gene; each line is one), seed (none) and fold (0).

    Raises:
        InputError: no such table, a column that is missing or holds something else, or a line without a label.
    """
    path = Path(path)
    check_openable(path, "a table of predictions (Parquet, CSV or TSV)")
    table = _read(path)
    for name in REQUIRED:
        if name not in table.columns:
            raise InputError(
                f"{path}: has no column {name}, found {', '.join(map(quoted, table.columns[:10]))}, expected "
                f"{', '.join(REQUIRED)} and, as wanted, {', '.join(OPTIONAL)}"
            )
    table = table.with_columns(
        _numbers(path, table, "label", pl.Float64),
        _numbers(path, table, "prediction", pl.Float64),
        pl.col("predictor").cast(pl.String),
        (pl.col("sample") if "sample" in table.columns else pl.lit("all")).cast(pl.String).alias("sample"),
        _numbers(path, table, "seed", pl.Int64) if "seed" in table.columns else pl.lit(None, pl.Int64).alias("seed"),
        _numbers(path, table, "fold", pl.Int64) if "fold" in table.columns else pl.lit(0, pl.Int64).alias("fold"),
    )
    for name in ("label", "predictor", "sample"):
        if table[name].null_count():
            line = table[name].is_null().arg_true()[0] + 1
            raise InputError(f"{path}: row {line:,} has no {name}, expected one in every row")
    if "group" not in table.columns:
        number = pl.int_range(pl.len()).over("predictor", "seed", "sample", "fold")
        table = table.with_columns(number.cast(pl.String).alias("group"))
    return table.with_columns(pl.col("group").cast(pl.String), pl.col("prediction").fill_null(float("nan")))


def _read(path: Path) -> pl.DataFrame:
    ending = path.suffix.lower()
    if ending != ".parquet" and ending not in SEPARATORS:
        raise InputError(f"{path}: ends in {quoted(ending)}, expected .parquet, {', '.join(SEPARATORS)}")
    try:
        if ending == ".parquet":
            return pl.read_parquet(path)
        return pl.read_csv(path, separator=SEPARATORS[ending], infer_schema_length=None)
    except (pl.exceptions.PolarsError, OSError) as error:
        reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise InputError(f"{path}: cannot be read ({reason}), expected a table of predictions") from None


def _numbers(path: Path, table: pl.DataFrame, name: str, dtype: type[pl.DataType]) -> pl.Expr:
    """Return a column as numbers.

    Raises:
        InputError: a value is none.
    """
    column = table[name]
    numbers = column.cast(dtype, strict=False)
    wrong = numbers.is_null() & column.is_not_null()
    if wrong.any():
        place = wrong.arg_true()[0]
        word = "whole numbers" if dtype == pl.Int64 else "numbers"
        raise InputError(f"{path}: row {place + 1:,}: {name} is {quoted(column[place])}, expected {word}")
    return pl.lit(numbers).alias(name)
