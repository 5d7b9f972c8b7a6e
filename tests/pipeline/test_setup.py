"""The set-up: quick when there is nothing to do, clear about what it fetches, and at home in any folder."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.pipeline

# Stands for uv: makes an environment without fetching anything, and writes down what it was asked.
FAKE_UV = """#!/bin/bash
echo "uv $*" >>"$PWD/asked"
mkdir -p .venv/bin
for name in gxtool python; do echo '#!/bin/bash' >.venv/bin/$name; chmod +x .venv/bin/$name; done
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a copy of what the set-up reads, in a folder with a space in its name, with a stand-in for uv."""
    folder = tmp_path / "my checkout"
    folder.mkdir()
    for name in ("Makefile", "nextflow", "system-packages.txt", "pyproject.toml", "uv.lock"):
        shutil.copy(ROOT / name, folder)
    for name in ("scripts", "engine"):
        shutil.copytree(ROOT / name, folder / name)
    (tmp_path / "programs").mkdir()
    (tmp_path / "programs/uv").write_text(FAKE_UV)
    (tmp_path / "programs/uv").chmod(0o755)
    return folder


def make(folder: Path, *targets: str) -> subprocess.CompletedProcess[str]:
    # The tests are themselves run by make, which would tell this one that it is its child.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    environment = {**inherited, "PATH": f"{folder.parent}/programs:{os.environ['PATH']}"}
    return subprocess.run(["make", *targets], cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_plain_make_lists_the_targets(checkout: Path) -> None:
    done = make(checkout)
    listed = [line.split()[1] for line in done.stdout.splitlines()]
    assert listed == ["help", "setup", "demo", "test", "fuzz", "lint", "bench", "faults", "clean"]


def test_first_setup_says_what_it_will_fetch_and_the_second_does_nothing(checkout: Path) -> None:
    first = make(checkout, "setup")
    assert first.returncode == 0, first.stderr
    assert "GB will be downloaded" in first.stderr.splitlines()[0]
    assert "GB are free" in first.stderr.splitlines()[0]
    asked = (checkout / "asked").read_text()
    assert asked.startswith("uv sync --frozen --extra train")
    second = make(checkout, "setup")
    assert (second.returncode, second.stdout, second.stderr) == (0, "", "")
    assert (checkout / "asked").read_text() == asked


def test_changed_lock_sets_up_again(checkout: Path) -> None:
    make(checkout, "setup")
    asked = (checkout / "asked").read_text()
    with (checkout / "uv.lock").open("a") as lock:
        lock.write("# another version\n")
    make(checkout, "setup")
    assert (checkout / "asked").read_text() == asked * 2


def test_full_disk_stops_the_setup_before_anything_is_fetched(checkout: Path) -> None:
    df = checkout.parent / "programs/df"
    df.write_text("#!/bin/bash\necho Filesystem; echo disk 9000000 7000000 2000000 78% /\n")
    df.chmod(0o755)
    done = make(checkout, "setup")
    assert done.returncode != 0
    assert "not enough room" in done.stderr
    assert "2 GB free, 8 GB needed" in done.stderr
    assert not (checkout / "asked").exists()
