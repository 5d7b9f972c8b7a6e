"""Peers that gxtool does not need: programs in an environment of their own, which uv makes and keeps in its cache."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path


def find_uv() -> str:
    """Return the uv on PATH, or the one that `make setup` has put into its cache.

    Raises:
        FileNotFoundError: neither is there; the sentence says where it was looked for.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or f"{os.environ.get('HOME') or '/tmp'}/.cache")
    installed = cache / "gxtool/uv/bin/uv"  # as scripts/setup.sh installs it
    found = shutil.which("uv") or shutil.which(installed)
    if not found:
        raise FileNotFoundError(f"uv is neither on PATH nor at {installed}, expected it there after `make setup`")
    return str(found)


def with_packages(packages: Sequence[str], command: Sequence[str], offline: bool) -> list[str]:
    """Return the command that runs another one where these packages are installed.

    Raises:
        FileNotFoundError: uv is not installed.
    """
    wanted = [item for package in packages for item in ("--with", package)]
    return [find_uv(), "run", *(["--offline"] if offline else []), "--no-project", "--isolated", *wanted, *command]


def run_with_packages(packages: Sequence[str], command: Sequence[str], offline: bool, folder: Path) -> str:
    """Run such a command in a folder and return what it prints.

    Raises:
        FileNotFoundError: uv is not installed.
        RuntimeError: the environment cannot be made, or the command failed.
    """
    full = with_packages(packages, command, offline)
    done = subprocess.run(full, capture_output=True, text=True, cwd=folder, check=False)
    if done.returncode:
        raise RuntimeError(f"{command[0]} in an environment of its own failed: {done.stderr.strip()[-300:]}")
    return done.stdout
