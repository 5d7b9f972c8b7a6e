"""AttentiveChrome: equal to a second implementation layer by layer, its attentions, and its published recipe."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from gxtool.models.registry import get_family, resolve_config  # noqa: E402

# A second implementation, in numpy and float64, from the equations of the LSTM cell and of attention. -----------------


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def reference_lstm(x: np.ndarray, weights: dict[str, np.ndarray], suffix: str) -> np.ndarray:
    """Return the states (B, T, H) of one direction; rows of the weights are input, forget, candidate, output gates."""
    w_in, w_state = weights[f"weight_ih_l0{suffix}"], weights[f"weight_hh_l0{suffix}"]
    bias = weights[f"bias_ih_l0{suffix}"] + weights[f"bias_hh_l0{suffix}"]
    size = w_state.shape[1]
    state, cell = np.zeros((len(x), size)), np.zeros((len(x), size))
    states = np.zeros((len(x), x.shape[1], size))
    steps = range(x.shape[1]) if not suffix else reversed(range(x.shape[1]))
    for step in steps:
        gates = x[:, step] @ w_in.T + state @ w_state.T + bias
        i, f, g, o = (gates[:, n * size : (n + 1) * size] for n in range(4))
        cell = sigmoid(f) * cell + sigmoid(i) * np.tanh(g)
        state = sigmoid(o) * np.tanh(cell)
        states[:, step] = state
    return states


def reference_both_directions(x: np.ndarray, weights: dict[str, np.ndarray]) -> np.ndarray:
    return np.concatenate([reference_lstm(x, weights, suffix) for suffix in ("", "_reverse")], axis=2)


def reference_attention(vectors: np.ndarray, learned: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    weights = np.exp(vectors @ learned)
    weights /= weights.sum(axis=1, keepdims=True)
    return sum(weights[:, t, None] * vectors[:, t] for t in range(vectors.shape[1])), weights


def reference(features: np.ndarray, state: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return every intermediate from each mark's features (B, N, C, F), with the weights of the whole network."""

    def part(name: str) -> dict[str, np.ndarray]:
        return {
            key.removeprefix(f"network.{name}."): value for key, value in state.items() if f"network.{name}." in key
        }

    n_marks = features.shape[2]
    bins = [reference_both_directions(features[:, :, mark], part(f"bin_lstms.{mark}")) for mark in range(n_marks)]
    summed = [
        reference_attention(states, part(f"bin_attentions.{mark}")["vector.weight"][0])
        for mark, states in enumerate(bins)
    ]
    out = {"bins": np.stack(bins, axis=1), "alpha": np.stack([weights for _, weights in summed], axis=1)}
    out["vectors"] = np.stack([vector for vector, _ in summed], axis=1)
    out["marks"] = reference_both_directions(out["vectors"], part("mark_lstm"))
    out["gene"], out["beta"] = reference_attention(out["marks"], part("mark_attention")["vector.weight"][0])
    out["logits"] = out["gene"] @ part("output")["weight"].T + part("output")["bias"]
    return out


SHAPES = {
    "bins": (5, 100, 64),
    "alpha": (5, 100),
    "vectors": (5, 64),
    "marks": (5, 32),
    "beta": (5,),
    "gene": (32,),
    "logits": (1,),
}


def observed(model, signal: np.ndarray, present: np.ndarray | None = None) -> dict[str, np.ndarray]:
    """Return the same intermediates of our network, caught by hooks."""
    network = model.network
    bins, vectors, caught = [], [], {}
    hooks = [lstm.register_forward_hook(lambda _m, _i, out: bins.append(out[0])) for lstm in network.bin_lstms]
    hooks += [part.register_forward_hook(lambda _m, _i, out: vectors.append(out[0])) for part in network.bin_attentions]
    hooks.append(network.mark_lstm.register_forward_hook(lambda _m, _i, out: caught.update(marks=out[0].numpy())))
    hooks.append(network.mark_attention.register_forward_hook(lambda _m, _i, out: caught.update(gene=out[0].numpy())))
    with torch.no_grad():
        output = model(torch.from_numpy(signal), None if present is None else torch.from_numpy(present))
    for hook in hooks:
        hook.remove()
    alpha, beta = output.attentions
    caught |= {"bins": torch.stack(bins, 1).numpy(), "vectors": torch.stack(vectors, 1).numpy()}
    return caught | {"alpha": alpha.numpy(), "beta": beta.numpy(), "logits": output.logits.numpy()}


