"""Strands, masks, heads and losses: facts that hold for a trained network whatever its trunk."""

from __future__ import annotations

import math

import numpy as np
import pytest
from pydantic import ValidationError

torch = pytest.importorskip("torch")

from gxtool.errors import ConfigError, InputError  # noqa: E402
from gxtool.models.proformer.config import ModelConfig  # noqa: E402
from gxtool.models.proformer.model import (  # noqa: E402
    ProformerModel,
    ProformerModelConfig,
    bin_shares,
    draw_masked,
    guessing_loss,
    mask,
    reverse_complement,
    shares_of,
)

# What may differ between sums of the same numbers that lie elsewhere in memory: matrix products round by that.
ROUNDING = 100 * torch.finfo(torch.float32).eps
TRUNKS = ("proformer", "legnet", "dream-cnn", "dream-rnn", "cnn")
LABELS = torch.tensor([11.0, 9.25, 17.0, 0.0, 12.5, 10.0, 13.0, 8.0, 11.5, 14.75])


def tokens_of(sequence: str) -> torch.Tensor:
    return torch.tensor([["ACGTNM".index(letter) for letter in sequence]], dtype=torch.uint8)


def letters_of(shares: torch.Tensor) -> str:
    return "".join("ACGTNM"[number] for number in shares[0].argmax(dim=1).tolist())


def output(network, tokens, **inputs) -> torch.Tensor:
    with torch.no_grad():
        return network(torch.as_tensor(tokens), **inputs).logits


def forget_orientation(network):
    """Let convolutions no longer see their last channel, which tells reverse complements from what was given."""
    first = [module for module in network.trunk.modules() if isinstance(module, torch.nn.Conv1d)]
    for module in first if network.config.architecture != "proformer" else ():
        if module.in_channels == 6:
            module.weight.data[:, 5] = 0
    return network


# Strands --------------------------------------------------------------------------------------------------------------


def test_reverse_complement_keeps_n_and_mask():
    shares = shares_of(tokens_of("NAACGTTTMN"), torch.float32)
    assert letters_of(reverse_complement(shares)) == "NMAAACGTTN"
    assert torch.equal(reverse_complement(reverse_complement(shares)), shares)


def test_published_network_reads_the_halves_by_their_places(build, promoters):
    network, tokens = build("proformer", little=True, random=True), torch.from_numpy(promoters(3))
    both = []
    network.trunk.register_forward_pre_hook(lambda _module, inputs: both.append(inputs[0]))
    reverse = reverse_complement(shares_of(tokens, torch.float32))
    forward, backward = output(network, tokens), output(network, reverse)
    assert torch.equal(both[1], both[0].roll(100, dims=1))  # the halves are swapped
    assert (forward - backward).abs().min() > 1e-4  # and that is not the same to the network


@pytest.mark.parametrize("trunk", TRUNKS)
def test_mean_of_both_strands_is_the_same_for_the_reverse_complement(build, promoters, trunk):
    network = forget_orientation(build(trunk, little=True, random=True, predict_strands="both"))
    tokens = torch.from_numpy(promoters(3))
    reverse = reverse_complement(shares_of(tokens, torch.float32))
    torch.testing.assert_close(output(network, tokens), output(network, reverse), rtol=1e-4, atol=1e-5)
    network.config.predict_strands = "forward"
    assert (output(network, tokens) - output(network, reverse)).abs().max() > 1e-5


@pytest.mark.parametrize("trunk", ["proformer", "cnn"])
def test_mean_of_both_strands_is_the_mean_of_two_predictions(build, promoters, trunk):
    network = forget_orientation(build(trunk, little=True, random=True, predict_strands="forward"))
    tokens = promoters(3)
    shares = shares_of(torch.from_numpy(tokens), torch.float32)
    expected = (output(network, tokens) + output(network, reverse_complement(shares))) / 2
    network.config.predict_strands = "both"
    torch.testing.assert_close(output(network, tokens), expected, rtol=1e-4, atol=1e-5)


