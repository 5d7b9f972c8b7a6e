"""Settings that are hostile: bounded, and told in one sentence with their line."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from gxtool.config import Layer, Section, TrainingConfig, parse_assignments, read_yaml
from gxtool.errors import ConfigError, GxtoolError, did_you_mean, listed, plain, quoted
from gxtool.yaml_text import DEEPEST, LARGEST_YAML, parse_yaml


def refusal(text: str, tmp_path: Path) -> str:
    path = tmp_path / "a.yaml"
    path.write_text(text, encoding="utf-8")
    start = time.monotonic()
    with pytest.raises(ConfigError) as caught:
        read_yaml(path)
    assert time.monotonic() - start < 10
    sentence = str(caught.value)
    assert len(sentence) < 600
    assert "\n" not in sentence
    assert sentence.startswith(str(path))
    return sentence.removeprefix(str(path))


BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 9)
)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (BOMB, ", line 5: stands for more than 50,000 values (aliases written out), expected fewer"),
        ("a: [" + "x, " * 1_000_000 + "x]\n", ", line 1: holds more than 50,000 values, expected settings"),
        ("training: &t\n  epochs: [*t]\n", ", line 2: *t stands inside the value it names, expected an end to it"),
        ("a: " + "[" * 5000 + "]" * 5000, f", line 1: is nested more than {DEEPEST} levels deep, expected sections"),
        ("a:\n" * 1 + "".join(" " * n + "a:\n" for n in range(1, 300)), f"nested more than {DEEPEST} levels deep"),
        ("training:\n  epochs: 3\n  epochs: 4\n", ", line 3: 'epochs' stands on line 2 already, expected every key"),
        ("training:\n  epochs: 3\ndata: {}\ntraining: {}\n", ", line 4: 'training' stands on line 1 already"),
        (f"a: {'9' * 5000}\n", ", line 1: found '999999"),
        ("a: 9223372036854775808\n", ", line 1: found '9223372036854775808', expected a whole number of at most 64"),
        ("a: 0100\n", ", line 1: found '0100', expected a decimal number, or text in quotes"),
        ("a: 1:40\n", ", line 1: found '1:40', expected a decimal number, or text in quotes"),
        ("a: 2001-99-99\n", ", line 1: found '2001-99-99', expected a value that can be read"),
        ("a: !!python/object/apply:os.system [ls]\n", ", line 1: is not valid YAML (could not determine a constructor"),
        ("a: 1\0\n", "is not valid YAML (special characters are not allowed)"),
        ("x" * (LARGEST_YAML + 1), f": holds more than {LARGEST_YAML:,} characters, expected settings"),
    ],
    ids=[
        *(
            "alias bomb",
            "a million entries",
            "recursion",
            "depth in brackets",
            "depth in lines",
            "key twice",
            "section twice",
        ),
        *("5,000 digits", "65 bits", "octal", "minutes", "no date", "a tag", "null byte", "size"),
    ],
)
def test_hostile_settings_are_refused_in_a_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    assert sentence in refusal(text, tmp_path)


def test_bomb_is_refused_before_its_values_are_made(tmp_path: Path) -> None:
    """Written out this one holds 10^9 values; refused in a sentence it takes no memory worth measuring."""
    import tracemalloc

    tracemalloc.start()
    refusal(BOMB, tmp_path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5 << 20


def test_utf16_is_no_settings_file(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes("training: {}\n".encode("utf-16"))
    with pytest.raises(ConfigError, match="is not UTF-8 text, expected a YAML file"):
        read_yaml(path)


def test_aliases_and_merges_of_a_sane_size_are_read() -> None:
    text = "base: &base {epochs: 3}\ntraining:\n  <<: *base\n  patience: 2\n"
    assert parse_yaml(text)["training"] == {"epochs": 3, "patience": 2}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (".".join("a" * 10_000) + "=1", "names 10000 levels, expected `section.field`"),
        ("data.marks=" + "[" * 10_000 + "]" * 10_000, f"is nested more than {DEEPEST} levels deep"),
        ("data.marks=&a [*a]", "stands inside the value it names"),
        ("training.epochs=" + "9" * 5000, "expected a whole number of at most 64 bits"),
        ("data={a: 1, a: 2}", "'a' stands on line 1 already"),
        ("x" * 100_000, "found no `section.field=value`"),
    ],
    ids=["deep name", "deep value", "recursion", "digits", "key twice", "no value"],
)
def test_hostile_assignments_are_refused_in_a_short_sentence(text: str, sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_assignments([text])
    assert sentence in str(caught.value)
    assert len(str(caught.value)) < 500


def test_text_that_is_no_yaml_stays_text() -> None:
    assert parse_assignments(["training.monitor=a: b: c"]) == Layer("--set", {"training": {"monitor": "a: b: c"}})


class Sizes(Section):
    n_bins: int = 3
    rate: float = 0.5
    flag: bool = False
    sizes: tuple[int, ...] = (1,)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"n_bins": True}, "a value of type whole number"),
        ({"rate": False}, "a value of type number"),
        ({"sizes": [1, True]}, "a value of type tuple"),
        ({"rate": float("inf")}, "a finite number"),
        ({"rate": "1e999"}, "a finite number"),
        ({"n_bins": 2**63}, "at most 64 bits"),
        ({"sizes": [2**70]}, "at most 64 bits"),
    ],
)
def test_numbers_are_no_booleans_finite_and_of_64_bits(values: dict, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        Sizes.model_validate(values)


def test_every_section_refuses_true_for_a_number() -> None:
    with pytest.raises(ValueError, match="whole number"):
        TrainingConfig.model_validate({"epochs": True})
    assert Sizes.model_validate({"flag": True, "n_bins": "7", "rate": 1}).n_bins == 7


def test_values_and_lists_in_messages_are_cut() -> None:
    assert len(quoted(["x" * 1000] * 1000)) <= 200
    assert quoted(10**5000) == "a number of 16610 bits"
    assert (plain("E003"), plain("a\nb"), plain("")) == ("E003", "'a\\nb'", "nothing")
    assert len(plain("x" * 10_000)) <= 200
    assert len(listed(f"column{n}" for n in range(10_000))) < 620
    assert len(did_you_mean("zzz", [f"column{n}" for n in range(100_000)])) < 650
    assert did_you_mean("sample", ["Sample", "data"]) == ", did you mean Sample?"


def test_any_error_is_one_line_of_bounded_length() -> None:
    text = str(GxtoolError("one\ntwo\x1b[31m" + "x" * 100_000 + "the end"))
    assert len(text) <= 2000
    assert text.startswith("one two\\x1b[31mxxx")
    assert text.endswith("xthe end")
