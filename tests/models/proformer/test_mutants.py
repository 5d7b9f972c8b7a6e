"""Substitutions found by parts are those that a network predicts for whole mutants."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from gxtool.models.proformer.model import ProformerModel, ProformerModelConfig  # noqa: E402

FLANKS = ("TGCATTTTTTTCACATC", "GGTTACGGCTGTT")
CNN = {"architecture": "cnn", "head": "pool", "mask_loss": "off", "predict_strands": "both", "padding": "flanks"}
BLOCKS = {"mask_loss": "off", "expansion": 2, "squeeze": 2, "head_dropout": 0.0, "predict_strands": "both"}
LEGNET = BLOCKS | {"architecture": "legnet", "channels": [8, 6, 4], "group_size": 2, "kernel_size": 3}
DREAM_CNN = BLOCKS | {"architecture": "dream-cnn", "channels": [4, 6], "group_size": 4, "bilinear": False}
TWO_TARGETS = {"targets": ["dev", "hk"], "target_mean": [11, -1], "target_std": [2, 0.5]}
TINY = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "head_dim": 4, "intermediate_size": 8}


def build(**fields: object) -> ProformerModel:
    """Return a network whose parts all count: norms have seen values, and no weight of the head is 0."""
    torch.manual_seed(1)
    fields = {"target_mean": [11], "target_std": [2], **fields}
    config = ProformerModelConfig(**fields, flanks=FLANKS)
    network = ProformerModel(config).eval()
    torch.nn.init.normal_(network.head.output.weight)
    for part in network.modules():
        if isinstance(part, torch.nn.BatchNorm1d):
            torch.nn.init.uniform_(part.running_mean, 0, 0.2)
            torch.nn.init.uniform_(part.running_var, 0.01, 0.1)
    return network


def sequences(length: int) -> np.ndarray:
    """Return inserts of unequal size, one with an unknown base inside, one without any base."""
    tokens = np.random.default_rng(4).integers(0, 4, (5, length)).astype(np.uint8)
    tokens[0, :4], tokens[0, -5:], tokens[1, :1], tokens[2, length // 2], tokens[3] = 4, 4, 4, 4, 4
    return tokens


def one_by_one(network: ProformerModel, tokens: np.ndarray) -> np.ndarray:
    """Return predictions (n, L, 4, T) of every mutant by itself, as anybody would write it."""
    found = np.full((*tokens.shape, 4, len(network.config.targets)), np.nan)
    for row, place in zip(*np.nonzero(tokens < 4), strict=True):
        for base in range(4):
            if base != tokens[row, place]:
                mutant = tokens[row].copy()
                mutant[place] = base
                with torch.no_grad():
                    found[row, place, base] = network(torch.from_numpy(mutant)[None]).logits[0]
    return found


@pytest.mark.parametrize(
    "fields",
    [
        CNN | {"channels": [5, 3], "motif_size": 5, "kernel_size": 3, "pool_size": 4, "kmers": [2, 3]},
        CNN | {"channels": [3, 4, 5], "motif_size": 4, "kernel_size": 2, "pool_size": 3, "kmers": [4]},
        CNN | {"channels": [6], "motif_size": 7, "kmers": [], "predict_strands": "forward", "padding": "unknown"},
        CNN | {"channels": [4, 3], "motif_size": 6, "pool_size": 1, "kmers": [5], "head": "softclass"},
        CNN | {"channels": [4, 3], "kmers": [3], **TWO_TARGETS},
        TINY | {"mask_loss": "off", "n_slots": 2},
        TINY | {"mask_loss": "off", "n_slots": 2, **TWO_TARGETS},
        TINY | {"mask_loss": "off", "n_slots": 2, "predict_strands": "both", "padding": "flanks"},
    ],
    ids=[
        "cnn",
        "three convolutions, even widths",
        "no k-mers, no flanks",
        "bins",
        "two targets",
        "whole mutants",
        "whole, two targets",
        "whole, flanks",
    ],
)
def test_every_substitution_is_predicted_as_a_mutant_by_itself(fields: dict) -> None:
    network, tokens = build(**fields, length=23), sequences(23)
    expected = one_by_one(network, tokens)
    found = network.substitutions(tokens)
    assert np.isfinite(found).sum() == 3 * (tokens < 4).sum() * found.shape[3]
    assert np.nanstd(expected) > 1e-3, "a network that says the same of everything would prove nothing"
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    "fields",
    [
        LEGNET | {"head": "pool", "padding": "flanks"},
        LEGNET | {"head": "softclass", "padding": "unknown", "kernel_size": 4, "bilinear": False},
        LEGNET | {"head": "pool", "padding": "unknown", "predict_strands": "forward", **TWO_TARGETS},
        DREAM_CNN | {"head": "softclass", "padding": "flanks", "first_channels": 2, "first_kernels": [3, 6]},
    ],
    ids=["legnet", "legnet, even width, bins", "legnet, one strand, two targets", "dream-cnn"],
)
@pytest.mark.parametrize("length", [5, 23, 41], ids="{} bases".format)
def test_mutants_whose_first_layers_are_shared_equal_mutants_by_themselves(fields: dict, length: int) -> None:
    network, tokens = build(**fields, length=length), sequences(length)
    tokens[4] = np.arange(length) % 4  # known to both ends, where layers pad
    expected, found = one_by_one(network, tokens), network.substitutions(tokens)
    assert np.isfinite(found).sum() == 3 * (tokens < 4).sum() * found.shape[3]
    assert np.nanstd(expected[4]) > 1e-3, "a network that says the same of everything would prove nothing"
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_shared_first_layers_save_a_third_of_the_operations() -> None:
    from torch.utils.flop_counter import FlopCounterMode

    from gxtool.models.registry import get_family, resolve_config

    section = resolve_config(get_family("proformer"), "legnet-small", (), ()).model.model_dump()
    network = ProformerModel(ProformerModelConfig(**section, flanks=FLANKS)).eval()
    tokens = np.random.default_rng(1).integers(0, 4, (1, 100)).astype(np.uint8)
    with FlopCounterMode(display=False) as one, torch.no_grad():
        network(torch.from_numpy(tokens))
    with FlopCounterMode(display=False) as ours:
        network.substitutions(tokens)
    share = ours.get_total_flops() / (300 * one.get_total_flops())
    assert share < 0.7, f"300 mutants take {share:.2f} of the operations of reading each whole"


def test_rows_are_looked_at_each_by_itself() -> None:
    network, tokens = build(**CNN, channels=[5, 3], length=30), sequences(30)
    alone = np.concatenate([network.substitutions(row[None]) for row in tokens])
    np.testing.assert_allclose(network.substitutions(tokens), alone, rtol=1e-4, atol=1e-4)
