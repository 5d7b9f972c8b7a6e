"""Files that come with an index: the pipeline stages it, and the task's samplesheet names both."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.pipeline

SCRIPT = """
include {{ indexOf; indexed }} from '{modules}'

workflow {{
    def paths = [{names}].collect {{ name -> file("{folder}/${{name}}") }}
    def indices = paths.collect {{ path -> indexOf(path) }}
    def sheet = '{sheet}'
    println("indices: " + indices.collect {{ index -> index ? index.name : '-' }}.join(' '))
    println("sheet: " + indexed(sheet, paths, indices))
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
    cells = [f"input{number}/{name}" for number, name in enumerate(given[:6], 1)]
    # The last file's index was named by the user: it is a file of its own already.
    sheet = ",".join([*cells, "input7/d.bam##idx##input8/d.bam.bai"])
    (raw / "d.bam").touch()
    (raw / "d.bam.bai").touch()
    script = SCRIPT.format(
        modules=ROOT / "modules/indices", names=", ".join(f"'{name}'" for name in given), folder=raw, sheet=sheet
    )
    (tmp_path / "look.nf").write_text(script)
    done = start(tmp_path, "run", "look.nf", GXTOOL_ENGINE=engine)
    assert done.status == 0, done.terminal
    assert "indices: a.bam.bai b.bai c.cram.crai - - hg.fa.fai d.bam.bai -" in done.terminal
    expected = (
        "input1/a.bam##idx##input9/a.bam.bai,input2/b.bam##idx##input10/b.bai,"
        "input3/c.cram##idx##input11/c.cram.crai,input4/genes.gtf,input5/none.bam,"
        "input6/hg.fa##idx##input12/hg.fa.fai,input7/d.bam##idx##input8/d.bam.bai"
    )
    assert f"sheet: {expected}" in done.terminal
