"""Names: what people may call samples and runs, and what is refused at the door."""

from __future__ import annotations

from pathlib import Path

import pytest
from hostile_names import HOSTILE, NO_RUNS, ODD

from gxtool.errors import QUOTED_LENGTH, ConfigError, InputError, quoted
from gxtool.names import check_run, check_samples, check_units, inside


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_sample_names_are_refused_in_one_short_line(name):
    with pytest.raises(InputError) as refused:
        check_samples([name], "sheet.csv, line 2")
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 400


@pytest.mark.parametrize("name", ODD)
def test_names_of_the_field_are_accepted(name):
    check_samples([name], "sheet.csv")


def test_samples_that_differ_by_case_only_are_refused():
    with pytest.raises(InputError, match="differs from 'k562' by case only"):
        check_samples(["k562", "HeLa", "K562"], "sheet.csv")


@pytest.mark.parametrize("name", [*HOSTILE, *NO_RUNS])
def test_names_that_cannot_be_a_runs_folder_are_refused(name):
    with pytest.raises(ConfigError):
        check_run(name)


def test_units_are_any_text_without_control_characters():
    check_units(["ENSG0001.2|x", "chr1:1-2", "a'b\"$(c)"], "rows.parquet")
    with pytest.raises(InputError, match="control character"):
        check_units(["a\nb"], "rows.parquet")


@pytest.mark.parametrize("part", ["..", "../x", "a/../../x", "/abs", "", "nul\0"])
def test_joins_that_leave_the_folder_are_refused(part):
    with pytest.raises(InputError, match="leads out of"):
        inside(Path("out"), part)


def test_joins_inside_are_joined():
    assert inside(Path("out"), "a b", "c.npy") == Path("out/a b/c.npy")


def test_quoted_values_are_cut_whatever_their_size():
    bomb = ["x"] * 9
    for _ in range(40):
        bomb = [bomb] * 9
    assert len(quoted(bomb)) <= QUOTED_LENGTH
    assert len(quoted("x" * 10**7)) <= QUOTED_LENGTH
    assert quoted("plain") == "'plain'"
