"""Substitutions found by parts are those that a network predicts for whole mutants."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from gxtool.models.proformer.model import ProformerModel, ProformerModelConfig  # noqa: E402

FLANKS = ("TGCATTTTTTTCACATC", "GGTTACGGCTGTT")
CNN = {"architecture": "cnn", "head": "pool", "mask_loss": "off", "predict_strands": "both", "padding": "flanks"}
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


def test_rows_are_looked_at_each_by_itself() -> None:
    network, tokens = build(**CNN, channels=[5, 3], length=30), sequences(30)
    alone = np.concatenate([network.substitutions(row[None]) for row in tokens])
    np.testing.assert_allclose(network.substitutions(tokens), alone, rtol=1e-4, atol=1e-4)
