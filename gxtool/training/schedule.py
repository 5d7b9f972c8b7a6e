"""The optimiser, how its learning rate moves, and what becomes of large gradients."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR
from transformers import get_scheduler
from transformers.trainer_pt_utils import get_parameter_names

from gxtool.config import TrainingConfig

# Biases and the gains of normalisation layers are not decayed, as in transformers.
NOT_DECAYED = (r"bias", r"layernorm", r"rmsnorm", r"(?:^|\.)norm(?:$|\.)", r"_norm(?:$|\.)")
SCHEDULERS = {"constant": "constant_with_warmup", "linear": "linear", "cosine": "cosine"}


def make_optimizer(network: nn.Module, config: TrainingConfig) -> torch.optim.Optimizer:
    """Return the configured optimiser over the network's trainable parameters."""
    trained = {name: parameter for name, parameter in network.named_parameters() if parameter.requires_grad}
    decayed = set(get_parameter_names(network, [nn.LayerNorm], list(NOT_DECAYED))) if config.weight_decay else set()
    groups = [
        {"params": [p for name, p in trained.items() if name in decayed], "weight_decay": config.weight_decay},
        {"params": [p for name, p in trained.items() if name not in decayed], "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    # One fused kernel updates a whole group: on small networks the update costs as much as the rest of the step.
    options = {"lr": config.learning_rate, "fused": True}
    if config.optimizer == "sgd":
        return torch.optim.SGD(groups, **options)
    optimizer = torch.optim.AdamW if config.optimizer == "adamw" else torch.optim.Adam
    betas = (config.adam_beta1, config.adam_beta2)
    return optimizer(groups, betas=betas, eps=config.adam_epsilon, **options)


def clip_variables(network: nn.Module, config: TrainingConfig) -> None:
    """Clip gradients in place, each value and then each variable's norm, as Keras does with clipvalue and clipnorm."""
    gradients = [parameter.grad for parameter in network.parameters() if parameter.grad is not None]
    if config.max_grad_value and gradients:
        torch._foreach_clamp_min_(gradients, -config.max_grad_value)
        torch._foreach_clamp_max_(gradients, config.max_grad_value)
    if config.max_variable_norm and gradients:
        norms = torch.stack(torch._foreach_norm(gradients))
        factors = config.max_variable_norm / norms.clamp(min=config.max_variable_norm)
        torch._foreach_mul_(gradients, list(factors.unbind()))


def make_scheduler(
    optimizer: torch.optim.Optimizer, config: TrainingConfig, steps: int, steps_per_epoch: int
) -> LambdaLR:
    """Return the schedule over `steps` optimiser steps; warm-up rises from 0 over its share of them."""
    # Rounded first: 0.1 * 30 is a hair above 3 in binary.
    warmup = config.warmup_steps or math.ceil(round(config.warmup_ratio * steps, 6))
    if config.schedule == "noam":
        return LambdaLR(optimizer, partial(noam_factor, warmup=warmup))
    if config.schedule == "exponential":
        factor = partial(exponential_factor, warmup=warmup, per_epoch=steps_per_epoch, decay=config.lr_decay)
        return LambdaLR(optimizer, factor)
    if config.schedule == "inverse":
        return LambdaLR(optimizer, partial(inverse_factor, warmup=warmup, decay=config.lr_decay))
    return get_scheduler(SCHEDULERS[config.schedule], optimizer, num_warmup_steps=warmup, num_training_steps=steps)


def exponential_factor(step: int, warmup: int, per_epoch: int, decay: float) -> float:
    """Return decay**epoch, the epoch counted from 0 and the factor constant within it, times the warm-up's share."""
    return rising_share(step, warmup) * decay ** (step // per_epoch)


def inverse_factor(step: int, warmup: int, decay: float) -> float:
    """Return 1 / (1 + decay * step), steps counted from 0 as in Torch7's sgd, times the warm-up's share."""
    return rising_share(step, warmup) / (1 + decay * step)


def noam_factor(step: int, warmup: int) -> float:
    """Return the smaller of n / warmup and sqrt(warmup / n), n being the step counted from 1.

    With learning_rate 1 / sqrt(D * warmup) the learning rate is D**-0.5 * min(n**-0.5, n * warmup**-1.5), as published
    (Vaswani et al. 2017) for a network of width D.
    """
    number, warmup = step + 1, max(1, warmup)
    return min(number / warmup, math.sqrt(warmup / number))


def rising_share(step: int, warmup: int) -> float:
    """Return the share of the learning rate that warm-up has reached at a step."""
    return min(1.0, step / warmup) if warmup else 1.0


def learning_rate_at(scheduler: LambdaLR, step: int) -> float:
    """Return the learning rate of one optimiser step, counted from 0."""
    factor: Callable[[int], float] = scheduler.lr_lambdas[0]
    return scheduler.base_lrs[0] * factor(step)
