"""`transformers.Trainer` with our rows, our checkpoints and our bookkeeping: one loop for every family and machine.

What it is told not to do, and why:
- remove columns, count items or scale losses: batches are made here, and each micro-batch's mean loss is weighted by
  the targets it has, so that accumulation and several processes give exactly what one big batch gives;
- log, evaluate and save by its own rules: an epoch ends with a validation and a checkpoint, in this order;
- measure the gradient's norm or count operations in each step: on small networks that costs more than the step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import save_model
from torch import nn
from torch.utils.data import DataLoader
from transformers import PreTrainedModel, Trainer, TrainerState, TrainingArguments
from transformers.trainer_callback import PrinterCallback

from gxtool.config import TrainingConfig
from gxtool.errors import ConfigError, InputError
from gxtool.measure.metrics import score
from gxtool.measure.row_weights import weighted_score
from gxtool.models.base import Family
from gxtool.training.board import Board
from gxtool.training.checkpoints import ProgressFolder, link_or_copy
from gxtool.training.feeding import TARGETS, MicroBatches, Rows, StepPlan, training_loader
from gxtool.training.flow import Flow
from gxtool.training.inference import infer
from gxtool.training.machine import Machine, is_out_of_memory
from gxtool.training.options import Progress
from gxtool.training.record import Monitor, Record, TrainingClock
from gxtool.training.schedule import learning_rate_at, make_optimizer, make_scheduler
from gxtool.training.signals import StopRequest

WEIGHTS = "model.safetensors"
KEPT_WEIGHTS = "kept.safetensors"
STATE = "trainer_state.json"
TENSORBOARD = "tensorboard"


@dataclass(frozen=True)
class Task:
    """One model to fit: on which rows, how, where progress is kept and who is told.

    `accumulation` micro-batches make a step; it was doubled `halvings` times because one did not fit into memory.
    `val_weights` (n,) are the validation rows' weights; None: all weigh the same.
    """

    name: str
    family: Family
    config: TrainingConfig
    seed: int
    accumulation: int
    halvings: int
    train_rows: Rows
    val_rows: Rows
    folder: ProgressFolder
    machine: Machine
    stop: StopRequest
    on_progress: Callable[[Progress], None] | None
    val_weights: np.ndarray | None = None

    def plan(self) -> StepPlan:
        """Return how the training rows are divided into steps and micro-batches."""
        return StepPlan(len(self.train_rows), self.config.batch_size, self.accumulation, self.machine.world_size)


class ModelTrainer(Trainer):
    """Fit one network to one task, going on from the latest checkpoint of its progress folder."""

    # Losses come weighted by their targets; the number of micro-batches plays no part.
    loss_is_scaled_for_ga = True

    def __init__(self, network: PreTrainedModel, task: Task) -> None:
        self.task, self.step_plan = task, task.plan()
        self.monitor = Monitor.of(task.family, task.config)
        self.record, self.clock = Record(), TrainingClock(0.0)
        self.board: Board | None = None
        self.saved: Path | None = None
        self.batches = MicroBatches(self.step_plan, task.seed, task.machine.rank)
        self.step_losses = torch.zeros((), dtype=torch.float64, device=task.machine.device)
        self.keeps_weights = self.stop_agreed = False
        says_cache = hasattr(network.config, "use_cache")
        super().__init__(
            model=network,
            args=training_arguments(task),
            train_dataset=task.train_rows,
            eval_dataset=task.val_rows,
            callbacks=[Flow(self)],
        )
        self.remove_callback(PrinterCallback)
        if not says_cache:
            # Trainer adds a field about generating text, whatever the network does.
            del network.config.use_cache
        # A model whose forward takes **kwargs would be handed a count to divide by, and divide twice.
        self.model_accepts_loss_kwargs = False
        # Several visible devices without torchrun would be joined by DataParallel, which is neither exact nor fast.
        self.args._n_gpu = min(self.args.n_gpu, 1)

    def fit(self) -> Record:
        """Train until the end or until a stop is asked for; `finished` of the record tells which.

        Raises:
            ConfigError: the loss is no finite number.
            InputError: progress cannot be saved.
        """
        latest = self.saved = self.task.folder.latest()
        if latest:
            self.record = Record.load(latest)
        if self.record.finished:
            return self.record
        torch.manual_seed(self.task.seed + self.task.machine.rank)
        self.step_losses += self.record.epoch_loss
        step = int(TrainerState.load_from_json(str(latest / STATE)).global_step) if latest else 0
        try:
            if self.task.machine.is_writer:
                with self._saving():
                    self.board = Board(self.task.folder.path / TENSORBOARD, step)
            self.train(resume_from_checkpoint=str(latest) if latest else None)
        finally:
            if self.board:
                self.board.close()
        return self.record

    # Data and steps -----------------------------------------------------------------------------------------------

    def get_train_dataloader(self) -> DataLoader:
        """Return this process's micro-batches."""
        return training_loader(self.task.train_rows, self.batches)

    def _get_num_items_in_batch(self, batch_samples: list, device: torch.device) -> float:
        """Return the targets of one optimiser step over all processes, agreeing on a stop by the way."""
        targets = sum(batch[TARGETS] for batch in batch_samples)
        targets, asked = self.task.machine.total([targets, float(self.task.stop.is_set)])
        self.stop_agreed = asked > 0
        return targets

    @property
    def stops(self) -> bool:
        """Say whether to stop after this step; several processes decide it together, before the step."""
        return self.stop_agreed if self.task.machine.world_size > 1 else self.task.stop.is_set

    def compute_loss(
        self, model: nn.Module, inputs: dict, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> torch.Tensor:
        """Return a micro-batch's share of the step's mean loss, times the processes whose gradients are averaged."""
        targets = inputs.pop(TARGETS)
        outputs = model(**inputs)
        share = targets * self.task.machine.world_size / num_items_in_batch
        loss = outputs["loss"] if share == 1 else outputs["loss"] * share
        return (loss, outputs) if return_outputs else loss

    def training_step(self, model: nn.Module, inputs: dict, num_items_in_batch: Any = None) -> torch.Tensor:
        """Do one micro-batch and add its loss to the epoch's.

        Trainer's own step also looks, each time, after parallelisms and optimisers that we do not offer. What does not
        fit into memory is noted, so that the next attempt halves it; nothing else ever changes the size.
        """
        try:
            with self.compute_loss_context_manager():
                loss = self.compute_loss(model, self._prepare_inputs(inputs), num_items_in_batch=num_items_in_batch)
            loss.backward()
        except (RuntimeError, MemoryError) as error:
            if is_out_of_memory(error) and self.step_plan.micro_batch_size > 1:
                self.task.folder.note_out_of_memory(self.task.halvings + 1)
            raise
        loss = loss.detach()
        self.step_losses += loss
        return loss

    def _prepare_inputs(self, inputs: dict) -> dict:
        """Move a batch to the device."""
        device = self.task.machine.device
        if device.type == "cpu":
            return dict(inputs)
        return {name: value.to(device) if name != TARGETS else value for name, value in inputs.items()}

    def create_optimizer(self, model: nn.Module | None = None) -> torch.optim.Optimizer:
        """Return the configured optimiser."""
        self.optimizer = self.optimizer or make_optimizer(model or self.model, self.task.config)
        return self.optimizer

    def create_scheduler(self, num_training_steps: int, optimizer: Any = None) -> Any:
        """Return the configured schedule."""
        if self.lr_scheduler is None:
            per_epoch = self.step_plan.steps_per_epoch
            optimizer = _unwrapped(optimizer or self.optimizer)
            self.lr_scheduler = make_scheduler(optimizer, self.task.config, num_training_steps, per_epoch)
            self._created_lr_scheduler = True
        return self.lr_scheduler

    def _prepare_for_training(self, *arguments: Any, **named: Any) -> tuple[nn.Module, DataLoader]:
        """Wrap the network for several processes, but leave the optimiser as it is.

        accelerate's wrapper scales 16-bit floats, which we do not use, and looks for a package twice in each step.
        """
        prepared = super()._prepare_for_training(*arguments, **named)
        self.optimizer = self.callback_handler.optimizer = _unwrapped(self.optimizer)
        return prepared

    def floating_point_ops(self, inputs: dict) -> int:
        """Return 0: counting would walk over all parameters in each step."""
        return 0

    def _get_grad_norm(self, model: nn.Module, grad_norm: Any = None) -> Any:
        """Return the norm only where clipping has computed it."""
        return grad_norm

    # Epochs -------------------------------------------------------------------------------------------------------

    @property
    def epoch(self) -> int:
        """Return the number of the epoch whose last step was done, counted from 1."""
        return max(1, -(-self.state.global_step // self.step_plan.steps_per_epoch))

    def mean_loss(self, everywhere: bool = True) -> float | None:
        """Return the mean step loss of the epoch so far, None before its first step.

        Over all processes, which must all ask at the same step, or (`everywhere` false) of this one alone.

        Raises:
            ConfigError: it is no finite number.
        """
        steps = self.state.global_step - (self.epoch - 1) * self.step_plan.steps_per_epoch
        if steps <= 0:
            return None
        mean = (self._loss_sum() if everywhere else float(self.step_losses)) / steps
        if not np.isfinite(mean):
            raise ConfigError(
                f"{self.task.name}: the training loss became {mean} by step {self.state.global_step}, expected a "
                f"finite number; training.learning_rate {self.task.config.learning_rate:g} is probably too high"
            )
        return mean

    def _loss_sum(self) -> float:
        machine = self.task.machine
        return machine.total([float(self.step_losses)])[0] / machine.world_size

    def evaluate(
        self, eval_dataset: Any = None, ignore_keys: Any = None, metric_key_prefix: str = "eval"
    ) -> dict[str, Any]:
        """Validate at the end of an epoch, write its line, and decide whether to go on."""
        task = self.task
        line: dict[str, Any] = {"epoch": self.epoch, "step": self.state.global_step}
        train_loss = self.mean_loss()
        result = infer(self.model, task.val_rows, task.family, task.machine)
        scores = validation_scores(task, result.predictions)
        line |= {"train_loss": train_loss, "val_loss": result.loss}
        line |= {f"val_{name}": value for name, value in scores.items()}
        line["learning_rate"] = learning_rate_at(self.lr_scheduler, self.state.global_step - 1)
        self.keeps_weights = self.monitor.note(self.record, line)
        self.record.epoch_seconds.append(round(self.clock.seconds(), 3))
        self.step_losses.zero_()
        ended = self.state.global_step >= self.state.max_steps
        self.record.finished = ended or self.monitor.is_exhausted(self.record)
        if self.record.finished:
            self.control.should_training_stop = True
        if self.board:
            with self._saving():
                self.board.add(line | {"seconds": self.record.epoch_seconds[-1]})
                if task.config.histograms:
                    self.board.add_histograms(self.model, self.state.global_step)
        self.report(train_loss)
        return line

    def report(self, train_loss: float | None) -> None:
        """Tell whoever listens where training stands."""
        if not (self.task.on_progress and self.task.machine.is_writer):
            return
        last = self.record.history[-1] if self.record.history else {}
        per_epoch = self.step_plan.steps_per_epoch
        self.task.on_progress(
            Progress(
                unit=self.task.name,
                epoch=self.epoch,
                epochs=-(-self.state.max_steps // per_epoch),
                step=self.state.global_step,
                steps=self.state.max_steps,
                train_loss=train_loss,
                metric=self.monitor.metric,
                score=last.get(f"val_{self.monitor.metric}"),
                seconds=self.clock.seconds(),
            )
        )

    # Checkpoints --------------------------------------------------------------------------------------------------

    def _save_checkpoint(self, model: nn.Module, trial: Any) -> None:
        """Save everything a later process needs to go on exactly; the folder counts once it is marked complete."""
        machine, progress = self.task.machine, self.task.folder
        self.record.seconds = self.clock.seconds()
        self.record.epoch_loss = self._loss_sum()
        step = self.state.global_step
        with self._saving():
            folder = progress.start(step) if machine.is_writer else progress.checkpoint(step)
            machine.barrier()
            self._save_rng_state(str(folder))
            if machine.is_writer:
                self._write_checkpoint(folder)
            machine.barrier()
            if machine.is_writer:
                progress.complete(folder)
            machine.barrier()
        self.saved, self.keeps_weights = folder, False

    @contextmanager
    def _saving(self) -> Iterator[None]:
        """Say in one sentence what is wrong with the disk; torch and safetensors have their own exceptions for it."""
        try:
            yield
        except (OSError, RuntimeError, SafetensorError) as error:
            path = self.task.folder.path
            raise InputError(f"{path}: progress cannot be saved ({error}), expected room on the disk") from error

    def _write_checkpoint(self, folder: Path) -> None:
        save_model(self.model, str(folder / WEIGHTS))
        if self.keeps_weights:
            link_or_copy(folder / WEIGHTS, folder / KEPT_WEIGHTS)
        elif self.saved and (self.saved / KEPT_WEIGHTS).exists():
            link_or_copy(self.saved / KEPT_WEIGHTS, folder / KEPT_WEIGHTS)
        self._save_optimizer_and_scheduler(str(folder))
        self.state.save_to_json(str(folder / STATE))
        self.record.save(folder)


def validation_scores(task: Task, predictions: np.ndarray) -> dict[str, float]:
    """Return the metrics of predictions of the validation rows, which weigh as the reads behind them where known."""
    names, labels = task.family.metrics, task.val_rows.labels()
    if task.val_weights is None:
        return score(names, labels, predictions)
    return weighted_score(names, labels, predictions, task.val_weights)


def _unwrapped(optimizer: torch.optim.Optimizer) -> torch.optim.Optimizer:
    return getattr(optimizer, "optimizer", optimizer)


def training_arguments(task: Task) -> TrainingArguments:
    """Return Trainer's arguments with everything switched off that this module does itself."""
    config, cpu = task.config, task.machine.device.type == "cpu"
    return TrainingArguments(
        output_dir=str(task.folder.path),
        per_device_train_batch_size=task.plan().micro_batch_size,
        gradient_accumulation_steps=task.accumulation,
        num_train_epochs=config.epochs,
        max_steps=config.max_steps or -1,
        learning_rate=config.learning_rate,
        max_grad_norm=config.max_grad_norm,
        bf16=config.precision == "bf16",
        torch_compile=config.compile,
        seed=task.seed,
        use_cpu=cpu,
        ddp_backend="gloo" if cpu and task.machine.world_size > 1 else None,
        remove_unused_columns=False,
        label_names=["labels"],
        logging_strategy="no",
        eval_strategy="no",
        save_strategy="no",
        logging_nan_inf_filter=False,
        report_to="none",
        disable_tqdm=True,
        dataloader_pin_memory=False,
    )
