"""The campaign of faults: what counts as an ending, and one command of each family that is really killed."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.faults.__main__ import STORED
from benchmarks.faults.commands import Campaign
from benchmarks.faults.outcomes import (
    FAILED,
    IDENTICAL,
    UNTOUCHED,
    Outcome,
    contents,
    load,
    save,
    sentence_problem,
    table,
)


def test_table_counts_endings_by_work_and_fault(tmp_path: Path) -> None:
    outcomes = [
        Outcome("histone: train", "SIGKILL", 0.5, IDENTICAL),
        Outcome("histone: train", "SIGKILL", 0.9, UNTOUCHED),
        Outcome("histone: train", "full disk", 0.2, FAILED, "exit 0"),
    ]
    save(outcomes, tmp_path / "faults.jsonl")
    assert load(tmp_path / "faults.jsonl") == outcomes
    assert table(outcomes).splitlines()[2:] == [
        "| histone: train | SIGKILL | 2 | 1 | 1 | 0 |",
        "| histone: train | full disk | 1 | 0 | 0 | 1 |",
    ]


def test_hidden_folders_are_no_contents(tmp_path: Path) -> None:
    for name in ("models/a", ".models.partial"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "manifest.json").write_text("{}")
    assert list(contents(tmp_path)) == ["models/a/manifest.json"]


@pytest.mark.parametrize(
    ("stderr", "problem"),
    [
        ("gxtool: error: x: no space left\n", ""),
        ("", "0 sentences"),
        ("gxtool: error: a\ngxtool: error: b\n", "2 sentences"),
        ("Traceback (most recent call last):\n", "a traceback"),
    ],
)
def test_a_failure_is_said_in_one_sentence(stderr: str, problem: str) -> None:
    assert sentence_problem(stderr) == problem


@pytest.mark.parametrize("fault", ["SIGKILL", "SIGTERM", "SIGINT"])
def test_disturbed_tokenize_ends_as_undisturbed(fault: str, tmp_path: Path) -> None:
    campaign = Campaign(tmp_path, ("histone",), seed=1)
    campaign.stages = campaign.stages[:2]
    campaign.prepare()
    outcome = campaign.trial(campaign.stages[1], fault, moment=0.8)
    assert outcome.kind in (IDENTICAL, UNTOUCHED), outcome.detail


def test_campaign_notices_an_output_that_is_not_the_expected_one(tmp_path: Path) -> None:
    campaign = Campaign(tmp_path, ("histone",), seed=1)
    campaign.stages = campaign.stages[:1]
    campaign.prepare()
    campaign.expected = {key: dict.fromkeys(value, "0" * 64) for key, value in campaign.expected.items()}
    outcome = campaign.trial(campaign.stages[0], "SIGKILL", moment=0.1)
    assert outcome.kind == FAILED


def test_docs_show_the_table_that_was_measured() -> None:
    outcomes = load(STORED)
    assert len(outcomes) == 150 + 40 + 10
    assert table(outcomes) in (Path(__file__).parents[2] / "docs/reliability.md").read_text(encoding="utf-8")
