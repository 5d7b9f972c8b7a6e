"""Is the default recipe of the histone family as good as its baselines? Repeated divisions of 400 genes.

    python docs/studies/histone_defaults.py FOLDER [REPEATS]

FOLDER holds the published tables of one cell type; its test genes are never read. Each repeat divides the genes of
train and valid into 200 to train on, 100 to choose by (the baselines' penalties; networks keep their last weights) and
100 to score. Prints the mean AUROC of every predictor, its standard error over the repeats, and the mean difference
from logistic regression on the same divisions with its standard error.
"""

from __future__ import annotations

import logging
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from gxtool import api
from gxtool.io.artifact import ArtifactWriter, open_artifact
from gxtool.io.dataset import Dataset

N_TRAIN, N_CHOOSE = 200, 100
REPEATS = 20
BASELINE = "logistic_regression"
RECIPES: Mapping[str, tuple[str, ...]] = {
    "convnet (default)": (),
    "spatial dropout 0.3, dropout 0.6, weight decay 0.1": (
        "model.spatial_dropout=0.3",
        "model.dropout=0.6",
        "training.weight_decay=0.1",
    ),
    "dense 32": ("model.dense_sizes=[32]",),
}
"""What is tried -> settings that differ from the preset's."""
MACHINE = api.TrainOptions(device="cpu", threads=1)


def main() -> None:
    """Score every recipe on every division and print the table."""
    folder, *more = sys.argv[1:]
    logging.disable(logging.WARNING)
    print(table(measure(Path(folder), int(more[0]) if more else REPEATS)))


def measure(folder: Path, repeats: int) -> list[dict[str, float]]:
    """Return predictor -> AUROC for each repeat."""
    settings = api.Settings("histone", "convnet")
    with tempfile.TemporaryDirectory(prefix="gxtool-") as name:
        scratch = Path(name)
        (scratch / "sheet.csv").write_text(f"sample,data\nK562,{folder.absolute()}\n")
        api.preprocess(scratch / "sheet.csv", scratch / "examples", settings)
        whole = Dataset.open(api.tokenize([scratch / "examples"], scratch / "whole", settings))
        found = []
        for repeat in range(repeats):
            place = scratch / f"{repeat}"
            divide(whole, place / "dataset", repeat)
            found.append(scores(place))
            print(f"{repeat}: {found[-1]}", file=sys.stderr)
        return found


def divide(whole: Dataset, path: Path, seed: int) -> None:
    """Write the genes of train and val as a dataset of their own, divided anew."""
    pool = whole.splits.filter(pl.col("role") != "test").sort("row")["row"].to_numpy()
    roles = np.repeat(["train", "val", "test"], [N_TRAIN, N_CHOOSE, len(pool) - N_TRAIN - N_CHOOSE])
    rows = np.random.default_rng(seed).permutation(pool)
    splits = pl.DataFrame({"row": rows, "scheme": "group", "fold": 0, "role": roles})
    splits = splits.with_columns(pl.col("row").cast(pl.UInt32), pl.col("fold").cast(pl.Int32)).sort("row")
    with ArtifactWriter(path, "dataset", family="histone") as writer:
        writer.write_table("splits.parquet", splits)
        for name in whole.artifact.manifest.files:
            if name != "splits.parquet":
                writer.adopt(name, whole.artifact)
        writer.describe(info={**whole.artifact.manifest.info, "scheme": "group"})


def scores(place: Path) -> dict[str, float]:
    """Train every recipe on a division and return all scores, the baselines' with the first one's."""
    found: dict[str, float] = {}
    for number, (title, changes) in enumerate(RECIPES.items()):
        baselines = () if number == 0 else ("evaluation.baselines=[]",)
        settings = api.Settings("histone", "convnet", set=(*changes, *baselines))
        models, evaluation = place / f"models{number}", place / f"evaluation{number}"
        api.train(place / "dataset", models, settings, options=MACHINE)
        api.evaluate([models], place / "dataset", evaluation, settings, options=MACHINE)
        (sample,) = open_artifact(evaluation).json("metrics.json")["samples"]
        found[title] = sample["model"]["auroc"]["estimate"]
        found |= {name: one["metrics"]["auroc"]["estimate"] for name, one in sample["baselines"].items()}
    return {name: value for name, value in found.items() if value is not None}


def table(found: Sequence[Mapping[str, float]]) -> str:
    """Return the means as a Markdown table, highest first."""
    lines = [f"| {len(found)} divisions | AUROC | from logistic regression |", "| --- | --- | --- |"]
    reference = np.array([one[BASELINE] for one in found])
    means = {name: np.array([one[name] for one in found]) for name in found[0]}
    for name, values in sorted(means.items(), key=lambda item: -item[1].mean()):
        apart = f"{(values - reference).mean():+.3f} ± {standard_error(values - reference):.3f}"
        lines.append(f"| {name} | {values.mean():.3f} ± {standard_error(values):.3f} | {apart} |")
    return "\n".join(lines)


def standard_error(values: np.ndarray) -> float:
    """Return the standard error of a mean of values (n,)."""
    return float(values.std(ddof=1) / np.sqrt(len(values)))


if __name__ == "__main__":
    main()
