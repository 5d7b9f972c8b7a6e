"""The code of docs/python.md runs to the letter, from top to bottom."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[2] / "docs/python.md"
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_the_code_of_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    blocks = BLOCK.findall(PAGE.read_text())
    assert len(blocks) >= 6
    names: dict[str, object] = {}
    for number, block in enumerate(blocks, 1):
        exec(compile(block, f"{PAGE.name}, block {number}", "exec"), names)
    assert sorted(path.name for path in (tmp_path / "models").iterdir()) == [
        "simulated-seed1-fold0",
        "simulated-seed2-fold0",
    ]
    assert (tmp_path / "evaluation/metrics.json").is_file()
    assert [path.name for path in (tmp_path / "mixed").iterdir()] == ["all-seed7-fold0"]
    assert not list(tmp_path.glob(".gxtool-*"))
