"""Number and name what a page holds: ids for links, Figure 1, Table 1, and the table of contents."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from gxtool.models.base import Heatmap, Logo
from gxtool.report import formats
from gxtool.report.blocks import Block, Chart, Flow, Gallery, KeyNumbers, Listing, Meanings, Paragraph, Part, Table
from gxtool.report.drawings import drawing

# A heat map or logo of more columns takes the whole width; several stand below each other, so that columns can be
# compared.
WIDE_COLUMNS = 40


class Outline:
    """Turn parts into the plain tree that the template walks, numbering figures and tables in reading order."""

    def __init__(self) -> None:
        self.drawings: dict[str, list[dict[str, Any]]] = {}
        self._taken: set[str] = set()
        self._figures = 0
        self._tables = 0

    def sections(self, parts: Sequence[Part], level: int = 2) -> list[dict[str, Any]]:
        """Return one mapping per part, with its heading level and those of the parts below it."""
        return [
            {
                "id": self._id(part.title),
                "title": part.title,
                "text": part.text,
                "level": level,
                "blocks": [self.block(block, level + 1) for block in part.blocks],
                "sections": self.sections(part.parts, level + 1),
            }
            for part in parts
        ]

    def block(self, block: Block, level: int) -> dict[str, Any]:
        """Return one block as a mapping whose `kind` names the template's macro."""
        if isinstance(block, Gallery):
            return self._gallery(block, level)
        if isinstance(block, Table):
            self._tables += 1
            identity = self._id(f"table-{self._tables}")
            return {"kind": "table", "id": identity, "number": self._tables, "level": level, "table": block}
        if isinstance(block, Listing):
            return {"kind": "listing", "id": self._id(f"listing-{block.title}"), "level": level, "listing": block}
        if isinstance(block, Flow):
            return {"kind": "flow", "flow": block}
        if isinstance(block, Meanings):
            return {"kind": "meanings", "meanings": block}
        if isinstance(block, KeyNumbers):
            return {"kind": "numbers", "numbers": block}
        if isinstance(block, Paragraph):
            return {"kind": "paragraph", "paragraph": block}
        raise TypeError(f"a report cannot show {type(block).__name__}")

    def _gallery(self, gallery: Gallery, level: int) -> dict[str, Any]:
        return {
            "kind": "gallery",
            "id": self._id(f"view-{gallery.picker or self._figures + 1}"),
            "picker": gallery.picker if len(gallery.labels) > 1 else "",
            "labels": gallery.labels,
            "charts": [self._chart(chart, level) for chart in gallery.charts],
        }

    def _chart(self, chart: Chart, level: int) -> dict[str, Any]:
        self._figures += 1
        identity = self._id(f"figure-{self._figures}")
        self.drawings[identity] = [drawing(view, chart.look(index)) for index, view in enumerate(chart.views)]
        first = chart.views[0]
        return {
            "id": identity,
            "number": self._figures,
            "level": level,
            "title": first.title,
            "description": first.description,
            "square": getattr(first, "square", False),
            "wide": isinstance(first, (Heatmap, Logo)) and len(first.x) > WIDE_COLUMNS,
        }

    def _id(self, title: str) -> str:
        """Return an id nothing on the page has yet, made of letters, digits and hyphens."""
        base = formats.slug(title)
        identity, count = base, 1
        while identity in self._taken:
            count += 1
            identity = f"{base}-{count}"
        self._taken.add(identity)
        return identity


def contents(sections: Sequence[dict[str, Any]], deepest: int = 3) -> Iterator[dict[str, Any]]:
    """Yield the sections of the table of contents, in order."""
    for section in sections:
        yield section
        if section["level"] < deepest:
            yield from contents(section["sections"], deepest)
