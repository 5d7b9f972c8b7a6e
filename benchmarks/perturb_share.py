"""What share of a default run's CPU time is perturbation: `histone convnet` on simulated genes, one model.

Before is the same code with what it did then: 500 rows behind maps, 1,024 rows a pass, every row of every change
predicted whole. Maps are compared mark by mark and bin by bin: their correlation, and how far they differ
beside the standard error of a map that 100 rows have.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import numpy as np

from benchmarks.table import Result, Row, finish, parser
from benchmarks.timing import Lap, lap
from gxtool import api

MAPS = ("blank_bin", "blank_run", "integrated_gradients")
SIZES = {"tiny": ("demo", "tiny"), "full": ("demo", "convnet")}
AT_MOST = 25.0


def main() -> None:
    """Measure and print."""
    chosen = parser(__doc__ or "").parse_args()
    with tempfile.TemporaryDirectory(prefix="gxtool-bench-", dir=chosen.folder) as folder:
        result = measure(Path(folder), chosen.size)
    finish(result, chosen.results)


def measure(folder: Path, size: str) -> Result:
    """Run every stage once, and perturbation both ways."""
    data, preset = SIZES[size]
    settings = api.Settings("histone", preset, set=("training.per_sample=false",))
    earlier = api.Settings("histone", preset, set=("training.per_sample=false", "perturb.map_rows=500"))
    api.simulate(folder / "raw", "histone", size=data)
    laps = {
        "prepare": timed(lambda: prepare(folder, settings)),
        "train": timed(lambda: api.train(folder / "dataset", folder / "models", settings)),
        "evaluate": timed(lambda: api.evaluate([folder / "models"], folder / "dataset", folder / "scores", settings)),
        "perturb": timed(lambda: perturb(folder, "after", settings)),
    }
    with (
        mock.patch("gxtool.training.inference.rows_per_pass", return_value=1024),
        mock.patch("gxtool.perturb.scene._ways", return_value=None),
        mock.patch("gxtool.perturb.scene._altered", lambda before, after: np.ones(len(before["signal"]), bool)),
    ):
        laps["perturb before"] = timed(lambda: perturb(folder, "before", earlier))
    others = sum(own.cpu for name, (own,) in laps.items() if not name.startswith("perturb"))
    shares = {name: 100 * laps[name][0].cpu / (others + laps[name][0].cpu) for name in ("perturb", "perturb before")}
    rows = [
        Row("share of CPU time that is perturbation, default run", "before", "%", shares["perturb before"],
            shares["perturb"], at_most=AT_MOST if size == "full" else None),
        Row("CPU time of perturbation", "before", "s", laps["perturb before"][0].cpu, laps["perturb"][0].cpu,
            laps["perturb before"][0].cpu / laps["perturb"][0].cpu),
    ]  # fmt: skip
    facts = {"shares": shares, "maps": compare_maps(folder / "before", folder / "after")}
    return Result("perturb_share", size, tuple(rows), laps, facts)


def timed(work: Callable[[], object]) -> list[Lap]:
    """Return one lap."""
    return [lap(lambda: work() and None)]


def prepare(folder: Path, settings: api.Settings) -> None:
    """Read and encode the genes."""
    api.preprocess(folder / "raw/samplesheet.csv", folder / "examples", settings)
    api.tokenize([folder / "examples"], folder / "dataset", settings)


def perturb(folder: Path, name: str, settings: api.Settings) -> None:
    """Write the effects."""
    api.perturb([folder / "models"], folder / "dataset", folder / name, settings)


def compare_maps(before: Path, after: Path) -> dict[str, dict[str, float]]:
    """Return how alike each kind of map is: correlation, and the root mean square of differences in standard errors."""
    found = {}
    kinds = [read_maps(folder) for folder in (before, after)]
    for kind in MAPS:
        pairs = [
            (kinds[0][key][place], kinds[1][key][place])
            for key in kinds[1]
            if key[1] == kind
            for place in kinds[1][key]
        ]
        means = np.array([[was["mean"], now["mean"]] for was, now in pairs])
        errors = np.array([(now["sd"] or 0) / now["n"] ** 0.5 for _, now in pairs])
        there = errors > 0
        away = (means[there, 0] - means[there, 1]) / errors[there]
        found[kind] = {"correlation": float(np.corrcoef(means.T)[0, 1]), "rms_z": float(np.sqrt(np.mean(away**2)))}
    return found


def read_maps(folder: Path) -> dict[tuple[str, str], dict[str, dict[str, float]]]:
    """Return (sample, kind) -> change -> mean, sd and n."""
    summary = json.loads((folder / "summary.json").read_text())
    return {
        (entry["sample"], entry["kind"]): {change["change"]: change for change in entry["changes"]}
        for entry in summary["effects"]
    }


if __name__ == "__main__":
    main()
