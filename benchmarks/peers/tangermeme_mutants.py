"""Saturation mutagenesis by tangermeme (Schreiber 2025), which takes any torch network; its own choice of a fast way.

Run as a program in an environment with tangermeme and gxtool. It builds the same network as `benchmarks.mutagenesis`,
predicts every substitution once after a warm-up, saves the predictions (n, L, 4) for comparison and prints wall and CPU
time (s) and its version as JSON.

    tangermeme_mutants.py PRESET SEQUENCES BATCH_SIZE PREDICTIONS.npy
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from importlib.metadata import version

import numpy as np
import torch
from tangermeme.saturation_mutagenesis import saturation_mutagenesis
from torch import Tensor, nn

from benchmarks.mutagenesis import INSERT, LENGTH, N_BASES, make_network, sequences

FIRST = (LENGTH - INSERT) // 2


class OneHot(nn.Module):
    """The network as tangermeme asks it: one-hot sequences (B, 4, L), flanks included, to predictions (B, T)."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, one_hot: Tensor) -> Tensor:
        return self.network(one_hot.transpose(1, 2)).logits


def main() -> None:
    """Time one run on one thread."""
    preset, number, batch_size, path = sys.argv[1:]
    torch.set_num_threads(1)
    network = make_network(preset)
    with torch.no_grad():
        one_hot = network.read_bases(torch.from_numpy(sequences(int(number)))).transpose(1, 2)  # (n, 4, L)

    def predict(sequences: Tensor) -> Tensor:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it says so where its fast way does not apply
            return saturation_mutagenesis(
                OneHot(network), sequences, start=FIRST, end=FIRST + INSERT, batch_size=int(batch_size),
                raw_outputs=True, device="cpu",
            )[1]  # fmt: skip

    predict(one_hot[:1])
    wall, cpu = time.perf_counter(), time.process_time()
    after = predict(one_hot)  # (n, 4, 80, T)
    lap = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu, "tangermeme": version("tangermeme")}
    found = np.full((len(after), LENGTH, N_BASES), np.nan)
    found[:, FIRST : FIRST + INSERT] = after[..., 0].transpose(1, 2).numpy()
    np.save(path, found)
    print(json.dumps(lap))


if __name__ == "__main__":
    main()