def test_random_orientation_turns_about_half_of_the_training_rows_and_says_so(build, promoters):
    network = build("cnn", little=True, train_strands="random", predict_strands="forward").train()
    seen = []
    network.trunk.register_forward_pre_hook(lambda _module, inputs: seen.append(inputs[0]))
    tokens = torch.from_numpy(promoters(1).repeat(400, axis=0))
    output(network, tokens)
    turned = seen[0][:, 5, 0] == 1  # (B, 6, L): the last channel is 1 in reverse complements
    assert 160 < turned.sum() < 240
    forward = shares_of(tokens[:1], torch.float32)
    for is_turned, expected in ((False, forward), (True, reverse_complement(forward))):
        rows = seen[0][turned == is_turned]
        assert torch.equal(rows[:, :4].transpose(1, 2), expected[..., :4].expand(len(rows), -1, -1))
    assert not seen[0][:, 4].any()


def test_singleton_channel_is_read_while_training_alone(build, promoters):
    network, tokens = build("dream-cnn", little=True, random=True), promoters(3)
    singleton = torch.tensor([1.0, 0.0, 1.0])
    assert torch.equal(output(network, tokens), output(network, tokens, singleton=singleton))
    seen = []
    network.trunk.register_forward_pre_hook(lambda _module, inputs: seen.append(inputs[0]))
    output(network.train(), tokens, singleton=singleton)
    assert torch.equal(seen[0][:, 4], singleton[:, None].expand(-1, 100))


# Input ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("trunk", TRUNKS)
def test_shares_of_bases_say_the_same_as_tokens_and_carry_gradients(build, promoters, trunk):
    network, tokens = build(trunk, little=True, random=True), torch.from_numpy(promoters(3))
    shares = torch.nn.functional.one_hot(tokens.long(), 5).float().requires_grad_()
    found = network(shares).logits
    assert torch.equal(found.detach(), output(network, tokens))
    (gradient,) = torch.autograd.grad(found.sum(), shares)
    assert gradient.shape == (3, 100, 5)
    assert (gradient[..., :4].abs().amax(dim=(1, 2)) > 0).all()


def test_padding_is_a_letter_to_proformer_and_nothing_to_convolutions(build):
    tokens = tokens_of("NN" + "ACGTTGCA" * 12 + "NN")
    hidden = shares_of(tokens, torch.float32)
    hidden[..., 4] = 0  # no share of any letter
    for trunk in TRUNKS:
        network = build(trunk, little=True, random=True)
        same = torch.equal(output(network, tokens), output(network, hidden))
        assert same == (trunk != "proformer"), trunk


def test_proformer_takes_sequences_of_the_trained_length_alone(build, promoters):
    network = build("proformer", little=True, length=37)
    assert output(network, promoters(2, 37)).shape == (2, 1)
    with pytest.raises(InputError, match="sequences have 40 positions, expected 37 as in training"):
        output(network, promoters(2, 40))


@pytest.mark.parametrize("trunk", TRUNKS)
def test_batch_of_one_equals_batch_of_eight(build, promoters, trunk):
    network, tokens = build(trunk, little=True, random=True, predict_strands="both"), promoters(8)
    together = output(network, tokens)
    alone = torch.cat([output(network, tokens[row : row + 1]) for row in range(8)])
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-5)
    assert together.std() > 1e-4


# Masks ----------------------------------------------------------------------------------------------------------------


def test_masks_are_drawn_per_position_or_per_pair_and_never_on_n(promoters):
    shares = shares_of(torch.from_numpy(promoters(40)), torch.float32)
    shares = torch.cat([shares, reverse_complement(shares)], dim=1)
    known = shares[..., 4] == 0
    torch.manual_seed(3)
    alone, paired = draw_masked(shares, 0.05, paired=False), draw_masked(shares, 0.05, paired=True)
    for masked in (alone, paired):
        assert not masked[~known].any()
        assert masked[known].float().mean() == pytest.approx(0.05, abs=0.01)
    assert torch.equal(paired, paired.flip(1))
    assert (alone & alone.flip(1)).sum() < 0.3 * alone.sum()


