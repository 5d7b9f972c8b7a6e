"""What a stage cost: `runtime.json`, beside a manifest and never part of what is hashed."""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = ("gxtool", "numpy", "polars", "scipy", "scikit-learn", "torch", "transformers", "accelerate")


class Stopwatch:
    """Measure a stage from its construction on."""

    def __init__(self) -> None:
        self._start = time.perf_counter()

    def seconds(self) -> float:
        """Return seconds since the start."""
        return time.perf_counter() - self._start

    def write(self, folder: Path, extra: Mapping[str, Any] | None = None) -> None:
        """Write `runtime.json` into an unfinished artifact."""
        content = {
            "seconds": round(self.seconds(), 3),
            "peak_rss_mb": round(peak_rss_mb(), 1),
            "python": ".".join(map(str, sys.version_info[:3])),
            "packages": package_versions(),
            "command": ["gxtool", *sys.argv[1:]] if Path(sys.argv[0]).name == "gxtool" else [],
            **(extra or {}),
        }
        (Path(folder) / "runtime.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def peak_rss_mb() -> float:
    """Return the largest resident set of this process so far (MB)."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 * (1 if sys.platform == "darwin" else 1024)


def package_versions(names: Sequence[str] = PACKAGES) -> dict[str, str]:
    """Return the versions of those packages that are installed, without importing them."""
    found = {}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
