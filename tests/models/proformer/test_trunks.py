"""LegNet, DREAM-CNN, DREAM-RNN, the plain network and the presets: their parameters and a few facts by hand."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from gxtool.config import TrainingConfig, read_yaml  # noqa: E402
from gxtool.models.proformer.legnet import Products, SqueezeExcitation  # noqa: E402

PARAMETERS = {
    "proformer": 47_425_543,  # published
    "dream-cnn": 1_933_970,  # published
    "dream-rnn": 4_130_578,  # published
    "legnet": 1_937_098,  # about 1.9 million are published
    "small": 1_163_271,
    "cnn": 189_313,
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


def test_plain_network_pools_between_its_convolutions(build):
    trunk = build("cnn", channels=[9, 8, 6], pool_size=3).trunk
    assert trunk(torch.zeros(2, 6, 100)).shape == (2, 6, 11)  # 100 > 33 > 11


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
