"""Saturation mutagenesis of 1,000 promoters with the preset `cnn`: substitutions by parts against whole mutants.

All sides ask the same network for the same predictions: every base in place of every other, of inserts of 80 bases
(240 mutants each), both strands read. The peers read each mutant whole, one by one in a loop or all mutants of a
sequence in one batch, for the first sequences; their time is scaled. Predictions must be the same.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from benchmarks.comparison import OURS, compare, scaled
from benchmarks.table import Result, Row, finish, parser
from benchmarks.timing import Lap, medians, take_turns
from gxtool.io.promoter_encoding import DREAM_FIVE_PRIME, DREAM_THREE_PRIME
from gxtool.models.proformer.model import ProformerModel, ProformerModelConfig
from gxtool.models.registry import get_family, resolve_config

PEERS = {"loop": "one forward per mutant in a Python loop", "batch": "one forward for all mutants of a sequence"}
AT_LEAST = {"loop": 20.0}
SEQUENCES = {"tiny": 3, "full": 1_000}
PEER_SEQUENCES = {"tiny": 1, "full": 5}
LENGTH, INSERT, N_BASES = 100, 80, 4
# Predictions by parts are added up in another order.
TOLERANCE = 1e-3


def main() -> None:
    """Measure and print."""
    chosen = parser(__doc__ or "").parse_args()
    finish(measure(chosen.size, chosen.rounds or 5), chosen.results)


def measure(size: str, rounds: int) -> Result:
    """Let all contenders take turns, and check that they agree."""
    network, tokens = make_network(), sequences(SEQUENCES[size])
    some = tokens[: PEER_SEQUENCES[size]]
    ours = network.substitutions(some)
    agreement = {name: float(np.nanmax(np.abs(way(network, some) - ours))) for name, way in WAYS.items()}
    assert max(agreement.values()) < TOLERANCE, f"predictions differ: {agreement}"
    contenders = {OURS: lambda: network.substitutions(tokens)}
    contenders |= {name: lambda way=way: way(network, some) for name, way in WAYS.items()}
    laps = take_turns(contenders, rounds)
    for name in WAYS:
        laps[name] = scaled(laps[name], len(some) / len(tokens))
    facts = {
        "sequences": len(tokens),
        "mutants": 3 * int((tokens < N_BASES).sum()),
        "sequences_of_peers": len(some),
        "largest_difference": agreement,
        "threads": torch.get_num_threads(),
    }
    return Result("mutagenesis", size, rows_of(laps, facts, size), laps, facts)


def make_network() -> ProformerModel:
    """Return the preset's network with weights that are all of some use, as after training."""
    torch.manual_seed(1)
    section = resolve_config(get_family("proformer"), "cnn", (), ()).model.model_dump()
    network = ProformerModel(ProformerModelConfig(**section, flanks=(DREAM_FIVE_PRIME, DREAM_THREE_PRIME))).eval()
    nn.init.normal_(network.head.output.weight, std=0.1)
    return network


def sequences(number: int) -> np.ndarray:
    """Return random inserts (n, L), padded with N."""
    tokens = np.full((number, LENGTH), N_BASES, np.uint8)
    first = (LENGTH - INSERT) // 2
    tokens[:, first : first + INSERT] = np.random.default_rng(1).integers(0, N_BASES, (number, INSERT))
    return tokens


def mutants_of(row: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return every mutant (m, L) of a sequence (L,), its position and its base."""
    places, bases = np.nonzero((row[:, None] < N_BASES) & (row[:, None] != np.arange(N_BASES)))
    mutants = np.repeat(row[None], len(places), axis=0)
    mutants[np.arange(len(places)), places] = bases
    return mutants, places, bases


@torch.inference_mode()
def one_by_one(network: ProformerModel, tokens: np.ndarray) -> np.ndarray:
    """Return predictions (n, L, 4), each from a forward of its own."""
    found = np.full((*tokens.shape, N_BASES), np.nan)
    for number, row in enumerate(tokens):
        for mutant, place, base in zip(*mutants_of(row), strict=True):
            found[number, place, base] = network(torch.from_numpy(mutant).unsqueeze(0)).logits.item()
    return found


@torch.inference_mode()
def sequence_by_sequence(network: ProformerModel, tokens: np.ndarray) -> np.ndarray:
    """Return predictions (n, L, 4), a forward for each sequence."""
    found = np.full((*tokens.shape, N_BASES), np.nan)
    for number, row in enumerate(tokens):
        mutants, places, bases = mutants_of(row)
        found[number, places, bases] = network(torch.from_numpy(mutants)).logits[:, 0].numpy()
    return found


WAYS = {"loop": one_by_one, "batch": sequence_by_sequence}


def rows_of(laps: dict[str, list[Lap]], facts: dict, size: str) -> tuple[Row, ...]:
    """Return the table's rows; bounds hold at full size."""
    work = f"saturation mutagenesis of {facts['sequences']:,} promoters ({facts['mutants']:,} mutants), cnn, CPU"
    rows = compare(work, PEERS, laps, AT_LEAST if size == "full" else {})
    each = medians(laps[OURS]).wall / facts["mutants"] * 1e6
    return *rows, Row("the same: one mutant", "", "µs", ours=each)


if __name__ == "__main__":
    main()
