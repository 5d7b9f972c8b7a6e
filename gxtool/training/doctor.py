"""What this machine has: the smoke test of an installation and of a container image."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from pathlib import Path
from typing import Any

from gxtool.io.runtime import package_versions
from gxtool.version import __version__

DATA_PACKAGES = ("numpy", "polars", "scipy", "pydantic", "jinja2", "plotly", "typer", "rich")
MODEL_PACKAGES = ("torch", "transformers", "accelerate", "safetensors", "scikit-learn", "tensorboard")
FREE_DISK_GB = 5
MEMORY_GB = 4


def examine() -> list[dict[str, Any]]:
    """Return findings: name, ok, what was found, and what to do where something is missing."""
    python = ".".join(map(str, sys.version_info[:3]))
    findings = [
        _finding("gxtool", True, __version__),
        _finding("Python", (3, 11) <= sys.version_info[:2] <= (3, 13), python, "Python 3.11 to 3.13 is supported"),
        _packages("data stages", DATA_PACKAGES),
        _packages("training", MODEL_PACKAGES, "install gxtool[train], or use the pipeline's containers"),
        _device(),
        _memory(),
    ]
    free = shutil.disk_usage(Path.cwd()).free / 1e9
    advice = f"free at least {FREE_DISK_GB} GB here"
    findings.append(_finding("disk here", free >= FREE_DISK_GB, f"{free:.0f} GB free", advice))
    return findings


def _finding(name: str, ok: bool, found: str, advice: str = "") -> dict[str, Any]:
    return {"name": name, "ok": bool(ok), "found": found, "advice": "" if ok else advice}


def _packages(name: str, wanted: tuple[str, ...], advice: str = "install gxtool again") -> dict[str, Any]:
    there = package_versions(wanted)
    missing = [package for package in wanted if package not in there]
    found = f"lacks {', '.join(missing)}" if missing else ", ".join(f"{key} {value}" for key, value in there.items())
    return _finding(name, not missing, found, advice)


def _device() -> dict[str, Any]:
    """Say what training would run on; a machine without a GPU is in order."""
    if importlib.util.find_spec("torch") is None:
        return _finding("device", True, "unknown without torch")
    import torch

    if torch.cuda.is_available():
        total = torch.cuda.get_device_properties(0).total_memory / 1e9
        return _finding("device", True, f"{torch.cuda.get_device_name(0)}, {total:.0f} GB")
    return _finding("device", True, f"no CUDA device; {os.cpu_count()} CPU cores")


def _memory() -> dict[str, Any]:
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    return _finding("memory", total >= MEMORY_GB, f"{total:.0f} GB", f"at least {MEMORY_GB} GB are expected")
