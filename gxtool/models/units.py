"""Which models to train: samples, seeds and folds, as a person names them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gxtool.errors import UsageError, quoted
from gxtool.models.base import Unit
from gxtool.models.plan import parse_folds, parse_seeds


@dataclass(frozen=True)
class Units:
    """Which models to train: samples (none named: every one the dataset has), seeds and folds."""

    samples: tuple[str, ...] = ()
    seeds: tuple[int, ...] = (1,)
    folds: tuple[int, ...] = (0,)

    def expand(self, known: Sequence[str], per_sample: bool) -> list[Unit]:
        """List one unit per model.

        Raises:
            UsageError: a sample that the dataset does not have, or samples named for a model of all of them.
        """
        there = set(known)
        for sample in self.samples:
            if sample not in there:
                few = ", ".join(known[:10]) + (", ..." if len(known) > 10 else "")
                raise UsageError(f"--samples {quoted(sample)}: not in the dataset, expected some of {few}")
        if self.samples and not per_sample:
            raise UsageError(
                "--samples with training.per_sample=false: one model sees all samples, expected none named"
            )
        samples: Sequence[str | None] = (self.samples or tuple(known)) if per_sample else (None,)
        return [Unit(sample, seed, fold) for sample in samples for fold in self.folds for seed in self.seeds]


def parse_units(
    samples: str | Sequence[str] = (), seeds: int | str | Sequence[int] = 1, folds: int | str | Sequence[int] = 0
) -> Units:
    """Return the units named: samples (none: all), a number of seeds, `3,7` or a list, folds such as `0,1` or a list.

    Raises:
        ConfigError: seeds or folds that are not whole numbers.
    """
    if not isinstance(folds, str):
        folds = ",".join(map(str, [folds] if isinstance(folds, int) else folds))
    named = (samples,) if isinstance(samples, str) and samples else tuple(samples)
    return Units(named, parse_seeds(seeds), parse_folds(folds))