def weights_of(model) -> dict[str, np.ndarray]:
    return {name: tensor.numpy().astype(np.float64) for name, tensor in model.state_dict().items()}


@pytest.fixture(scope="module")
def published(build, counts):
    """The second implementation and ours, full size, on three genes of which one has no read."""
    model = build("attentivechrome")
    signal = counts(3)
    signal[1] = 0
    return reference(signal.astype(np.float64)[..., None], weights_of(model)), observed(model, signal)


@pytest.mark.parametrize("layer", SHAPES)
def test_network_equals_second_implementation_at(published, layer):
    expected, found = published
    assert found[layer].shape == expected[layer].shape == (3, *SHAPES[layer])
    np.testing.assert_allclose(found[layer], expected[layer], rtol=1e-4, atol=2e-6)


def test_three_marks_in_forty_bins_with_a_mask_equal_the_second_implementation_too(build, counts):
    model = build("attentivechrome", marks=["a", "b", "c"], n_bins=40, mask_channels=True, norm="log1p", init_range=0.4)
    signal, present = counts(2, n_bins=40, n_marks=3), np.array([[1, 0, 1], [1, 1, 1]], dtype=np.uint8)
    values = np.log1p(signal.astype(np.float64)) * present[:, None, :]
    features = np.stack([values, np.broadcast_to(present[:, None, :], values.shape)], axis=3)
    expected, found = reference(features, weights_of(model)), observed(model, signal, present)
    for name in SHAPES:
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-4, atol=1e-5)
    assert found["alpha"].shape == (2, 3, 40)
    assert found["beta"].shape == (2, 3)


def test_both_attentions_sum_to_one(published):
    _, found = published
    np.testing.assert_allclose(found["alpha"].sum(axis=2), np.ones((3, 5)), rtol=1e-5)
    np.testing.assert_allclose(found["beta"].sum(axis=1), np.ones(3), rtol=1e-5)
    assert found["alpha"].std(axis=2)[0].min() > 0  # and are not the same everywhere


def test_published_parameters_per_part(build):
    network = build("attentivechrome").network
    parts = {name: sum(p.numel() for p in child.parameters()) for name, child in network.named_children()}
    # Per direction 4 gates x states x (inputs + states + two biases): 4 x 32 x (1 + 32 + 2) = 4,480 and
    # 4 x 16 x (64 + 16 + 2) = 5,248; twice for two directions, the former five times.
    assert parts == {
        "bin_lstms": 5 * 8960,
        "bin_attentions": 5 * 64,
        "mark_lstm": 10496,
        "mark_attention": 32,
        "output": 33,
    }
    assert sum(parts.values()) == 55681


def test_all_parameters_start_uniform_within_a_tenth(build):
    for name, values in build("attentivechrome").named_parameters():
        assert values.abs().max() <= 0.1, name
        assert values.numel() == 1 or values.std() > 0.03, name


@pytest.mark.parametrize(("init", "limit"), [("fan-in", 32**-0.5), ("glorot", (6 / (128 + 32)) ** 0.5)])
def test_other_initial_weights_of_the_lstm(build, init, limit):
    lstm = build("attentivechrome", init=init).network.bin_lstms[0]
    assert 0.9 * limit < lstm.weight_hh_l0.abs().max() <= limit
    assert bool(lstm.bias_ih_l0.any()) == (init == "fan-in")


def test_published_recipe():
    training = resolve_config(get_family("histone"), "attentivechrome").training
    assert (training.optimizer, training.learning_rate, training.batch_size, training.epochs) == ("adam", 2e-4, 16, 30)
    assert (training.schedule, training.max_grad_norm, training.weight_decay) == ("constant", 1, 0)
    assert training.keep == "best"