def test_masked_bases_become_the_mask_token():
    shares = shares_of(tokens_of("ACGTN"), torch.float32)
    assert letters_of(mask(shares, torch.tensor([[False, True, True, False, False]]))) == "AMMTN"


def test_guessing_loss_by_hand():
    shares = shares_of(tokens_of("ACG"), torch.float32)
    guesses = torch.zeros(1, 3, 6)
    guesses[0, 1, 1] = math.log(5)  # C with probability 5 / 10, and 1 / 6 elsewhere
    masked = torch.tensor([[True, True, False]])
    assert guessing_loss(guesses, shares, masked).item() == pytest.approx((math.log(6) + math.log(2)) / 3)
    assert guessing_loss(guesses, shares, torch.zeros_like(masked)).item() == 0


def test_bases_are_masked_while_training_alone(build, promoters):
    network, tokens = build("proformer", little=True, mask_ratio=0.5), torch.from_numpy(promoters(3))
    seen = []
    network.trunk.register_forward_pre_hook(lambda _module, inputs: seen.append(inputs[0][..., 5].sum().item()))
    loss = network(tokens, torch.ones(3)).loss
    assert loss.item() == pytest.approx(float(np.mean((output(network, tokens).numpy() - 1) ** 2)), rel=1e-5)
    network.train()(tokens, torch.ones(3))
    assert seen[0] == seen[1] == 0 < seen[2]


# Heads and losses -----------------------------------------------------------------------------------------------------


def test_bins_share_a_label_as_a_normal_distribution_does():
    spread = bin_shares(torch.tensor([3.0, 0.0, 17.0]), n_bins=18, sd=0.5)
    assert spread.shape == (3, 18)
    assert spread.sum(dim=1).tolist() == pytest.approx([1, 1, 1])
    # One, and three, standard deviations of a normal distribution: 0.6827 and 0.9973.
    assert spread[0, 2:5].tolist() == pytest.approx([0.1573, 0.6827, 0.1573], abs=1e-4)
    assert spread[1, :2].tolist() == pytest.approx([0.8413, 0.1573], abs=1e-4)
    assert spread[2, 16:].tolist() == pytest.approx([0.1573, 0.8413], abs=1e-4)


@pytest.mark.parametrize("trunk", TRUNKS)
def test_expected_bin_is_the_prediction_and_divergence_the_loss(build, promoters, trunk):
    network = build(trunk, little=True, random=True, head="softclass", mask_loss="off", predict_strands="forward")
    network.target_mean.fill_(11)
    network.target_std.fill_(2)
    found = network(torch.from_numpy(promoters(3)), LABELS[:3])
    shares = found.bins.exp().detach().numpy()
    assert shares.shape == (3, 18)
    np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-5)
    expected = [sum(number * row[number] for number in range(18)) for row in shares]
    np.testing.assert_allclose(found.logits[:, 0].detach().numpy(), expected, rtol=1e-5)
    spread = bin_shares(LABELS[:3], 18, 0.5).double().numpy()
    divergence = sum(
        p * math.log(p / q) for p, q in zip(spread.ravel(), shares.ravel().astype(float), strict=True) if p > 0
    )
    assert found.loss.item() == pytest.approx(divergence / 3, rel=1e-4)


def test_slots_pool_and_bins_of_proformer(build, promoters):
    tokens = torch.from_numpy(promoters(3))
    for head, n_slots, read in (("slots", 1, 1), ("slots", 8, 8), ("pool", 8, 200), ("softclass", 8, 8)):
        network = build("proformer", little=True, head=head, n_slots=n_slots)
        seen = []
        network.head.register_forward_pre_hook(lambda _module, inputs, seen=seen: seen.append(inputs[0].shape))
        assert output(network, tokens).shape == (3, 1)
        assert seen == [(3, read, 16)]


