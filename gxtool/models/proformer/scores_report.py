"""What the report shows of the challenge's scores: by subset, beside baselines and beside what others published."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gxtool.models.base import Figure, ReportContext, ReportSection, Table, Trace
from gxtool.models.proformer.published import EXAMPLE, PUBLISHED

PARTS = {"whole": "whole set", "private": "private part", "public": "public part"}
_MEASURES = {"pearson": ("Pearson", "ScorePearson"), "spearman": ("Spearman", "ScoreSpearman")}
_INTRODUCTION = (
    "ScorePearson is the weighted mean of squared Pearson correlations over subsets of the test set, ScoreSpearman "
    "that of Spearman correlations. Of pairs (SNVs, motif_perturbation, motif_tiling), differences are correlated: "
    "alternative minus reference. The private part is without the sequences that the public leaderboard showed."
)
_EXAMPLE = (
    " Published example: a submission in the notebook of the organisers' evaluation; which rows it was scored on is "
    "not stated."
)
_TOLERANCE = 1e-9


@dataclass(frozen=True)
class Scored:
    """The scores of one run on one part of one sample's test set; content is as `details` wrote it."""

    run: str
    sample: str
    content: Mapping[str, Any]


@dataclass(frozen=True)
class Board:
    """One part of one sample's test set with the scores of every run on it; `short` is for headings of columns."""

    title: str
    short: str
    sample: str
    scored: tuple[Scored, ...]

    @property
    def content(self) -> Mapping[str, Any]:
        """Return the scores of the first run; which subsets were scored is the same for all."""
        return self.scored[0].content

    @property
    def comparable(self) -> bool:
        """Say whether published scores may stand beside those of every run."""
        return all(one.content.get("comparable") for one in self.scored)

    def predictors(self, with_seeds: bool) -> dict[str, Mapping[str, Any]]:
        """Return label -> scores of the runs' models, of their single seeds if wanted, and of baselines.

        A baseline that differs between runs says beside which it stood.
        """
        models, baselines, labels = {}, {}, {}
        for one in self.scored:
            for entry in one.content["predictors"]:
                name = entry["predictor"].replace("_", " ")
                if name == "model":
                    if with_seeds or entry["seed"] is None:
                        models[one.run if entry["seed"] is None else f"{one.run}, seed {entry['seed']}"] = entry
                elif str(entry) not in labels:
                    labels[str(entry)] = f"{name} (beside {one.run})" if name in baselines else name
                    baselines[labels[str(entry)]] = entry
        return models | baselines


def score_sections(context: ReportContext) -> list[ReportSection]:
    """Return one section with figures and tables of all test sets; none where no lists of subsets were given."""
    boards = _boards(context)
    if not boards:
        return []
    items: list[Mapping[str, Figure] | Table] = [
        {board.sample: _figure(board) for board in boards if board.content["part"] == boards[0].content["part"]},
        _scores(boards),
        *([_published()] if any(board.comparable for board in boards) else []),
        *(_by_subset(boards, measure) for measure in _MEASURES),
    ]
    text = " ".join([_INTRODUCTION, *_remarks(boards)])
    return [ReportSection("Scores of the DREAM 2022 challenge", text, tuple(items))]


def _boards(context: ReportContext) -> list[Board]:
    groups: dict[tuple[str, str], list[Scored]] = {}
    for one in _scored(context):
        groups.setdefault((one.sample, one.content["part"]), []).append(one)
    several = len({sample for sample, _ in groups}) > 1
    boards = []
    for (sample, part), group in groups.items():
        of = f" of {sample}" if several else ""
        boards.append(Board(PARTS[part] + of, part + of, sample, tuple(group)))
    return boards


def _scored(context: ReportContext) -> Iterator[Scored]:
    for run, details in context.details.items():
        for sample in details["samples"]:
            for content in sample["scores"]:
                yield Scored(run, sample["sample"], content)


def _remarks(boards: list[Board]) -> list[str]:
    """Say over what each part was scored, and whether its scores can stand beside published ones."""
    found: dict[str, list[str]] = {}
    for board in boards:
        found.setdefault(_remark(board.content), []).append(board.title)
    return [f"{_words(titles)[:1].upper()}{_words(titles)[1:]}: {remark}." for remark, titles in found.items()]


