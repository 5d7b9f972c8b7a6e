"""The last look at a proposal, as text: knows nothing of how it was found, and shares no code with the search."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

from gxtool.config import DesignConfig, position_range
from gxtool.io.nucleotides import IUPAC

_OTHER = str.maketrans("ACGTRYSWKMBDHVN", "TGCAYRSWMKVHDBN")


class Construct(NamedTuple):
    """A sequence between its two flanks."""

    five_prime: str
    insert: str
    three_prime: str

    @property
    def whole(self) -> str:
        """Return the sequence with its flanks, as it is ordered and published."""
        return self.five_prime + self.insert + self.three_prime


def gc_share(insert: str) -> Fraction:
    """Return the share of G and C among the known bases; 0 without any."""
    known = len(insert) - insert.count("N")
    return Fraction(insert.count("G") + insert.count("C"), known) if known else Fraction(0)


def edits(start: str, insert: str) -> list[str]:
    """Return what was changed, such as `A12G`, positions counted from 1; sequences of one length."""
    pairs = enumerate(zip(start, insert, strict=True), 1)
    return [f"{was}{place}{now}" for place, (was, now) in pairs if was != now]


def broken(start: Construct, made: Construct, config: DesignConfig) -> list[str]:
    """Name the constraints that a proposal breaks: flanks, length, max_edits, protected, gc, max_homopolymer,
    forbidden."""
    if len(made.insert) != len(start.insert):
        return ["length"]
    n_edits = len(edits(start.insert, made.insert))
    kept = all(
        made.insert[slice(*position_range(text))] == start.insert[slice(*position_range(text))]
        for text in config.protected
    )
    low, high = (Fraction(str(share)) for share in (config.gc_min, config.gc_max))
    found = {
        "flanks": (made.five_prime, made.three_prime) != (start.five_prime, start.three_prime),
        "max_edits": n_edits > config.max_edits,
        "protected": not kept,
        "gc": not low <= gc_share(made.insert) <= high,
        "max_homopolymer": bool(config.max_homopolymer) and _longest_run(made) > config.max_homopolymer,
        "forbidden": _has_site(made, config.forbidden),
    }
    return [name for name, is_broken in found.items() if is_broken]


def _longest_run(made: Construct) -> int:
    runs = (run for run in re.finditer(r"([ACGT])\1*", made.whole) if _touches(made, run.start(), run.end()))
    return max((run.end() - run.start() for run in runs), default=0)


def _has_site(made: Construct, sites: Sequence[str]) -> bool:
    for site in sites:
        for word in {site, site.translate(_OTHER)[::-1]}:
            # A look-ahead finds sites that overlap each other.
            pattern = "(?=" + "".join(f"[{IUPAC[letter]}]" for letter in word) + ")"
            places = (found.start() for found in re.finditer(pattern, made.whole))
            if any(_touches(made, place, place + len(word)) for place in places):
                return True
    return False


def _touches(made: Construct, start: int, stop: int) -> bool:
    first = len(made.five_prime)
    return start < first + len(made.insert) and stop > first
