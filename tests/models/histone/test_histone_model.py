"""What every network of the family does: normalise, score on/off or expression, mask marks, train, save, batch."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from gxtool.errors import ConfigError  # noqa: E402
from gxtool.models.histone.model import HistoneModel, HistoneModelConfig  # noqa: E402
from gxtool.models.registry import get_family  # noqa: E402

FAMILY = get_family("histone")
PRESETS = FAMILY.presets()
SMALL = {"marks": ["a", "b", "c"], "n_bins": 40}
# What may differ between sums of the same numbers that lie elsewhere in memory: matrix products round by that.
ROUNDING = 100 * torch.finfo(torch.float32).eps


def assert_same(first, second):
    torch.testing.assert_close(first, second, rtol=ROUNDING, atol=ROUNDING)


@pytest.mark.parametrize(
    ("norm", "expected"),
    [
        ("none", [[1.0, 4.0], [3.0, 0.0], [0.0, 2.0]]),
        ("per-bin-max", [[0.25, 1.0], [1.0, 0.0], [0.0, 1.0]]),
        ("per-mark-max", [[1 / 3, 1.0], [1.0, 0.0], [0.0, 0.5]]),
        ("log1p", [[0.6931472, 1.6094379], [1.3862944, 0.0], [0.0, 1.0986123]]),
        ("log1p-zscore", [[0.1931472, 0.3047190], [0.8862944, -0.5], [-0.5, 0.0493061]]),
        ("zscore", [[0.5, 1.5], [2.5, -0.5], [-0.5, 0.5]]),
    ],
)
def test_normalisation_by_hand(build, norm, expected):
    scalers = {"signal_mean": [0.5, 1.0], "signal_std": [1.0, 2.0]}
    model = build(norm=norm, marks=["a", "b"], n_bins=3, pool_sizes=[1, 1], **scalers)
    values = model.normalise(torch.tensor([[[1.0, 4.0], [3.0, 0.0], [0.0, 2.0]]]))
    np.testing.assert_allclose(values[0].numpy(), expected, atol=1e-6)


def test_zscore_takes_negative_log_ratios(build):
    model = build(norm="zscore", marks=["a", "b"], n_bins=2, pool_sizes=[1, 1], signal_mean=[-1, 0], signal_std=[2, 1])
    assert model.normalise(torch.tensor([[[-3.0, -0.5], [1.0, 0.0]]])).tolist() == [[[-1.0, -0.5], [1.0, 0.0]]]


@pytest.mark.parametrize("preset", PRESETS)
def test_parameter_count_is_the_stated_one(build, preset):
    assert sum(p.numel() for p in build(preset).parameters()) == FAMILY.parameters[preset]


# Losses and heads -----------------------------------------------------------------------------------------------------


def test_loss_is_the_published_binary_cross_entropy_of_two_softmax_units(build, counts):
    model, signal, labels = build(), torch.from_numpy(counts(4)), torch.tensor([1, 0, 0, 1])
    output = model(signal, labels=labels)
    one_hot = torch.nn.functional.one_hot(labels, 2).float()
    published = torch.nn.functional.binary_cross_entropy(output.logits.softmax(1), one_hot)
    assert output.loss.item() == pytest.approx(published.item(), rel=1e-5)
    assert model(signal).loss is None


def test_loss_of_one_logit_is_the_binary_cross_entropy_of_its_sigmoid(build, counts):
    output = build("attentivechrome", **SMALL)(
        torch.from_numpy(counts(4, 40, 3)), labels=torch.tensor([1, 0, 0, 1], dtype=torch.int64)
    )
    assert output.logits.shape == (4, 1)
    p = 1 / (1 + np.exp(-output.logits.detach().numpy()[:, 0].astype(np.float64)))
    assert output.loss.item() == pytest.approx(-np.log([p[0], 1 - p[1], 1 - p[2], p[3]]).mean(), rel=1e-5)


@pytest.mark.parametrize("preset", PRESETS)
def test_regression_has_one_output_and_the_mean_squared_error(build, counts, preset):
    model, signal = build(preset, target="log_expression"), torch.from_numpy(counts(3))
    labels = torch.tensor([0.0, 2.5, 11.0])
    output = model(signal, labels=labels)
    assert output.logits.shape == (3, 1)
    first, second, third = output.logits[:, 0].tolist()
    expected = (first**2 + (second - 2.5) ** 2 + (third - 11) ** 2) / 3
    assert output.loss.item() == pytest.approx(expected, rel=1e-5)
    assert model.config.id2label == {0: "log_expression"}


def test_only_attentivechrome_returns_attentions(build, counts):
    signal = torch.from_numpy(counts(2, 40, 3))
    for preset in PRESETS:
        attentions = build(preset, **SMALL, **fitting(preset))(signal).attentions
        if preset == "attentivechrome":
            assert [tuple(weights.shape) for weights in attentions] == [(2, 3, 40), (2, 3)]
        else:
            assert attentions is None


def fitting(preset: str) -> dict:
    """Return smaller kernels where the published ones leave nothing of 40 bins of 3 marks."""
    return {"kernel_sizes": [7, 5, 3]} if preset == "convnet-published" else {}


@pytest.mark.parametrize("preset", PRESETS)
def test_other_numbers_of_bins_and_marks_work(build, counts, preset):
    model = build(preset, **SMALL, **fitting(preset))
    assert model(torch.from_numpy(counts(2, n_bins=40, n_marks=3))).logits.shape[0] == 2


def test_unknown_target_is_refused(build):
    with pytest.raises(ConfigError, match="target 'rank' is unknown to this model, expected one of label, log_expr"):
        build(target="rank")


# Marks that are missing -----------------------------------------------------------------------------------------------

MASKED = {"convnet": 108674 + 64 * 5 * 5, "deepchrome": 644177 + 50 * 5 * 10, "attentivechrome": 55681 + 5 * 2 * 4 * 32}


@pytest.mark.parametrize("preset", MASKED)
def test_mask_channels_add_one_input_per_mark(build, preset):
    assert sum(p.numel() for p in build(preset, mask_channels=True).parameters()) == MASKED[preset]


def test_mask_channels_by_hand(build):
    # Gene 1 lacks mark b: its values become 0, also where the mean is not 0, and its mask is 0 in both bins.
    model = build(norm="zscore", marks=["a", "b"], n_bins=2, pool_sizes=[1, 1], mask_channels=True, signal_mean=[1, 1])
    caught = []
    model.network.arrange.register_forward_hook(lambda _m, _i, out: caught.append(out))
    model(torch.tensor([[[3.0, 0.0], [1.0, 0.0]], [[0.0, 5.0], [2.0, 1.0]]]), torch.tensor([[1, 0], [1, 1]]))
    assert caught[0].tolist() == [
        [[2.0, 0.0], [0.0, 0.0], [1.0, 1.0], [0.0, 0.0]],
        [[-1.0, 1.0], [4.0, 0.0], [1.0, 1.0], [1.0, 1.0]],
    ]


@pytest.mark.parametrize("preset", MASKED)
def test_what_a_missing_mark_holds_does_not_matter_but_that_it_is_missing_does(build, counts, preset):
    model = build(preset, mask_channels=True, **SMALL)
    signal, present = torch.from_numpy(counts(2, 40, 3)), torch.tensor([[1, 1, 0], [1, 1, 0]], dtype=torch.uint8)
    other = signal.clone()
    other[0, :, 2], other[1, :, 2] = 0, float("nan")
    with torch.no_grad():
        assert_same(model(signal, present).logits, model(other, present).logits)
        other[:, :, 2] = 0
        assert not torch.equal(model(other, present).logits, model(other).logits)
        assert_same(model(signal).logits, model(signal, torch.ones(2, 3)).logits)


def test_without_mask_channels_nothing_is_hidden(build, counts):
    model, signal = build(**SMALL), torch.from_numpy(counts(2, 40, 3))
    assert_same(model(signal, torch.zeros(2, 3)).logits, model(signal).logits)


def test_one_channel_for_all_marks_has_no_mask(build):
    with pytest.raises(ConfigError, match="model.layout interleaved has one channel for all marks and none"):
        build("convnet-published", mask_channels=True)


# Training, saving, batching -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("preset", PRESETS)
def test_batch_of_one_equals_batch_of_eight(build, counts, preset):
    model, signal = build(preset), torch.from_numpy(counts(8))
    with torch.no_grad():
        together = model(signal).logits
        alone = torch.cat([model(signal[row : row + 1]).logits for row in range(8)])
    torch.testing.assert_close(alone, together, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("preset", PRESETS)
def test_saved_model_is_loaded_unchanged_with_its_scalers(build, counts, tmp_path, preset):
    mean, std = [0.1, 0.2, 0.3, 0.4, 0.5], [1.0, 2.0, 3.0, 4.0, 5.0]
    masked = preset != "convnet-published"
    model = build(preset, signal_mean=mean, signal_std=std, target="log_expression", mask_channels=masked)
    model.save_pretrained(tmp_path)
    loaded = HistoneModel.from_pretrained(tmp_path, local_files_only=True).eval()
    torch.testing.assert_close(loaded.normalise.mean, torch.tensor(mean))
    torch.testing.assert_close(loaded.normalise.std, torch.tensor(std))
    signal, present = torch.from_numpy(counts(3)), torch.tensor([[1, 0, 1, 1, 1]]).expand(3, -1)
    assert_same(loaded(signal, present).logits, model(signal, present).logits)
    assert loaded.config.marks == model.config.marks
    assert (loaded.config.target, loaded.config.mask_channels) == ("log_expression", masked)


def test_scalers_of_the_weights_win_over_those_of_the_configuration(build, tmp_path):
    model = build(signal_mean=[9.0] * 5)
    model.normalise.mean.fill_(3.0)
    model.save_pretrained(tmp_path)
    loaded = HistoneModel.from_pretrained(tmp_path, local_files_only=True)
    assert loaded.normalise.mean.tolist() == [3.0] * 5


def test_configuration_without_the_newer_fields_is_a_convolutional_classifier():
    config = HistoneModelConfig(channels=[8], kernel_sizes=[5], pool_sizes=[5])
    assert (config.architecture, config.target, config.mask_channels) == ("convnet", "label", False)


@pytest.mark.parametrize("preset", PRESETS)
def test_every_weight_and_the_signal_receive_a_gradient(build, counts, preset):
    model, signal = build(preset), torch.from_numpy(counts(6)).requires_grad_()
    model(signal, labels=torch.arange(6) % 2).loss.backward()
    assert signal.grad.abs().sum() > 0
    for name, parameter in model.named_parameters():
        assert parameter.grad.abs().sum() > 0, name


@pytest.mark.parametrize(
    ("preset", "target"),
    [
        ("tiny", "label"),
        ("convnet", "label"),
        ("deepchrome", "label"),
        ("attentivechrome", "label"),
        ("tiny", "log_expression"),
        ("attentivechrome", "log_expression"),
    ],
)
def test_loss_falls_on_ten_examples(build, counts, preset, target):
    model, signal = build(preset, target=target).train(), torch.from_numpy(counts(10))
    labels = torch.arange(10) % 2 if target == "label" else torch.linspace(0.0, 6.0, 10)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    first = model.eval()(signal, labels=labels).loss.item()
    # How fast LSTMs fall hangs on the last bits of their sums, which differ between processors: the best of many steps.
    lowest = first
    for _ in range(300):
        optimizer.zero_grad()
        model.train()(signal, labels=labels).loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)  # as AttentiveChrome's recipe does: LSTMs need it
        optimizer.step()
        lowest = min(lowest, model.eval()(signal, labels=labels).loss.item())
        if lowest < 0.7 * first:
            return
    pytest.fail(f"fell from {first} to {lowest} at best, expected to below 0.7 of the first")


def test_rows_are_read_in_both_directions_only_while_training(build, counts):
    model = build(reverse_rate=0.5)
    signal = torch.from_numpy(counts(40))
    assert torch.equal(model.direction(signal), signal)
    turned = model.train().direction(signal)
    forwards = (turned == signal).flatten(1).all(1)
    backwards = (turned == signal.flip(1)).flatten(1).all(1)
    assert (forwards | backwards).all()
    assert 5 < int(backwards.sum()) < 35
