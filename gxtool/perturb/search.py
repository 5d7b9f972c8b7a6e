"""Edit sequences under constraints until their score is high: by the best substitution at a time, or by breeding.

Everything here works on tokens and a score. What is random depends on the seed and the start alone, so a start has the
same proposal whatever stands beside it.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from gxtool.perturb.constraints import Constraints

N_BASES = 4
# Candidates that are made and scored together.
TOGETHER = 1 << 15
# Share of children that are crossed, and edits that a child draws anew on average.
CROSSED, MUTATIONS = 0.5, 1.5
# Random substitutions tried for each that is wanted, and steps of greedy search for each edit that is allowed.
TRIES, STEPS_PER_EDIT = 50, 3


@dataclass(frozen=True)
class Problem:
    """Starts (n, L) with their inserts' bounds (n, 2), where they may be edited (n, L), and what a proposal must be.

    score: tokens (m, L) -> values (m,), higher is better; score_substitutions: tokens (m, L) -> values (m, L, 4) with
    each base at each position.
    """

    starts: np.ndarray
    bounds: np.ndarray
    editable: np.ndarray
    constraints: Constraints
    score: Callable[[np.ndarray], np.ndarray]
    score_substitutions: Callable[[np.ndarray], np.ndarray]
    max_edits: int
    seed: int = 0

    def take(self, rows: np.ndarray) -> Problem:
        """Return the problem of some of the starts."""
        return replace(self, starts=self.starts[rows], bounds=self.bounds[rows], editable=self.editable[rows])

    def faults(self, tokens: np.ndarray, rows: np.ndarray | None = None) -> np.ndarray:
        """Count the faults (m,) of tokens (m, L) that come from the starts `rows`; None: one from each, in order."""
        return self.constraints.faults(tokens, self.bounds if rows is None else self.bounds[rows])

    def n_edits(self, tokens: np.ndarray) -> np.ndarray:
        """Count what differs (n,) between the starts and one sequence of each (n, L)."""
        return (tokens != self.starts).sum(axis=1)

    def generators(self, stream: int) -> list[np.random.Generator]:
        """Return one generator per start, which depends on seed, stream and the start's own bases."""
        return [np.random.default_rng([self.seed, stream, zlib.crc32(start.tobytes())]) for start in self.starts]


def repair(problem: Problem) -> np.ndarray:
    """Return the starts (n, L) with as few faults as substitutions one by one lead to, of equal ones the best scored.

    A start without a fault comes back as it is.
    """
    tokens = problem.starts.copy()
    for _ in range(problem.max_edits):
        rows = np.flatnonzero(problem.faults(tokens) > 0)
        better, _ = _best_substitution(problem.take(rows), tokens[rows], None)
        if not (better != tokens[rows]).any():
            break
        tokens[rows] = better
    return tokens


def greedy(problem: Problem, tokens: np.ndarray) -> np.ndarray:
    """Return `tokens` (n, L; repaired starts) after the best substitution at a time, until none is better.

    All substitutions of all starts are scored together. A base that was edited before may be edited again.
    """
    tokens = tokens.copy()
    values = problem.score(tokens)
    waiting = np.arange(len(tokens))
    # Every step is better than the one before, but for the last bits of a score: those must not go round for ever.
    for _ in range(STEPS_PER_EDIT * problem.max_edits):
        better, scores = _best_substitution(problem.take(waiting), tokens[waiting], values[waiting])
        moved = (better != tokens[waiting]).any(axis=1)
        waiting = waiting[moved]
        if not len(waiting):
            break
        tokens[waiting], values[waiting] = better[moved], scores[moved]
    return tokens


