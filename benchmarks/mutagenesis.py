"""Saturation mutagenesis of 1,000 promoters: gxtool's substitutions against whole mutants.

All sides ask the same network for the same predictions: every base in place of every other, of inserts of 80 bases
(240 mutants each), both strands read. The peers read each mutant whole, one by one in a loop or all mutants of a
sequence in one batch, for the first sequences; their time is scaled. Predictions must be the same. `cnn` is asked by
parts. LegNet weighs its filters by means over the sequence: up to there mutants share what they have in common, behind
it every position of every mutant is computed. tangermeme runs in an environment of its own. All on one thread.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn

from benchmarks.comparison import OURS, compare, scaled
from benchmarks.fresh import ROOT
from benchmarks.table import Result, Row, finish, parser
from benchmarks.timing import Lap, medians, take_turns
from benchmarks.uv import run_with_packages
from gxtool.io.promoter_encoding import DREAM_FIVE_PRIME, DREAM_THREE_PRIME
from gxtool.models.proformer.model import ProformerModel, ProformerModelConfig
from gxtool.models.registry import get_family, resolve_config

TANGERMEME = ("tangermeme==1.6.0", f"gxtool[train] @ file://{ROOT}")
PEERS = {
    "loop": "one forward per mutant in a Python loop",
    "batch": "one forward for all mutants of a sequence",
    "tangermeme": "tangermeme's saturation_mutagenesis, 64 mutants a forward",
}
AT_LEAST = {"cnn": {"loop": 20.0}, "legnet-small": {"batch": 1.5, "tangermeme": 1.5}}
PRESETS = {"tiny": {"cnn": 3, "legnet-small": 1}, "full": {"cnn": 1_000, "legnet-small": 20}}
"""Preset -> sequences whose mutants are predicted."""
PEER_SEQUENCES = {"tiny": 1, "full": 5}
LENGTH, INSERT, N_BASES = 100, 80, 4
# Predictions by parts are added up in another order.
TOLERANCE = 1e-3


def main() -> None:
    """Measure and print."""
    options = parser(__doc__ or "")
    options.add_argument("--offline", action="store_true", help="without tangermeme")
    chosen = options.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory(prefix="gxtool-bench-", dir=chosen.folder) as folder:
        result = measure(Path(folder), chosen.size, chosen.rounds or 5, chosen.offline)
    finish(result, chosen.results)


def measure(folder: Path, size: str, rounds: int, offline: bool) -> Result:
    """Let all contenders take turns with each preset, and check that they agree."""
    rows: list[Row] = []
    laps: dict[str, dict[str, list[Lap]]] = {}
    facts: dict[str, Any] = {"threads": torch.get_num_threads()}
    for preset, number in PRESETS[size].items():
        tangermeme = Tangermeme(preset, PEER_SEQUENCES[size], folder)
        # Its environment holds torch: making it takes longer than all else at tiny size.
        found = not offline and tangermeme.tried()
        laps[preset], facts[preset] = measure_preset(
            preset, sequences(number), PEER_SEQUENCES[size], tangermeme if found else None, rounds
        )
        bounds = AT_LEAST[preset] if size == "full" else {}
        rows += rows_of(preset, laps[preset], facts[preset], bounds)
    return Result("mutagenesis", size, tuple(rows), laps, facts)


class Tangermeme(NamedTuple):
    """tangermeme in an environment of its own, over the first `n` sequences of a preset."""

    preset: str
    n: int
    folder: Path

    def run(self, offline: bool = True) -> Lap:
        """Return the lap that it measures itself; its predictions lie in the folder.

        Raises:
            RuntimeError: the environment cannot be made.
            FileNotFoundError: uv is not installed.
        """
        program = str(ROOT / "benchmarks" / "peers" / "tangermeme_mutants.py")
        command = ["env", f"PYTHONPATH={ROOT}", "python", program, self.preset, str(self.n), "64", str(self.path)]
        measured = json.loads(run_with_packages(TANGERMEME, command, offline, self.folder).splitlines()[-1])
        return Lap(measured["wall"], measured["cpu"])

    def tried(self) -> bool:
        """Return whether it can be measured, and say why not."""
        try:
            self.run(offline=False)
        except (RuntimeError, FileNotFoundError) as error:
            print(f"without tangermeme: {error}", file=sys.stderr)
            return False
        return True

    @property
    def path(self) -> Path:
        """Where it writes its predictions (n, L, 4)."""
        return self.folder / f"{self.preset}.npy"


def measure_preset(
    preset: str, tokens: np.ndarray, n_some: int, tangermeme: Tangermeme | None, rounds: int
) -> tuple[dict[str, list[Lap]], dict[str, Any]]:
    """Return all laps with one preset, the peers' as for all sequences, and what was found on the way."""
    network, some = make_network(preset), tokens[:n_some]
    ours = network.substitutions(some)[..., 0]
    agreement = {name: float(np.nanmax(np.abs(way(network, some) - ours))) for name, way in WAYS.items()}
    if tangermeme:
        agreement["tangermeme"] = float(np.nanmax(np.abs(np.load(tangermeme.path) - ours)))
    assert max(agreement.values()) < TOLERANCE, f"predictions differ: {agreement}"
    contenders = {OURS: lambda: network.substitutions(tokens)}
    contenders |= {name: lambda way=way: way(network, some) for name, way in WAYS.items()}
    if tangermeme:
        contenders["tangermeme"] = tangermeme.run
    laps = take_turns(contenders, rounds)
    for name in [*WAYS, *(["tangermeme"] if tangermeme else [])]:
        laps[name] = scaled(laps[name], len(some) / len(tokens))
    mutants = 3 * int((tokens < N_BASES).sum())
    return laps, {
        "sequences": len(tokens),
        "mutants": mutants,
        "sequences_of_peers": len(some),
        "largest_difference": agreement,
    }


def make_network(preset: str) -> ProformerModel:
    """Return a preset's network with weights that are all of some use, as after training."""
    torch.manual_seed(1)
    section = resolve_config(get_family("proformer"), preset, (), ()).model.model_dump()
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


def rows_of(preset: str, laps: dict[str, list[Lap]], facts: dict[str, Any], bounds: dict[str, float]) -> list[Row]:
    """Return the table's rows of one preset."""
    work = f"saturation mutagenesis of {facts['sequences']:,} promoters ({facts['mutants']:,} mutants), {preset}, CPU"
    each = medians(laps[OURS]).wall / facts["mutants"] * 1e6
    return [*compare(work, PEERS, laps, bounds), Row("the same: one mutant", "", "µs", ours=each)]


if __name__ == "__main__":
    main()
