"""The models of one run as one voice: the designer, which a search asks, and the judge, which it never asks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gxtool.errors import ConfigError, InputError
from gxtool.io.artifact import Artifact
from gxtool.io.dataset import Dataset
from gxtool.models.base import Family
from gxtool.training.predict import Model, config_of, load_model
from gxtool.training.row_checks import require_same_rows

WEIGHTS = "model.safetensors"


@dataclass(frozen=True)
class Panel:
    """Models of one run that know a sample; mean and sd are those of their predictions for training rows."""

    models: Sequence[Model]
    name: str
    mean: float = 0.0
    sd: float = 1.0

    def predict(self, tokens: np.ndarray) -> np.ndarray:
        """Return the mean prediction of the models (n,)."""
        return self.each(tokens).mean(axis=0)

    def each(self, tokens: np.ndarray) -> np.ndarray:
        """Return the prediction of every model (models, n)."""
        if not len(tokens):
            return np.zeros((len(self.models), 0))
        return np.stack([model.predict({self.name: tokens}) for model in self.models])

    def substituted(self, tokens: np.ndarray, substitutions: Callable[[Model, np.ndarray], np.ndarray]) -> np.ndarray:
        """Return the mean prediction (n, L, 4) with each base at each position of tokens (n, L)."""
        return np.mean([substitutions(model, tokens) for model in self.models], axis=0)

    def scaled(self, predictions: np.ndarray) -> np.ndarray:
        """Return predictions in standard deviations from the mean prediction of training rows."""
        return (predictions - self.mean) / self.sd


def knowing(models: Sequence[Artifact], sample: str, fold: int) -> list[Artifact]:
    """Return the models of one fold that were trained for one sample, or for all of them."""
    return [one for one in models if one.manifest.info.get("sample") in (sample, None) and fold_of(one) == fold]


def assemble(models: Sequence[Model], name: str, training: np.ndarray) -> Panel:
    """See what models predict for tokens of training rows (n, L)."""
    predictions = Panel(models, name).predict(training)
    return Panel(models, name, float(predictions.mean()), float(predictions.std()) or 1.0)


def asked_about(models: Sequence[Artifact], target: int, device: str) -> list[Model]:
    """Load models that are to speak of one target."""
    return [replace(load_model(model.path, device), target=target) for model in models]


def fold_of(model: Artifact) -> int:
    """Return the fold that a model was trained in."""
    return model.manifest.info.get("fold") or 0


def run_of(models: Sequence[Artifact]) -> str:
    """Return the name of the run that models belong to."""
    return str(models[0].manifest.info.get("run") or "")


def require_independent(models: Sequence[Artifact], judges: Sequence[Artifact]) -> None:
    """Check that designer and judge are one run each, not the same one, and share no weights.

    Raises:
        ConfigError: the judge is the designer, or shares a model with it.
        InputError: models of several runs design, or judge.
    """
    for option, group in (("--checkpoint", models), ("--judge", judges)):
        other = next((model for model in group if run_of([model]) != run_of(group)), None)
        if other:
            raise InputError(
                f"{option} {other.path}: is of run {run_of([other])}, expected models of one run, {run_of(group)} as "
                "the others"
            )
    if run_of(models) == run_of(judges):
        raise ConfigError(
            f"--judge {judges[0].path}: is of run {run_of(judges)} as the designer is, expected models of another run"
        )
    known = {_weights(model) for model in models}
    same = next((judge for judge in judges if _weights(judge) in known), None)
    if same:
        raise ConfigError(f"--judge {same.path}: is a model of the designer, expected other models")


def _weights(model: Artifact) -> str:
    return str(model.manifest.files.get(WEIGHTS, {}).get("sha256", model.id))


def require_rows_of_all(models: Sequence[Artifact], data: Dataset, option: str) -> None:
    """Check that the rows of a dataset are what every model, of those that an option names, was trained on.

    Raises:
        InputError: another family, target or size; the sentence names the model.
    """
    for model in models:
        try:
            require_same_rows(model, data)
        except InputError as error:
            raise InputError(f"{option} {model.path}: does not go with the dataset: {error}") from None


def is_same_network(family: Family, model: Artifact, judge: Artifact) -> bool:
    """Say whether the judge is the designer's kind of network again: trained anew, it still errs in the same ways."""
    sections: list[Any] = [config_of(one, family).model for one in (model, judge)]
    return sections[0] == sections[1]
