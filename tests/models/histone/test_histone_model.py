"""The network: equal to a second implementation layer by layer, and well-behaved in training, saving and batching."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

torch = pytest.importorskip("torch")

from gxtool.models.histone.model import HistoneModel, HistoneModelConfig  # noqa: E402
from gxtool.models.registry import get_family, resolve_config  # noqa: E402

FAMILY = get_family("histone")


def build(preset: str = "tiny", seed: int = 0, **changes) -> HistoneModel:
    torch.manual_seed(seed)
    section = resolve_config(FAMILY, preset).model.model_dump(mode="json")
    return HistoneModel(HistoneModelConfig(**{**section, **changes})).eval()


def counts(n_genes: int, n_bins: int = 100, n_marks: int = 5, seed: int = 0) -> np.ndarray:
    drawn = np.random.default_rng(seed).negative_binomial(0.5, 0.1, (n_genes, n_bins, n_marks))
    return drawn.astype(np.float32)


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


def observed_published(model: HistoneModel, signal: np.ndarray) -> dict[str, np.ndarray]:
    """Return the same intermediates of our network, caught by hooks."""
    modules = {
        "input": model.arrange,
        "conv0": model.convolutions[1],
        "pool0": model.convolutions[2],
        "conv2": model.convolutions[4],
        "conv3": model.convolutions[6],
        "pool3": model.convolutions[7],
        "flat": model.dense[1],
        "dense35": model.dense[3],
        "dense16": model.dense[6],
        "dense8": model.dense[9],
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
def published():
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


def test_published_normalisation_by_hand():
    # Two bins of two marks: bin 1 is (1, 4) -> (1/4, 1), bin 2 is (0, 0) -> (0, 0); sums 1/4 and 1 -> 1/4 and 1.
    model = build("convnet-published", marks=["a", "b"], n_bins=2, kernel_sizes=[1, 1, 1], pool_sizes=[1, 1, 1])
    values = model.arrange(model.normalise(torch.tensor([[[1.0, 4.0], [0.0, 0.0]]])))
    assert values.tolist() == [[[0.25, 1.0, 0.0, 0.0, 0.25, 1.0]]]


@pytest.mark.parametrize(
    ("norm", "expected"),
    [
        ("none", [[1.0, 4.0], [3.0, 0.0], [0.0, 2.0]]),
        ("per-bin-max", [[0.25, 1.0], [1.0, 0.0], [0.0, 1.0]]),
        ("per-mark-max", [[1 / 3, 1.0], [1.0, 0.0], [0.0, 0.5]]),
        ("log1p", [[0.6931472, 1.6094379], [1.3862944, 0.0], [0.0, 1.0986123]]),
        ("log1p-zscore", [[0.1931472, 0.3047190], [0.8862944, -0.5], [-0.5, 0.0493061]]),
    ],
)
def test_normalisation_by_hand(norm, expected):
    scalers = {"signal_mean": [0.5, 1.0], "signal_std": [1.0, 2.0]}
    model = build(norm=norm, marks=["a", "b"], n_bins=3, pool_sizes=[1, 1], **scalers)
    values = model.normalise(torch.tensor([[[1.0, 4.0], [3.0, 0.0], [0.0, 2.0]]]))
    np.testing.assert_allclose(values[0].numpy(), expected, atol=1e-6)


def test_marks_are_channels_in_the_default_layout():
    model = build(marks=["a", "b", "c"], n_bins=2, pool_sizes=[1, 1])
    values = model.arrange(torch.tensor([[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]]))
    assert values.tolist() == [[[1.0, 4.0], [2.0, 5.0], [3.0, 6.0]]]


@pytest.mark.parametrize("preset", FAMILY.presets())
def test_parameter_count_is_the_stated_one(preset):
    assert sum(p.numel() for p in build(preset).parameters()) == FAMILY.parameters[preset]


def test_published_parameters_per_layer():
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


def test_published_preset_has_no_spatial_dropout_but_can_have_it_after_the_first_pooling():
    assert not any(isinstance(m, torch.nn.Dropout1d) for m in build("convnet-published").modules())
    kinds = [type(m).__name__ for m in build("convnet-published", spatial_dropout=0.4).convolutions]
    assert kinds[:4] == ["Conv1d", "Tanh", "MaxPool1d", "Dropout1d"]
    assert kinds.count("Dropout1d") == 1


def test_weights_start_glorot_uniform_and_biases_zero():
    layer = build("convnet-published").dense[2]
    limit = (6 / (8960 + 35)) ** 0.5
    assert layer.weight.abs().max() <= limit
    assert layer.weight.std().item() == pytest.approx(limit / 3**0.5, rel=0.02)
    assert not layer.bias.any()


def test_loss_is_the_published_binary_cross_entropy_of_two_softmax_units():
    model, signal, labels = build(), torch.from_numpy(counts(4)), torch.tensor([1, 0, 0, 1])
    output = model(signal, labels)
    one_hot = torch.nn.functional.one_hot(labels, 2).float()
    published = torch.nn.functional.binary_cross_entropy(output.logits.softmax(1), one_hot)
    assert output.loss.item() == pytest.approx(published.item(), rel=1e-5)
    assert model(signal).loss is None


@pytest.mark.parametrize("preset", ["tiny", "convnet", "convnet-published"])
def test_batch_of_one_equals_batch_of_eight(preset):
    model, signal = build(preset), torch.from_numpy(counts(8))
    with torch.no_grad():
        together = model(signal).logits
        alone = torch.cat([model(signal[row : row + 1]).logits for row in range(8)])
    torch.testing.assert_close(alone, together, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("preset", ["tiny", "convnet-published"])
def test_saved_model_is_loaded_unchanged_with_its_scalers(tmp_path, preset):
    mean, std = [0.1, 0.2, 0.3, 0.4, 0.5], [1.0, 2.0, 3.0, 4.0, 5.0]
    model = build(preset, signal_mean=mean, signal_std=std)
    model.save_pretrained(tmp_path)
    loaded = HistoneModel.from_pretrained(tmp_path, local_files_only=True).eval()
    torch.testing.assert_close(loaded.normalise.mean, torch.tensor(mean))
    torch.testing.assert_close(loaded.normalise.std, torch.tensor(std))
    signal = torch.from_numpy(counts(3))
    assert torch.equal(loaded(signal).logits, model(signal).logits)
    assert loaded.config.marks == model.config.marks


def test_scalers_of_the_weights_win_over_those_of_the_configuration(tmp_path):
    model = build(signal_mean=[9.0] * 5)
    model.normalise.mean.fill_(3.0)
    model.save_pretrained(tmp_path)
    loaded = HistoneModel.from_pretrained(tmp_path, local_files_only=True)
    assert loaded.normalise.mean.tolist() == [3.0] * 5


@pytest.mark.parametrize("preset", ["tiny", "convnet"])
def test_loss_falls_on_ten_examples(preset):
    model, signal, labels = build(preset).train(), torch.from_numpy(counts(10)), torch.arange(10) % 2
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    first = model.eval()(signal, labels).loss.item()
    for _ in range(60):
        optimizer.zero_grad()
        model.train()(signal, labels).loss.backward()
        optimizer.step()
    assert model.eval()(signal, labels).loss.item() < 0.7 * first


def test_rows_are_read_in_both_directions_only_while_training():
    model = build(reverse_rate=0.5)
    signal = torch.from_numpy(counts(40))
    assert torch.equal(model.direction(signal), signal)
    turned = model.train().direction(signal)
    forwards = (turned == signal).flatten(1).all(1)
    backwards = (turned == signal.flip(1)).flatten(1).all(1)
    assert (forwards | backwards).all()
    assert 5 < int(backwards.sum()) < 35


def test_other_numbers_of_bins_and_marks_work():
    model = build(marks=["a", "b", "c"], n_bins=40)
    assert model(torch.from_numpy(counts(2, n_bins=40, n_marks=3))).logits.shape == (2, 2)
