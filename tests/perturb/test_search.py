"""Searches against scores whose best sequence is known, and what holds for whatever they find."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gxtool.config import DesignConfig
from gxtool.data.sequence import centre_pad, sequence_of, tokens_of
from gxtool.models.base import DesignSpace
from gxtool.perturb.constraints import constraints_of, editable
from gxtool.perturb.proposals import faultless
from gxtool.perturb.search import Breeding, Problem, genetic, greedy, random_edits, repair

FLANKS = ("CATG", "TTCAC")
LENGTH = 16
# What each base (columns A, C, G, T, N) is worth at each place: all different, so that the best is one sequence.
WORTH = np.random.default_rng(7).permutation(LENGTH * 5).reshape(LENGTH, 5).astype(float)
STRATEGIES = ("greedy", "genetic", "random")


def worth(tokens: np.ndarray) -> np.ndarray:
    """Return the sum over places of what the base there is worth (n,)."""
    return WORTH[np.arange(LENGTH), tokens].sum(axis=1)


def space_of(*inserts: str) -> DesignSpace:
    """Return inserts between the flanks, padded to one length."""
    tokens = np.stack([centre_pad(tokens_of(insert), LENGTH) for insert in inserts])
    left = np.array([(LENGTH - len(insert)) // 2 for insert in inserts])
    bounds = np.stack([left, left + [len(insert) for insert in inserts]], axis=1)
    return DesignSpace("tokens", list(inserts), tokens, bounds, FLANKS, lambda model, tokens: NotImplemented)


def problem_of(space: DesignSpace, config: DesignConfig, score: Callable = worth) -> Problem:
    rules, free = constraints_of(config, space.flanks), editable(space, config.protected)
    return Problem(space.tokens, space.bounds, free, rules, score, one_by_one(score), config.max_edits, config.seed)


def one_by_one(score: Callable) -> Callable:
    """Return how sequences (n, L) score with each base at each position (n, L, 4), each of them scored whole."""

    def substituted(tokens: np.ndarray) -> np.ndarray:
        found = np.zeros((*tokens.shape, 4))
        for place in range(tokens.shape[1]):
            for base in range(4):
                changed = tokens.copy()
                changed[:, place] = base
                found[:, place, base] = score(changed)
        return found

    return substituted


def search(space: DesignSpace, config: DesignConfig, strategy: str) -> tuple[np.ndarray, np.ndarray]:
    """Return what is found of the starts that can be repaired, and which those are."""
    problem = problem_of(space, config)
    repaired = repair(problem)
    rows = np.flatnonzero(problem.faults(repaired) == 0)
    problem, repaired = problem.take(rows), repaired[rows]
    if strategy == "greedy":
        return greedy(problem, repaired), rows
    if strategy == "genetic":
        return genetic(problem, repaired, Breeding(6, 8)), rows
    return random_edits(problem, repaired, np.full(len(rows), config.max_edits)), rows


def best_edits(start: np.ndarray, n_edits: int) -> np.ndarray:
    """Return the best sequence so many edits away: the places where most is to be gained, each with its best base."""
    gains = WORTH[:, :4].max(axis=1) - WORTH[np.arange(LENGTH), start]
    found = start.copy()
    places = np.argsort(-gains)[:n_edits]
    found[places] = WORTH[places, :4].argmax(axis=1)
    return found


@pytest.mark.parametrize("n_edits", [1, 3, 16])
def test_greedy_finds_the_best_sequence_of_a_score_that_adds_up(n_edits: int) -> None:
    space = space_of("ACGTACGTACGTACGT", "TTTTTTTTCCCCCCCC", "GATTACAGATTACAGA")
    found = greedy(problem_of(space, DesignConfig(max_edits=n_edits)), space.tokens)
    for start, one in zip(space.tokens, found, strict=True):
        assert sequence_of(one) == sequence_of(best_edits(start, n_edits))


def test_breeding_finds_it_too() -> None:
    space = space_of("ACGTACGTACGTACGT", "TTTTTTTTCCCCCCCC")
    found = genetic(problem_of(space, DesignConfig(max_edits=3)), space.tokens, Breeding(30, 60))
    assert [sequence_of(one) for one in found] == [sequence_of(best_edits(start, 3)) for start in space.tokens]


def test_a_start_that_is_the_best_already_stays() -> None:
    best = sequence_of(best_edits(space_of("A" * LENGTH).tokens[0], LENGTH))
    space = space_of(best)
    for strategy in ("greedy", "genetic"):
        assert sequence_of(search(space, DesignConfig(max_edits=4), strategy)[0][0]) == best


def test_a_constraint_changes_which_sequence_is_the_best() -> None:
    """With G worth most everywhere, the longest runs that are allowed are GG, and the flank's G counts."""

    def count_g(tokens: np.ndarray) -> np.ndarray:
        return (tokens == 2).sum(axis=1).astype(float)

    space = space_of("ATATATAT")
    found = greedy(problem_of(space, DesignConfig(max_edits=8, max_homopolymer=2), count_g), space.tokens)
    insert = sequence_of(found[0, 4:12])
    assert "GGG" not in "G" + insert
    # CATG|GxGGxGGx: no more than 5 of 8 can be G, and 5 are reached by the best of single steps from here.
    assert insert.count("G") == 5


