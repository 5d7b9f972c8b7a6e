"""From a dataset to model artifacts: what is checked first, what is trained, what is written, and in which order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_model
from transformers import PreTrainedModel

from gxtool.errors import InputError, UsageError
from gxtool.io.artifact import Artifact, ArtifactWriter, is_artifact, open_artifact, require_free
from gxtool.io.dataset import READS, Dataset
from gxtool.io.runtime import Stopwatch
from gxtool.io.seen import write_seen
from gxtool.models.base import Run, Unit
from gxtool.models.recorded import RUN, SETTINGS, run_yaml, settings_yaml
from gxtool.names import inside
from gxtool.training.checkpoints import ProgressFolder, default_root, progress_key
from gxtool.training.feeding import Rows
from gxtool.training.machine import Machine, machine, seed_everything
from gxtool.training.networks import build_network, find_init, layer_table, require_finite, save_network, start_from
from gxtool.training.options import TrainOptions
from gxtool.training.record import Monitor, Record
from gxtool.training.row_checks import (
    reads_behind,
    require_both_classes,
    require_labels,
    require_rows_to_start_from,
    row_facts,
)
from gxtool.training.scales import training_labels
from gxtool.training.signals import StopRequest
from gxtool.training.trainer import KEPT_WEIGHTS, TENSORBOARD, ModelTrainer, Task


@dataclass(frozen=True)
class Job:
    """One model to make: its unit, the rows it sees, where it goes and where its progress is kept."""

    unit: Unit
    train_indices: np.ndarray
    val_indices: np.ndarray
    output: Path
    folder: ProgressFolder
    init: Artifact | None


@dataclass(frozen=True)
class Session:
    """What all jobs of one command share."""

    run: Run
    dataset: Dataset
    options: TrainOptions
    machine: Machine
    stop: StopRequest


def train_units(source: Path, output: Path, run: Run, units: Sequence[Unit], options: TrainOptions) -> list[Path]:
    """Do what `training.run.train` promises."""
    dataset = Dataset.open(source, run.family.name)
    run = replace(run, family=run.family.for_target(dataset.artifact.manifest.info.get("target")))
    Monitor.of(run.family, run.config.training)
    require_labels(dataset)
    jobs = [_job(dataset, output, run, unit, options, alone=len(units) == 1) for unit in units]
    if not jobs or len({job.output for job in jobs}) < len(jobs):
        raise UsageError(f"{len(jobs)} models to train, expected at least one and none twice")
    config = run.config
    with (
        machine(options, config.resources.threads, config.training.precision) as here,
        StopRequest() as stop,
    ):
        session = Session(run, dataset, options, here, stop)
        for number, job in enumerate(jobs):
            if here.total([float(stop.is_set)])[0]:
                raise stop.interrupted(f"{number} of {len(jobs)} models are done; the same command goes on from there")
            _make(session, job)
        if here.is_writer:
            for job in jobs:
                job.folder.discard()
        here.barrier()
    return [job.output for job in jobs]


def _job(dataset: Dataset, output: Path, run: Run, unit: Unit, options: TrainOptions, alone: bool) -> Job:
    """Check one unit before anything is trained."""
    train_indices, val_indices = (_indices(dataset, run, unit, role) for role in ("train", "val"))
    init = find_init(options.init, run.family, unit) if options.init else None
    if init:
        require_rows_to_start_from(init, dataset)
    root = Path(options.checkpoint_dir) if options.checkpoint_dir else default_root(output)
    folder = ProgressFolder(root / progress_key(run, unit, dataset.artifact, init))
    target = output if alone else inside(output, unit.name)
    job = Job(unit, train_indices, val_indices, target, folder, init)
    if not _is_published(job):
        require_free(target, "model", options.overwrite)
    return job


def _indices(dataset: Dataset, run: Run, unit: Unit, role: str) -> np.ndarray:
    where = f"{dataset.artifact.path}: sample {unit.sample}" if unit.sample else str(dataset.artifact.path)
    if unit.sample is not None and unit.sample not in dataset.samples:
        raise InputError(f"{where}: not in the dataset, expected one of {', '.join(dataset.samples)}")
    if unit.fold not in dataset.folds:
        raise InputError(f"{where}: has no fold {unit.fold}, expected one of {', '.join(map(str, dataset.folds))}")
    indices = dataset.indices(role, unit.fold, unit.sample)
    if not len(indices):
        raise InputError(f"{where}: fold {unit.fold} has no {role} rows, expected some")
    require_both_classes(np.asarray(dataset.arrays["labels"][indices]), run.family.kind, f"{where}: {role} rows")
    return indices


def _is_published(job: Job) -> bool:
    """Say whether the output is what this very training made before it was interrupted elsewhere."""
    sha256 = job.folder.published()
    return bool(sha256) and is_artifact(job.output) and open_artifact(job.output, "model").sha256 == sha256


def _make(session: Session, job: Job) -> None:
    """Train one model, or go on training it, and write its artifact."""
    here = session.machine
    if here.is_writer:
        with job.folder.locked(session.options.wait_seconds, lambda: _stop_waiting(session, job)):
            _make_locked(session, job)
    else:
        _make_locked(session, job)


def _stop_waiting(session: Session, job: Job) -> None:
    if session.stop.is_set:
        raise session.stop.interrupted(f"{job.unit.name} was waiting for its turn in {job.folder.path}")


def _make_locked(session: Session, job: Job) -> None:
    session.machine.barrier()
    published = _is_published(job)
    session.machine.barrier()
    if published:
        return
    watch = Stopwatch()
    seed_everything(job.unit.seed)
    network = build_network(session.run, session.dataset, job.train_indices)
    if job.init:
        start_from(network, job.init)
    task = _task(session, job)
    record = ModelTrainer(network, task).fit()
    if not record.finished:
        step = int(job.folder.latest().name.rpartition("-")[2])
        raise session.stop.interrupted(
            f"{job.unit.name} is saved at step {step} in {job.folder.path}; the same command goes on from there"
        )
    if session.machine.is_writer:
        _write(session, job, network.to("cpu"), record, watch)
    session.machine.barrier()


def _task(session: Session, job: Job) -> Task:
    run, options = session.run, session.options
    training = run.config.training
    return Task(
        name=job.unit.name,
        family=run.family,
        config=training,
        seed=job.unit.seed,
        accumulation=_accumulation(session, job),
        halvings=job.folder.halvings(),
        train_rows=Rows(session.dataset.arrays, run.family, job.train_indices),
        val_rows=Rows(session.dataset.arrays, run.family, job.val_indices),
        folder=job.folder,
        machine=session.machine,
        stop=session.stop,
        on_progress=options.on_progress,
        val_weights=reads_behind(session.dataset, job.val_indices),
    )


def _accumulation(session: Session, job: Job) -> int:
    """Return the micro-batches of a step: as configured, twice as many for each time that memory did not suffice."""
    training = session.run.config.training
    # Never more micro-batches than a step has rows for each process.
    most = max(1, training.batch_size // session.machine.world_size)
    return min(training.gradient_accumulation * 2 ** job.folder.halvings(), most)


def _write(session: Session, job: Job, network: PreTrainedModel, record: Record, watch: Stopwatch) -> None:
    """Write the model artifact with the weights to keep, and remember that it is written."""
    run, unit, here = session.run, job.unit, session.machine
    load_model(network, str(job.folder.latest() / KEPT_WEIGHTS))
    require_finite(
        network.state_dict(), f"{job.unit.name} with training.learning_rate {run.config.training.learning_rate:g}"
    )
    with ArtifactWriter(
        job.output,
        "model",
        family=run.family.name,
        preset=run.preset,
        seed=unit.seed,
        overwrite=session.options.overwrite,
    ) as writer:
        writer.add_parent(session.dataset.artifact)
        if job.init:
            writer.add_parent(job.init)
        save_network(network, writer.folder)
        writer.taken(*sorted(path.name for path in writer.folder.iterdir()))
        writer.write_text(RUN, run_yaml(run, unit, here.threads))
        writer.write_beside(SETTINGS, settings_yaml(run.config))
        writer.write_text("metrics.jsonl", record.lines())
        write_seen(writer, session.dataset, {"train": job.train_indices, "val": job.val_indices}, job.init)
        one_row = Rows(session.dataset.arrays, run.family, job.train_indices[:1]).take(np.zeros(1, np.int64))
        writer.write_json("layers.json", layer_table(network, one_row))
        writer.describe(
            rows={"train": len(job.train_indices), "val": len(job.val_indices)},
            info=_facts(session, job, network, record),
        )
        _adopt_tensorboard(job.folder.path / TENSORBOARD, writer.folder / TENSORBOARD)
        watch.write(writer.folder, runtime(here, record))
    job.folder.note_published(open_artifact(job.output, "model"))


def _facts(session: Session, job: Job, network: PreTrainedModel, record: Record) -> dict[str, Any]:
    """Return what a model's manifest says of it; of micro-batches only where memory made them smaller."""
    run, unit, halvings = session.run, job.unit, job.folder.halvings()
    weighed = {} if reads_behind(session.dataset, job.val_indices) is None else {"validation_weights": READS}
    halved = {"halved_for_memory": {"times": halvings, "micro_batches": _accumulation(session, job)}}
    return {
        "run": run.name,
        "sample": unit.sample,
        "fold": unit.fold,
        "scheme": session.dataset.scheme,
        "n_parameters": sum(parameter.numel() for parameter in network.parameters()),
        "best_epoch": record.kept.epoch,
        "best_step": record.kept.step,
        "metric": Monitor.of(run.family, run.config.training).metric,
        "value": record.kept.value,
        "n_train": len(job.train_indices),
        "n_val": len(job.val_indices),
        "data": row_facts(session.dataset),
        **training_labels(run.family, session.dataset, job.train_indices),
        **weighed,
        **(halved if halvings else {}),
    }


def runtime(here: Machine, record: Record) -> dict:
    """Return what `runtime.json` says of the machine and the training, beyond what every stage says."""
    name = torch.cuda.get_device_name(here.device) if here.device.type == "cuda" else "cpu"
    facts = {"device": name, "threads": here.threads, "processes": here.world_size}
    if here.device.type == "cuda":
        facts["peak_device_memory_mb"] = round(torch.cuda.max_memory_allocated(here.device) / 1e6, 1)
    return facts | {"training_seconds": round(record.seconds, 3), "epoch_seconds": record.epoch_seconds}


def _adopt_tensorboard(source: Path, target: Path) -> None:
    """Put the event files beside the model; they are never hashed."""
    target.mkdir()
    for path in sorted(source.glob("events.*")):
        (target / path.name).write_bytes(path.read_bytes())
