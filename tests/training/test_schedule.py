"""Learning rates and optimisers, by hand."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from gxtool.config import TrainingConfig
from gxtool.training.schedule import clip_variables, learning_rate_at, make_optimizer, make_scheduler


def rates(steps: int, steps_per_epoch: int, **fields: object) -> list[float]:
    config = TrainingConfig(learning_rate=0.1, **fields)
    optimizer = make_optimizer(nn.Linear(3, 2), config)
    scheduler = make_scheduler(optimizer, config, steps, steps_per_epoch)
    return [learning_rate_at(scheduler, step) for step in range(steps)]


def test_exponential_falls_once_per_epoch_as_keras_does() -> None:
    found = rates(6, 2, schedule="exponential", lr_decay=0.5)
    assert found == pytest.approx([0.1, 0.1, 0.05, 0.05, 0.025, 0.025])


def test_exponential_with_warm_up_rises_first() -> None:
    found = rates(4, 2, schedule="exponential", lr_decay=0.5, warmup_ratio=0.5)
    assert found == pytest.approx([0.0, 0.05, 0.05, 0.05])


def test_inverse_divides_by_one_plus_decay_times_step_as_torch7_does() -> None:
    found = rates(4, 2, schedule="inverse", lr_decay=0.5)
    assert found == pytest.approx([0.1, 0.1 / 1.5, 0.1 / 2, 0.1 / 2.5])


def test_inverse_with_warm_up_rises_first() -> None:
    found = rates(4, 4, schedule="inverse", lr_decay=0.5, warmup_ratio=0.5)
    assert found == pytest.approx([0.0, 0.1 / 2 / 1.5, 0.1 / 2, 0.1 / 2.5])


def test_noam_rises_for_its_steps_and_falls_with_the_square_root() -> None:
    # Published for a width of 25 and 4 steps of warm-up: 25**-0.5 * min(n**-0.5, n * 4**-1.5); its peak is 0.1.
    found = rates(16, 5, schedule="noam", warmup_steps=4)
    assert found[:5] == pytest.approx([0.025, 0.05, 0.075, 0.1, 0.2 * 5**-0.5])
    assert found[15] == pytest.approx(0.05)


def test_warm_up_by_steps_does_not_depend_on_their_number() -> None:
    assert rates(9, 3, schedule="constant", warmup_steps=2)[:4] == pytest.approx([0, 0.05, 0.1, 0.1])


def test_noam_without_warm_up_falls_from_the_first_step() -> None:
    assert rates(4, 4, schedule="noam") == pytest.approx([0.1, 0.1 / 2**0.5, 0.1 / 3**0.5, 0.05])


def test_constant_linear_and_cosine_after_warm_up() -> None:
    assert rates(4, 4, schedule="constant", warmup_ratio=0.5) == pytest.approx([0, 0.05, 0.1, 0.1])
    assert rates(4, 4, schedule="linear") == pytest.approx([0.1, 0.075, 0.05, 0.025])
    assert rates(4, 4, schedule="cosine") == pytest.approx([0.1, 0.0853553, 0.05, 0.0146447], abs=1e-6)


def test_warm_up_share_is_not_rounded_up_by_binary_fractions() -> None:
    # 0.1 * 30 is 3.0000000000000004: three steps rise, the fourth is at the peak.
    found = rates(30, 30, schedule="constant", warmup_ratio=0.1)
    assert found[3] == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("name", "kind"), [("adam", torch.optim.Adam), ("adamw", torch.optim.AdamW), ("sgd", torch.optim.SGD)]
)
def test_optimisers_and_what_they_decay(name: str, kind: type) -> None:
    network = nn.Sequential(nn.Linear(3, 2), nn.LayerNorm(2))
    optimizer = make_optimizer(network, TrainingConfig(optimizer=name, weight_decay=0.3, adam_epsilon=1e-7))
    assert type(optimizer) is kind
    decayed, kept = optimizer.param_groups
    assert [tuple(p.shape) for p in decayed["params"]] == [(2, 3)]
    assert decayed["weight_decay"] == 0.3
    assert [tuple(p.shape) for p in kept["params"]] == [(2,), (2,), (2,)]
    assert kept["weight_decay"] == 0
    if name != "sgd":
        assert decayed["eps"] == 1e-7
        assert decayed["betas"] == (0.9, 0.999)


def test_betas_of_adam_are_those_of_the_configuration() -> None:
    config = TrainingConfig(optimizer="adam", adam_beta1=0.8, adam_beta2=0.98)
    assert make_optimizer(nn.Linear(3, 2), config).defaults["betas"] == (0.8, 0.98)


def gradients(**fields: float) -> list[list[float]]:
    """Return the gradients of two variables, (3, -4) and (0.1, 0), after clipping."""
    network = nn.ParameterList([nn.Parameter(torch.zeros(2)) for _ in range(3)])
    network[0].grad, network[1].grad = torch.tensor([3.0, -4.0]), torch.tensor([0.1, 0.0])
    clip_variables(network, TrainingConfig(**fields))
    return [parameter.grad.tolist() for parameter in network if parameter.grad is not None]


def test_gradients_are_clipped_by_value_and_by_the_norm_of_each_variable() -> None:
    assert gradients() == [[3.0, -4.0], [pytest.approx(0.1), 0.0]]
    assert gradients(max_grad_value=0.5) == [[0.5, -0.5], [pytest.approx(0.1), 0.0]]
    assert gradients(max_variable_norm=1)[0] == pytest.approx([0.6, -0.8])
    assert gradients(max_variable_norm=1)[1] == pytest.approx([0.1, 0.0])
    # Value first: (0.5, -0.5) has norm 0.7071.
    assert gradients(max_grad_value=0.5, max_variable_norm=0.1)[0] == pytest.approx([0.070711, -0.070711], abs=1e-6)


def test_frozen_weights_are_not_trained() -> None:
    network = nn.Linear(3, 2)
    network.bias.requires_grad_(False)
    (group,) = make_optimizer(network, TrainingConfig()).param_groups
    assert [tuple(p.shape) for p in group["params"]] == [(2, 3)]
