"""The machine that computes: device, threads, processes, randomness and memory, set in one place and put back after."""

from __future__ import annotations

import atexit
import gc
import logging
import os
import random
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
import transformers
from torch import distributed

from gxtool.errors import ConfigError, DependencyError
from gxtool.training.options import OutOfMemoryError, TrainOptions

NOISY_LOGGERS = ("accelerate", "torch.distributed", "torch.nn.parallel", "tensorboard")
# What CPU and CUDA allocators write when they fail with something else than OutOfMemoryError.
OUT_OF_MEMORY_WORDS = ("can't allocate memory", "out of memory", "not enough memory")


@dataclass(frozen=True)
class Machine:
    """One process's share of the machine; rank 0 of `world_size` processes is the one that writes."""

    device: torch.device
    threads: int
    rank: int = 0
    world_size: int = 1

    @property
    def is_writer(self) -> bool:
        """Say whether this process writes files and reports progress."""
        return self.rank == 0

    def barrier(self) -> None:
        """Wait until every process is here."""
        if self.world_size > 1:
            distributed.barrier()

    def total(self, values: list[float]) -> list[float]:
        """Return the sum of each value over all processes, in double precision."""
        if self.world_size == 1:
            return values
        return self.total_array(np.asarray(values, dtype=np.float64)).tolist()

    def total_array(self, values: np.ndarray) -> np.ndarray:
        """Return the element-wise sum of a float64 array over all processes."""
        if self.world_size == 1:
            return values
        # NCCL sums only what lies on its device.
        tensor = torch.from_numpy(values.copy()).to(self.device)
        distributed.all_reduce(tensor)
        return tensor.cpu().numpy()


@contextmanager
def machine(options: TrainOptions, threads: int, precision: str = "fp32") -> Iterator[Machine]:
    """Make this process ready to compute, quietly and repeatably, and restore its settings afterwards.

    `precision` tf32 lets matrix products and convolutions round their factors; everything else keeps all bits.

    Raises:
        DependencyError: `cuda` is asked for and not there.
        OutOfMemoryError: whatever runs inside needs more memory than there is.
    """
    device = choose_device(options.device)
    threads = options.threads or threads
    with (
        _quiet(),
        _repeatable(precision),
        _threads(threads),
        _imports_kept(),
        _processes(device) as (rank, world_size),
    ):
        if device.type == "cuda" and world_size > 1:
            device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        try:
            yield Machine(device, threads, rank, world_size)
        except (RuntimeError, MemoryError) as error:
            if is_out_of_memory(error):
                raise _out_of_memory(device) from error
            raise


def is_out_of_memory(error: BaseException) -> bool:
    """Say whether an allocation failed: CPU, CUDA and Python each have their own way to say so."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(word in str(error) for word in OUT_OF_MEMORY_WORDS)


def choose_device(name: str) -> torch.device:
    """Return the device called `auto` (CUDA where there is one), `cpu` or `cuda`.

    Raises:
        DependencyError: no CUDA device is there.
        ConfigError: another name.
    """
    if name not in ("auto", "cpu", "cuda"):
        raise ConfigError(f"--device {name}: no such device, expected auto, cpu or cuda")
    available = torch.cuda.is_available()
    if name == "cuda" and not available:
        raise DependencyError("--device cuda: PyTorch finds no CUDA device, expected one (or --device cpu)")
    return torch.device("cuda", torch.cuda.current_device()) if available and name != "cpu" else torch.device("cpu")


def seed_everything(seed: int) -> None:
    """Seed the random numbers of Python, numpy and torch (all devices)."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def _out_of_memory(device: torch.device) -> OutOfMemoryError:
    where = "memory of the accelerator" if device.type == "cuda" else "memory"
    return OutOfMemoryError(
        f"the {where} does not suffice, expected room for one micro-batch; set training.gradient_accumulation higher "
        "(the same result with smaller micro-batches) or resources.memory_gb higher"
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence what libraries print about themselves; errors still come through as exceptions."""
    levels = {name: logging.getLogger(name).level for name in NOISY_LOGGERS}
    verbosity = transformers.logging.get_verbosity()
    bars = transformers.logging.is_progress_bar_enabled()
    for name in NOISY_LOGGERS:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    transformers.logging.set_verbosity(logging.CRITICAL)
    transformers.logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
        transformers.logging.set_verbosity(verbosity)
        if bars:
            transformers.logging.enable_progress_bar()


@contextmanager
def _repeatable(precision: str) -> Iterator[None]:
    """Choose algorithms whose result does not change from run to run, where torch has them."""
    # cuBLAS reads this when its first handle is made.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    before = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    filled = torch.utils.deterministic.fill_uninitialized_memory
    benchmark, rounding = torch.backends.cudnn.benchmark, torch.backends.fp32_precision
    torch.use_deterministic_algorithms(True, warn_only=True)
    # Filling every new tensor with NaN finds bugs, and costs time in each step.
    torch.utils.deterministic.fill_uninitialized_memory = False
    torch.backends.cudnn.benchmark = False
    torch.backends.fp32_precision = "tf32" if precision == "tf32" else "ieee"
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before[0], warn_only=before[1])
        torch.utils.deterministic.fill_uninitialized_memory = filled
        torch.backends.cudnn.benchmark = benchmark
        torch.backends.fp32_precision = rounding


@contextmanager
def _imports_kept() -> Iterator[None]:
    """Take what is there already, torch above all, out of the garbage collector's rounds.

    accelerate asks for a full one before each training: a third of a second, for every model of a task.
    """
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


@contextmanager
def _threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def _processes(device: torch.device) -> Iterator[tuple[int, int]]:
    """Join the other processes when started by torchrun; yield rank and number of processes."""
    world_size = int(os.environ.get("WORLD_SIZE", "1"))
    if world_size == 1:
        yield 0, 1
        return
    # accelerate sets threads itself unless this says that somebody has.
    os.environ.setdefault("OMP_NUM_THREADS", str(torch.get_num_threads()))
    if not distributed.is_initialized():
        if device.type == "cuda":
            torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
        distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
        # Not after each training: a second group would find the first one's addresses in the store, and wait for ever.
        atexit.register(distributed.destroy_process_group)
    yield distributed.get_rank(), distributed.get_world_size()
