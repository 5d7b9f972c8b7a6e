"""A family's network: built for data, started from another model, loaded from its folder, and described."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn
from transformers import AutoConfig, AutoModel, PreTrainedModel

from gxtool.errors import InputError
from gxtool.files import error_number
from gxtool.io.artifact import Artifact, find_artifacts
from gxtool.io.dataset import Dataset
from gxtool.models.base import Family, Run, Unit

WEIGHTS = "model.safetensors"


def network_class(family: Family) -> type[PreTrainedModel]:
    """Return the family's model class, registered with transformers' Auto classes when it is not their own."""
    model = family.load(family.model)
    if not model.__module__.startswith("transformers."):
        AutoConfig.register(model.config_class.model_type, model.config_class, exist_ok=True)
        AutoModel.register(model.config_class, model, exist_ok=True)
    return model


def build_network(run: Run, dataset: Dataset, train_indices: np.ndarray) -> PreTrainedModel:
    """Return a new network, its sizes and scalers fitted on the training rows; weights use torch's random numbers."""
    model, family = network_class(run.family), run.family
    fitted = family.load(family.fit)(dataset, train_indices, run.config.model)
    return model(model.config_class(**{**run.config.model.model_dump(mode="json"), **_plain(fitted)}))


def load_network(family: Family, artifact: Artifact) -> PreTrainedModel:
    """Return a trained network, ready to predict.

    Raises:
        InputError: the folder's weights or configuration cannot be read, are damaged, or are no finite numbers.
    """
    model = network_class(family)
    artifact.checked()
    try:
        network = model.from_pretrained(artifact.path, local_files_only=True)
    except (OSError, ValueError, RuntimeError) as error:
        raise InputError(f"{artifact.path}: is no model that can be loaded ({_first_line(error)})") from error
    align(network)
    fill_buffers(network)
    require_finite(network.state_dict(), str(artifact.path / WEIGHTS))
    return network.eval()


def align(network: nn.Module) -> None:
    """Move weights into memory of torch's allocator, in place.

    `from_pretrained` leaves them where the file is mapped, at any multiple of 8 bytes: matrix products then round
    differently from those of the same weights elsewhere.
    """
    for tensor in (*network.parameters(), *network.buffers()):
        if tensor.device.type == "cpu":
            tensor.data = tensor.data.clone()


def require_finite(weights: Mapping[str, torch.Tensor], where: str) -> None:
    """Check that weights are numbers.

    Raises:
        InputError: the first tensor that holds NaN or infinity, said with `where`.
    """
    for name, tensor in weights.items():
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            n_bad = int((~torch.isfinite(tensor)).sum())
            raise InputError(
                f"{where}: tensor {name} has {n_bad} of {tensor.numel()} values that are NaN or infinite, expected "
                "finite weights"
            )


def save_network(network: PreTrainedModel, folder: Path) -> None:
    """Write config.json and model.safetensors.

    Raises:
        OSError: the disk is full or gone, which safetensors says in words only.
    """
    try:
        network.save_pretrained(folder)
    except SafetensorError as error:
        number = error_number(error)
        if number is None:
            raise
        raise OSError(number, os.strerror(number)) from error


def fill_buffers(network: PreTrainedModel) -> None:
    """Give non-persistent buffers the values that a new network of the same configuration has.

    `from_pretrained` builds on a device without memory, so what is not in the weights' file comes back as garbage
    unless the model's own `_init_weights` fills it.
    """
    saved = network.state_dict().keys()
    missing = [name for name, _ in network.named_buffers() if name not in saved]
    if missing:
        with torch.random.fork_rng(devices=[]):
            fresh = dict(type(network)(network.config).named_buffers())
        for name in missing:
            network.get_buffer(name).copy_(fresh[name])


def find_init(init: Path, family: Family, unit: Unit) -> Artifact:
    """Return the model that a unit starts from: the only one at or below `init`, or the one of the same unit.

    Raises:
        InputError: no model, another family's, several of which none fits, or a damaged one.
    """
    models = find_artifacts([init], "model", content=False)
    for model in models:
        if model.manifest.family != family.name:
            raise InputError(
                f"--from {model.path}: is a model of family {model.manifest.family}, expected {family.name}"
            )
    wanted = [(unit.sample, unit.seed, unit.fold), (None, unit.seed, unit.fold)]
    for key in wanted:
        for model in models:
            if (model.manifest.info.get("sample"), model.manifest.seed, model.manifest.info.get("fold", 0)) == key:
                return model.checked()
    if len(models) == 1:
        return models[0].checked()
    raise InputError(
        f"--from {init}: holds {len(models)} models and none of {unit.name}, expected one model or that one"
    )


def start_from(network: PreTrainedModel, init: Artifact) -> None:
    """Copy another model's weights into the network.

    Raises:
        InputError: a weight that only one of them has, one of another shape, or one that is no finite number.
    """
    # Copied below, by torch, into memory that it has allocated.
    weights = load_file(init.file(WEIGHTS))
    require_finite(weights, f"--from {init.path / WEIGHTS}")
    ours = network.state_dict()
    tied = set(getattr(network, "all_tied_weights_keys", {}) or {})
    for name in sorted(ours.keys() | weights.keys()):
        if name in tied:
            continue
        theirs_is = f"shape {tuple(weights[name].shape)}" if name in weights else "missing"
        ours_is = f"shape {tuple(ours[name].shape)}" if name in ours else "no such weight"
        if theirs_is != ours_is:
            raise InputError(f"--from {init.path}: weight {name} is {theirs_is}, expected {ours_is} as in this model")
    network.load_state_dict(weights, strict=False)
    network.tie_weights()


def layer_table(network: PreTrainedModel, batch: Mapping[str, torch.Tensor]) -> list[dict[str, Any]]:
    """List what one row passes through, in order: name, type, output shape (batch axis dropped), own parameters.

    Leaves are listed, and modules that hold parameters of their own; one that is used twice counts them once.
    """
    table: list[dict[str, Any]] = []
    counted: set[str] = set()

    def note(name: str, module: nn.Module, output: Any) -> None:
        own = sum(parameter.numel() for parameter in module.parameters(recurse=False))
        shape = _shape(output)
        if shape is not None:
            table.append(
                {
                    "name": name,
                    "type": type(module).__name__,
                    "output_shape": list(shape[1:]),
                    "parameters": 0 if name in counted else own,
                }
            )
            counted.add(name)

    hooks = []
    for name, module in network.named_modules():
        if name and (not any(module.children()) or any(True for _ in module.parameters(recurse=False))):
            hooks.append(module.register_forward_hook(lambda m, _, output, n=name: note(n, m, output)))
    was_training = network.training
    try:
        with torch.inference_mode():
            network.eval()(**batch)
    finally:
        network.train(was_training)
        for hook in hooks:
            hook.remove()
    return table


def _shape(output: Any) -> Sequence[int] | None:
    """Return the shape of a module's output, or of the first tensor in it."""
    if isinstance(output, torch.Tensor):
        return output.shape
    if isinstance(output, Mapping):
        output = tuple(output.values())
    if isinstance(output, (tuple, list)):
        shapes = (_shape(item) for item in output)
        return next((shape for shape in shapes if shape is not None), None)
    return None


def _plain(value: Any) -> Any:
    """Turn arrays and numpy numbers into what a JSON configuration holds."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (np.ndarray, np.generic)):
        return value.tolist()
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
