"""How a split is called and what it proves, in the family's words."""

from __future__ import annotations

from gxtool.data.splits import SCHEMES
from gxtool.measure.faults import listing
from gxtool.report.gather import FamilyMaterial

HELD_OUT = {"group": "{groups}", "sample": "{samples}", "chrom": "chromosomes", "similarity_group": "near-duplicates"}


def in_words(family: FamilyMaterial, text: str) -> str:
    """Put the family's words for {group}, {groups}, {sample} and {samples} into a text."""
    return text.format(group=family.unit, groups=family.units, sample=family.trained_word, samples=family.trained_words)


def scheme_title(family: FamilyMaterial, scheme: str) -> str:
    """Return how a split is called for readers, such as `new genes`; an unknown one keeps its name."""
    return in_words(family, SCHEMES[scheme].title) if scheme in SCHEMES else scheme.replace("_", " ")


def scheme_proves(family: FamilyMaterial, scheme: str) -> str:
    """Return what a good score on a split says; empty for an unknown one."""
    return in_words(family, SCHEMES[scheme].proves) if scheme in SCHEMES else ""


def held_out(family: FamilyMaterial, scheme: str) -> str:
    """Return what a split keeps apart, such as `genes and cell types`; empty for an unknown one."""
    if scheme not in SCHEMES:
        return ""
    words = [in_words(family, HELD_OUT.get(column, column)) for column in SCHEMES[scheme].apart]
    return listing(words) or "nothing"
