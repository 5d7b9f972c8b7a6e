"""Random promoters whose expression follows from planted motifs: the files of the DREAM 2022 challenge, made up.

A promoter is 80 random bases, some of them replaced by motifs, between the two constant flanks. Its activity is
  bias + sum over places and motifs of  weight * place * (fit + other_strand * fit of the reverse complement)
where fit is 1 for the motif itself and falls by MISMATCH with every base that differs, and its true expression is
17 / (1 + exp(-activity)). So any sequence has a true expression (`true_expression`), designed ones too.
What is measured has noise; most measurements of training promoters are whole numbers, the noisier ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from gxtool.errors import ConfigError
from gxtool.simulate.promoter_extras import write_motifs, write_variants
from gxtool.simulate.promoter_files import FLANKS, TestSet, write_test, write_train

INSERT = 80
MOTIF = 7
TOP = 17.0
BIAS = -0.6
MISMATCH = 0.06
# Share of training values seen in one sorting bin only, and standard deviations of the measurements.
WHOLE_SHARE = 0.58
WHOLE_NOISE, NOISE = 2.0, 0.9
# The test set is measured better, and on another scale: (expression - TEST_CENTRE) / TEST_SCALE.
TEST_CENTRE, TEST_SCALE, TEST_NOISE = 8.5, 6.0, 0.06
MOTIFS_PER_PROMOTER = 1.6
# Share of training promoters whose insert is not 80 bases long, and that hold an N.
ODD_LENGTH, HOLDS_N = 0.12, 0.004
_CHUNK = 50_000
_LETTERS = np.frombuffer(b"ACGTN", np.uint8)


class Motif(NamedTuple):
    """A motif: effect of a perfect one at its best place, share of it on the other strand, and how the place counts.

    slope: share that the effect loses from the 3' end of the insert (next to the gene) to its 5' end.
    """

    name: str
    consensus: str
    weight: float
    other_strand: float
    slope: float


# Named after yeast factors with such cores; weights are made up.
MOTIFS = (
    Motif("REB1", "TTACCCG", 2.4, 1.0, 0.2),
    Motif("GCN4", "TGACTCA", 1.8, 1.0, 0.5),
    Motif("RAP1", "ACCCATA", 2.0, 0.4, 0.3),
    Motif("TBP", "TATAAAG", 1.5, 0.0, 0.9),
    Motif("MIG1", "CCCCGCG", -2.0, 1.0, 0.3),
    Motif("ROX1", "ATTGTTC", -1.6, 0.7, 0.4),
)


class Size(NamedTuple):
    """Promoters to train on, random ones to test on, and pairs of each of three kinds in the test set."""

    n_train: int
    n_random: int
    n_pairs: int


SIZES = {"demo": Size(6_000, 900, 120), "full": Size(6_739_258, 40_000, 5_000)}


@dataclass(frozen=True)
class Planted:
    """Inserts (n, 80) as 0 to 3 and where motifs were planted: (row, start, motif, on the other strand) each."""

    bases: np.ndarray
    sites: np.ndarray


def simulate(folder: Path, size: str, seed: int) -> None:
    """Write training and test promoters, the challenge's lists, motifs, variants, samplesheet.csv and truth.json.

    The same size and seed give the same bytes. `full` has as many training promoters as the challenge.

    Raises:
        ConfigError: an unknown size.
    """
    if size not in SIZES:
        raise ConfigError(f"size {size}: expected one of {', '.join(SIZES)}")
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    chosen = SIZES[size]
    chunks = range(0, chosen.n_train, _CHUNK)
    write_train(
        folder,
        (_train_rows(min(_CHUNK, chosen.n_train - first), np.random.default_rng([seed, first])) for first in chunks),
    )
    test = _test_set(chosen, np.random.default_rng([seed, chosen.n_train]))
    write_test(folder, test, _truth(test, seed), np.random.default_rng([seed, chosen.n_train + 1]))
    write_motifs(folder, [(motif.name, motif.consensus) for motif in MOTIFS])
    write_variants(folder, test)


def true_expression(sequences: list[str]) -> np.ndarray:
    """Return expression (n,), 0 to 17 and without noise, of inserts of A, C, G and T, each of at least 7 bases.

    Motifs count by their distance from the 3' end, so that shorter and longer inserts have an expression too.
    """
    lengths = np.array([len(sequence) for sequence in sequences])
    expression = np.empty(len(sequences))
    for length in np.unique(lengths):
        rows = np.flatnonzero(lengths == length)
        expression[rows] = _expression(np.stack([_bases(sequences[row]) for row in rows]))
    return expression


def effect_of_places(sequence: str) -> np.ndarray:
    """Return what each base (L,) adds to activity: the effect of every window that holds it, shared among its bases."""
    effects = _window_effects(_bases(sequence)[None])[0]
    return np.convolve(effects / MOTIF, np.ones(MOTIF))


def _bases(sequence: str) -> np.ndarray:
    return np.array(["ACGT".index(letter) for letter in sequence], np.int64)


def _tables() -> np.ndarray:
    """Return the effect of every word of 7 bases in each motif's best place (motifs, 4**7)."""
    words = np.stack(np.unravel_index(np.arange(4**MOTIF), (4,) * MOTIF), axis=1)  # (4**7, 7)
    tables = []
    for motif in MOTIFS:
        wanted = _bases(motif.consensus)
        fit = MISMATCH ** (words != wanted).sum(axis=1)
        other = MISMATCH ** (words != 3 - wanted[::-1]).sum(axis=1)
        tables.append(motif.weight * (fit + motif.other_strand * other))
    return np.array(tables)


