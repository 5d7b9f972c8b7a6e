"""What the report shows of effects on sequences: views of single sequences, tables of variants, bars of motifs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from gxtool.models.base import Figure, Heatmap, Logo, ReportContext, ReportSection, Table
from gxtool.models.proformer import effects_report
from gxtool.models.registry import get_family

ONE = {"unit": "u1", "why": "highest prediction", "first": 2, "sequence": "ANC", "prediction": 9.5, "measured": None}
EFFECTS = [[None, 0.5, -2.0, 0.25], [None] * 4, [0.1, None, 0.2, -0.3]]
TALLY = {"read": 5, "symbolic": 1, "elsewhere": 0, "ref_mismatch": 2, "too_long": 0, "kept": 2}


def group(kind: str, *changes: tuple[str, float], portrait: Any = None, sample: str = "yeast") -> dict[str, Any]:
    listed = [{"change": name, "mean": mean, "sd": 0.5, "mean_absolute": abs(mean), "n": 4} for name, mean in changes]
    return {"sample": sample, "kind": kind, "changes": listed, "portrait": portrait}


def sections(*groups: Mapping[str, Any], summary: Mapping[str, Any] | None = None) -> list[ReportSection]:
    effects = ({"run": "cnn", "effects": list(groups)},)
    return effects_report.effect_sections(
        ReportContext(get_family("proformer"), (), {}, {}, {}, (summary or {},), {}, effects)
    )


def mutations(*drawn: Mapping[str, Any], sample: str = "yeast") -> dict[str, Any]:
    return group("mutation", ("2:C", 0.5), portrait={"sequences": list(drawn)}, sample=sample)


def test_nothing_is_said_without_effects_of_these_kinds() -> None:
    assert sections() == []
    assert sections(group("drop_mark", ("H3K4me3", 1.0))) == []


def test_a_sequence_has_a_map_and_two_logos() -> None:
    drawn = {**ONE, "effects": EFFECTS, "importance": [0.4166, None, 0.0]}
    gradients = group("integrated_gradients", ("0", 0.0), portrait={"sequences": [{**ONE, "importance": [1, 0, -3.0]}]})
    (section,) = sections(mutations(drawn), gradients)
    assert (section.title, section.picker) == ("What single bases do, cnn", "Sequence")
    heatmap, lost, added, table = section.items
    assert isinstance(heatmap, Heatmap)
    assert heatmap.x == (2, 3, 4)
    assert heatmap.y == ("A", "C", "G", "T")
    assert heatmap.z == ((None, None, 0.1), (0.5, None, None), (-2.0, None, 0.2), (0.25, None, -0.3))
    assert heatmap.description.startswith("Strongest: A to G at position 2 (\u22122).")
    assert isinstance(lost, Logo)
    assert lost.heights == ((0.4166, 0, 0, 0), (0, 0, 0, 0), (0, 0, 0, 0))
    assert added.heights[2] == (0, -3.0, 0, 0)
    assert added.description.startswith("Strongest bases: C at 4 (\u22123), A at 2 (+1)")
    assert isinstance(table, Table)
    assert table.rows == (("yeast", "highest prediction", 9.5, None, "ANC"),)


def test_several_sequences_are_chosen_by_one_menu() -> None:
    drawn = {**ONE, "effects": EFFECTS, "importance": [0.4, None, 0.0]}
    low = {**drawn, "unit": "u2", "why": "lowest prediction", "prediction": 0.25}
    (section,) = sections(mutations(drawn, low), mutations(drawn, sample="human"))
    maps, lost, _ = section.items
    names = ["yeast, highest prediction (9.5)", "yeast, lowest prediction (0.25)", "human, highest prediction (9.5)"]
    assert list(maps) == list(lost) == names


def test_variants_with_their_effects_and_what_became_of_the_others() -> None:
    listed = [
        {"name": "rs7 (1:6 G>T)", "reference": 3.0, "effect": -1.5},
        {"name": "v2", "reference": 1.0, "effect": 0.5},
    ]
    found = group("variants", ("alternative allele", -0.5), portrait={"n": 40, "variants": listed})
    (section,) = sections(found, summary={"variants": {"yeast": TALLY, "other": TALLY}})
    effects, tally = section.items
    assert effects.rows[0] == ("rs7 (1:6 G>T)", -1.5, 3.0, 1.5, "yeast")
    assert "The 2 largest effects of 40 variants" in effects.note
    assert tally.columns == ("Alternative alleles", "yeast")
    assert tally.rows[0] == ("Read", 5)
    assert ("Left out, whose reference allele is not in the sequence", 2) in tally.rows
    assert tally.rows[-1] == ("Scored", 2)


def test_motifs_by_themselves_and_in_their_sites(monkeypatch: pytest.MonkeyPatch) -> None:
    alone = group("motif", ("REB1 +", 2.0), ("REB1 -", 1.0), ("a b +", -3.0), ("ROX1 +", 0.25), ("ROX1 -", 0.5))
    scan = group("motif_scan", ("REB1", 0.5), ("a b", -0.75), ("ROX1", 0.1))
    (section,) = sections(alone, scan)
    figure, sites = section.items
    assert isinstance(figure, Figure)
    forward, reverse = figure.traces
    assert forward.x == ("REB1", "a b", "ROX1")
    assert (forward.y, reverse.y) == ((2.0, -3.0, 0.25), (1.0, None, 0.5))
    assert (forward.low[0], forward.high[0], reverse.low[1]) == (1.5, 2.5, None)
    assert figure.description.startswith("Strongest: a b + (\u22123). Mean over 4 shuffled sequences")
    assert sites.traces[0].y == (0.5, -0.75, 0.1)
    assert sites.description.startswith("Strongest: a b (\u22120.75 in 4 sequences with a site).")
    monkeypatch.setattr(effects_report, "MAX_MOTIFS", 2)
    (section,) = sections(alone, scan)
    assert section.items[0].traces[0].x == ("REB1", "a b")
    assert section.items[1].traces[0].x == ("REB1", "a b")
    assert "The 2 strongest of 3 motifs." in section.items[1].description
