"""Scores of the DREAM 2022 challenge that others have published, each with where it is printed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

_BOARD, _NOT_SAID = "public leaderboard", "not stated"
_SLIDES = "talk of the Proformer authors (gongx030/dream_PGE), table of ablations"


@dataclass(frozen=True)
class Published:
    """One entry: the two weighted scores, and correlations by subset as far as they are printed."""

    name: str
    score_pearson: float
    score_spearman: float | None
    scored_on: str
    source: str
    pearson: Mapping[str, float] = field(default_factory=dict)
    spearman: Mapping[str, float] = field(default_factory=dict)


def _on_board(name: str, scores: tuple[float, float, float, float], scored_on: str, source: str) -> Published:
    """Make an entry of the leaderboard's four columns; its third is the squared Pearson correlation over all rows."""
    by_pearson, by_spearman, squared, rho = scores
    return Published(name, by_pearson, by_spearman, scored_on, source, {"all": round(squared**0.5, 3)}, {"all": rho})


# To four digits of the ten that are printed.
EXAMPLE = Published(
    "example submission",
    0.7657,
    0.8229,
    _NOT_SAID,
    "notebook of the organisers' evaluation (de-Boer-Lab/random-promoter-dream-challenge-2022)",
    {
        "all": 0.9571,
        "high": 0.6201,
        "low": 0.6212,
        "yeast": 0.8383,
        "random": 0.9677,
        "challenging": 0.9355,
        "SNVs": 0.8228,
        "motif_perturbation": 0.9671,
        "motif_tiling": 0.9450,
    },
    {
        "all": 0.9615,
        "high": 0.5754,
        "low": 0.5960,
        "yeast": 0.8391,
        "random": 0.9703,
        "challenging": 0.9290,
        "SNVs": 0.6775,
        "motif_perturbation": 0.9611,
        "motif_tiling": 0.9274,
    },
)

PUBLISHED = (
    _on_board("autosome.org (LegNet)", (0.829, 0.860, 0.952, 0.979), _BOARD, "README of autosome-ru/dream2022"),
    _on_board("Proformer", (0.781, 0.827, 0.926, 0.965), _NOT_SAID, _SLIDES),
    _on_board("Proformer, pooling, no mask filling", (0.766, 0.819, 0.918, 0.961), _NOT_SAID, _SLIDES),
    _on_board("Proformer, 1 slot", (0.765, 0.817, 0.921, 0.964), _NOT_SAID, _SLIDES),
    _on_board("Proformer, GLU", (0.765, 0.810, 0.929, 0.967), _NOT_SAID, _SLIDES),
    Published("Camformers", 0.763, 0.823, _BOARD, "report of the team", {"all": 0.962}, {"all": 0.967}),
    Published("Peppa", 0.717, None, _NOT_SAID, "report of the team"),
    EXAMPLE,
)