def test_a_start_that_breaks_a_constraint_is_repaired_with_few_edits() -> None:
    space = space_of("ACAGAATTCAAC", "ACAAAAAAAAAC", "ACGCATGCATAC")
    problem = problem_of(space, DesignConfig(max_homopolymer=4, forbidden=["GAATTC"], max_edits=5))
    assert problem.faults(space.tokens).tolist() == [1, 5, 0]
    repaired = repair(problem)
    assert problem.faults(repaired).tolist() == [0, 0, 0]
    # The site goes with one base, and a base in the middle of nine leaves two runs of four.
    assert problem.n_edits(repaired).tolist() == [1, 1, 0]


def test_what_edits_cannot_repair_stays_broken() -> None:
    space = space_of("AATTCACACA", "ACAGAATTCA", "GAATTCAAAC")
    # G|AATTC across the junction is protected; the second can be mended; GC of 0.9 is out of reach of two edits.
    config = DesignConfig(forbidden=["GAATTC"], protected=["1-5"])
    assert (problem_of(space, config).faults(repair(problem_of(space, config))) > 0).tolist() == [True, False, False]
    far = problem_of(space, DesignConfig(gc_min=0.9, max_edits=2))
    assert (far.faults(repair(far)) > 0).all()


def test_random_edits_are_as_many_as_wanted_or_as_can_be() -> None:
    space = space_of("ACGTACGTACGT", "ACGTACGTACGTACGT", "ACGT")
    problem = problem_of(space, DesignConfig(max_edits=6))
    edited = random_edits(problem, space.tokens, np.array([3, 6, 6]))
    assert problem.n_edits(edited).tolist() == [3, 6, 4]


INSERTS = st.lists(st.text("ACGTN", min_size=3, max_size=LENGTH), min_size=1, max_size=3, unique=True)
CONFIGS = st.builds(
    DesignConfig,
    max_edits=st.integers(1, 5),
    protected=st.lists(st.sampled_from(["1", "2-3"]), max_size=2),
    gc_min=st.sampled_from([0.0, 0.3]),
    gc_max=st.sampled_from([0.6, 1.0]),
    max_homopolymer=st.sampled_from([0, 2, 4]),
    forbidden=st.lists(st.sampled_from(["GAATTC", "CCWGG", "TTG", "AC"]), max_size=2),
    seed=st.integers(0, 3),
)


@pytest.mark.parametrize("strategy", STRATEGIES)
@given(inserts=INSERTS, config=CONFIGS)
@settings(max_examples=40)
def test_nothing_found_breaks_a_constraint(strategy: str, inserts: list[str], config: DesignConfig) -> None:
    """By the check that shares no code with the search: protected positions, flanks, lengths and edits among it."""
    space = space_of(*inserts)
    found, rows = search(space, config, strategy)
    is_fine, reasons = faultless(space, found, rows, config)
    # An insert of N alone has no GC content to hold.
    known = np.array([set(inserts[row]) != {"N"} for row in rows], bool)
    assert is_fine[known].all(), dict(reasons)


