"""Training step of the preset `convnet`, batches of 100: gxtool's feeding against a DataLoader of per-gene dicts.

Both sides train the same network from the same weights with the same optimiser and as many threads; they differ in
how genes reach it. Beside it: the loaders alone, and the whole loop of `gxtool train` against `transformers.Trainer`
fed with the same dicts.
"""

from __future__ import annotations

import copy
import os
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, default_collate
from torch.utils.data import Dataset as TorchDataset
from transformers import Trainer, TrainerCallback, TrainingArguments
from transformers.trainer_callback import PrinterCallback

from benchmarks.inputs import SIZES, write_cells
from benchmarks.peers.gene_dicts import GeneDicts, HeldGeneDicts, gene_loader
from benchmarks.table import Result, Row, finish, parser
from benchmarks.timing import Lap, medians, ratio, take_turns
from gxtool import api
from gxtool.config import Config
from gxtool.io.dataset import Dataset
from gxtool.models.base import Run
from gxtool.training.checkpoints import ProgressFolder
from gxtool.training.feeding import TARGETS, MicroBatches, Rows, StepPlan, training_loader
from gxtool.training.machine import machine
from gxtool.training.networks import build_network
from gxtool.training.options import TrainOptions
from gxtool.training.schedule import make_optimizer
from gxtool.training.signals import StopRequest
from gxtool.training.trainer import ModelTrainer, Task

BATCH_SIZE = 100
AT_LEAST = 1.1
SETTINGS = api.Settings("histone", "convnet", set=(f"training.batch_size={BATCH_SIZE}", "training.epochs=1"))
DICTS = "DataLoader of per-gene dicts"
HELD = f"{DICTS} that are all held as tensors"


