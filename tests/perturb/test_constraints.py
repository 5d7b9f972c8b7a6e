"""What a designed sequence must be: cases counted by hand, and the two ways of checking against each other."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gxtool.config import DesignConfig, position_range
from gxtool.data.sequence import centre_pad, sequence_of, tokens_of
from gxtool.errors import ConfigError
from gxtool.models.base import DesignSpace
from gxtool.perturb.constraints import constraints_of, editable
from gxtool.perturb.proof import Construct, broken, edits, gc_share

FLANKS = ("CATG", "TTCAC")


def space_of(*inserts: str, length: int = 14) -> DesignSpace:
    """Return inserts between the flanks, padded to one length."""
    tokens = np.stack([centre_pad(tokens_of(insert), length) for insert in inserts])
    left = np.array([(length - len(insert)) // 2 for insert in inserts])
    bounds = np.stack([left, left + [len(insert) for insert in inserts]], axis=1)
    return DesignSpace("tokens", list(inserts), tokens, bounds, FLANKS, lambda model, tokens: NotImplemented)


def faults(insert: str, **fields: object) -> int:
    space = space_of(insert)
    return int(constraints_of(DesignConfig(**fields), FLANKS).faults(space.tokens, space.bounds)[0])


@pytest.mark.parametrize(
    ("insert", "fields", "expected"),
    [
        ("ACGTACGTAC", {}, 0),
        ("AAAAAAAAAA", {}, 0),
        # 2 of 10 bases are G or C, and at least 4 are wanted; 9 are, and at most 7 are wanted.
        ("ACATAGATAT", {"gc_min": 0.4}, 2),
        ("GCGCGCGCGA", {"gc_max": 0.7}, 2),
        ("ACANAGATAT", {"gc_min": 0.3}, 1),
        # A run of 5 holds two windows of 4.
        ("ACAAAAAGCG", {"max_homopolymer": 3}, 2),
        ("ACAAAAAGCG", {"max_homopolymer": 5}, 0),
        ("ACAANAAGCG", {"max_homopolymer": 3}, 0),
        # The flank ends with G and the other begins with TT.
        ("GGGACACACA", {"max_homopolymer": 3}, 1),
        ("ACACACACTT", {"max_homopolymer": 3}, 1),
        ("AGAATTCAGA", {"forbidden": ["GAATTC"]}, 1),
        # Across the junctions: G|AATTC and GAA|TTC.
        ("AATTCACAGA", {"forbidden": ["GAATTC"]}, 1),
        ("ACACACAGAA", {"forbidden": ["GAATTC"]}, 1),
        # CATG stands in the flank alone.
        ("ACACACACAC", {"forbidden": ["CATG"]}, 0),
        # GAGACC is the other strand of GGTCTC.
        ("ACGAGACCTA", {"forbidden": ["GGTCTC"]}, 1),
        ("ACGGTCTCTA", {"forbidden": ["GAGACC"]}, 1),
        # CCWGG: CCAGG and CCTGG, which are each other's other strand.
        ("ACCAGGCTGG", {"forbidden": ["CCWGG"]}, 1),
        ("ACCTGGCAGG", {"forbidden": ["CCWGG"]}, 1),
        ("ACCGGCCNGG", {"forbidden": ["CCWGG"]}, 0),
    ],
)
def test_faults_counted_by_hand(insert: str, fields: dict, expected: int) -> None:
    assert faults(insert, **fields) == expected
    whole = Construct(FLANKS[0], insert, FLANKS[1])
    assert bool(broken(whole, whole, DesignConfig(**fields))) == (expected > 0)


def test_inserts_of_different_length_are_judged_where_they_stand() -> None:
    space = space_of("AATTC", "AATTCACAGACACA", "ACACAC")
    rules = constraints_of(DesignConfig(forbidden=["GAATTC"]), FLANKS)
    assert rules.faults(space.tokens, space.bounds).tolist() == [1, 1, 0]


def test_without_flanks_only_the_insert_counts() -> None:
    space = space_of("AATTCACAGA")
    rules = constraints_of(DesignConfig(forbidden=["GAATTC"], max_homopolymer=2), ("", ""))
    assert rules.faults(space.tokens, space.bounds).tolist() == [0]


def test_protected_positions_are_counted_from_the_insert_and_unknown_bases_stay() -> None:
    space = space_of("ACGTNACG", "ACGTAC")
    free = editable(space, ("2-3", "6"))
    shown = ["".join("x" if may else "." for may in row) for row in free]
    # Padding is 3 left and 3 right of eight bases, 4 and 4 of six.
    assert shown == ["...x..x..xx...", "....x..xx....."]


def test_protected_positions_beyond_every_insert_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"^design.protected: found 5-9, expected positions up to 8, the longest"):
        editable(space_of("ACGTAACG", "ACGTAC"), ("5-9",))


@pytest.mark.parametrize(("text", "expected"), [("10-20", (9, 20)), ("15", (14, 15)), ("1 - 1", (0, 1))])
def test_positions_are_counted_from_one_and_both_ends_belong(text: str, expected: tuple[int, int]) -> None:
    assert position_range(text) == expected


@pytest.mark.parametrize("text", ["0-3", "5-4", "", "a-b", "-3", "3-", "1-2-3", "²"])
def test_bad_positions(text: str) -> None:
    with pytest.raises(ValueError, match="expected|positions"):
        position_range(text)


def test_what_a_proposal_breaks_is_named() -> None:
    start = Construct("CATG", "ACGTACGTAC", "TTCAC")
    asked = DesignConfig(max_edits=2, protected=["1-2"], gc_max=0.5, max_homopolymer=3, forbidden=["GAATTC"])
    assert broken(start, start, asked) == []
    assert broken(start, start._replace(insert="ACGTACGTA"), asked) == ["length"]
    assert broken(start, start._replace(five_prime="CATC"), asked) == ["flanks"]
    # Three edits, one of them protected, GAATTC across the junction, and GGG + the flank's G is a run of 4.
    made = start._replace(insert="AATTCCGTAC")
    assert broken(start, made, asked) == ["max_edits", "protected", "forbidden"]
    assert broken(start, start._replace(insert="ACGTACGGGC"), asked) == ["gc"]
    assert broken(start, start._replace(insert="ACGTACGTTT"), asked) == ["max_homopolymer"]


def test_edits_and_gc_of_a_proposal() -> None:
    assert edits("ACGTN", "ACTTN") == ["G3T"]
    assert gc_share("ACGN") * 3 == 2
    assert gc_share("NN") == 0


@given(
    st.lists(st.text("ACGTN", min_size=1, max_size=14), min_size=1, max_size=4),
    st.integers(0, 50),
    st.integers(50, 100),
    st.integers(0, 4),
    st.lists(st.text("ACGTRYSWN", min_size=2, max_size=5), max_size=2),
)
def test_search_and_last_check_agree_on_every_sequence(
    inserts: list[str], low: int, high: int, run: int, sites: list[str]
) -> None:
    """They share no code: one counts in arrays, the other reads text."""
    config = DesignConfig(gc_min=low / 100, gc_max=high / 100, max_homopolymer=run, forbidden=sites)
    space = space_of(*inserts)
    counted = constraints_of(config, FLANKS).faults(space.tokens, space.bounds)
    for insert, count in zip(inserts, counted, strict=True):
        whole = Construct(FLANKS[0], insert, FLANKS[1])
        found = set(broken(whole, whole, config))
        # Without a known base there is no GC content to speak of.
        if set(insert) != {"N"}:
            assert bool(found) == (count > 0), (insert, found, count)


def test_tokens_and_text_are_the_same_sequence() -> None:
    space = space_of("ACGTNACG")
    first, last = space.bounds[0]
    assert sequence_of(space.tokens[0, first:last]) == "ACGTNACG"