@pytest.mark.parametrize("strategy", STRATEGIES)
@given(inserts=INSERTS, config=CONFIGS)
@settings(max_examples=20)
def test_a_start_alone_has_the_proposal_it_has_among_others(
    strategy: str, inserts: list[str], config: DesignConfig
) -> None:
    space = space_of(*inserts)
    together, rows = search(space, config, strategy)
    again, _ = search(space, config, strategy)
    assert (together == again).all()
    for one, row in zip(together, rows, strict=True):
        alone, _ = search(space_of(inserts[row]), config, strategy)
        assert sequence_of(alone[0]) == sequence_of(one)


@given(inserts=INSERTS, config=CONFIGS)
@settings(max_examples=30)
def test_a_search_never_ends_below_where_it_began(inserts: list[str], config: DesignConfig) -> None:
    space = space_of(*inserts)
    problem = problem_of(space, config)
    repaired = repair(problem)
    for strategy in ("greedy", "genetic"):
        found, rows = search(space, config, strategy)
        assert (worth(found) >= worth(repaired[rows])).all()


def test_many_starts_are_searched_in_blocks_and_come_out_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(1)
    space = space_of(*("".join(random.choice(list("ACGT"), 12)) for _ in range(9)))
    whole, _ = search(space, DesignConfig(max_edits=4), "greedy")
    monkeypatch.setattr("gxtool.perturb.search.TOGETHER", 1)
    assert (search(space, DesignConfig(max_edits=4), "greedy")[0] == whole).all()


def linear_model() -> SimpleNamespace:
    """Return a network that adds up what bases are worth, as a trained model is handed to a search."""
    torch = pytest.importorskip("torch")
    weights = torch.tensor(WORTH, dtype=torch.float32)

    def network(tokens: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"logits": (tokens * weights).sum(dim=(1, 2))[:, None]}

    family = SimpleNamespace(kind="regression", collate="", load=lambda _: lambda rows, _resources: dict(rows))
    machine = SimpleNamespace(device=torch.device("cpu"))
    return SimpleNamespace(network=network, family=family, machine=machine, target=None)


def follow(space: DesignSpace, config: DesignConfig) -> np.ndarray:
    from gxtool.perturb.gradient import Objective, follow_gradient

    problem = problem_of(space, config)
    goal = Objective(1, 0.0, float(WORTH.std()), config.edit_penalty, config.steps)
    return follow_gradient(problem, repair(problem), [linear_model()], "tokens", goal)


def test_gradients_come_close_to_the_best_sequence_of_a_score_that_adds_up() -> None:
    space = space_of("ACGTACGTACGTACGT", "TTTTTTTTCCCCCCCC")
    found = follow(space, DesignConfig(max_edits=3, steps=200))
    best = np.stack([best_edits(start, 3) for start in space.tokens])
    assert (worth(found) - worth(space.tokens) > 0.9 * (worth(best) - worth(space.tokens))).all()


def test_gradients_hold_the_constraints_and_a_start_alone_is_as_among_others() -> None:
    space = space_of("ACGTACGTNCGTACGT", "TTTTTCCCCCCC", "GATTACAGATTACA")
    config = DesignConfig(max_edits=4, steps=60, protected=["3-5"], gc_min=0.4, max_homopolymer=3, forbidden=["TTG"])
    found = follow(space, config)
    assert faultless(space, found, np.arange(3), config)[0].all()
    for row, insert in enumerate(space.units):
        assert sequence_of(follow(space_of(insert), config)[0]) == sequence_of(found[row])


def test_gradients_come_near_to_a_value() -> None:
    from gxtool.perturb.gradient import Objective, follow_gradient

    space = space_of("ACGTACGTACGTACGT")
    wanted = float(worth(space.tokens)[0]) + 60
    near = problem_of(space, DesignConfig(max_edits=5), lambda tokens: -np.abs(worth(tokens) - wanted))
    goal = Objective(0, wanted, float(WORTH.std()), 0.05, 200)
    found = follow_gradient(near, space.tokens, [linear_model()], "tokens", goal)
    assert abs(float(worth(found)[0]) - wanted) < 12
