"""One chromosome under several names: what is the same, and what might be two things."""

from __future__ import annotations

import pytest

from gxtool.io.chromosomes import assembly_of_names, match_chromosomes, plain_name, renamed


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("chr1", "1"),
        ("1", "1"),
        ("NC_000001.10", "1"),
        ("NC_000001.11", "1"),
        ("NC_000023.11", "X"),
        ("NC_000024.10", "Y"),
        ("NC_000085.7", "19"),  # of the mouse
        ("NC_000087.8", "Y"),
        ("chrM", "MT"),
        ("MT", "MT"),
        ("NC_012920.1", "MT"),
        ("CHR2", "2"),
        ("NC_000001.12", "NC_000001.12"),  # of no assembly there is
        ("scaffold_7", "scaffold_7"),
        ("chr", "chr"),
    ],
)
def test_a_chromosome_has_one_plain_name(name, plain):
    assert plain_name(name) == plain


def test_accessions_say_the_assembly():
    assert assembly_of_names(["NC_000001.10", "NC_000019.9", "chr7"]) == "hg19"
    assert assembly_of_names(["NC_000001.11"]) == "hg38"
    assert assembly_of_names(["NC_000067.6"]) == "mm10"
    assert assembly_of_names(["NC_000067.7"]) == "mm39"
    assert assembly_of_names(["NC_000001.10", "NC_000002.12"]) == ""
    assert assembly_of_names(["chr1"]) == ""


def test_names_are_matched_across_vendors_and_the_same_name_comes_first():
    assert match_chromosomes(["1", "MT", "7"], ["chr1", "chrM", "chr2"]) == {"1": "chr1", "MT": "chrM"}
    assert match_chromosomes(["chr1"], ["1", "chr1"]) == {"chr1": "chr1"}


def test_what_could_be_two_chromosomes_is_matched_to_none():
    assert match_chromosomes(["NC_000001.11"], ["1", "chr1"]) == {}
    assert match_chromosomes(["1", "NC_000001.11"], ["chr1"]) == {}
    assert match_chromosomes(["1", "chr1"], ["chr1"]) == {"chr1": "chr1"}


def test_what_differs_is_said_in_a_few_words():
    assert renamed({"chr1": "chr1"}) == ""
    assert renamed({"1": "chr1"}) == "1 is chr1"
    assert renamed({str(n): f"chr{n}" for n in range(1, 5)}) == "1 is chr1, 2 is chr2 and 2 more"