def _remark(content: Mapping[str, Any]) -> str:
    in_part = [one["subset"] for one in content["subsets"] if one["of"] != one["n"]]
    said = []
    if content["missing"]:
        said.append(f"{_words(content['missing'])} {'is' if len(content['missing']) == 1 else 'are'} missing")
    if in_part:
        said.append(f"of {_words(in_part)} only a part is there")
    if not said and not content.get("comparable"):
        return "every list is there, whole, but they are not the challenge's: scores have no published ones beside them"
    if not said:
        return "every subset is there, whole"
    text = " and ".join(said)
    if content["weight"] < content["full_weight"] - _TOLERANCE:
        text += f", so scores are over a weight of {content['weight']:.3g} of {content['full_weight']:.3g}"
    return f"{text}; they are not comparable with published scores"


def _figure(board: Board) -> Figure:
    """Draw the correlations of every subset, of the models, of baselines and, where comparable, of an example."""
    subsets = [one["subset"] for one in board.content["subsets"]]
    predictors = board.predictors(with_seeds=False)
    shown = {label: entry["pearson"] for label, entry in predictors.items()}
    found = [
        f"{label} {entry['score_pearson']:.3f}"
        for label, entry in predictors.items()
        if entry["score_pearson"] is not None
    ]
    beside = ""
    if board.comparable:
        shown["published"] = EXAMPLE.pearson
        beside = " Published: an example submission in the notebook of the organisers' evaluation."
    return Figure(
        title=f"Pearson correlation by subset, {board.title}",
        description=f"ScorePearson: {', '.join(found)}.{beside}",
        x_title="Subset",
        y_title="Pearson correlation",
        traces=tuple(
            Trace(label, tuple(map(_short, subsets)), tuple(values.get(name) for name in subsets), "points")
            for label, values in shown.items()
        ),
    )


def _scores(boards: list[Board]) -> Table:
    """Make one row per predictor, with both scores of every part."""
    columns = [(board, measure) for board in boards for measure in _MEASURES]
    labels = dict.fromkeys(label for board in boards for label in board.predictors(with_seeds=True))
    by_board = {board.title: board.predictors(with_seeds=True) for board in boards}
    rows = tuple(
        (label, *(by_board[board.title].get(label, {}).get(f"score_{measure}") for board, measure in columns))
        for label in labels
    )
    return Table(
        "Weighted scores",
        ("Predictor", *(f"{_MEASURES[measure][1]}, {board.short}" for board, measure in columns)),
        rows,
        " ".join(_remarks(boards)),
    )


def _by_subset(boards: list[Board], measure: str) -> Table:
    """Make one row per part and subset, one column per predictor and, where comparable, one of an example."""
    labels = dict.fromkeys(label for board in boards for label in board.predictors(with_seeds=False))
    rows, beside = [], any(board.comparable for board in boards)
    for board in boards:
        predictors = board.predictors(with_seeds=False)
        for one in board.content["subsets"]:
            found = (predictors.get(label, {}).get(measure, {}).get(one["subset"]) for label in labels)
            example = getattr(EXAMPLE, measure).get(one["subset"]) if board.comparable else None
            line = (one["subset"], board.short, one["n"], one["of"], one["weight"], *found)
            rows.append((*line, example) if beside else line)
    return Table(
        f"{_MEASURES[measure][0]} correlation by subset",
        ("Subset", "Part", "Scored", "Of", "Weight", *labels, *(["Published example"] if beside else [])),
        tuple(rows),
        "Scored: sequences or pairs that are there; of: how many the lists have." + (_EXAMPLE if beside else ""),
    )


def _published() -> Table:
    rows = tuple(
        (
            one.name,
            one.score_pearson,
            one.score_spearman,
            one.pearson.get("all"),
            one.spearman.get("all"),
            one.scored_on,
            one.source,
        )
        for one in PUBLISHED
    )
    columns = ("Entry", "ScorePearson", "ScoreSpearman", "Pearson, all", "Spearman, all", "Scored on", "Source")
    note = (
        "The challenge has 6.7 million promoters to train on. The table of ablations has the columns of the public "
        "leaderboard, which prints the square of the Pearson correlation over all rows; here stands its root."
    )
    return Table("Published scores and where they are printed", columns, rows, note)


def _short(subset: str) -> str:
    return subset.replace("motif_", "motif ")


def _words(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
