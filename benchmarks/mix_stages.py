"""The stages of a `mix` run in one process, with the time and the largest resident set after each.

    python -m benchmarks.mix_stages FOLDER REPORT.json THREADS DEVICE...

`benchmarks.mix_memory` starts it in a fresh process. FOLDER/raw holds the tables.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gxtool import api
from gxtool.io.artifact import open_artifact
from gxtool.io.runtime import peak_rss_mb
from gxtool.training.options import Progress, TrainOptions

SETTINGS = api.Settings("histone", "convnet", set=("training.per_sample=false", "training.epochs=1"))


def main() -> None:
    """Run all stages and write what they cost."""
    folder, report, threads, *devices = sys.argv[1:]
    stages = run_stages(Path(folder), int(threads), devices)
    Path(report).write_text(json.dumps(stages), encoding="utf-8")


def run_stages(folder: Path, threads: int, devices: list[str]) -> dict[str, dict[str, Any]]:
    """Return for each stage its rows, seconds, rows per second and the process's largest resident set so far."""
    raw, examples, dataset = (folder / name for name in ("raw", "examples", "dataset"))
    stages = {
        "preprocess": cost_of(lambda: api.preprocess(raw, examples, SETTINGS)),
        "tokenize": cost_of(lambda: api.tokenize([examples], dataset, SETTINGS)),
    }
    rows = open_artifact(dataset).manifest.rows
    for stage in stages.values():
        stage["rows"] = sum(rows.values())
        stage["rows_per_second"] = stage["rows"] / stage["seconds"]
    for device in devices:
        stages[f"train {device}"] = train(dataset, folder / f"model-{device}", threads, device) | {
            "rows": rows["train"]
        }
    return stages


def train(dataset: Path, output: Path, threads: int, device: str) -> dict[str, Any]:
    """Train one epoch; rows per second are those of the steps, without start-up and validation."""
    seen: list[Progress] = []
    options = TrainOptions(device=device, threads=threads, on_progress=seen.append)
    cost = cost_of(lambda: api.train(dataset, output, SETTINGS, options=options))
    last = [progress for progress in seen if progress.step < progress.steps][-1]
    batch_size = SETTINGS.resolve().training.batch_size
    return cost | {"rows_per_second": last.step * batch_size / last.seconds, "auroc": seen[-1].score}


def cost_of(work: Callable[[], Any]) -> dict[str, Any]:
    """Run a stage; return its wall time (s) and the largest resident set of the process until now (MB)."""
    start = time.perf_counter()
    work()
    return {"seconds": time.perf_counter() - start, "peak_rss_mb": peak_rss_mb()}


if __name__ == "__main__":
    main()
