"""Every kind of value is written one way."""

from __future__ import annotations

import pytest

from gxtool.report import formats


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.95142, "0.951"),
        (-0.0042, "\u22120.004"),
        (0.8115, "0.812"),
        (-0.8115, "\u22120.812"),
        (1234.55, "1,234.6"),
        (0.0, "0.000"),
        (0.00042, "4.2e\u22124"),
        (-1.5e-12, "\u22121.5e\u221212"),
        (19802, "19,802"),
        (-7, "\u22127"),
        (782845.0, "782,845.0"),
        (True, "yes"),
        (None, "\u2013"),
        (float("nan"), "\u2013"),
        (float("-inf"), "\u2212∞"),
    ],
)
def test_number(value: float | None, expected: str) -> None:
    assert formats.number(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0.0123, "+0.012"), (-0.0123, "\u22120.012"), (0.0, "0.000"), (-1e-4, "\u22120.000"), (None, "\u2013")],
)
def test_signed_number_has_its_sign(value: float | None, expected: str) -> None:
    assert formats.signed(value) == expected


def test_interval_without_an_end_is_nothing() -> None:
    assert formats.interval(0.9463, 0.9561) == "0.946 to 0.956"
    assert formats.interval(-0.006, 0.01, sign=True) == "\u22120.006 to +0.010"
    assert formats.interval(None, 0.9561) == ""


def test_interval_that_rounds_to_zero_has_no_sign() -> None:
    assert formats.interval(-0.0001, 0.2) == "0.000 to 0.200"


@pytest.mark.parametrize(
    ("value", "expected"), [(0.4321, "0.432"), (0.001, "0.001"), (0.00099, "< 0.001"), (None, "\u2013"), (1.0, "1.000")]
)
def test_p_value(value: float | None, expected: str) -> None:
    assert formats.p_value(value) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0.44, "0.4 s"),
        (47.6, "48 s"),
        (185.2, "3 min 05 s"),
        (7800, "2 h 10 min"),
        (None, "\u2013"),
        (59.9, "1 min 00 s"),
    ],
)
def test_duration_has_two_units_at_most(seconds: float | None, expected: str) -> None:
    assert formats.duration(seconds).replace(formats.NBSP, " ") == expected


@pytest.mark.parametrize(
    ("count", "expected"), [(512, "512 bytes"), (18_700_000, "18.7 MB"), (None, "\u2013"), (0, "0 bytes")]
)
def test_size(count: int | None, expected: str) -> None:
    assert formats.size(count).replace(formats.NBSP, " ") == expected


@pytest.mark.parametrize(
    ("count", "nouns", "expected"),
    [
        (1, ("gene",), "1 gene"),
        (6600, ("gene",), "6,600 genes"),
        (2, ("library", "libraries"), "2 libraries"),
        (1, ("library", "libraries"), "1 library"),
    ],
)
def test_plural(count: int, nouns: tuple[str, ...], expected: str) -> None:
    assert formats.plural(count, *nouns).replace(formats.NBSP, " ") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("better (p = 0.004; 95 % interval)", "better (p~=~0.004; 95~% interval)"),
        ("p < 0.001 at 20 bp in 3 h", "p~<~0.001 at 20~bp in 3~h"),
        ("3 sequences, map = 3, 2 hours", "3 sequences, map = 3, 2 hours"),
    ],
)
def test_lines_do_not_break_between_a_number_and_what_it_counts(text: str, expected: str) -> None:
    assert formats.glued(text).replace(formats.NBSP, "~") == expected


def test_metric_direction_and_label_come_from_measure() -> None:
    assert formats.metric_label("auroc") == "AUROC"
    assert formats.metric_label("my_own") == "my own"
    assert not formats.higher_is_better("brier")
    assert formats.higher_is_better("my_own")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Scores, by cell type", "scores-by-cell-type"),
        ("<script>", "script"),
        ("日本", "part"),
        ("Gr\u00f6\u00dfe", "groe"),
    ],
)
def test_slug_is_fit_for_an_id(text: str, expected: str) -> None:
    assert formats.slug(text) == expected
