"""One chromosome under the names of several vendors: `1` (Ensembl), `chr1` (UCSC), `NC_000001.11` (RefSeq).

Whatever meets names of two files (tracks, reads, annotations, genomes, variants) matches them here, so that all of them
agree on what is the same. A name that could be two chromosomes is matched to none.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple


class _Accessions(NamedTuple):
    """RefSeq accessions of one assembly: number of chromosome 1, versions of all chromosomes in order."""

    first: int
    versions: tuple[int, ...]
    names: tuple[str, ...]


_HUMAN = (*map(str, range(1, 23)), "X", "Y")
_MOUSE = (*map(str, range(1, 20)), "X", "Y")
_GRCH37 = (10, 11, 11, 11, 9, 11, 13, 10, 11, 10, 9, 11, 10, 8, 9, 9, 10, 9, 9, 10, 8, 10, 10, 9)
_GRCM38 = (6, 7, *[6] * 17, 7, 7)
# Every chromosome has a new version in the assembly that followed.
_ACCESSIONS = {
    "hg19": _Accessions(1, _GRCH37, _HUMAN),
    "hg38": _Accessions(1, tuple(version + 1 for version in _GRCH37), _HUMAN),
    "mm10": _Accessions(67, _GRCM38, _MOUSE),
    "mm39": _Accessions(67, tuple(version + 1 for version in _GRCM38), _MOUSE),
}
MITOCHONDRION = "MT"
_MITOCHONDRIA = ("m", "mt", "NC_012920.1", "NC_005089.1")


def _table() -> dict[str, tuple[str, str]]:
    """Return accession -> (name, assembly)."""
    return {
        f"NC_{accessions.first + place:06}.{version}": (name, assembly)
        for assembly, accessions in _ACCESSIONS.items()
        for place, (name, version) in enumerate(zip(accessions.names, accessions.versions, strict=True))
    }


_KNOWN = _table()


def plain_name(name: str) -> str:
    """Return a chromosome's name as Ensembl writes it: `1` for `chr1` and `NC_000001.11`, `MT` for `chrM`.

    A name of no vendor known here (`scaffold_7`) stays as it is.
    """
    if name in _KNOWN:
        return _KNOWN[name][0]
    bare = name[3:] if name[:3].lower() == "chr" and len(name) > 3 else name
    return MITOCHONDRION if bare in _MITOCHONDRIA or bare.lower() in _MITOCHONDRIA else bare


def assembly_of_names(names: Iterable[str]) -> str:
    """Return the assembly that RefSeq accessions among the names belong to; empty without any, or with several."""
    found = {_KNOWN[name][1] for name in names if name in _KNOWN}
    return found.pop() if len(found) == 1 else ""


def match_chromosomes(names: Iterable[str], known: Collection[str]) -> dict[str, str]:
    """Return each name -> the name among `known` of the same chromosome; names without one are left out.

    The same name comes first; of other vendors' names a chromosome must have exactly one, on both sides.
    """
    there = set(known)
    by_plain = _by_plain(there)
    asked = dict.fromkeys(names)
    asked_by_plain = _by_plain(asked)
    found = {}
    for name in asked:
        plain = plain_name(name)
        same = by_plain.get(plain, [])
        if name in there:
            found[name] = name
        elif len(same) == 1 and same[0] not in asked and len(asked_by_plain[plain]) == 1:
            found[name] = same[0]
    return found


def renamed(matched: Mapping[str, str]) -> str:
    """Say which names differ, such as `1 is chr1, 2 is chr2 and 22 more`; empty when none does."""
    pairs = [f"{name} is {other}" for name, other in matched.items() if name != other]
    return ", ".join(pairs[:2]) + (f" and {len(pairs) - 2} more" if len(pairs) > 2 else "")


def _by_plain(names: Iterable[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name in names:
        found.setdefault(plain_name(name), []).append(name)
    return found