def test_several_targets_are_scaled_each_by_its_own(build, promoters):
    network = build(
        "cnn", little=True, length=61, targets=["dev", "hk"], target_mean=[1.0, -2.0], target_std=[0.5, 4.0]
    )
    labels = torch.tensor([[1.5, -2.0], [0.0, 6.0], [1.0, 2.0]])
    found = network(torch.from_numpy(promoters(3, 61)), labels)
    scaled = torch.tensor([[1.0, 0.0], [-2.0, 2.0], [0.0, 1.0]])
    z = (found.logits - torch.tensor([1.0, -2.0])) / torch.tensor([0.5, 4.0])
    assert found.logits.shape == (3, 2)
    assert found.loss.item() == pytest.approx(((z - scaled) ** 2).mean().item(), rel=1e-5)
    assert network.config.id2label == {0: "dev", 1: "hk"}


@pytest.mark.parametrize("trunk", TRUNKS)
@pytest.mark.parametrize("head", ["own", "softclass"])
def test_loss_falls_on_ten_examples(build, promoters, trunk, head):
    changes = {"train_strands": "forward", "target_mean": [11.0], "target_std": [4.0]}
    network = build(trunk, little=True, **changes, **({} if head == "own" else {"head": head})).train()
    tokens = torch.from_numpy(promoters(10))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    losses = []
    for _ in range(60):
        optimizer.zero_grad()
        loss = network(tokens, LABELS).loss
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert np.mean(losses[-5:]) < 0.6 * losses[0]


@pytest.mark.parametrize("trunk", TRUNKS)
def test_bf16_runs_and_is_close(build, promoters, trunk):
    network, tokens = build(trunk, little=True), torch.from_numpy(promoters(4))
    exact = output(network, tokens)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = network(tokens, LABELS[:4])
        loss = network.train()(tokens, LABELS[:4]).loss
    loss.backward()
    assert found.logits.dtype == found.loss.dtype == loss.dtype == torch.float32
    assert (found.logits - exact).abs().max() < 0.1 * max(1.0, exact.abs().max().item())
    assert all(torch.isfinite(p.grad).all() for p in network.parameters())


@pytest.mark.parametrize("trunk", TRUNKS)
def test_saved_and_loaded_network_says_the_same(build, promoters, tmp_path, trunk):
    network = build(trunk, little=True, random=True, target_mean=[11.1], target_std=[3.7])
    network.save_pretrained(tmp_path)
    loaded = ProformerModel.from_pretrained(tmp_path).eval()
    tokens = torch.from_numpy(promoters(3))
    first, second = network(tokens, LABELS[:3]), loaded(tokens, LABELS[:3])
    torch.testing.assert_close(first.logits, second.logits, rtol=ROUNDING, atol=ROUNDING)
    torch.testing.assert_close(first.loss, second.loss, rtol=ROUNDING, atol=ROUNDING)
    assert loaded.config.target_mean == [11.1]


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"architecture": "legnet", "head": "slots", "mask_loss": "off"}, "architecture=legnet, which has no slots"),
        ({"architecture": "cnn", "head": "pool"}, "mask_loss=off with architecture=cnn"),
        ({"n_slots": 0}, "n_slots of at least 1"),
        ({"intermediate_size": 31}, "an even intermediate_size, found 31"),
        ({"channels": ()}, "at least one convolution"),
        ({"dropout": 1.0}, "less than 1"),
    ],
)
def test_fields_that_do_not_go_together_are_refused(fields, sentence):
    with pytest.raises(ValidationError, match=sentence):
        ModelConfig(**fields)


def test_an_unquoted_off_of_yaml_is_off():
    assert ModelConfig(mask_loss=False).mask_loss == "off"
    with pytest.raises(ValidationError, match="mask_loss"):
        ModelConfig(mask_loss=True)


def test_bins_of_several_targets_are_refused():
    with pytest.raises(ConfigError, match=r"softclass with 2 targets \(dev, hk\), expected one"):
        ProformerModelConfig(head="softclass", targets=["dev", "hk"])
