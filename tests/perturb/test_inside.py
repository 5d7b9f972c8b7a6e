"""Inside a network: integrated gradients of functions whose integral is known, and what a network says of itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from transformers.utils import ModelOutput

from gxtool.perturb.inside import BATCH, integrated_gradients, readings

# Three rows of two places; the last row is nothing at all.
ROWS = {"height": np.array([[1.0, 3.0], [7.0, 0.0], [0.0, 0.0]], np.float32)}


@dataclass(frozen=True)
class StraightFamily:
    """A family whose input grows in a straight line."""

    kind: str = "regression"
    path: str = "path"
    collate: str = "collate"

    def load(self, name: str) -> Any:
        """Return the function called so."""
        straight = lambda rows, dataset, t: ("height", rows["height"] * np.float32(t), rows["height"])  # noqa: E731
        return {"path": straight, "collate": lambda rows, resources: dict(rows)}[name]


@dataclass(frozen=True)
class Device:
    """Where the network is."""

    device: str = "cpu"


class Known(torch.nn.Module):
    """Logits of a function of the heights (B, 2), and attention that says the row's larger place."""

    def __init__(self, function: Any) -> None:
        super().__init__()
        self.function = function

    def forward(self, height: torch.Tensor) -> ModelOutput:
        attention = torch.nn.functional.one_hot(height.argmax(dim=1), 2).float()
        return ModelOutput(logits=self.function(height), attentions=(attention,), empty=None)


@dataclass(frozen=True)
class Trained:
    """What `inside` needs of a trained model."""

    network: torch.nn.Module
    family: StraightFamily = StraightFamily()
    machine: Device = Device()
    target: int | None = None


def test_a_linear_function_is_attributed_to_its_terms() -> None:
    found = integrated_gradients(Trained(Known(lambda x: 2 * x[:, :1] - 5 * x[:, 1:])), ROWS, None, 2)
    assert found.values.tolist() == [[2, -15], [14, 0], [0, 0]]
    assert found.change == pytest.approx([-13, 14, 0])
    assert found.gap == pytest.approx([0, 0, 0], abs=1e-5)


def test_a_product_is_shared_between_its_factors() -> None:
    # Along the straight line x y grows as t squared, half of it by each factor.
    found = integrated_gradients(Trained(Known(lambda x: x.prod(dim=1, keepdim=True))), ROWS, None, 2)
    assert found.values[0] == pytest.approx([1.5, 1.5], rel=1e-6)
    assert found.gap == pytest.approx([0, 0, 0], abs=1e-5)


def two(x: torch.Tensor) -> torch.Tensor:
    return torch.stack([x[:, 0], x[:, 1] ** 2], 1)


def test_two_logits_of_classes_are_explained_by_their_difference() -> None:
    found = integrated_gradients(Trained(Known(two), StraightFamily("binary")), ROWS, None, 4)
    assert found.values[0] == pytest.approx([-1, 9], rel=1e-6)


@pytest.mark.parametrize(("target", "values"), [(0, [1, 0]), (1, [0, 9])])
def test_two_targets_are_explained_one_by_one(target: int, values: list[float]) -> None:
    found = integrated_gradients(Trained(Known(two), target=target), ROWS, None, 4)
    assert found.values[0] == pytest.approx(values, rel=1e-6)


def test_what_is_missing_is_told() -> None:
    # Two steps cannot follow the jump at 2 of the second place of the first row.
    found = integrated_gradients(Trained(Known(lambda x: (x[:, 1:] > 2).float() + 0 * x[:, 1:])), ROWS, None, 2)
    assert found.gap[0] == 1
    assert found.change[0] == 1


def test_rows_beyond_a_batch_are_explained_the_same() -> None:
    many = {"height": np.tile(ROWS["height"], (BATCH, 1))[: BATCH + 5]}
    found = integrated_gradients(Trained(Known(lambda x: x[:, :1] ** 2)), many, None, 3)
    assert found.values.shape == (BATCH + 5, 2)
    assert found.values[0] == pytest.approx([1, 0])
    assert found.values[BATCH + 3] == pytest.approx(found.values[(BATCH + 3) % 3])


def test_what_a_network_says_beside_its_logits() -> None:
    said = readings(Trained(Known(lambda x: x[:, :1])), ROWS)
    assert set(said) == {"attentions"}
    assert said["attentions"][0].tolist() == [[0, 1], [1, 0], [1, 0]]
