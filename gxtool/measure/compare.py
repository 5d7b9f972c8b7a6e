"""`compare`: runs against the runs they are asked about, on the test rows they share.

The verdicts are those of the one verdict layer (`verdict.py`), the same as `evaluate` gives of a run and its baselines.
Runs of another family, judged by another metric or on other rows are never compared.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from gxtool.data.splits import SCHEMES
from gxtool.errors import InputError, did_you_mean, quoted
from gxtool.io.artifact import Artifact, ArtifactWriter, find_artifacts
from gxtool.io.runtime import Stopwatch
from gxtool.measure.answers import Answers, of_samples, read_answers, shared_samples
from gxtool.measure.evidence import Scored, scored
from gxtool.measure.faults import fault_sentences
from gxtool.measure.sentences import Words, runs_sentences
from gxtool.measure.verdict import Difference, Question, difference

# (run, the run it is compared with)
Pair = tuple[str, str]


@dataclass(frozen=True)
class Evaluation:
    """One run's scores and its predictions on test rows."""

    artifact: Artifact
    metrics: Mapping[str, Any]

    @classmethod
    def open(cls, artifact: Artifact) -> Evaluation:
        """Read the scores of an evaluation artifact; its predictions are read when they are needed."""
        return cls(artifact, artifact.json("metrics.json"))

    @property
    def run(self) -> str:
        """Return the run's name."""
        return self.metrics["run"]

    @property
    def subject(self) -> tuple[str, str, str]:
        """Return what runs must have in common to be compared: family, metric and what their split proves."""
        return self.metrics["family"], self.metrics["primary"], self.metrics["scheme"]

    @cached_property
    def answers(self) -> Answers:
        """Return the test rows and what the model says of them."""
        path = self.artifact.path / "predictions.parquet"
        return read_answers(self.artifact.table("predictions.parquet"), self.run, str(path))

    @property
    def question(self) -> Question:
        """Return how sure verdicts are, and whether they are about samples that are not among these."""
        held_out = "sample" in SCHEMES[self.metrics["scheme"]].apart
        return Question(self.metrics["level"], held_out and len(self.metrics.get("targets", ())) < 2)


def compare(sources: Sequence[Path], output: Path, overwrite: bool = False, against: Sequence[str] = ()) -> Path:
    """Compare evaluations found at or below the sources.

    `against` are `RUN=OTHER` (this run with that one) or `OTHER` (every run with that one); none: every run is compared
    with the first of its kind.

    Raises:
        InputError: no evaluation, a run twice, runs with intervals of different levels, or a run that is not there.
    """
    members = [Evaluation.open(artifact) for artifact in find_artifacts(sources, "evaluation")]
    by_name: dict[str, Evaluation] = {}
    for member in members:
        if member.run in by_name:
            raise InputError(
                f"run {member.run}: evaluated twice below {', '.join(map(str, sources))}, expected it once, or two "
                "names (gxtool train --name)"
            )
        by_name[member.run] = member
        _require_level(member, members[0])
    pairs = _asked(by_name, against) if against else _first_of_each(members)
    watch = Stopwatch()
    with ArtifactWriter(output, "comparison", overwrite=overwrite) as writer:
        for member in members:
            writer.add_parent(member.artifact)
        writer.write_json("comparison.json", _content(by_name, pairs))
        watch.write(writer.folder)
    return Path(output)


def _require_level(member: Evaluation, first: Evaluation) -> None:
    level, expected = member.metrics["level"], first.metrics["level"]
    if level != expected:
        raise InputError(f"run {member.run}: has intervals of level {level:g}, expected {expected:g} as the others")


def _first_of_each(members: Sequence[Evaluation]) -> list[Pair]:
    """Pair every run with the first that has the same subject."""
    firsts: dict[tuple[str, str, str], str] = {}
    pairs = [(member.run, firsts.setdefault(member.subject, member.run)) for member in members]
    return [(run, other) for run, other in pairs if run != other]


