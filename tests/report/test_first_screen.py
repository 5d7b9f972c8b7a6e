"""The first screen says one statistic: sentence, tiles and table have the same numbers and strongest baseline."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from gxtool.report import formats
from gxtool.report.blocks import KeyNumbers, Table
from gxtool.report.claims import claims
from gxtool.report.gather import gather
from gxtool.report.predictors import predictors
from gxtool.report.verdict import key_numbers, verdicts

Make = Callable[[str], Path]


@pytest.mark.parametrize("scenario", ["one_run", "constant_baseline", "schemes"])
def test_sentence_tiles_and_tables_say_the_same(study: Make, scenario: str) -> None:
    material = gather([study(scenario)])
    family = material.families[0]
    everyone = predictors(family)
    said = " ".join(verdicts(material))
    shown = key_numbers(family, material)
    assert isinstance(shown, KeyNumbers | Table)
    texts = str(shown)
    for model in (one for one in everyone if not one.baseline):
        middle = model.middle(family.metric)
        assert f"{formats.number(middle.mean)} (95 % interval {formats.interval(middle.low, middle.high)})" in said
        assert formats.number(middle.mean) in texts
        assert formats.interval(middle.low, middle.high) in texts
        claim = next(claim for claim in claims(family) if claim.run == model)
        beside = [
            (one.middle(family.metric).mean, formats.predictor_label(one.baseline))
            for one in everyone
            if one.baseline and one.scheme == model.scheme and one.baseline != "gene_average"
        ]
        if beside:
            best, name = max(beside)
            assert claim.bar == (name, best)
            assert formats.number(best) in texts
            assert name in texts
