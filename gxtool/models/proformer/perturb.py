"""Changes of promoters whose effect on the prediction says what a model reads.

A position is counted from 0 in the padded sequence that the network sees.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from gxtool.data.motifs import consensus
from gxtool.data.sequence import N_BASES, dinucleotide_shuffle, reverse_complement
from gxtool.io.dataset import Dataset
from gxtool.io.nucleotides import BASES, N_TOKEN
from gxtool.models.base import CONCERNED, Probe
from gxtool.models.proformer.config import ProformerPerturbConfig
from gxtool.models.proformer.side import motifs_of, variants_table
from gxtool.models.proformer.variants import letters_to_tokens

Arrays = dict[str, np.ndarray]
LETTERS = BASES[:N_BASES]
# What the way of integrated gradients begins with: nothing is known of any base.
BASELINE = 1 / N_BASES
ALTERNATIVE = "alternative allele"


def mutation(
    rows: Mapping[str, np.ndarray], dataset: Dataset, config: ProformerPerturbConfig
) -> Iterator[tuple[str, Arrays]]:
    """Yield, for each position and base, such as `17:G`, the rows with that base there.

    Rows that have that base there already, or no base at all (N), are not concerned.
    """
    tokens = rows["tokens"]
    for position in range(tokens.shape[1]):
        for base, letter in enumerate(LETTERS):
            concerned = (tokens[:, position] < N_BASES) & (tokens[:, position] != base)
            changed = tokens.copy()
            changed[concerned, position] = base
            yield f"{position}:{letter}", {**rows, "tokens": changed, CONCERNED: concerned}


def share_path(rows: Mapping[str, np.ndarray], dataset: Dataset, t: float) -> tuple[str, np.ndarray, np.ndarray]:
    """Return `tokens`, the shares (n, L, 5) of A, C, G, T and N at t, and their derivative by t.

    The way is straight from a quarter of each base (0) to the base that is there (1); N stays N.
    """
    tokens = rows["tokens"]
    there = np.eye(N_BASES + 1)[np.minimum(tokens, N_TOKEN)]
    nothing = np.where((tokens < N_BASES)[..., None], np.array([*[BASELINE] * N_BASES, 0]), there)
    return "tokens", (nothing + t * (there - nothing)).astype(np.float32), there - nothing


def share_places(values: np.ndarray, dataset: Dataset) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the name of each position and what its shares (n, L, 5) add together (n,)."""
    for position in range(values.shape[1]):
        yield str(position), values[:, position].sum(axis=1)


def variants(dataset: Dataset, config: ProformerPerturbConfig) -> Iterator[Probe]:
    """Yield the variants of the sample: the sequences with their reference and with their alternative alleles."""
    rows = dataset.splits["row"]
    table = variants_table(dataset, dataset.rows["sample"][rows[0]]) if len(rows) else None
    if table is not None and len(table):
        before, after = ({"tokens": letters_to_tokens(table[side])} for side in ("reference", "alternative"))
        yield Probe(table["name"].to_list(), ALTERNATIVE, before, after)


def motif(dataset: Dataset, config: ProformerPerturbConfig) -> Iterator[Probe]:
    """Yield, for each motif and strand, shuffled test sequences without and with its consensus in their middle.

    Backgrounds are test sequences (`max_rows` at most, a seeded choice) in a random order with the same count of every
    dinucleotide. Those too short for a motif are not concerned.
    """
    motifs = motifs_of(dataset)
    backgrounds = shuffled(dataset, config.max_rows) if motifs else np.zeros((0, 0), np.uint8)
    if not len(backgrounds):
        return
    first = np.argmax(backgrounds < N_BASES, axis=1)
    sizes = backgrounds.shape[1] - np.argmax(backgrounds[:, ::-1] < N_BASES, axis=1) - first
    units, before = [f"background {number}" for number in range(1, len(backgrounds) + 1)], {"tokens": backgrounds}
    for one in motifs:
        forward = consensus(one.probabilities)
        starts = first + (sizes - len(forward)) // 2
        concerned = sizes >= len(forward)
        places = starts[concerned, None] + np.arange(len(forward))
        for strand, word in (("+", forward), ("-", reverse_complement(forward))):
            after = backgrounds.copy()
            after[np.flatnonzero(concerned)[:, None], places] = word
            yield Probe(units, f"{one.name} {strand}", before, {"tokens": after, CONCERNED: concerned})


def shuffled(dataset: Dataset, most: int) -> np.ndarray:
    """Return at most so many test sequences (n, L), each in a random order that keeps its dinucleotides."""
    rows, rng = dataset.splits.filter(role="test")["row"].to_numpy(), np.random.default_rng(0)
    rows = np.sort(rng.choice(rows, most, replace=False) if len(rows) > most else rows)
    tokens = dataset.arrays["tokens"][rows]
    tokens = tokens[(tokens < N_BASES).any(axis=1)]
    return np.stack([dinucleotide_shuffle(row, rng) for row in tokens]) if len(tokens) else tokens


def substituted(model: Any, tokens: np.ndarray) -> np.ndarray:
    """Return predictions (n, L, 4) of the model's target with each base at each position of tokens (n, L)."""
    return model.network.substitutions(tokens)[..., model.target or 0]


def mutation_directly(
    model: Any, rows: Mapping[str, np.ndarray], dataset: Dataset, config: ProformerPerturbConfig
) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the changes of `mutation` and the predictions with them (n, T), found without reading whole mutants."""
    found = model.network.substitutions(rows["tokens"])
    for position in range(found.shape[1]):
        for base, letter in enumerate(LETTERS):
            yield f"{position}:{letter}", found[:, position, base]
