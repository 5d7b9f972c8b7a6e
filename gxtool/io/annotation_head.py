"""The beginning of an annotation: what its comments say, and how it calls chromosomes; the rest is not read."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from gxtool.io.packed import open_text

_LOOK = 1 << 20


class AnnotationHead(NamedTuple):
    """Comment lines in front of the first gene, and the chromosomes of the first megabyte in their order."""

    comments: list[str]
    chroms: list[str]


def read_head(path: Path) -> AnnotationHead:
    """Return what the first megabyte of a GTF or GFF3 file says, plain or gzipped.

    Raises:
        InputError: the file cannot be read.
    """
    with open_text(Path(path), str(path), "an annotation in GTF or GFF3") as file:
        text = file.read(_LOOK).decode("utf-8", "replace")
    lines = text.splitlines()[: -1 if len(text) == _LOOK else None]
    first = next((n for n, line in enumerate(lines) if line.strip() and not line.startswith("#")), len(lines))
    chroms = dict.fromkeys(line.partition("\t")[0] for line in lines[first:] if "\t" in line and line[0] != "#")
    return AnnotationHead(lines[:first], list(chroms))
