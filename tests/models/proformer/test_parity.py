"""Proformer: equal to a second implementation layer by layer, its losses too, and counted part by part."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import proformer_reference as reference  # noqa: E402

from gxtool.models.proformer import model as ours  # noqa: E402

PARTS = ("first", "convolution", "norm", "attention", "second")


def observed(network, tokens: np.ndarray) -> dict[str, np.ndarray]:
    """Return the same intermediates of our network, caught by hooks."""
    caught = {}

    def catch(name):
        return lambda _module, _inputs, output: caught.update({name: output.numpy()})

    hooks = []
    for number, block in enumerate(network.trunk.blocks):
        hooks += [getattr(block, part).register_forward_hook(catch(f"{number}.{part}")) for part in PARTS]
        hooks.append(block.register_forward_hook(catch(str(number))))
    with torch.no_grad():
        caught["logits"] = network(torch.from_numpy(tokens)).logits.numpy()
        shares = ours.shares_of(torch.from_numpy(tokens), torch.float32)
        shares = torch.cat([shares, ours.reverse_complement(shares)], dim=1)
        caught["embedded"] = network.trunk.embed(shares).numpy()
        caught["guess"] = network.guess(network.trunk(shares)[1]).numpy()
    for hook in hooks:
        hook.remove()
    return caught


def expected(network, tokens: np.ndarray) -> dict[str, np.ndarray]:
    weights = reference.weights_of(network)
    rows = [reference.proformer(reference.both_strands(row), weights, network.config) for row in tokens]
    return {name: np.stack([row[name] for row in rows]) for name in rows[0]}


@pytest.fixture(scope="module")
def published(build, promoters):
    """The second implementation and ours, full size, on two promoters, one of them padded."""
    network, tokens = build("proformer", random=True), promoters(2)
    assert (tokens == 4).sum(axis=1).tolist() == [0, 3]
    return expected(network, tokens), observed(network, tokens)


SHAPES = {"embedded": (200, 512), "logits": (1,), "guess": (200, 6)}
SHAPES |= {f"{block}": (232, 512) for block in range(4)}
SHAPES |= {f"{block}.{part}": (232, 512) for block in range(4) for part in PARTS}


@pytest.mark.parametrize("layer", SHAPES)
def test_published_network_equals_second_implementation_at(published, layer):
    wanted, found = published
    assert found[layer].shape == wanted[layer].shape == (2, *SHAPES[layer])
    assert wanted[layer].std() > 1e-3
    np.testing.assert_allclose(found[layer], wanted[layer], rtol=1e-3, atol=1e-4 * np.abs(wanted[layer]).max())


@pytest.mark.parametrize("head_dim", [24, 16, 10])
@pytest.mark.parametrize("glu", ["swiglu", "glu"])
def test_unequal_sizes_wide_and_narrow_heads_and_both_gates_equal_it_too(build, promoters, head_dim, glu):
    network = build("proformer", little=True, random=True, length=37, head_dim=head_dim, glu=glu)
    tokens = promoters(3, 37)
    wanted, found = expected(network, tokens), observed(network, tokens)
    for name in wanted:
        np.testing.assert_allclose(found[name], wanted[name], rtol=1e-4, atol=2e-6, err_msg=name)
    assert found["1.attention"].shape == (3, 5 + 74, 16)


def test_training_loss_equals_second_implementation(build, promoters, monkeypatch):
    network = build("proformer", little=True, random=True, length=30, target_mean=[11.0], target_std=[2.0]).train()
    tokens, labels = promoters(3, 30), np.array([9.0, 11.5, 14.25])
    masked = np.zeros((3, 60), dtype=bool)
    # Neighbours, one of each half; the row without any; both ends; and where the halves meet.
    masked[0, [7, 8, 52]] = masked[2, [4, 29, 30, 55]] = True
    monkeypatch.setattr(ours, "draw_masked", lambda *_: torch.from_numpy(masked))
    loss = network(torch.from_numpy(tokens), torch.tensor(labels, dtype=torch.float32)).loss

    weights, both = reference.weights_of(network), np.stack([reference.both_strands(row) for row in tokens])
    hidden = np.where(masked, 5, both)
    rows = [reference.proformer(row, weights, network.config) for row in hidden]
    z = (labels - 11) / 2
    errors = [(z[n] - rows[n]["logits"][0]) ** 2 for n in range(3)]
    guessing = reference.masked_loss(both, masked, np.stack([row["guess"] for row in rows]))
    assert loss.item() == pytest.approx(sum(errors) / 3 + guessing, rel=1e-5)
    assert 0.1 < guessing < 10


def test_plain_peer_of_the_benchmark_says_the_same(build, promoters):
    from benchmarks.peers.plain_proformer import PlainProformer

    network, plain = build("proformer", random=True), PlainProformer().eval()
    theirs, weights = plain.state_dict(), network.state_dict()
    assert sum(parameter.numel() for parameter in plain.parameters()) == 47_425_543
    renamed = {"trunk.places": "positions", "trunk.strands": "strands", "trunk.slots": "slots"}
    renamed |= {"head.output": "expression", "guess": "nucleotide", "trunk.blocks": "blocks"}
    renamed |= {".first.": ".feed_forward_1.", ".second.": ".feed_forward_2.", "widen": "dense_1", "narrow": "dense_2"}
    for name, weight in weights.items():
        if name == "trunk.kmer.weight":
            theirs["dense.weight"] = weight.transpose(1, 2).flatten(1)
        elif "attention.inputs" in name:
            for part, piece in zip(("query", "key", "value"), weight.chunk(3), strict=True):
                theirs[name.removeprefix("trunk.").replace("inputs", part)] = piece
        else:
            for old, new in {**renamed, "trunk.kmer": "dense"}.items():
                name = name.replace(old, new)
            theirs[name] = weight[..., None] if name.endswith("pointwise.weight") else weight
    plain.load_state_dict({name: weight for name, weight in theirs.items() if not name.startswith("target_")})
    tokens = promoters(3)
    both = torch.from_numpy(np.stack([reference.both_strands(row) for row in tokens]))
    with torch.no_grad():
        found, wanted = network(torch.from_numpy(tokens)).logits[:, 0], plain(both)[0]
    torch.testing.assert_close(found, wanted, rtol=1e-3, atol=1e-3)
    assert wanted.std() > 1e-3


def count(module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def test_published_parameters_per_part(build):
    network = build("proformer")
    trunk = network.trunk
    assert {name: count(part) for name, part in trunk.named_children()} == {
        "kmer": 31_232,  # 60 x 512 + 512
        "places": 102_400,  # 200 x 512
        "strands": 1_024,
        "slots": 1_024,
        "blocks": 47_286_272,  # 4 x 11,821,568
    }
    assert {name: count(part) for name, part in trunk.blocks[2].named_children()} == {
        "first": 1_573_888,  # 1,024 + 512 x 2,048 + 1,024 x 512
        "convolution": 271_360,  # 1,024 + 15 x 512 + 512 x 512 + 512
        "norm": 1_024,
        "attention": 8_401_408,  # 3 x (512 x 4,096 + 4,096) + 4,096 x 512 + 512
        "second": 1_573_888,
    }
    assert (count(network.head), count(network.guess), count(network)) == (513, 3_078, 47_425_543)


def test_weights_start_as_keras_draws_them(build):
    network = build("proformer")
    block = network.trunk.blocks[0]
    limits = {
        network.trunk.places.weight: 0.05,
        network.trunk.strands.weight: 0.05,
        network.trunk.kmer.weight: (6 / (60 + 512)) ** 0.5,
        block.first.widen.weight: (6 / (512 + 2048)) ** 0.5,
        block.convolution.depthwise.weight: (6 / (15 * 512 + 15)) ** 0.5,
        # Kernels (512, 8, 512) and (8, 512, 512): all axes but the last two multiply both fans.
        block.attention.inputs.weight: (6 / (512 * 8 + 512 * 512)) ** 0.5,
        block.attention.output.weight: (6 / (8 * 512 + 8 * 512)) ** 0.5,
        network.guess.weight: (6 / (512 + 6)) ** 0.5,
    }
    for weight, limit in limits.items():
        assert 0.97 * limit < weight.abs().max() <= limit
    zero = [part.bias for part in (network.trunk.kmer, network.trunk.slots, block.attention.inputs, network.guess)]
    assert not any(bias.any() for bias in zero)


def test_slots_kernel_and_bias_of_keys_are_weights_without_effect(build, promoters):
    network = build("proformer", little=True, random=True).train()
    network(torch.from_numpy(promoters(4)), torch.tensor([1.0, 2.0, 4.0, 8.0])).loss.backward()
    attention = network.trunk.blocks[0].attention
    queries, keys, values = attention.inputs.bias.grad.chunk(3)
    assert not network.trunk.slots.weight.grad.any()
    assert not keys.any()
    assert queries.any()
    assert values.any()
    assert network.trunk.slots.bias.grad.any()