@dataclass(frozen=True)
class Study:
    """What all contenders share: the data, its training rows, the network they copy, and where they compute."""

    dataset: Dataset
    indices: np.ndarray
    run: Run
    network: nn.Module
    device: str
    threads: int

    @property
    def config(self) -> Config:
        """Return the preset's configuration."""
        return self.run.config

    @property
    def steps(self) -> int:
        """Return the number of steps of one epoch."""
        return -(-len(self.indices) // BATCH_SIZE)

    def rows(self) -> Rows:
        """Return gxtool's view of the training rows."""
        return Rows(self.dataset.arrays, self.run.family, self.indices)

    def loaders(self) -> dict[str, DataLoader]:
        """Return each contender's loader over the training rows, shuffled."""
        arrays = (self.dataset.arrays["signal"], self.dataset.arrays["labels"], self.indices)
        batches = MicroBatches(StepPlan(len(self.indices), BATCH_SIZE, 1), seed=1)
        return {
            "ours": training_loader(self.rows(), batches),
            "dicts": gene_loader(GeneDicts(*arrays), BATCH_SIZE),
            "held": gene_loader(HeldGeneDicts(*arrays), BATCH_SIZE),
        }


def main() -> None:
    """Measure and print."""
    options = parser(__doc__ or "")
    options.add_argument("--threads", type=int, default=min(2, os.cpu_count() or 1), help="CPU threads of both sides")
    chosen = options.parse_args()
    rounds = chosen.rounds or (1 if chosen.size == "tiny" else 12)
    with tempfile.TemporaryDirectory(prefix="gxtool-bench-", dir=chosen.folder) as folder:
        result = measure(Path(folder), chosen.size, rounds, chosen.threads)
    finish(result, chosen.results)


def measure(folder: Path, size: str, rounds: int, threads: int) -> Result:
    """Time loaders, steps and whole loops in turns, on the CPU and on an accelerator where there is one."""
    write_cells(folder / "raw", 1, SIZES[size].n_genes)
    api.preprocess(folder / "raw", folder / "examples", SETTINGS)
    api.tokenize([folder / "examples"], folder / "dataset", SETTINGS)
    torch.set_num_threads(threads)
    rows: list[Row] = []
    laps: dict[str, Any] = {}
    for device in ("cpu", "cuda") if torch.cuda.is_available() else ("cpu",):
        study = open_study(folder / "dataset", device, threads)
        check_agreement(study)
        here = {
            "load": take_turns(load_laps(study), rounds),
            "step": take_turns(step_laps(study), rounds),
            "loop": take_turns(loop_laps(study, folder / "loops"), rounds),
        }
        rows += rows_of(here, study, size)
        laps[device] = here
    if "cuda" not in laps:
        rows.append(Row(f"training step of convnet, batch {BATCH_SIZE}, GPU", DICTS, "ms"))
    facts = {"genes": len(study.indices), "steps_per_lap": study.steps, "threads": threads}
    return Result("train_step", size, tuple(rows), laps, facts)


def open_study(dataset: Path, device: str, threads: int) -> Study:
    """Open the dataset and build the network that all contenders start from."""
    data, run = Dataset.open(dataset), Run(SETTINGS.family, SETTINGS.preset, SETTINGS.resolve(), SETTINGS.preset)
    indices = data.indices("train")
    torch.manual_seed(1)
    return Study(data, indices, run, build_network(run, data, indices), device, threads)


def check_agreement(study: Study) -> None:
    """Check that for the same rows all loaders hand over the same tensors, and the network gives the same loss.

    Raises:
        AssertionError: they differ.
    """
    positions = np.random.default_rng(0).permutation(len(study.indices))[:BATCH_SIZE]
    ours = study.rows().take(positions)
    network = copy.deepcopy(study.network).eval()
    for name, loader in study.loaders().items():
        if name != "ours":
            theirs = as_arguments(default_collate([loader.dataset[position] for position in positions]))
            assert all(torch.equal(theirs[key], ours[key]) for key in ours), f"{name}: batches differ"
            assert torch.equal(network(**theirs).loss, network(**ours).loss), f"{name}: losses differ"
        seen = sorted(int(label) for batch in loader for label in as_arguments(batch)["labels"])
        assert seen == sorted(study.rows().labels().tolist()), f"{name}: an epoch is not all genes once"


def as_arguments(batch: dict[str, Any]) -> dict[str, torch.Tensor]:
    """Name a batch's tensors as the network's forward does."""
    return {"signal": batch["signal"], "labels": batch["labels"] if TARGETS in batch else batch["label"]}


def load_laps(study: Study) -> dict[str, Callable[[], Lap]]:
    """Return what draws one epoch of batches and lets go of them; laps are per step."""
    return {name: per_step(study.steps, lambda it=loader: count(it)) for name, loader in study.loaders().items()}


def count(batches: Iterator) -> int:
    """Draw all batches and return their number."""
    return sum(1 for _ in batches)


def step_laps(study: Study) -> dict[str, Callable[[], Lap]]:
    """Return what trains one epoch; laps are per step. Every contender has its own copy of the network."""
    made = {}
    for name, loader in study.loaders().items():
        network = copy.deepcopy(study.network).to(study.device).train()
        optimizer = make_optimizer(network, study.config.training)
        work = train_epoch(loader, network, optimizer, study.device)
        work()
        made[name] = per_step(study.steps, work)
    return made


def train_epoch(
    loader: DataLoader, network: nn.Module, optimizer: torch.optim.Optimizer, device: str
) -> Callable[[], None]:
    """Return a plain training loop over one epoch."""

    def epoch() -> None:
        for batch in loader:
            arguments = {name: tensor.to(device) for name, tensor in as_arguments(batch).items()}
            network(**arguments).loss.backward()
            optimizer.step()
            optimizer.zero_grad()
        if device == "cuda":
            torch.cuda.synchronize()

    return epoch


def per_step(steps: int, work: Callable[[], Any]) -> Callable[[], Lap]:
    """Return a call that times `work` and divides by its steps."""

    def timed() -> Lap:
        wall, cpu = time.perf_counter(), time.process_time()
        work()
        return Lap((time.perf_counter() - wall) / steps, (time.process_time() - cpu) / steps)

    return timed


class StepClock(TrainerCallback):
    """Times a Trainer from the end of its first step to the end of its last one of the first epoch."""

    def __init__(self, steps: int, device: str) -> None:
        self.steps, self.device = steps, device
        self.marks: list[Lap] = []

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Note the time after the first and the last step."""
        if state.global_step in (1, self.steps):
            if self.device == "cuda":
                torch.cuda.synchronize()
            self.marks.append(Lap(time.perf_counter(), time.process_time()))

    def lap(self) -> Lap:
        """Return the time per step."""
        first, last = self.marks
        between = self.steps - 1
        return Lap((last.wall - first.wall) / between, (last.cpu - first.cpu) / between)


def loop_laps(study: Study, folder: Path) -> dict[str, Callable[[], Lap]]:
    """Return what trains one epoch with the whole loop of either side; laps are per step, validation left out."""
    arrays = (study.dataset.arrays["signal"], study.dataset.arrays["labels"], study.indices)
    genes = {"dicts": GeneDicts(*arrays), "held": HeldGeneDicts(*arrays)}
    peers = {name: lambda held=items: plain_trainer(study, held, folder) for name, items in genes.items()}
    return {"ours": lambda: our_loop(study, folder), **peers}


def our_loop(study: Study, folder: Path) -> Lap:
    """Train an epoch as `gxtool train` does."""
    options = TrainOptions(device=study.device)
    clock = StepClock(study.steps, study.device)
    with (
        tempfile.TemporaryDirectory(dir=folder.parent) as progress,
        machine(options, study.threads) as here,
        StopRequest() as stop,
    ):
        task = Task(
            name="benchmark",
            family=study.run.family,
            config=study.config.training,
            seed=1,
            accumulation=1,
            halvings=0,
            train_rows=study.rows(),
            val_rows=Rows(study.dataset.arrays, study.run.family, study.dataset.indices("val")),
            folder=ProgressFolder(Path(progress)),
            machine=here,
            stop=stop,
            on_progress=lambda _: None,
        )
        trainer = ModelTrainer(copy.deepcopy(study.network), task)
        trainer.add_callback(clock)
        trainer.fit()
    return clock.lap()


def plain_trainer(study: Study, genes: TorchDataset, folder: Path) -> Lap:
    """Train an epoch with transformers' own Trainer and default collator on a Dataset of per-gene dicts."""
    training, clock = study.config.training, StepClock(study.steps, study.device)
    arguments = TrainingArguments(
        output_dir=str(folder),
        per_device_train_batch_size=BATCH_SIZE,
        num_train_epochs=1,
        learning_rate=training.learning_rate,
        weight_decay=training.weight_decay,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        use_cpu=study.device == "cpu",
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trainer = Trainer(model=copy.deepcopy(study.network), args=arguments, train_dataset=genes, callbacks=[clock])
        trainer.remove_callback(PrinterCallback)
        trainer.train()
    return clock.lap()


def rows_of(laps: dict[str, dict[str, list[Lap]]], study: Study, size: str) -> list[Row]:
    """Return the table's rows of one device, times in ms per step."""
    where = (
        torch.cuda.get_device_name()
        if study.device == "cuda"
        else f"CPU, {study.threads} thread{'s' * (study.threads > 1)}"
    )
    works = {
        "step": f"training step of convnet, batch {BATCH_SIZE}, {where}",
        "load": f"loading alone, batch {BATCH_SIZE}",
        "loop": f"step of the whole training loop, {where}",
    }
    peers = {"dicts": DICTS, "held": HELD}
    rows = []
    for what, work in works.items():
        for name in laps[what]:
            if name == "ours":
                continue
            times = ratio(laps[what][name], laps[what]["ours"])
            bounded = size == "full" and (what, name, study.device) == ("step", "dicts", "cpu")
            rows.append(
                Row(
                    work,
                    f"transformers.Trainer, {peers[name]}" if what == "loop" else peers[name],
                    "ms",
                    medians(laps[what][name]).wall * 1e3,
                    medians(laps[what]["ours"]).wall * 1e3,
                    times.wall,
                    times.cpu,
                    AT_LEAST if bounded else None,
                )
            )
    return rows


if __name__ == "__main__":
    main()