_TABLES = _tables()


def _window_effects(bases: np.ndarray) -> np.ndarray:
    """Return the effect of the window that begins at each place (n, L - 6) of inserts (n, L)."""
    n_windows = bases.shape[1] - MOTIF + 1
    words = sum(
        bases[:, offset : offset + n_windows].astype(np.int32) * 4 ** (MOTIF - 1 - offset) for offset in range(MOTIF)
    )
    # Share of the way from the 3' end, counted in inserts of 80 bases.
    away = np.minimum(np.arange(n_windows)[::-1] / (INSERT - MOTIF), 1)
    places = np.array([1 - motif.slope * away for motif in MOTIFS])  # (motifs, places)
    effects = np.empty(words.shape)
    for place in range(n_windows):
        effects[:, place] = (places[:, place] @ _TABLES)[words[:, place]]
    return effects


def _expression(bases: np.ndarray) -> np.ndarray:
    return TOP / (1 + np.exp(-BIAS - _window_effects(bases).sum(axis=1)))


def _plant(n: int, rng: np.random.Generator) -> Planted:
    """Return random inserts with motifs in them, never two at one place."""
    bases = rng.integers(0, 4, (n, INSERT), dtype=np.uint8)
    slots = INSERT // (MOTIF + 1)
    wanted = np.minimum(rng.poisson(MOTIFS_PER_PROMOTER, n), slots)
    order = rng.random((n, slots)).argsort(axis=1)
    rows, rank = np.nonzero(np.arange(slots) < wanted[:, None])
    starts = order[rows, rank] * (MOTIF + 1) + rng.integers(0, 2, len(rows))
    motifs = rng.integers(0, len(MOTIFS), len(rows))
    reverse = rng.integers(0, 2, len(rows))
    forward = np.array([_bases(motif.consensus) for motif in MOTIFS])
    both = np.stack([forward, 3 - forward[:, ::-1]], axis=1)  # (motifs, strands, 7)
    bases[rows[:, None], starts[:, None] + np.arange(MOTIF)] = both[motifs, reverse]
    return Planted(bases, np.stack([rows, starts, motifs, reverse], axis=1))


def _train_rows(n: int, rng: np.random.Generator) -> tuple[list[bytes], np.ndarray]:
    """Return inserts as text, some longer or shorter and some with an N, and measured expression (n,)."""
    bases = _plant(n, rng).bases
    whole = rng.random(n) < WHOLE_SHARE
    measured = _expression(bases) + np.where(whole, WHOLE_NOISE, NOISE) * rng.standard_normal(n)
    measured = np.clip(np.where(whole, np.rint(measured), measured), 0, TOP)
    with_n = np.flatnonzero(rng.random(n) < HOLDS_N)
    bases[with_n, rng.integers(0, INSERT, len(with_n))] = 4
    text = _LETTERS[bases].tobytes()
    inserts = [text[first : first + INSERT] for first in range(0, len(text), INSERT)]
    for row in np.flatnonzero(rng.random(n) < ODD_LENGTH):
        # As a slip of synthesis would: at the 5' end, so that places count from the 3' end as before.
        change = int(rng.integers(1, 7))
        more = _LETTERS[rng.integers(0, 4, change)].tobytes()
        inserts[row] = inserts[row][change:] if rng.random() < 0.5 else more + inserts[row]
    return inserts, measured