def _asked(runs: Mapping[str, Evaluation], against: Sequence[str]) -> list[Pair]:
    """Read `RUN=OTHER` and `OTHER`.

    Raises:
        InputError: a run that is not there, itself, or two that cannot be compared.
    """
    pairs: dict[Pair, None] = {}
    for text in against:
        run, mark, other = text.partition("=")
        run, other = (run, other) if mark else ("", run)
        for name in (run, other) if mark else (other,):
            if name not in runs:
                near = did_you_mean(name, list(runs))
                raise InputError(f"--against {quoted(text)}: no run {quoted(name)} among the evaluations{near}")
        if run == other:
            raise InputError(f"--against {quoted(text)}: is the run itself, expected another")
        if run and runs[run].subject != runs[other].subject:
            raise InputError(
                f"--against {quoted(text)}: they differ in family, metric or split ({_told(runs[run])}; "
                f"{_told(runs[other])}), expected runs that are judged alike"
            )
        everyone = [run] if run else [n for n in runs if n != other and runs[n].subject == runs[other].subject]
        pairs |= dict.fromkeys((name, other) for name in everyone)
    return list(pairs)


def _told(run: Evaluation) -> str:
    return f"{run.run}: {', '.join(run.subject)}"


def _content(runs: Mapping[str, Evaluation], pairs: Sequence[Pair]) -> dict[str, Any]:
    first = next(iter(runs.values()))
    found = [one for question in _questions(runs, pairs) for one in _compared(runs, question)]
    sentences = _sentences(list(runs.values()), found)
    return {
        "metric": first.metrics["primary"],
        "level": first.metrics["level"],
        "runs": [_run_entry(run) for run in runs.values()],
        "pairs": [asdict(one) | {"kind": "runs"} for one in found],
        "sentences": sentences,
        "verdict": " ".join(sentences),
    }


def _questions(runs: Mapping[str, Evaluation], pairs: Sequence[Pair]) -> list[list[Pair]]:
    """Group pairs by what is asked: all comparisons of one family, metric and split are one question."""
    questions: dict[tuple[str, str, str], list[Pair]] = {}
    for pair in pairs:
        questions.setdefault(runs[pair[0]].subject, []).append(pair)
    return list(questions.values())


def _compared(runs: Mapping[str, Evaluation], pairs: Sequence[Pair]) -> Iterator[Difference]:
    """Yield the differences of one question: on average over samples, then sample by sample where there are several."""
    shared = {pair: shared_samples(runs[pair[0]].answers, runs[pair[1]].answers) for pair in pairs}
    usable = [pair for pair, samples in shared.items() if samples]
    for pair in usable:
        a, b = (_scored(runs[name], shared[pair]) for name in pair)
        question = runs[pair[0]].question
        yield difference(a, b, question, len(usable))
        if len(a.samples) > 1:
            of_one, count = question._replace(new_samples=False), len(usable) * len(a.samples)
            yield from (difference(a, b, of_one, count, sample) for sample in a.samples)


def _scored(run: Evaluation, samples: Sequence[str]) -> Scored:
    answers = of_samples(run.answers, samples)
    return scored(answers.rows, answers.model, run.metrics["primary"])


def _run_entry(run: Evaluation) -> dict[str, Any]:
    metric = run.metrics["primary"]
    overall = run.metrics["overall"]
    seeds = {entry["seed"] for sample in run.metrics["samples"] for entry in sample["per_seed"]}
    return {
        **{key: run.metrics[key] for key in ("run", "family", "preset", "dataset_id", "scheme")},
        "metric": metric,
        **{end: overall["model"][metric][end] for end in ("mean", "low", "high")},
        "verdict": overall["judgement"]["verdict"],
        "n_samples": len(run.metrics["samples"]),
        "n_seeds": len(seeds),
    }


def _sentences(members: Sequence[Evaluation], found: Sequence[Difference]) -> list[str]:
    """Say for each family and split which predictions say nothing, how runs stand to their baselines, and to others."""
    subjects: dict[tuple[str, str, str], list[Evaluation]] = {}
    for member in members:
        subjects.setdefault(member.subject, []).append(member)
    schemes = {subject[2] for subject in subjects}
    sentences = []
    for (_, _, scheme), alike in subjects.items():
        names = {member.run for member in alike}
        words = alike[0].metrics["words"]
        title = SCHEMES[scheme].title.format(**words)
        own = [sentence for member in alike for sentence in fault_sentences(member.metrics)]
        own += runs_sentences(
            [(member.run, member.metrics["overall"]["judgement"]) for member in alike],
            [one for one in found if one.a in names],
            Words.of(words),
        )
        sentences += [f"Judged on {title}: {own[0]}", *own[1:]] if len(schemes) > 1 else own
    return sentences
