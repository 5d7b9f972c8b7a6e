"""What an evaluation claims, and the test rows that bear it: what a model has seen proves nothing new. No torch.

A claim is for new groups (genes, sequences), for new samples (cell types, libraries) or for both, as the split of the
dataset says. What a model was trained and chosen on is recorded with it (`gxtool.io.seen`), whatever dataset that was:
its groups, its samples, or both are left out and counted. Claims of different kinds are never pooled.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from gxtool.data.splits import SCHEMES, New
from gxtool.errors import InputError, listed
from gxtool.io.artifact import Artifact
from gxtool.io.dataset import Dataset
from gxtool.io.seen import Seen, changed_labels, group_hashes, read_seen
from gxtool.models.base import Family

ROLE = "test"
Task = tuple[str | None, int]
"""The sample (None: all) and the fold that a model was trained on."""

# What is claimed of a dataset that a model was not trained on: that alone which its own record can prove.
PROVABLE = {"groups": "group", "samples": "sample", "both": "group_and_sample"}
FEW = 5
# Share of labels that another threshold, or other genes around it, may change in the same measurement.
MOST_CHANGED = 0.05


@dataclass(frozen=True)
class Claim:
    """What the scores of one evaluation say, and on which test rows.

    `scheme` is the split that the claim is called by, `split` the one of the dataset; they differ where the models were
    trained on another dataset. `rows` are the test rows of each task that are left, `left_out` counts the others.
    """

    new: New
    scheme: str
    split: str
    title: str
    rows: Mapping[Task, np.ndarray]
    left_out: Mapping[str, Any]
    sentences: tuple[str, ...]

    def record(self) -> dict[str, Any]:
        """Return what metrics.json says of it."""
        return {
            "new": self.new,
            "title": self.title,
            "split": self.split,
            "n_rows": sum(map(len, self.rows.values())),
            "left_out": dict(self.left_out),
            "sentences": list(self.sentences),
        }


def task_of(model: Artifact) -> Task:
    """Return the sample (None: all) and the fold that a model was trained on."""
    return model.manifest.info.get("sample"), model.manifest.info.get("fold", 0)


def claim_of(models: Sequence[Artifact], dataset: Dataset, family: Family) -> Claim:
    """Return what the test rows of a dataset let the models of one run claim.

    Models of one sample and fold are judged on the same rows: what one of them has seen is left out for all.

    Raises:
        InputError: no test row is left.
    """
    records = {model.path: read_seen(model) for model in models}
    new, scheme = _kind_of_claim(models, dataset, list(records.values()))
    rows, left = {}, []
    for task in sorted({task_of(model) for model in models}, key=str):
        indices = dataset.indices(ROLE, task[1], task[0])
        own = [records[model.path] for model in models if task_of(model) == task]
        unseen = unseen_rows(dataset, indices, new, [seen for seen in own if seen])
        rows[task] = indices[unseen]
        left.append(indices[~unseen])
    dropped, kept = np.concatenate(left), np.concatenate(list(rows.values()))
    words = _words(family)
    gone = _left_out(dataset, dropped)
    if not len(kept) and len(dropped):
        expected = {"groups": "new {groups}", "samples": "new {samples}", "both": "new {groups} in new {samples}"}
        raise InputError(
            f"{dataset.artifact.path}: {_what_is_left_out(gone, len(dropped), new, words)}; nothing is left, expected "
            f"test rows of {expected[new].format(**words)}"
        )
    without = [name for name in gone["samples"] if not (dataset.rows["sample"].gather(kept) == name).any()]
    sentences = [
        *([f"{_what_is_left_out(gone, len(dropped) + len(kept), new, words)}."] if len(dropped) else []),
        *([f"No row of {_some(without)} is left to be scored."] if without else []),
        *_doubts(new, dataset, kept, records, words),
        *(f"{doubt}." for doubt in dataset.artifact.manifest.info.get("origin", {}).get("doubts", ())),
    ]
    title = SCHEMES[scheme].title.format(**words)
    return Claim(new, scheme, dataset.scheme, title, rows, gone, tuple(sentences))


def unseen_rows(dataset: Dataset, indices: np.ndarray, new: New, records: Sequence[Seen]) -> np.ndarray:
    """Say for each row (n,) whether it is new, in the sense of the claim, to all models whose records these are."""
    seen = np.zeros(len(indices), dtype=bool)
    if new != "samples":
        groups = dataset.rows["group"].gather(indices)
        names = groups.unique()
        hashes = group_hashes(names)
        known = np.logical_or.reduce([np.zeros(len(names), dtype=bool), *(record.holds(hashes) for record in records)])
        seen |= groups.is_in(names.filter(pl.Series(known)).implode()).to_numpy()
    if new != "groups":
        samples = sorted({name for record in records for name in record.samples})
        seen |= dataset.rows["sample"].gather(indices).is_in(samples).to_numpy()
    return ~seen


def _kind_of_claim(models: Sequence[Artifact], dataset: Dataset, records: Sequence[Seen | None]) -> tuple[New, str]:
    """Return what is claimed to be new, and the split that the claim is called by."""
    new = SCHEMES[dataset.scheme].new
    of_this_dataset = all(record is None or record.datasets == {dataset.artifact.id} for record in records)
    return new, dataset.scheme if of_this_dataset else PROVABLE[new]


def _left_out(dataset: Dataset, dropped: np.ndarray) -> dict[str, Any]:
    """Return how many rows and groups are left out, and of which samples."""
    rows = dataset.rows.select("group", "sample")[dropped]
    return {"rows": len(dropped), "groups": rows["group"].n_unique(), "samples": sorted(rows["sample"].unique())}


def _what_is_left_out(gone: Mapping[str, Any], n_rows: int, new: New, words: Mapping[str, str]) -> str:
    count = f"all {n_rows:,}" if gone["rows"] == n_rows else f"{gone['rows']:,} of {n_rows:,}"
    groups = f"{gone['groups']:,} {words['group' if gone['groups'] == 1 else 'groups']}"
    samples = f"{words['sample' if len(gone['samples']) == 1 else 'samples']} {_some(gone['samples'])}"
    what = {"groups": groups, "samples": samples, "both": f"{groups} or {samples}"}[new]
    return f"{count} test rows are left out, of {what} that the model was trained or chosen on"


def _doubts(
    new: New, dataset: Dataset, kept: np.ndarray, records: Mapping[Any, Seen | None], words: Mapping[str, str]
) -> list[str]:
    """Say what nobody can prove, and which samples are new although the claim is for samples it has seen."""
    unknown = [path for path, record in records.items() if record is None]
    if unknown:
        return [
            f"What {_some([path.name for path in unknown])} has seen is not recorded, so nothing is left out for it."
        ]
    if new != "groups":
        return []
    known = [record for record in records.values() if record]
    judged = sorted(dataset.rows["sample"].gather(kept).unique())
    other = [name for name in judged if not any(name in record.samples for record in known)]
    said = [f"It has not seen {words['sample' if len(other) == 1 else 'samples']} {_some(other)} either."]
    return [*(said if other else []), *filter(None, (_other_data(name, dataset, known, words) for name in judged))]


def _other_data(sample: str, dataset: Dataset, records: Sequence[Seen], words: Mapping[str, str]) -> str:
    """Say that what a dataset holds under the name of a sample is not what a model saw under it; else nothing."""
    for record in records:
        if record.datasets != {dataset.artifact.id}:
            changed, shared = changed_labels(record, dataset, sample)
            if changed > MOST_CHANGED * shared:
                return (
                    f"Of {shared:,} {words['groups']} of {sample} that it has seen, {changed:,} have other labels "
                    f"here: this is another {words['sample']} of that name, or another measurement of it."
                )
    return ""


def _words(family: Family) -> dict[str, str]:
    return {
        "group": family.group.one,
        "groups": family.group.many,
        "sample": family.sample.one,
        "samples": family.sample.many,
    }


def _some(names: Sequence[str]) -> str:
    """List a few names; more are counted."""
    return listed(names) if len(names) <= FEW else f"{listed(names[:FEW])} and {len(names) - FEW} more"
