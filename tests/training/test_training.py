"""What a trained model is: its folder, its weights, and what must not change them."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import toy_family
import yaml
from safetensors.torch import load_file
from toy_model import ToyModel
from transformers import AutoConfig, AutoModel

from gxtool.errors import InputError
from gxtool.io.artifact import open_artifact, verify
from gxtool.io.dataset import Dataset
from gxtool.models.base import Unit
from gxtool.training import inference
from gxtool.training.feeding import Rows
from gxtool.training.machine import Machine
from gxtool.training.networks import fill_buffers, load_network
from gxtool.training.run import OutOfMemoryError, Progress, TrainOptions, train
from gxtool.training.trainer import ModelTrainer

LIVER = Unit("liver", 1)


def fit(dataset: Path, output: Path, unit: Unit = LIVER, options: TrainOptions | None = None, **training: Any) -> Path:
    """Train one model of the toy and return its folder."""
    model = training.pop("model", None)
    return train(dataset, output, toy_family.run(model=model, **training), [unit], options or TrainOptions())[0]


def weights(model: Path) -> dict[str, torch.Tensor]:
    return load_file(model / "model.safetensors")


def same(first: Path, second: Path, atol: float = 0.0) -> bool:
    ours, theirs = weights(first), weights(second)
    return ours.keys() == theirs.keys() and all(torch.allclose(ours[k], theirs[k], rtol=0, atol=atol) for k in ours)


def history(model: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (model / "metrics.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def trained(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fit(dataset, tmp_path_factory.mktemp("trained") / "model", histograms=True)


def test_folder_holds_what_the_contract_names(trained: Path, dataset: Path) -> None:
    artifact = open_artifact(trained, "model", "toy")
    assert sorted(artifact.manifest.files) == [
        "config.json",
        "layers.json",
        "metrics.jsonl",
        "model.safetensors",
        "run.yaml",
        "seen-train.npy",
        "seen-val.npy",
        "seen.json",
    ]
    assert sorted(path.name for path in trained.iterdir() if path.name not in artifact.manifest.files) == [
        "manifest.json",
        "runtime.json",
        "settings.yaml",
        "tensorboard",
    ]
    assert verify(artifact) == []
    assert artifact.manifest.parents == (open_artifact(dataset).as_parent(),)
    assert (artifact.manifest.preset, artifact.manifest.seed) == ("small", 1)
    info = dict(artifact.manifest.info)
    best = max(history(trained), key=lambda line: line["val_auroc"])
    assert info.pop("value") == best["val_auroc"]
    assert info.pop("beside") == ["settings.yaml"]
    assert info == {
        "run": "toy-run",
        "sample": "liver",
        "fold": 0,
        "scheme": "file",
        "n_parameters": 3 * 5 + 5 + 5 * 2 + 2,
        "best_epoch": best["epoch"],
        "best_step": best["step"],
        "metric": "auroc",
        "n_train": 47,
        "n_val": 24,
        "data": {"names": ["x", "y", "z"], "shapes": {"numbers": [3]}},
    }


def test_history_has_a_line_per_epoch_with_every_metric(trained: Path) -> None:
    lines = history(trained)
    assert [(line["epoch"], line["step"]) for line in lines] == [(1, 5), (2, 10), (3, 15)]
    expected = ["epoch", "step", "train_loss", "val_loss", "val_auroc", "val_accuracy", "val_brier"]
    assert list(lines[0]) == [*expected, "learning_rate"]
    assert lines[0]["train_loss"] > lines[2]["train_loss"]


def test_seconds_of_epochs_are_beside_what_is_hashed(trained: Path) -> None:
    content = json.loads((trained / "runtime.json").read_text())
    assert len(content["epoch_seconds"]) == 3
    assert 0 < content["epoch_seconds"][0] < content["epoch_seconds"][2] <= content["training_seconds"]


def test_two_trainings_have_equal_ids(trained: Path, dataset: Path, tmp_path: Path) -> None:
    again = fit(dataset, tmp_path / "elsewhere" / "m", histograms=True)
    assert open_artifact(again).sha256 == open_artifact(trained).sha256
    assert oct((again / "model.safetensors").stat().st_mode) == oct((again / "run.yaml").stat().st_mode)


def test_layers_are_listed_in_the_order_of_forward(trained: Path) -> None:
    assert json.loads((trained / "layers.json").read_text()) == [
        {"name": "first", "type": "Linear", "output_shape": [5], "parameters": 20},
        {"name": "drop", "type": "Dropout", "output_shape": [5], "parameters": 0},
        {"name": "last", "type": "Linear", "output_shape": [2], "parameters": 12},
    ]


def test_run_yaml_resolves_everything_and_names_the_model(trained: Path) -> None:
    content = yaml.safe_load((trained / "run.yaml").read_text())
    assert content["training"]["batch_size"] == 10
    sections = {"data", "model", "training", "resources"}
    assert content.keys() - {"family", "preset", "run", "sample", "seed", "fold"} == sections
    assert content["resources"] == {"threads": 1}
    assert yaml.safe_load((trained / "settings.yaml").read_text())["evaluation"]["level"] == 0.9
    wanted = {"family": "toy", "preset": "small", "run": "toy-run", "sample": "liver", "seed": 1, "fold": 0}
    assert {key: content[key] for key in wanted} == wanted


def test_runtime_says_what_was_spent(trained: Path) -> None:
    content = json.loads((trained / "runtime.json").read_text())
    assert content["device"] == "cpu"
    assert content["threads"] == 1
    assert content["peak_rss_mb"] > 50
    assert {"torch", "transformers"} < content["packages"].keys()


def test_tensorboard_has_curves_and_on_demand_histograms(trained: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(trained / "tensorboard"))
    events.Reload()
    assert {"train/train_loss", "train/learning_rate", "validation/auroc"} < set(events.Tags()["scalars"])
    assert [event.step for event in events.Scalars("validation/auroc")] == [5, 10, 15]
    assert "first/weight" in events.Tags()["histograms"]


def test_model_loads_by_its_class_and_by_the_auto_classes(trained: Path) -> None:
    network = ToyModel.from_pretrained(trained)
    assert network.config.n_features == 3
    assert not hasattr(network.config, "use_cache")
    assert isinstance(AutoModel.from_pretrained(trained), ToyModel)
    assert AutoConfig.from_pretrained(trained).model_type == "gxtool-toy"


def test_scaler_is_fitted_on_training_rows_of_the_sample_alone_and_kept(trained: Path, dataset: Path) -> None:
    opened = Dataset.open(dataset)
    centre = opened.arrays["numbers"][opened.indices("train", 0, "liver")].mean(axis=0)
    assert weights(trained)["centre"].numpy() == pytest.approx(centre, abs=1e-6)


def test_no_arguments_are_pickled_beside_the_weights(trained: Path) -> None:
    assert not list(trained.parent.rglob("training_args.bin"))


def test_progress_is_gone_after_success(trained: Path) -> None:
    assert [path.name for path in trained.parent.iterdir()] == ["model"]


def test_same_seed_same_weights_and_another_seed_others(trained: Path, dataset: Path, tmp_path: Path) -> None:
    assert same(trained, fit(dataset, tmp_path / "again", histograms=True))
    assert not same(trained, fit(dataset, tmp_path / "other", Unit("liver", 2)))


def test_training_leaves_the_process_as_it_was(dataset: Path, tmp_path: Path, capfd: Any) -> None:
    import signal

    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled(), signal.getsignal(signal.SIGTERM)
    fit(dataset, tmp_path / "m", options=TrainOptions(threads=3), epochs=1)
    after = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled(), signal.getsignal(signal.SIGTERM)
    assert before == after
    assert capfd.readouterr().out == ""


def test_progress_is_reported(dataset: Path, tmp_path: Path) -> None:
    told: list[Progress] = []
    fit(dataset, tmp_path / "m", options=TrainOptions(on_progress=told.append))
    last = told[-1]
    assert (last.unit, last.epoch, last.epochs, last.step, last.steps) == ("liver-seed1-fold0", 3, 3, 15, 15)
    assert (last.metric, last.score) == ("auroc", history(tmp_path / "m")[-1]["val_auroc"])
    assert last.train_loss == history(tmp_path / "m")[-1]["train_loss"]


# 47 rows in batches of 10: the last step has 7, in micro-batches of 3, 2 and 2 rows or with an empty one.
@pytest.mark.parametrize("accumulation", [3, 8])
@pytest.mark.parametrize("greedy_forward", [False, True])
def test_accumulation_equals_one_big_batch(
    accumulation: int, greedy_forward: bool, dataset: Path, tmp_path: Path
) -> None:
    model = {"dropout": 0.0, "greedy_forward": greedy_forward}
    whole = fit(dataset, tmp_path / "whole", model={"dropout": 0.0})
    divided = fit(dataset, tmp_path / "divided", model=model, gradient_accumulation=accumulation)
    assert same(whole, divided, atol=1e-6)
    for first, second in zip(history(whole), history(divided), strict=True):
        assert first["train_loss"] == pytest.approx(second["train_loss"], abs=1e-6)


class Memory:
    """Room for micro-batches of at most `most` rows, and for none larger.

    `then`: after how many micro-batches there is room for how many rows.
    """

    def __init__(self, most: int, monkeypatch: pytest.MonkeyPatch, then: tuple[int, int] = (0, 0)) -> None:
        self.most, self.sizes = most, []
        real = ModelTrainer.compute_loss

        def compute_loss(trainer: ModelTrainer, model: Any, inputs: dict, *rest: Any, **named: Any) -> Any:
            self.sizes.append(len(inputs["numbers"]))
            most = then[1] if then[0] and len(self.sizes) > then[0] else self.most
            if self.sizes[-1] > most:
                raise torch.OutOfMemoryError("CUDA out of memory")
            return real(trainer, model, inputs, *rest, **named)

        monkeypatch.setattr(ModelTrainer, "compute_loss", compute_loss)


def test_micro_batches_are_halved_after_an_allocation_error_and_the_model_says_so(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {"model": {"dropout": 0.0}, "batch_size": 12}
    whole = fit(dataset, tmp_path / "whole", **options)
    memory = Memory(3, monkeypatch)
    for _ in range(2):
        with pytest.raises(OutOfMemoryError):
            fit(dataset, tmp_path / "m", **options)
    assert memory.sizes == [12, 6]
    halved = fit(dataset, tmp_path / "m", **options)
    assert max(memory.sizes[2:]) == 3
    assert same(whole, halved, atol=1e-6)
    said = open_artifact(halved).manifest.info["halved_for_memory"]
    assert said == {"times": 2, "micro_batches": 4}
    assert "halved_for_memory" not in open_artifact(whole).manifest.info
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m", "whole"]


def test_training_goes_on_with_halved_micro_batches_from_where_it_was_saved(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {"model": {"dropout": 0.0}, "batch_size": 12, "save_steps": 1}
    whole = fit(dataset, tmp_path / "whole", **options)
    # 4 steps an epoch: the third step of the second epoch fails.
    memory = Memory(12, monkeypatch, then=(6, 6))
    with pytest.raises(OutOfMemoryError):
        fit(dataset, tmp_path / "m", **options)
    halved = fit(dataset, tmp_path / "m", **options)
    assert memory.sizes[:7] == [12, 12, 12, 11, 12, 12, 12]
    assert memory.sizes[7:9] == [6, 6]
    assert same(whole, halved, atol=1e-6)


def test_a_micro_batch_of_one_row_is_never_halved(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Memory(0, monkeypatch)
    with pytest.raises(OutOfMemoryError):
        fit(dataset, tmp_path / "m", batch_size=1)
    assert list(tmp_path.iterdir()) == []


def test_last_weights_are_kept_when_asked_for(dataset: Path, tmp_path: Path) -> None:
    # At this rate the toy's first epoch is its best.
    options = {"epochs": 6, "learning_rate": 0.3}
    best = fit(dataset, tmp_path / "best", **options)
    last = fit(dataset, tmp_path / "last", keep="last", **options)
    info = open_artifact(last).manifest.info
    assert (info["best_epoch"], info["value"]) == (6, history(last)[-1]["val_auroc"])
    assert open_artifact(best).manifest.info["best_epoch"] < 6
    assert not same(best, last)
    until = open_artifact(best).manifest.info["best_epoch"]
    assert same(best, fit(dataset, tmp_path / "until", **{**options, "epochs": until, "keep": "last"}))


def test_patience_ends_training_early(dataset: Path, tmp_path: Path) -> None:
    model = fit(dataset, tmp_path / "m", epochs=40, learning_rate=0.3, patience=2)
    lines = history(model)
    best = open_artifact(model).manifest.info["best_epoch"]
    assert len(lines) == best + 2 < 40


def test_max_steps_end_training_inside_an_epoch(dataset: Path, tmp_path: Path) -> None:
    lines = history(fit(dataset, tmp_path / "m", max_steps=7))
    assert [(line["epoch"], line["step"]) for line in lines] == [(1, 5), (2, 7)]


def test_learning_rate_of_the_history_is_that_of_the_epoch(dataset: Path, tmp_path: Path) -> None:
    lines = history(fit(dataset, tmp_path / "m", schedule="exponential", lr_decay=0.5))
    assert [line["learning_rate"] for line in lines] == pytest.approx([0.02, 0.01, 0.005])


def test_low_precision_and_clipping_train_too(dataset: Path, tmp_path: Path) -> None:
    exact = fit(dataset, tmp_path / "exact")
    bf16 = fit(dataset, tmp_path / "bf16", precision="bf16")
    assert not same(exact, bf16)
    assert same(exact, bf16, atol=0.05)
    assert same(exact, fit(dataset, tmp_path / "tf32", precision="tf32"), atol=0.05)
    assert weights(bf16)["first.weight"].dtype == torch.float32
    assert not same(exact, fit(dataset, tmp_path / "clipped", max_grad_norm=1e-3, optimizer="sgd"))


def test_validation_keeps_one_number_per_row_and_no_logits(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    real = toy_family.predict

    def predict(logits: np.ndarray) -> np.ndarray:
        seen.append(len(logits))
        return real(logits)

    monkeypatch.setattr(toy_family, "predict", predict)
    monkeypatch.setattr("gxtool.training.inference.rows_per_pass", lambda network, row: 7)
    fit(dataset, tmp_path / "m", epochs=1)
    assert seen == [7, 7, 7, 3]


def test_validation_loss_weighs_batches_by_their_rows(dataset: Path, tmp_path: Path) -> None:
    network = load_network(toy_family.FAMILY, open_artifact(fit(dataset, tmp_path / "m")))
    opened = Dataset.open(dataset)
    rows = Rows(opened.arrays, toy_family.FAMILY, opened.indices("val"))
    here = Machine(torch.device("cpu"), 1)
    whole = inference.infer(network, rows, toy_family.FAMILY, here, 1000)
    parts = inference.infer(network, rows, toy_family.FAMILY, here, 4)
    assert parts.loss == pytest.approx(whole.loss, abs=1e-6)
    assert parts.predictions == pytest.approx(whole.predictions, abs=1e-6)


@pytest.mark.parametrize("batch_size", [1, 8, 0])
def test_predictions_do_not_depend_on_the_rows_of_a_pass(dataset: Path, tmp_path: Path, batch_size: int) -> None:
    network = load_network(toy_family.FAMILY, open_artifact(fit(dataset, tmp_path / "m")))
    opened = Dataset.open(dataset)
    rows = Rows(opened.arrays, toy_family.FAMILY, opened.indices("val"))
    here = Machine(torch.device("cpu"), 1)
    whole = inference.infer(network, rows, toy_family.FAMILY, here, 1000)
    parts = inference.infer(network, rows, toy_family.FAMILY, here, batch_size)
    assert parts.loss == pytest.approx(whole.loss, abs=1e-6)
    assert parts.predictions == pytest.approx(whole.predictions, abs=1e-6)


@pytest.mark.parametrize(
    ("width", "rows"),
    # 8 MiB of float32: 2,097,152 numbers; never fewer than 16 rows, nor more than 4,096.
    [(1, 4096), (2048, 1024), (2049, 512), (40_000, 32), (1_000_000, 16)],
)
def test_rows_of_a_pass_are_read_off_the_largest_activation(width: int, rows: int) -> None:
    class Wide(torch.nn.Module):
        device = torch.device("cpu")

        def __init__(self) -> None:
            super().__init__()
            self.inner, self.last = torch.nn.Linear(1, width), torch.nn.Linear(width, 1)

        def forward(self, numbers: torch.Tensor) -> dict[str, torch.Tensor]:
            return {"logits": self.last(self.inner(numbers))}

    network = Wide().eval()
    assert inference.rows_per_pass(network, {"numbers": torch.zeros(1, 1)}) == rows
    assert not any(module._forward_hooks for module in network.modules())


def test_buffers_that_are_not_saved_come_back(dataset: Path, tmp_path: Path) -> None:
    model = fit(dataset, tmp_path / "m", epochs=1)
    # transformers builds the network without memory; the toy's table, being in no file, is whatever was there before.
    network = ToyModel.from_pretrained(model)
    network.table.fill_(float("nan"))
    fill_buffers(network)
    assert network.table.tolist() == [1.0, 2.0]
    assert load_network(toy_family.FAMILY, open_artifact(model)).table.tolist() == [1.0, 2.0]


def test_several_units_go_into_folders_of_their_own(dataset: Path, tmp_path: Path) -> None:
    units = [Unit("lung", 1), Unit(None, 4)]
    written = train(dataset, tmp_path / "models", toy_family.run(epochs=1), units, TrainOptions())
    assert written == [tmp_path / "models" / "lung-seed1-fold0", tmp_path / "models" / "all-seed4-fold0"]
    assert [open_artifact(path).manifest.info["n_train"] for path in written] == [31, 78]
    assert same(written[0], fit(dataset, tmp_path / "alone", Unit("lung", 1), epochs=1))


def test_training_starts_from_another_model(trained: Path, dataset: Path, tmp_path: Path) -> None:
    options = TrainOptions(init=trained)
    model = fit(dataset, tmp_path / "m", Unit("lung", 1), options, max_steps=1, learning_rate=1e-9)
    assert same(trained, model, atol=1e-6)
    assert [parent["kind"] for parent in open_artifact(model).manifest.parents] == ["dataset", "model"]


def test_start_is_chosen_by_unit_among_several_models(dataset: Path, tmp_path: Path) -> None:
    units = [Unit("liver", 1), Unit("liver", 2)]
    models = train(dataset, tmp_path / "models", toy_family.run(epochs=1), units, TrainOptions())
    options = TrainOptions(init=tmp_path / "models")
    tuned = fit(dataset, tmp_path / "tuned", units[1], options, max_steps=1, learning_rate=1e-9)
    assert same(models[1], tuned, atol=1e-6)
    with pytest.raises(InputError, match="holds 2 models and none of lung-seed9-fold0"):
        fit(dataset, tmp_path / "none", Unit("lung", 9), options)


def test_loss_is_one_number_over_the_whole_epoch(dataset: Path, tmp_path: Path) -> None:
    # Nothing is learned at this rate: every epoch's mean loss is the loss of the first weights.
    lines = history(fit(dataset, tmp_path / "m", model={"dropout": 0.0}, learning_rate=1e-12, batch_size=47))
    assert all(math.isclose(line["train_loss"], lines[0]["train_loss"], abs_tol=1e-6) for line in lines)


def test_gradients_are_clipped_before_each_step(dataset: Path, tmp_path: Path) -> None:
    rates = {"optimizer": "sgd", "epochs": 1, "model": {"dropout": 0.0}}
    still = fit(dataset, tmp_path / "still", learning_rate=1e-12, **rates)
    for number, clipping in enumerate(({"max_grad_value": 1e-9}, {"max_variable_norm": 1e-9})):
        assert same(still, fit(dataset, tmp_path / f"{number}", learning_rate=1.0, **rates, **clipping), atol=1e-6)
    assert not same(still, fit(dataset, tmp_path / "free", learning_rate=1.0, **rates), atol=1e-2)


def test_trainer_is_told_to_leave_alone_what_is_done_here(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Any] = []
    real = ModelTrainer.fit
    monkeypatch.setattr(ModelTrainer, "fit", lambda self: told.append(self) or real(self))
    fit(dataset, tmp_path / "m", epochs=1)
    (trainer,) = told
    assert not trainer.args.remove_unused_columns
    assert trainer.args.report_to == []
    assert trainer.args.n_gpu <= 1
    assert not trainer.model_accepts_loss_kwargs
    assert {type(callback).__name__ for callback in trainer.callback_handler.callbacks} == {
        "DefaultFlowCallback",
        "Flow",
    }
