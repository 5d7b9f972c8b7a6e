"""The convolutional network with GeneNet's sizes, equal to a second implementation layer by layer; its layouts."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

torch = pytest.importorskip("torch")

# A second implementation, in numpy and float64, of what the specification of the published network says. --------------


def reference_input(signal: np.ndarray) -> np.ndarray:
    """Counts (B, N, C) -> sequence (B, N * C + C): each bin divided by its largest mark, then the marks' sums."""
    batch = []
    for gene in signal.astype(np.float64):
        scaled = [[count / max(row) if max(row) > 0 else 0.0 for count in row] for row in gene]
        sums = [sum(row[mark] for row in scaled) for mark in range(len(scaled[0]))]
        largest = max(sums) if max(sums) > 0 else 1.0
        batch.append([value for row in scaled for value in row] + [value / largest for value in sums])
    return np.array(batch)


def reference_convolution(x: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
    windows = sliding_window_view(x, weight.shape[2], axis=2)  # (B, in, positions, kernel)
    return np.einsum("bipk,oik->bop", windows, weight, optimize=True) + bias[:, None]


def reference_maximum(x: np.ndarray, size: int) -> np.ndarray:
    kept = x.shape[2] // size * size
    return x[:, :, :kept].reshape(*x.shape[:2], -1, size).max(axis=3)


def reference_published(signal: np.ndarray, weights: list[np.ndarray]) -> dict[str, np.ndarray]:
    """Return every intermediate of the published network, named by its place there."""
    w = iter(weights)
    out = {"input": reference_input(signal)[:, None, :]}
    out["conv0"] = np.tanh(reference_convolution(out["input"], next(w), next(w)))
    out["pool0"] = reference_maximum(out["conv0"], 3)
    out["conv2"] = np.tanh(reference_convolution(out["pool0"], next(w), next(w)))
    out["conv3"] = np.tanh(reference_convolution(out["conv2"], next(w), next(w)))
    out["pool3"] = reference_maximum(out["conv3"], 4)
    out["flat"] = out["pool3"].reshape(len(signal), -1)
    previous = "flat"
    for name in ("dense35", "dense16", "dense8"):
        out[name] = np.tanh(out[previous] @ next(w).T + next(w))
        previous = name
    out["logits"] = out[previous] @ next(w).T + next(w)
    return out


PUBLISHED_SHAPES = {
    "input": (1, 505),
    "conv0": (64, 489),
    "pool0": (64, 163),
    "conv2": (128, 151),
    "conv3": (256, 141),
    "pool3": (256, 35),
    "flat": (8960,),
    "dense35": (35,),
    "dense16": (16,),
    "dense8": (8,),
    "logits": (2,),
}


def observed_published(model, signal: np.ndarray) -> dict[str, np.ndarray]:
    """Return the same intermediates of our network, caught by hooks."""
    network = model.network
    modules = {
        "input": network.arrange,
        "conv0": network.convolutions[1],
        "pool0": network.convolutions[2],
        "conv2": network.convolutions[4],
        "conv3": network.convolutions[6],
        "pool3": network.convolutions[7],
        "flat": network.dense[1],
        "dense35": network.dense[3],
        "dense16": network.dense[6],
        "dense8": network.dense[9],
    }
    caught: dict[str, np.ndarray] = {}
    hooks = [
        module.register_forward_hook(lambda _m, _i, out, name=name: caught.update({name: out.numpy()}))
        for name, module in modules.items()
    ]
    with torch.no_grad():
        caught["logits"] = model(torch.from_numpy(signal)).logits.numpy()
    for hook in hooks:
        hook.remove()
    return caught


@pytest.fixture(scope="module")
def published(build, counts):
    """The published network and ours on three genes, one of them without any read."""
    model = build("convnet-published")
    signal = counts(3)
    signal[1] = 0
    weights = [p.detach().numpy().astype(np.float64) for p in model.parameters()]
    return reference_published(signal, weights), observed_published(model, signal)


@pytest.mark.parametrize("layer", PUBLISHED_SHAPES)
def test_published_network_equals_second_implementation_at(published, layer):
    expected, found = published
    assert found[layer].shape == (3, *PUBLISHED_SHAPES[layer])
    assert expected[layer].shape == found[layer].shape
    np.testing.assert_allclose(found[layer], expected[layer], rtol=1e-4, atol=2e-6)


def test_published_normalisation_by_hand(build):
    # Two bins of two marks: bin 1 is (1, 4) -> (1/4, 1), bin 2 is (0, 0) -> (0, 0); sums 1/4 and 1 -> 1/4 and 1.
    model = build("convnet-published", marks=["a", "b"], n_bins=2, kernel_sizes=[1, 1, 1], pool_sizes=[1, 1, 1])
    values = model.network.arrange(model.normalise(torch.tensor([[[1.0, 4.0], [0.0, 0.0]]])))
    assert values.tolist() == [[[0.25, 1.0, 0.0, 0.0, 0.25, 1.0]]]


def test_marks_are_channels_in_the_default_layout(build):
    model = build(marks=["a", "b", "c"], n_bins=2, pool_sizes=[1, 1])
    values = model.network.arrange(torch.tensor([[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]]))
    assert values.tolist() == [[[1.0, 4.0], [2.0, 5.0], [3.0, 6.0]]]


def test_published_parameters_per_layer(build):
    model = build("convnet-published")
    layers = [m for m in model.modules() if isinstance(m, (torch.nn.Conv1d, torch.nn.Linear))]
    assert [sum(p.numel() for p in layer.parameters()) for layer in layers] == [
        1152,
        106624,
        360704,
        313635,
        576,
        136,
        18,
    ]


def test_published_preset_has_no_spatial_dropout_but_can_have_it_after_the_first_pooling(build):
    assert not any(isinstance(m, torch.nn.Dropout1d) for m in build("convnet-published").modules())
    kinds = [type(m).__name__ for m in build("convnet-published", spatial_dropout=0.4).network.convolutions]
    assert kinds[:4] == ["Conv1d", "Tanh", "MaxPool1d", "Dropout1d"]
    assert kinds.count("Dropout1d") == 1


def test_weights_start_glorot_uniform_and_biases_zero(build):
    layer = build("convnet-published").network.dense[2]
    limit = (6 / (8960 + 35)) ** 0.5
    assert layer.weight.abs().max() <= limit
    assert layer.weight.std().item() == pytest.approx(limit / 3**0.5, rel=0.02)
    assert not layer.bias.any()
