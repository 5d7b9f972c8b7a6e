"""Damaged files: every parser returns or says in one sentence what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
from campaign import try_case
from parsers import Parser, parsers

CASES = 40


@pytest.fixture(scope="module")
def all_parsers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Parser]:
    return parsers(tmp_path_factory.mktemp("corpus"))


NAMES = (
    *(
        "samplesheet",
        "expression",
        "expression table",
        "variants",
        "meme",
        "bed",
        "gtf",
        "fasta",
        "bigwig",
        "bam",
        "cram",
        "bai",
    ),
    *("bins table", "archive", "deepdiff", "promoters", "promoter tables", "promoters in parquet"),
    *("promoters in fasta", "values of fasta", "lists of rows", "measurements", "submission", "predictions"),
    *("settings", "runs file", "assignments"),
)


def test_every_parser_is_here(all_parsers: dict[str, Parser]) -> None:
    assert set(all_parsers) == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_sound_files_are_read(all_parsers: dict[str, Parser], tmp_path: Path, name: str) -> None:
    """Damage proves nothing about a parser that refuses the files it starts from."""
    for number, (file, content) in enumerate(all_parsers[name].files.items()):
        path = tmp_path / str(number) / file
        path.parent.mkdir()
        path.write_bytes(content)
        if file != "a.bw.gz":  # refused in a sentence, which damage may break
            all_parsers[name].read(path)


@pytest.mark.parametrize("name", NAMES)
def test_damage_is_read_or_refused_in_one_sentence(all_parsers: dict[str, Parser], tmp_path: Path, name: str) -> None:
    faults = {}
    for seed in range(CASES):
        folder = tmp_path / str(seed)
        folder.mkdir()
        if fault := try_case(all_parsers[name], seed, folder):
            faults[seed] = fault
    assert not faults
