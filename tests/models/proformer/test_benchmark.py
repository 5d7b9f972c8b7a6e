"""The challenge's test set is recognised by the organisers' lists, and by no others."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from gxtool.io.dream_subsets import read_public, read_subsets
from gxtool.models.proformer import benchmark
from gxtool.models.proformer.benchmark import LISTED, PUBLIC, fingerprint, is_challenge, is_comparable

HIGH, PAIRS = [(7,), (3,)], [(5, 2)]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make one list and one public list of a few rows the organisers'."""
    monkeypatch.setattr(benchmark, "LISTED", {"high": fingerprint(HIGH)})
    monkeypatch.setattr(benchmark, "PUBLIC", {"SNVs": fingerprint(PAIRS)})


def lists(*rows: tuple[str, int, int | None, bool, bool | None]) -> pl.DataFrame:
    types = {"subset": pl.String, "first": pl.UInt32, "second": pl.UInt32, "listed": pl.Boolean, "public": pl.Boolean}
    return pl.DataFrame(rows, schema=types, orient="row")


KNOWN = (("high", 3, None, True, None), ("high", 7, None, True, None), ("low", 1, None, True, None))


def test_fingerprint_does_not_depend_on_order():
    assert fingerprint(HIGH) == fingerprint([(3,), (7,)]) != fingerprint([(3, 7)])


def test_lists_with_the_organisers_rows_are_the_challenge(small):
    assert is_challenge(lists(*KNOWN), "whole")
    assert not is_challenge(lists(*KNOWN[1:]), "whole")
    assert not is_challenge(lists(*KNOWN, ("high", 9, None, True, None)), "whole")
    assert not is_challenge(lists(*((name, *rest[:2], False, True) for name, *rest in KNOWN)), "whole")


def test_public_part_is_recognised_by_its_own_lists(small):
    assert is_challenge(lists(("SNVs", 5, 2, False, True)), "public")
    assert not is_challenge(lists(("SNVs", 2, 5, False, True)), "public")
    assert not is_challenge(lists(*KNOWN), "public")


def test_scores_are_comparable_where_nothing_is_missing(small):
    content = {"part": "whole", "missing": [], "subsets": [{"n": 2, "of": 2}]}
    assert is_comparable(lists(*KNOWN), content)
    assert not is_comparable(lists(*KNOWN), content | {"missing": ["low"]})
    assert not is_comparable(lists(*KNOWN), content | {"subsets": [{"n": 1, "of": 2}]})
    assert not is_comparable(lists(*KNOWN), content | {"subsets": [{"n": 2, "of": None}]})


@pytest.mark.real_data
def test_fingerprints_are_those_of_the_organisers_lists(real_data: Path):
    folder = real_data / "proformer" / "dream2022"
    for known, (rows, _) in (
        (LISTED, read_subsets(folder / "test_subset_ids")),
        (PUBLIC, read_public(folder / "public_leaderboard_ids")),
    ):
        assert known == {
            subset: fingerprint([tuple(row) for row in found.reshape(len(found), -1).tolist()])
            for subset, found in rows.items()
            if subset != "all"
        }
