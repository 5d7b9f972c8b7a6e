"""The colours can be told apart by readers with colour-vision deficiency and from the paper they stand on."""

from __future__ import annotations

import re
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

ASSETS = Path(__file__).resolve().parents[2] / "gxtool" / "report" / "assets"
# Machado, Oliveira and Fernandes 2009, severity 1.0, on linear RGB.
VISION = {
    "full": np.eye(3),
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
}
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def tokens(name: str) -> dict[str, str]:
    return dict(re.findall(r"--([a-z0-9]+): (#[0-9a-f]{6})", (ASSETS / name).read_text()))


def linear(colour: str) -> np.ndarray:
    rgb = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def contrast(first: str, second: str) -> float:
    """Contrast ratio of the Web Content Accessibility Guidelines."""
    dark, light = sorted(float(linear(colour) @ [0.2126, 0.7152, 0.0722]) for colour in (first, second))
    return (light + 0.05) / (dark + 0.05)


def lab(rgb: np.ndarray) -> np.ndarray:
    xyz = TO_XYZ @ np.clip(rgb, 0, 1) / [0.9505, 1, 1.089]
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("theme", ["light.css", "dark.css"])
def test_series_stand_out_from_the_paper(theme: str) -> None:
    colours = tokens(theme)
    for index in range(7):
        assert contrast(colours[f"s{index}"], colours["paper"]) >= 3, f"series {index}"


@pytest.mark.parametrize("theme", ["light.css", "dark.css"])
@pytest.mark.parametrize("name", ["ink", "soft", "link", "good", "bad", "even"])
def test_text_can_be_read(theme: str, name: str) -> None:
    colours = tokens(theme)
    assert contrast(colours[name], colours["paper"]) >= 4.5
    assert contrast(colours[name], colours["raised"]) >= 4.5


@pytest.mark.parametrize("theme", ["light.css", "dark.css"])
@pytest.mark.parametrize("vision", list(VISION))
def test_series_differ_for_every_kind_of_vision(theme: str, vision: str) -> None:
    colours = tokens(theme)
    for one, other in combinations([colours[f"s{index}"] for index in range(7)], 2):
        distance = np.linalg.norm(np.subtract(*(lab(np.array(VISION[vision]) @ linear(c)) for c in (one, other))))
        assert distance > 10, f"{one} and {other}"


def test_both_themes_define_the_same_colours() -> None:
    assert set(tokens("light.css")) == set(tokens("dark.css"))
