"""Does a model know anything at all: where the interval of its score holds what guessing reaches, it has no skill."""

from __future__ import annotations

from typing import NamedTuple

from gxtool.models.base import Noun
from gxtool.report import formats
from gxtool.report.gather import FamilyMaterial
from gxtool.report.predictors import Predictor

# More names than this are counted instead of listed.
FEW = 5


class Skill(NamedTuple):
    """Samples on which a predictor shows no skill, and on how many that can be said."""

    without: tuple[str, ...]
    n_known: int

    @property
    def none(self) -> bool:
        """Say whether there is no skill on any sample."""
        return 0 < self.n_known == len(self.without)


def skill_of(one: Predictor, metric: str) -> Skill:
    """Judge every sample by the interval of its score; metrics without a chance value say nothing."""
    known = formats.METRICS.get(metric)
    found = {
        name: known.shows_skill(score.get("low"), score.get("high")) if known else None
        for name, score in one.scores(metric).items()
    }
    judged = {name: skilled for name, skilled in found.items() if skilled is not None}
    return Skill(tuple(name for name, skilled in judged.items() if not skilled), len(judged))


def remark(skill: Skill, noun: Noun) -> str:
    """Write `no skill`, `no skill on 2 of 3 cell types`, or nothing."""
    if not skill.without:
        return ""
    return "no skill" if skill.none else f"no skill on {len(skill.without)} of {formats.plural(skill.n_known, *noun)}"


def sentence(one: Predictor, family: FamilyMaterial) -> str:
    """Say in a sentence where a model has no skill and why; empty when it has some everywhere, or none can say."""
    skill, metric = skill_of(one, family.metric), family.metric
    if not skill.without:
        return ""
    label, chance = formats.metric_label(metric), f"{formats.METRICS[metric].chance:g}"
    if len(skill.without) == skill.n_known == 1:
        score = one.scores(metric)[skill.without[0]]
        level = one.scored.metrics.get("level")
        between = formats.interval(score.get("low"), score.get("high"))
        return (
            f"{one.label} shows no skill on {skill.without[0]}: the {f'{level:.0%} ' if level else ''}interval of its "
            f"{label} ({between}) does not exclude {chance}, which guessing reaches."
        )
    names = f" ({', '.join(skill.without)})" if len(skill.without) <= FEW else ""
    on = "any" if skill.none else f"{len(skill.without)}"
    return (
        f"{one.label} shows no skill on {on} of {formats.plural(skill.n_known, *family.sample_noun)}{names}: there the "
        f"interval of its {label} does not exclude {chance}, which guessing reaches."
    )
