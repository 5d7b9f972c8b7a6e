"""Training step of the preset `proformer` (47 million parameters): gxtool's network against the same layers written
plainly in fp32.

A step is loss, gradients and Adam's update of all weights, of a batch of random promoters; both sides have the same
sizes, the published loss with masked bases, and dropout. That they say the same of the same weights is a test of its
own (tests/models/proformer/test_parity.py). bf16 counts only where the processor computes with it.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import torch
from torch import Tensor, nn

from benchmarks.comparison import OURS, compare
from benchmarks.peers.plain_proformer import PlainProformer
from benchmarks.table import Result, Row, finish, parser
from benchmarks.timing import Lap, take_turns
from gxtool.models.proformer.model import ProformerModel, ProformerModelConfig
from gxtool.models.registry import get_family, resolve_config

PEERS = {"plain": "the same layers written plainly, fp32"}
AT_LEAST = 1.5
BATCH = {"tiny": 1, "full": 32}
LENGTH, N_PARAMETERS = 100, 47_425_543
BF16_FLAGS = ("avx512_bf16", "amx_bf16")


def main() -> None:
    """Measure and print."""
    chosen = parser(__doc__ or "").parse_args()
    finish(measure(chosen.size, chosen.rounds or 3), chosen.results)


def measure(size: str, rounds: int) -> Result:
    """Let the contenders take turns; each has taken a step before."""
    batch = BATCH[size]
    generator = torch.Generator().manual_seed(1)
    tokens = torch.randint(0, 4, (batch, LENGTH), generator=generator)
    labels = torch.randn(batch, generator=generator)
    contenders = {"plain": plain_step(tokens, labels), OURS: our_step(tokens, labels, None)}
    if computes_bf16():
        contenders["bf16"] = our_step(tokens, labels, torch.bfloat16)
    for step in contenders.values():
        step()
    laps = take_turns(contenders, rounds)
    facts = {"batch": batch, "threads": torch.get_num_threads(), "bf16": computes_bf16()}
    return Result("proformer_step", size, rows_of(laps, facts, size), laps, facts)


def computes_bf16() -> bool:
    """Say whether the processor multiplies bf16 matrices itself; elsewhere they are emulated, and slow."""
    cpuinfo = Path("/proc/cpuinfo")
    flags = cpuinfo.read_text().split() if cpuinfo.is_file() else []
    return any(flag in flags for flag in BF16_FLAGS)


def plain_step(tokens: Tensor, labels: Tensor) -> Callable[[], None]:
    """Return the peer's step."""
    return _step(PlainProformer(), lambda network: network.loss(tokens, labels), None)


def our_step(tokens: Tensor, labels: Tensor, dtype: torch.dtype | None) -> Callable[[], None]:
    """Return gxtool's step, in fp32 or with matrices in `dtype`."""
    section = resolve_config(get_family("proformer"), "proformer", (), ()).model.model_dump()
    network = ProformerModel(ProformerModelConfig(**section, length=LENGTH))
    small = tokens.to(torch.uint8)
    return _step(network, lambda network: network(small, labels).loss, dtype)


def _step(network: nn.Module, loss: Callable[[nn.Module], Tensor], dtype: torch.dtype | None) -> Callable[[], None]:
    assert sum(parameter.numel() for parameter in network.parameters()) == N_PARAMETERS
    network.train()
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-4, betas=(0.9, 0.98), eps=1e-9)

    def step() -> None:
        optimizer.zero_grad()
        with torch.autocast("cpu", dtype) if dtype else nullcontext():
            found = loss(network)
        found.backward()
        optimizer.step()

    return step


def rows_of(laps: dict[str, list[Lap]], facts: dict, size: str) -> tuple[Row, ...]:
    """Return the table's rows; bounds hold at full size. Nothing here measures a GPU."""
    work = f"training step of proformer, batch {facts['batch']}, CPU"
    bound = {"plain": AT_LEAST} if size == "full" else {}
    fast = {**laps, OURS: laps["bf16"]} if "bf16" in laps else None
    bf16 = compare(f"{work}, bf16", PEERS, fast, bound) if fast else [Row(f"{work}, bf16", PEERS["plain"])]
    return (
        *compare(f"{work}, fp32", PEERS, laps, {}),
        *bf16,
        Row("the same on a GPU, bf16 and compiled", "the same layers written plainly, TF32"),
    )


if __name__ == "__main__":
    main()