def _test_set(size: Size, rng: np.random.Generator) -> TestSet:
    """Return random promoters, then pairs: one base changed, a motif destroyed, a motif moved."""
    groups = [_plant(size.n_random, rng)]
    pairs, first = {}, size.n_random
    for kind, change in (("SNVs", _mutate), ("motif_perturbation", _destroy), ("motif_tiling", _move)):
        reference = _plant(size.n_pairs, rng)
        groups += [reference, change(reference, rng)]
        rows = np.arange(first, first + size.n_pairs)
        pairs[kind] = np.stack([rows + size.n_pairs, rows], axis=1)  # alternative, reference
        first += 2 * size.n_pairs
    bases = np.concatenate([group.bases for group in groups])
    offsets = np.cumsum([0, *(len(group.bases) for group in groups[:-1])])
    sites = np.concatenate([group.sites for group in groups])
    sites[:, 0] += np.repeat(offsets, [len(group.sites) for group in groups])
    expression = _expression(bases)
    measured = (expression - TEST_CENTRE) / TEST_SCALE + TEST_NOISE * rng.standard_normal(len(bases))
    text = _LETTERS[bases].tobytes()
    inserts = [text[first : first + INSERT] for first in range(0, len(text), INSERT)]
    return TestSet(inserts, expression, measured, sites, _site_effects(sites), size.n_random, pairs)


def _site_effects(sites: np.ndarray) -> np.ndarray:
    """Return what each planted motif adds to activity (sites,)."""
    _, starts, motifs, reverse = sites.T
    weight, other, slope = np.array([(motif.weight, motif.other_strand, motif.slope) for motif in MOTIFS])[motifs].T
    away = 1 - starts / (INSERT - MOTIF)
    return weight * (1 - slope * away) * np.where(reverse, other, 1)


def _mutate(planted: Planted, rng: np.random.Generator) -> Planted:
    """Change one base: in half of the promoters that have a motif one of its bases, else any."""
    bases = planted.bases.copy()
    rows = np.arange(len(bases))
    places = rng.integers(0, INSERT, len(bases))
    first = _first_site(planted.sites)
    first = first[rng.random(len(first)) < 0.5]
    places[first[:, 0]] = first[:, 1] + rng.integers(0, MOTIF, len(first))
    bases[rows, places] = (bases[rows, places] + rng.integers(1, 4, len(bases), dtype=np.uint8)) % 4
    return Planted(bases, _intact(bases, planted.sites))


def _destroy(planted: Planted, rng: np.random.Generator) -> Planted:
    bases = planted.bases.copy()
    for row, start, _, _ in _first_site(planted.sites):
        bases[row, start : start + MOTIF] = rng.integers(0, 4, MOTIF)
    return Planted(bases, _intact(bases, planted.sites))


def _move(planted: Planted, rng: np.random.Generator) -> Planted:
    bases = planted.bases.copy()
    sites = planted.sites.copy()
    for row, start, motif, reverse in _first_site(planted.sites):
        word = bases[row, start : start + MOTIF].copy()
        bases[row, start : start + MOTIF] = rng.integers(0, 4, MOTIF)
        target = int(rng.integers(0, INSERT - MOTIF + 1))
        bases[row, target : target + MOTIF] = word
        sites = np.concatenate([sites, [[row, target, motif, reverse]]])
    return Planted(bases, _intact(bases, np.unique(sites, axis=0)))


def _first_site(sites: np.ndarray) -> np.ndarray:
    return sites[np.unique(sites[:, 0], return_index=True)[1]]


def _intact(bases: np.ndarray, sites: np.ndarray) -> np.ndarray:
    """Return the sites whose motif still stands there."""
    forward = np.array([_bases(motif.consensus) for motif in MOTIFS])
    both = np.stack([forward, 3 - forward[:, ::-1]], axis=1)
    words = bases[sites[:, :1], sites[:, 1:2] + np.arange(MOTIF)]
    return sites[(words == both[sites[:, 2], sites[:, 3]]).all(axis=1)]


def _truth(test: TestSet, seed: int) -> dict[str, object]:
    motifs = [motif._asdict() for motif in MOTIFS]
    return {
        "seed": seed,
        "flanks": list(FLANKS),
        "bias": BIAS,
        "mismatch": MISMATCH,
        "top": TOP,
        "test_scale": [TEST_CENTRE, TEST_SCALE],
        "motifs": motifs,
        "test_pearson_of_truth": round(float(np.corrcoef(test.expression, test.measured)[0, 1]), 4),
    }