def _best_substitution(
    problem: Problem, tokens: np.ndarray, values: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Return every sequence (n, L) after its best substitution, or as it is where none is better, and scores (n,).

    values (n,): what the sequences score, which a substitution must exceed. None: repair; what counts is to have fewer
    faults, and the score only decides among equals.
    """
    found = tokens.copy()
    values_after = np.full(len(tokens), -np.inf) if values is None else values.copy()
    per_start = max(1, (N_BASES - 1) * tokens.shape[1])
    block = max(1, TOGETHER // per_start)
    for first in range(0, len(tokens), block):
        part = np.arange(first, min(first + block, len(tokens)))
        some = problem.take(part)
        (rows, columns, letters), candidates = _substitutions(some, tokens[part])
        faults = some.faults(candidates, rows)
        if values is None:
            before = some.faults(tokens[part])
            fewest = before.copy()
            np.minimum.at(fewest, rows, faults)
            kept = (faults == fewest[rows]) & (faults < before[rows])
        else:
            kept = faults == 0
        rows, columns, letters, candidates = rows[kept], columns[kept], letters[kept], candidates[kept]
        if not len(rows):
            continue
        scores = some.score_substitutions(tokens[part])[rows, columns, letters]
        # In the order of the score, so that the last one written for each start is its best; of equals the first.
        order = np.lexsort((-np.arange(len(rows)), scores))
        order = order[scores[order] > values_after[part[rows[order]]]]
        found[part[rows[order]]], values_after[part[rows[order]]] = candidates[order], scores[order]
    return found, values_after


def _substitutions(
    problem: Problem, tokens: np.ndarray
) -> tuple[tuple[np.ndarray, np.ndarray, np.ndarray], np.ndarray]:
    """Return every single substitution that is allowed, as start, position and base (m,), and the sequences (m, L)."""
    letters = np.arange(N_BASES, dtype=np.uint8)
    was_edited = tokens != problem.starts
    is_full = was_edited.sum(axis=1) >= problem.max_edits
    places = problem.editable & (was_edited | ~is_full[:, None])
    rows, columns, chosen = np.nonzero(places[:, :, None] & (tokens[:, :, None] != letters))
    candidates = tokens[rows]
    candidates[np.arange(len(rows)), columns] = letters[chosen]
    return (rows, columns, chosen), candidates


@dataclass(frozen=True)
class Breeding:
    """How many sequences of each start live through a generation, and how many generations there are."""

    population: int
    generations: int


def genetic(problem: Problem, tokens: np.ndarray, breeding: Breeding) -> np.ndarray:
    """Return the best of each start (n, L) that mutation, crossover and truncation find from `tokens` (repaired).

    Each start has a population of its own, all of one length, which keeps its best (elitism): of parents and
    children, those that break nothing, each once, the best scored live on.
    """
    if not len(tokens):
        return tokens
    generators = problem.generators(1)
    values = problem.score(tokens)
    pools = [(tokens[row : row + 1], values[row : row + 1]) for row in range(len(tokens))]
    for _ in range(breeding.generations):
        litters = [_children(problem, row, pools[row][0], generators[row], breeding) for row in range(len(tokens))]
        rows = np.repeat(np.arange(len(litters)), [len(litter) for litter in litters])
        children = np.concatenate(litters)
        fine = problem.faults(children, rows) == 0
        rows, children = rows[fine], children[fine]
        scores = _in_parts(problem.score, children)
        ends = np.searchsorted(rows, np.arange(len(pools) + 1))
        for row, (parents, kept) in enumerate(pools):
            own = slice(ends[row], ends[row + 1])
            pool, score = np.concatenate([parents, children[own]]), np.concatenate([kept, scores[own]])
            _, once = np.unique(pool, axis=0, return_index=True)
            once.sort()
            best = once[np.argsort(-score[once], kind="stable")[: breeding.population]]
            pools[row] = (pool[best], score[best])
    return np.stack([pool[0] for pool, _ in pools])


def _children(
    problem: Problem, row: int, parents: np.ndarray, random: np.random.Generator, breeding: Breeding
) -> np.ndarray:
    """Return as many children as the population has members: half of them of two parents, all of them mutated."""
    n = breeding.population
    start, free = problem.starts[row], np.flatnonzero(problem.editable[row])
    children = parents[random.integers(0, len(parents), n)]
    others = parents[random.integers(0, len(parents), n)]
    cut = random.integers(0, children.shape[1] + 1, n)
    from_other = (np.arange(children.shape[1]) >= cut[:, None]) & (random.random(n) < CROSSED)[:, None]
    children = np.where(from_other, others, children)
    if len(free):
        n_mutations = 1 + random.poisson(MUTATIONS - 1, n)
        which = np.repeat(np.arange(n), n_mutations)
        where = free[random.integers(0, len(free), len(which))]
        children[which, where] = (children[which, where] + random.integers(1, N_BASES, len(which))) % N_BASES
    return _undo_beyond(children, start, problem.max_edits, random)


def _undo_beyond(tokens: np.ndarray, start: np.ndarray, most: int, random: np.random.Generator) -> np.ndarray:
    """Return sequences (m, L) with edits beyond the `most` that are allowed taken back, which ones by chance."""
    is_edit = tokens != start
    rank = np.where(is_edit, random.random(tokens.shape), np.inf).argsort(axis=1).argsort(axis=1)
    return np.where(is_edit & (rank >= most), start, tokens)


def random_edits(problem: Problem, tokens: np.ndarray, n_edits: np.ndarray) -> np.ndarray:
    """Return `tokens` (n, L; repaired starts) with random substitutions, until `n_edits` (n,) bases are edited.

    They hold the same constraints as proposals do. Where no further one was found by chance, there are fewer.
    """
    tokens = tokens.copy()
    generators = problem.generators(2)
    for trial in range(TRIES * int(n_edits.max(initial=0))):
        open_places = problem.editable & (tokens == problem.starts)
        wanted = (problem.n_edits(tokens) < n_edits) & (trial < TRIES * n_edits)
        rows = np.flatnonzero(wanted & open_places.any(axis=1))
        if not len(rows):
            break
        tried = tokens[rows]
        for place, row in enumerate(rows):
            column = generators[row].choice(np.flatnonzero(open_places[row]))
            tried[place, column] = (tried[place, column] + generators[row].integers(1, N_BASES)) % N_BASES
        fine = problem.faults(tried, rows) == 0
        tokens[rows[fine]] = tried[fine]
    return tokens


def _in_parts(score: Callable[[np.ndarray], np.ndarray], tokens: np.ndarray) -> np.ndarray:
    parts = [score(tokens[first : first + TOGETHER]) for first in range(0, len(tokens), TOGETHER)]
    return np.concatenate([np.empty(0), *parts])
