"""Files that come with an index: the pipeline stages it, and the task is told of both."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from gxtool.models.item import item_row

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.pipeline

SCRIPT = """
include {{ indexOf; places }} from '{modules}'

workflow {{
    def paths = [{names}].collect {{ name -> file("{folder}/${{name}}") }}
    def indices = paths.collect {{ path -> indexOf(path) }}
    println("indices: " + indices.collect {{ index -> index ? index.name : '-' }}.join(' '))
    println("places: " + places(paths, indices).join(','))
}}
"""


def test_indices_follow_behind_the_files_and_are_named_with_them(start: Callable, engine: str, tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    there = (
        "a.bam",
        "a.bam.bai",
        "b.bam",
        "b.bai",
        "c.cram",
        "c.cram.crai",
        "genes.gtf",
        "none.bam",
        "hg.fa",
        "hg.fa.fai",
    )
    for name in there:
        (raw / name).touch()
    given = ("a.bam", "b.bam", "c.cram", "genes.gtf", "none.bam", "hg.fa", "d.bam", "d.bam.bai")
    (raw / "d.bam").touch()
    (raw / "d.bam.bai").touch()
    script = SCRIPT.format(modules=ROOT / "modules/indices", names=", ".join(f"'{name}'" for name in given), folder=raw)
    (tmp_path / "look.nf").write_text(script)
    done = start(tmp_path, "run", "look.nf", GXTOOL_ENGINE=engine)
    assert done.status == 0, done.terminal
    assert "indices: a.bam.bai b.bai c.cram.crai - - hg.fa.fai d.bam.bai -" in done.terminal
    expected = (
        "input1/a.bam##idx##input9/a.bam.bai,input2/b.bam##idx##input10/b.bai,"
        "input3/c.cram##idx##input11/c.cram.crai,input4/genes.gtf,input5/none.bam,"
        "input6/hg.fa##idx##input12/hg.fa.fai,input7/d.bam##idx##input13/d.bam.bai,input8/d.bam.bai"
    )
    assert f"places: {expected}" in done.terminal
    # The last file's index was named by the user: it is a file of its own, and that one is read.
    row = {"sample": "A", "track": f"{raw}/d.bam##idx##{raw}/d.bam.bai", "other": f"{raw}/a.bam"}
    item = {"row": row, "paths": [f"{raw}/{name}" for name in given], "places": expected.split(",")}
    assert item_row(item, tmp_path) == {
        "sample": "A",
        "track": "input7/d.bam##idx##input8/d.bam.bai",
        "other": "input1/a.bam##idx##input9/a.bam.bai",
    }
