"""Blanked bins followed through the layers give what the network says of the blanked signal."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from gxtool.models.histone.blanking import blanked  # noqa: E402
from gxtool.models.histone.model import HistoneModel, HistoneModelConfig  # noqa: E402

MARKS = ("a", "b", "c")


def build(**fields: object) -> HistoneModel:
    torch.manual_seed(1)
    scaled = {"signal_mean": [0.5, 1.0, 1.5], "signal_std": [0.5, 2.0, 1.0]}
    config = HistoneModelConfig(marks=MARKS, dense_sizes=(7,), dense_dropouts=(0.2,), **scaled, **fields)
    return HistoneModel(config).eval()


@pytest.mark.parametrize(
    "fields",
    [
        {"n_bins": 37, "channels": (4, 6), "kernel_sizes": (5, 3), "pool_sizes": (3, 2)},
        {"n_bins": 37, "channels": (4, 6), "kernel_sizes": (4, 2), "pool_sizes": (5, 1), "pooling": "max"},
        {"n_bins": 31, "channels": (4, 5), "kernel_sizes": (4, 3), "pool_sizes": (4, 2), "padding": "valid"},
        {"n_bins": 6, "channels": (4,), "kernel_sizes": (9,), "pool_sizes": (2,), "norm": "log1p"},
        {
            "n_bins": 25,
            "channels": (4, 6),
            "kernel_sizes": (5, 5),
            "pool_sizes": (5, 5),
            "mask_channels": True,
            "spatial_dropout": 0.3,
        },
        {"n_bins": 25, "channels": (4,), "kernel_sizes": (3,), "pool_sizes": (4,), "target": "log_expression"},
    ],
    ids=["same", "even kernels, max", "valid", "kernel wider than the row", "mask channels", "regression"],
)
def test_blanks_followed_through_the_layers_equal_blanked_signals(fields: dict) -> None:
    network, n_bins = build(**fields), fields["n_bins"]
    signal = torch.from_numpy(np.random.default_rng(2).poisson(4.0, (5, n_bins, 3)).astype(np.float32))
    present = None
    if fields.get("mask_channels"):
        present = torch.tensor([[1, 1, 1], [1, 0, 1], [0, 1, 1], [1, 1, 0], [1, 0, 0]], dtype=torch.float32)
    places = [(mark, first, min(first + w, n_bins)) for w in (1, 4) for mark in range(3) for first in range(n_bins)]
    found = blanked(network, signal, present, places)
    with torch.no_grad():
        as_is = network(signal, present).logits
        for place, logits in zip(places, found, strict=True):
            mark, first, last = place
            blank = signal.clone()
            blank[:, first:last, mark] = 0
            torch.testing.assert_close(logits, network(blank, present).logits, rtol=1e-5, atol=1e-5, msg=str(place))
    assert (found - as_is).abs().max() > 1e-2, "blanks that change nothing would prove nothing"
