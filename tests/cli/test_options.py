"""Published option names on the command line: `--lr 0.01 --debug` as in the original scripts."""

from __future__ import annotations

from pathlib import Path

import pytest

from gxtool.cli.options import need, published_options, same
from gxtool.errors import UsageError

ALIASES = {"lr": "training.learning_rate", "debug": "training.histograms", "data_dir": "--input"}


def test_published_options_become_assignments_and_paths() -> None:
    extra = ["--lr", "0.01", "--debug", "--data_dir=raw"]
    assert published_options(extra, ALIASES) == (["lr=0.01", "debug=true"], {"--input": Path("raw")})


def test_a_false_value_is_false() -> None:
    assert published_options(["--debug", "False"], ALIASES) == (["debug=False"], {})


@pytest.mark.parametrize(
    ("extra", "sentence"),
    [
        (["--lrr", "1"], "--lrr: no such option, did you mean --lr?"),
        (["--nothing"], "--nothing: no such option"),
        (["stray"], "stray: no such option"),
    ],
)
def test_an_unknown_option_is_named(extra: list[str], sentence: str) -> None:
    with pytest.raises(UsageError) as caught:
        published_options(extra, ALIASES)
    assert str(caught.value) == sentence


def test_one_path_under_two_names_must_agree() -> None:
    assert same(Path("a"), None, "--input") == Path("a")
    assert same(None, Path("a"), "--input") == Path("a")
    assert same(Path("a"), Path("a"), "--input") == Path("a")
    with pytest.raises(UsageError, match="--input: given twice, as a and as b"):
        same(Path("a"), Path("b"), "--input")


def test_a_missing_option_says_what_makes_it() -> None:
    with pytest.raises(UsageError, match="^--input is missing: a dataset$"):
        need(None, "--input", "a dataset")
