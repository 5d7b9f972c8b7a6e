"""LegNet, DREAM-CNN, DREAM-RNN, the plain network and the presets: their parameters and a few facts by hand."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from gxtool.config import TrainingConfig, read_yaml  # noqa: E402
from gxtool.data.sequence import kmer_counts, kmer_pairs  # noqa: E402
from gxtool.models.proformer.cnn import KmerCounts, StrandFilters  # noqa: E402
from gxtool.models.proformer.legnet import Products, SqueezeExcitation  # noqa: E402

PARAMETERS = {
    "proformer": 47_425_543,  # published
    "dream-cnn": 1_933_970,  # published
    "dream-rnn": 4_130_578,  # published
    "legnet": 1_937_098,  # about 1.9 million are published
    "legnet-small": 57_693,
    "small": 1_163_271,
    "cnn": 13_513,  # 64 filters of 9, 32 of 5 x 64, norms, 136 4-mers, 512 5-mers, the head
    "tiny": 12_327,
}


def count(module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.parametrize("preset", PARAMETERS)
def test_parameters_of_preset(build, preset):
    assert count(build(preset)) == PARAMETERS[preset]


def test_presets_are_all_counted_and_their_recipes_hold_known_fields():
    from pathlib import Path

    import gxtool.models.proformer as package

    presets = {path.stem: path for path in Path(package.__file__).parent.glob("*.yaml")}
    assert set(presets) == set(PARAMETERS)
    for path in presets.values():
        TrainingConfig(**read_yaml(path).values["training"])


def test_parts_of_dream_cnn(build):
    network = build("dream-cnn")
    # 6 x 160 x (9 + 15) + 2 x 160; blocks 320 > 128 > 128 > 64 > 64 > 64 > 64; 64 x 18 + 18
    assert [count(part) for part in (network.trunk.first, network.trunk.blocks, network.head)] == [
        23_360,
        1_909_440,
        1_170,
    ]
    # 320 > 128: to 4 x 128 filters, their width 7 in groups of 2, 320 / 4 units, back, and 2 x 320 > 128 of width 7.
    inside = 320 * 512 + 2 * 512 + 512 * 2 * 7 + 2 * 512 + 512 * 80 + 80 + 80 * 512 + 512 + 512 * 320 + 2 * 320
    assert count(network.trunk.blocks[0]) == inside + 640 * 128 * 7 + 2 * 128


def test_parts_of_dream_rnn(build):
    network = build("dream-rnn")
    assert {name: count(part) for name, part in network.trunk.named_children()} == {
        "first": 23_360,
        "lstm": 1_643_520,  # 2 directions x 4 gates x 320 states x (320 inputs + 320 states + 2 biases)
        "last": 2_457_920,  # 640 x 160 x (9 + 15) + 2 x 160
    }
    assert count(network.head) == 5_778  # 320 x 18 + 18


def test_legnet_without_products_has_the_parameters_of_the_later_version(build):
    network = build("legnet", bilinear=False)
    assert count(network) == 1_725_122
    assert count(network.trunk.stem) == 11_264  # 6 x 256 x 7 + 2 x 256


@pytest.mark.parametrize("preset", ["legnet", "dream-cnn", "dream-rnn"])
def test_trunks_keep_150_positions(build, preset):
    network = build(preset)
    with torch.no_grad():
        features = network.trunk(torch.zeros(3, 6, 150))
    assert features.shape == (3, network.trunk.width, 150)


def test_plain_network_has_features_of_sites_and_of_kmers(build):
    trunk = build("cnn", channels=[9, 8, 6], pool_size=3, kmers=[2, 3]).trunk
    assert trunk(torch.zeros(2, 6, 100)).shape == (
        2,
        6 + 10 + 32,
        1,
    )  # words


def test_sites_on_the_other_strand_are_those_of_the_reverse_complement():
    filters = StrandFilters(5, 7)
    bases = torch.nn.functional.one_hot(torch.randint(0, 4, (3, 20)), 4).float()
    forward, other = filters(bases).chunk(2, dim=2)
    swapped, back = filters(bases.flip(1, 2)).flip(1).chunk(2, dim=2)
    torch.testing.assert_close(forward, back)
    torch.testing.assert_close(other, swapped)


def test_a_filter_is_a_correlation_with_the_bases_around_a_position():
    filters = StrandFilters(1, 3)
    with torch.no_grad():
        filters.weight.copy_(torch.arange(12.0).view(3, 4, 1))
        filters.bias.zero_()
        found = filters(torch.eye(4)[[2, 0, 3]].unsqueeze(0))[0, :, 0]  # GAT
    # Before, at and behind each base: 4 + 2 + 8 + 0; 2 + 4 + 11; 0 + 7.
    assert found.tolist() == [6 + 8, 2 + 4 + 11, 0 + 7]


@pytest.mark.parametrize("size", [2, 3, 4, 5, 6])
def test_kmers_are_counted_as_without_torch(size):
    tokens = np.random.default_rng(size).integers(0, 5, (4, 50)).astype(np.uint8)
    shares = torch.nn.functional.one_hot(torch.from_numpy(tokens).long(), 5)[..., :4].float()
    expected = 2 * (50 - size + 1) / 4**size
    counts = kmer_counts(tokens, size)[:, kmer_pairs(size)[0]]
    found = KmerCounts((size,))(shares).numpy() * expected**0.5 + expected
    np.testing.assert_allclose(found, counts, atol=1e-4)


def test_squeeze_excitation_scales_each_filter_by_one_number():
    layer = SqueezeExcitation(3, 2, bilinear=False)
    x = torch.rand(2, 3, 5) + 1
    factors = layer(x) / x
    assert factors.shape == (2, 3, 5)
    torch.testing.assert_close(factors, factors[:, :, :1].expand(-1, -1, 5))
    assert ((factors > 0) & (factors < 1)).all()


def test_products_stand_behind_the_units():
    layer = Products(2)
    with torch.no_grad():
        layer.sums.weight.copy_(torch.tensor([[1.0, 10.0, 100.0, 1000.0]]))
        layer.sums.bias.fill_(7)
        found = layer(torch.tensor([[2.0, 3.0]]))
    # 1 x 2 x 2 + 10 x 2 x 3 + 100 x 3 x 2 + 1000 x 3 x 3 + 7
    assert found.tolist() == [[2.0, 3.0, 9671.0]]
