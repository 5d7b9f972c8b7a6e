"""One family's simulated data and trained models, each made when a test asks for it, and once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from gxtool import api
from gxtool.io.dataset import Dataset
from gxtool.models.base import Family
from gxtool.training.options import TrainOptions

OPTIONS = TrainOptions(device="cpu", threads=1)
QUICK = (
    "training.epochs=1",
    "perturb.map_rows=3",
    "perturb.max_rows=3",
    "resources.threads=1",
)


@dataclass(frozen=True)
class Workplace:
    """One family's folder; what a test needs in it is made once."""

    family: Family
    folder: Path

    def settings(self, preset: str = "tiny", *assignments: str) -> api.Settings:
        """Return quick settings of a preset."""
        return api.Settings(self.family.name, preset, set=(*QUICK, *assignments))

    @cached_property
    def raw(self) -> Path:
        """Simulated raw files."""
        return api.simulate(self.folder / "raw", self.family.name)

    @cached_property
    def examples(self) -> Path:
        """Preprocessed files."""
        return api.preprocess(self.raw / "samplesheet.csv", self.folder / "examples", self.settings())

    @cached_property
    def dataset(self) -> Path:
        """The dataset of all samples."""
        return api.tokenize([self.examples], self.folder / "dataset", self.settings())

    @cached_property
    def models(self) -> Path:
        """Two seeds of `tiny`, trained on the first sample."""
        sample = Dataset.open(self.dataset, self.family.name).samples[0]
        units = api.Units((sample,), (1, 2))
        api.train(self.dataset, self.folder / "models", self.settings(), units, OPTIONS)
        return self.folder / "models"
