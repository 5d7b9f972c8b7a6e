"""Follow the gradient of the networks to better sequences, through samples that are sequences (straight-through)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

from gxtool.perturb.inside import explained_output, forward_arguments, plain_kernels
from gxtool.perturb.search import N_BASES, Problem
from gxtool.training.predict import Model

# Starts per forward pass: gradients need the memory of every layer.
BATCH = 128
# Share that every base has at the start, whose logarithm the logits begin at: log of 1 + EPS and of EPS.
EPS = 1e-2
TEMPERATURE = 1.0
LEARNING_RATE = 0.3


@dataclass(frozen=True)
class Objective:
    """What the networks are to say: high (sign 1) or low (-1), or near `value` (0), and how the way there is gone.

    scale: one standard deviation of predictions; edit_penalty: what an edit costs, in these; steps of the optimiser.
    """

    sign: int
    value: float
    scale: float
    edit_penalty: float
    steps: int

    def loss(self, outputs: torch.Tensor) -> torch.Tensor:
        """Return how far outputs (n,) are from what is wanted (n,), in standard deviations, up to a constant."""
        distance = (outputs - self.value) / self.scale
        return -self.sign * distance if self.sign else distance.abs()


def follow_gradient(
    problem: Problem, tokens: np.ndarray, models: Sequence[Model], name: str, objective: Objective
) -> np.ndarray:
    """Return the best of each start (n, L) among the samples on the way, `tokens` (repaired starts) among them.

    Logits are log(X + eps) + W, with X the one-hot start and W fitted by Adam. A step draws one sequence with Gumbel
    noise; networks read it as it is, and its gradient is taken for that of the softmax behind it. An edit costs
    `edit_penalty` (Schreiber et al. 2020, Ledidi). Of samples with too many edits those are kept that the logits
    prefer most; those that break a constraint are passed over.
    """
    found = [
        _follow(problem.take(rows), tokens[rows], models, name, objective)
        for rows in (np.arange(first, min(first + BATCH, len(tokens))) for first in range(0, len(tokens), BATCH))
    ]
    return np.concatenate([tokens[:0], *found])


def _follow(
    problem: Problem, tokens: np.ndarray, models: Sequence[Model], name: str, objective: Objective
) -> np.ndarray:
    device = models[0].machine.device
    generators = problem.generators(3)
    best, values = tokens.copy(), problem.score(tokens)
    free = torch.tensor(problem.editable, device=device)
    shares = functional.one_hot(torch.tensor(problem.starts, device=device).long(), N_BASES + 1).float()  # (n, L, 5)
    origin = (shares[..., :N_BASES] + EPS).log()
    moved = torch.zeros_like(origin, requires_grad=True)
    optimiser = torch.optim.Adam([moved], lr=LEARNING_RATE)
    rest = {key: value for key, value in forward_arguments(models[0], {name: tokens}).items() if key != name}
    for _ in range(objective.steps):
        noise = np.stack([random.gumbel(size=origin.shape[1:]) for random in generators])
        logits = origin + moved
        soft = ((logits + torch.tensor(noise, dtype=logits.dtype, device=device)) / TEMPERATURE).softmax(dim=2)
        chosen = soft.argmax(dim=2)
        hard = functional.one_hot(chosen, N_BASES) + soft - soft.detach()
        # Only what may be edited is: everything else is the start, and has no gradient.
        sample = torch.where(free[..., None], functional.pad(hard, (0, 1)), shares)
        edits = (1 - (sample * shares).sum(dim=2)).sum(dim=1)
        with torch.enable_grad(), plain_kernels():
            outputs = [explained_output(model, {**rest, name: sample}) for model in models]
            loss = objective.loss(torch.stack(outputs).mean(dim=0)) + objective.edit_penalty * edits
        (moved.grad,) = torch.autograd.grad(loss.sum(), moved)
        optimiser.step()
        drawn = _within(problem, chosen.cpu().numpy(), logits.detach().cpu().numpy())
        best, values = _better(problem, (best, values), drawn)
    return best


def _within(problem: Problem, chosen: np.ndarray, logits: np.ndarray) -> np.ndarray:
    """Return drawn sequences (n, L) with at most `max_edits` edits: those the logits prefer most to the start."""
    drawn = np.where(problem.editable, chosen, problem.starts).astype(np.uint8)
    is_edit = drawn != problem.starts
    base = np.minimum(problem.starts, N_BASES - 1)[..., None].astype(np.int64)
    now = np.minimum(drawn, N_BASES - 1)[..., None].astype(np.int64)
    gain = (np.take_along_axis(logits, now, 2) - np.take_along_axis(logits, base, 2))[..., 0]
    rank = np.where(is_edit, -gain, np.inf).argsort(axis=1, kind="stable").argsort(axis=1)
    return np.where(is_edit & (rank >= problem.max_edits), problem.starts, drawn)


def _better(problem: Problem, best: tuple[np.ndarray, np.ndarray], drawn: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return sequences (n, L) and scores (n,) after those that were drawn replaced what is worse."""
    tokens, values = best[0].copy(), best[1].copy()
    rows = np.flatnonzero((problem.faults(drawn) == 0) & (drawn != tokens).any(axis=1))
    if len(rows):
        scores = problem.score(drawn[rows])
        rows, scores = rows[scores > values[rows]], scores[scores > values[rows]]
        tokens[rows], values[rows] = drawn[rows], scores
    return tokens, values
