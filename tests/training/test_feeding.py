"""Batches: every row once an epoch, the same rows per step however the work is divided, one gather each."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import toy_family
from accelerate.data_loader import skip_first_batches

from gxtool.io.dataset import Dataset
from gxtool.training.feeding import TARGETS, MicroBatches, Rows, StepPlan, count_targets, training_loader


def steps(accumulation: int, world_size: int, epoch: int = 0) -> list[np.ndarray]:
    """Return the rows of each step of 23 rows in batches of 10, joined over processes and micro-batches."""
    plan = StepPlan(23, 10, accumulation, world_size)
    shares = []
    for rank in range(world_size):
        batches = MicroBatches(plan, seed=3, rank=rank)
        batches.set_epoch(epoch)
        shares.append(list(batches))
    return [
        np.concatenate([piece for share in shares for piece in share[step * accumulation : (step + 1) * accumulation]])
        for step in range(plan.steps_per_epoch)
    ]


def test_an_epoch_has_every_row_once_and_a_short_last_step() -> None:
    rows = steps(1, 1)
    assert [len(step) for step in rows] == [10, 10, 3]
    assert sorted(np.concatenate(rows)) == list(range(23))


@pytest.mark.parametrize(("accumulation", "world_size"), [(3, 1), (1, 2), (2, 2), (4, 3)])
def test_steps_have_the_same_rows_however_they_are_divided(accumulation: int, world_size: int) -> None:
    for whole, divided in zip(steps(1, 1), steps(accumulation, world_size), strict=True):
        assert whole.tolist() == divided.tolist()


def test_epochs_and_seeds_are_shuffled_differently_and_repeatably() -> None:
    assert np.concatenate(steps(1, 1, epoch=0)).tolist() != np.concatenate(steps(1, 1, epoch=1)).tolist()
    assert np.concatenate(steps(1, 1, epoch=1)).tolist() == np.concatenate(steps(1, 1, epoch=1)).tolist()
    plan = StepPlan(23, 10, 1)
    assert next(iter(MicroBatches(plan, seed=1))).tolist() != next(iter(MicroBatches(plan, seed=2))).tolist()


def test_micro_batch_size_is_the_largest_share_of_a_step() -> None:
    assert StepPlan(23, 10, 3).micro_batch_size == 4
    assert StepPlan(23, 10, 2, 2).micro_batch_size == 3
    assert StepPlan(5, 10, 1).micro_batch_size == 5


def test_skipped_batches_are_exactly_the_first_ones(dataset: object) -> None:
    opened = Dataset.open(dataset)
    rows = Rows(opened.arrays, toy_family.FAMILY, opened.indices("train", 0, "liver"))
    batches = MicroBatches(StepPlan(len(rows), 10, 2), seed=3)
    loader = training_loader(rows, batches)
    whole = [batch["numbers"] for batch in loader]
    rest = [batch["numbers"] for batch in skip_first_batches(loader, 3)]
    assert len(whole) == 10
    assert len(rest) == 7
    assert all(torch.equal(first, second) for first, second in zip(whole[3:], rest, strict=True))


def test_feeding_draws_no_random_number_of_torch(dataset: object) -> None:
    opened = Dataset.open(dataset)
    rows = Rows(opened.arrays, toy_family.FAMILY, opened.indices("train"))
    before = torch.get_rng_state()
    list(training_loader(rows, MicroBatches(StepPlan(len(rows), 10, 1), seed=3)))
    assert torch.equal(before, torch.get_rng_state())


class CountedArray(np.ndarray):
    """An array that counts gathers."""

    gathers = 0

    def take(self, *arguments: object, **named: object) -> np.ndarray:
        """Count and gather."""
        CountedArray.gathers += 1
        return np.asarray(self).take(*arguments, **named)


def test_a_batch_is_one_gather_per_array(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = Rows({"numbers": np.zeros((9, 3), np.float32)}, toy_family.FAMILY, np.arange(2, 9))
    rows._arrays = {"numbers": np.arange(27, dtype=np.float32).reshape(9, 3).view(CountedArray)}
    batch = rows.take(np.array([4, 0]))
    assert batch["numbers"].tolist() == [[18, 19, 20], [6, 7, 8]]
    assert CountedArray.gathers == 1


def test_memory_maps_are_read_through_a_plain_view(dataset: object) -> None:
    opened = Dataset.open(dataset)
    assert isinstance(opened.arrays["numbers"], np.memmap)
    rows = Rows(opened.arrays, toy_family.FAMILY, np.arange(3))
    assert {type(array) for array in rows._arrays.values()} == {np.ndarray}
    assert np.shares_memory(rows._arrays["numbers"], opened.arrays["numbers"])


def test_a_process_without_rows_gets_one_that_counts_for_nothing(dataset: object) -> None:
    opened = Dataset.open(dataset)
    rows = Rows(opened.arrays, toy_family.FAMILY, np.arange(3))
    assert rows.__getitems__(np.array([], dtype=np.int64))[TARGETS] == 0
    assert len(rows.__getitems__(np.array([], dtype=np.int64))["numbers"]) == 1
    assert rows.__getitems__(np.array([2, 1]))[TARGETS] == 2


def test_ignored_labels_do_not_count_as_targets() -> None:
    assert count_targets({"labels": torch.tensor([1, 0, 1])}) == 3
    assert count_targets({"labels": torch.tensor([[5, -100, 7], [-100, -100, 2]])}) == 3
    assert count_targets({"labels": torch.zeros(2, 3)}) == 2


def test_batches_lie_where_torch_puts_them(dataset: Path) -> None:
    opened = Dataset.open(dataset)
    rows = Rows(opened.arrays, toy_family.FAMILY, opened.indices("train"))
    # Numpy's memory begins at multiples of 16 bytes, the allocator's at multiples of 64.
    batches = [rows.take(np.arange(size)) for size in range(1, 20)]
    assert {batch["numbers"].data_ptr() % 64 for batch in batches} == {0}
