"""When a training shuffles, clips, validates, saves, reports and stops."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from gxtool.training.record import TrainingClock
from gxtool.training.schedule import clip_variables

if TYPE_CHECKING:
    from gxtool.training.trainer import ModelTrainer

# Between two reports of progress (s): each one waits for the device to read the loss.
REPORT_SECONDS = 0.5


class Flow(TrainerCallback):
    """Answer Trainer's questions for one training: an epoch ends with a validation and a checkpoint, in this order."""

    def __init__(self, trainer: ModelTrainer) -> None:
        self.trainer = trainer
        self.reported = 0.0
        self.epoch_ended = False

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Start counting seconds: everything is prepared."""
        self.trainer.model_wrapped.train()
        self.trainer.clock = TrainingClock(self.trainer.record.seconds)

    def on_epoch_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Shuffle by the epoch's number."""
        self.trainer.batches.set_epoch(state.global_step // self.trainer.step_plan.steps_per_epoch)

    def on_pre_optimizer_step(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Clip what Trainer, which knows only one norm of all gradients, does not."""
        clip_variables(self.trainer.model, self.trainer.task.config)

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Save where it was asked for, and stop where a signal asks; the end of an epoch does both by itself."""
        trainer = self.trainer
        per_epoch = trainer.step_plan.steps_per_epoch
        self.epoch_ended = state.global_step % per_epoch == 0 or state.global_step >= state.max_steps
        if not self.epoch_ended:
            save_steps = trainer.task.config.save_steps
            control.should_training_stop = trainer.stops
            control.should_save = control.should_training_stop or bool(
                save_steps and state.global_step % save_steps == 0
            )
            if control.should_save:
                trainer.mean_loss()
            if time.monotonic() - self.reported > REPORT_SECONDS:
                trainer.report(trainer.mean_loss(everywhere=False))
                self.reported = time.monotonic()

    def on_epoch_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Validate and save, unless a stop has cut the epoch short."""
        if self.epoch_ended:
            control.should_evaluate = control.should_save = True

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Stop after an epoch's checkpoint when a signal came during its last step or its validation.

        Inside an epoch the next step's end does it: what ends here would be validated as if it were whole.
        """
        if self.epoch_ended and self.trainer.task.machine.total([float(self.trainer.task.stop.is_set)])[0]:
            control.should_training_stop = True
