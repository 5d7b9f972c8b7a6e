"""The preset with DeepChrome's sizes: equal to a second implementation layer by layer, and its published recipe."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from gxtool.models.registry import get_family, resolve_config  # noqa: E402

SHAPES = {
    "conv": (50, 91),
    "pool": (50, 18),
    "flat": (900,),
    "dense625": (625,),
    "dense125": (125,),
    "logits": (2,),
}
PLACES = {"conv": ("convolutions", 1), "pool": ("convolutions", 2), "flat": ("dense", 1)}
PLACES |= {"dense625": ("dense", 3), "dense125": ("dense", 6)}


def reference(signal: np.ndarray, weights: list[np.ndarray]) -> dict[str, np.ndarray]:
    """Return every intermediate, in numpy and float64; a convolution is a sum over channels and offsets."""
    conv_weight, conv_bias, weight625, bias625, weight125, bias125, weight2, bias2 = weights
    n_genes, n_bins, n_marks = signal.shape
    kernel = conv_weight.shape[2]
    conv = np.zeros((n_genes, len(conv_weight), n_bins - kernel + 1))
    for start in range(conv.shape[2]):
        for offset in range(kernel):
            for mark in range(n_marks):
                conv[:, :, start] += np.outer(signal[:, start + offset, mark], conv_weight[:, mark, offset])
    out = {"conv": np.maximum(conv + conv_bias[:, None], 0)}
    n_pools = out["conv"].shape[2] // 5  # one position is left over
    out["pool"] = np.stack([out["conv"][:, :, 5 * n : 5 * n + 5].max(axis=2) for n in range(n_pools)], axis=2)
    out["flat"] = out["pool"].reshape(n_genes, -1)
    out["dense625"] = np.maximum(out["flat"] @ weight625.T + bias625, 0)
    out["dense125"] = np.maximum(out["dense625"] @ weight125.T + bias125, 0)
    out["logits"] = out["dense125"] @ weight2.T + bias2
    return out


def observed(model, signal: np.ndarray) -> dict[str, np.ndarray]:
    """Return the same intermediates of our network, caught by hooks."""
    caught: dict[str, np.ndarray] = {}
    hooks = []
    for name, (part, place) in PLACES.items():
        module = getattr(model.network, part)[place]
        hooks.append(module.register_forward_hook(lambda _m, _i, out, name=name: caught.update({name: out.numpy()})))
    with torch.no_grad():
        caught["logits"] = model(torch.from_numpy(signal)).logits.numpy()
    for hook in hooks:
        hook.remove()
    return caught


def both(model, signal: np.ndarray) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    weights = [p.detach().numpy().astype(np.float64) for p in model.parameters()]
    return reference(signal.astype(np.float64), weights), observed(model, signal)


@pytest.fixture(scope="module")
def published(build, counts):
    """The second implementation and ours, full size, on three genes of which one has no read."""
    signal = counts(3)
    signal[1] = 0
    return both(build("deepchrome"), signal)


@pytest.mark.parametrize("layer", SHAPES)
def test_network_equals_second_implementation_at(published, layer):
    expected, found = published
    assert found[layer].shape == expected[layer].shape == (3, *SHAPES[layer])
    np.testing.assert_allclose(found[layer], expected[layer], rtol=1e-4, atol=1e-5)


def test_three_marks_in_forty_bins_equal_the_second_implementation_too(build, counts):
    expected, found = both(build("deepchrome", marks=["a", "b", "c"], n_bins=40), counts(2, n_bins=40, n_marks=3))
    assert expected["pool"].shape == (2, 50, 6)
    for name in SHAPES:
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-4, atol=1e-5)


def test_published_parameters_per_layer(build):
    layers = [m for m in build("deepchrome").modules() if isinstance(m, (torch.nn.Conv1d, torch.nn.Linear))]
    found = [sum(p.numel() for p in layer.parameters()) for layer in layers]
    # 50 filters of 5 x 10 weights and a bias; 900 x 625 + 625; 625 x 125 + 125; 125 x 2 + 2.
    assert found == [2550, 563125, 78250, 252]
    assert sum(found) == 644177


def test_counts_go_in_as_they_are_and_only_the_flattened_features_are_dropped(build):
    model = build("deepchrome")
    signal = torch.tensor([[[3.0, 0.0, 7.0, 1.0, 2.0]]])
    assert torch.equal(model.normalise(signal), signal)
    assert [m.p for m in model.modules() if isinstance(m, torch.nn.Dropout)] == [0.5, 0.0, 0.0]
    assert type(model.network.dense[0]) is torch.nn.Dropout


def test_weights_and_biases_start_uniform_within_one_over_the_root_of_their_inputs(build):
    network = build("deepchrome").network
    for layer, inputs in ((network.convolutions[0], 5 * 10), (network.dense[2], 900), (network.dense[5], 625)):
        limit = inputs**-0.5
        for values in (layer.weight, layer.bias):
            assert 0.8 * limit < values.abs().max() <= limit
        assert layer.weight.std().item() == pytest.approx(limit / 3**0.5, rel=0.05)


def test_published_recipe():
    training = resolve_config(get_family("histone"), "deepchrome").training
    assert (training.optimizer, training.learning_rate, training.batch_size, training.epochs) == ("sgd", 1e-3, 1, 100)
    assert (training.schedule, training.lr_decay, training.weight_decay, training.keep) == ("inverse", 1e-7, 0, "best")
