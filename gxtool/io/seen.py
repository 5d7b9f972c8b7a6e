"""What a model has seen: groups and samples it was trained and chosen on, so that judges can leave them out later.

    seen-train.npy, seen-val.npy   sorted uint64 hashes of the groups, each once
    seen.json                      the samples of each role, the ids of the datasets, how groups are hashed, and of
                                   each sample the labels of a few groups: other data under its name are noticed

A group's hash is the first 8 bytes (little endian) of BLAKE2b (digest of 8 bytes) of its name in UTF-8. A model that
was started from another has seen all that one had.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl

from gxtool.errors import InputError, quoted
from gxtool.io.artifact import Artifact, ArtifactWriter
from gxtool.io.dataset import Dataset

ROLES = ("train", "val")
SEEN = "seen.json"
HASH = "blake2b-64"
BLOCK = 65_536
"""Rows and hashes handled at once: memory does not grow with a dataset."""
GROUPS_OF_A_SAMPLE, GROUPS_IN_ALL = 128, 16_384
"""Groups whose labels are kept with a model: enough to tell another cell type, little beside any weights."""


@dataclass(frozen=True)
class Seen:
    """What one model has seen: sorted hashes of groups by role (memory maps), its samples, ids of its datasets.

    labels: sample -> hash of a group (hexadecimal) -> its labels, one for each target, of a few groups of the sample.
    """

    hashes: Mapping[str, np.ndarray]
    samples: frozenset[str]
    datasets: frozenset[str]
    labels: Mapping[str, Mapping[str, list[float]]] = field(default_factory=dict)

    def holds(self, hashes: np.ndarray) -> np.ndarray:
        """Say for each hash of a group (n,) whether the model was trained or chosen on that group."""
        known = np.zeros(len(hashes), dtype=bool)
        for own in self.hashes.values():
            if len(own):
                places = np.minimum(np.searchsorted(own, hashes), len(own) - 1)
                known |= np.asarray(own[places]) == hashes
        return known


def read_seen(model: Artifact) -> Seen | None:
    """Return what a model has seen; None where nobody recorded it.

    Raises:
        InputError: its groups are hashed in a way that this version does not know.
    """
    if SEEN not in model.manifest.files:
        return None
    record = model.json(SEEN)
    if record["hash"] != HASH:
        raise InputError(f"{model.path}/{SEEN}: groups are hashed by {quoted(record['hash'])}, expected {HASH}")
    return Seen(
        {role: model.array(seen_file(role)) for role in ROLES},
        frozenset(name for role in ROLES for name in record["samples"][role]),
        frozenset(record.get("datasets", ())),
        record.get("labels", {}),
    )


def changed_labels(seen: Seen, dataset: Dataset, sample: str) -> tuple[int, int]:
    """Return how many groups of a sample have other labels than those that the model saw, and how many both hold.

    A group that a dataset holds several times is the same where one of its rows is.
    """
    known = seen.labels.get(sample, {})
    rows = np.flatnonzero((dataset.rows["sample"] == sample).to_numpy()) if known else np.zeros(0, np.int64)
    labels = np.asarray(dataset.arrays["labels"]).reshape(len(dataset.rows), -1)
    wanted = np.array([int(name, 16) for name in known], np.uint64)
    same: dict[str, bool] = {}
    for start in range(0, len(rows), BLOCK):
        block = rows[start : start + BLOCK]
        hashes = group_hashes(dataset.rows["group"].gather(block))
        shared = np.isin(hashes, wanted)
        for row, name in zip(block[shared], map(_hexadecimal, hashes[shared]), strict=True):
            same[name] = same.get(name, False) or bool(np.allclose(labels[row], known[name], rtol=1e-5, atol=1e-6))
    return list(same.values()).count(False), len(same)


def group_hashes(groups: pl.Series) -> np.ndarray:
    """Return the uint64 hash of each group's name."""
    digests = b"".join(hashlib.blake2b(name.encode(), digest_size=8).digest() for name in groups)
    return np.frombuffer(digests, dtype="<u8").astype(np.uint64)


def seen_file(role: str) -> str:
    """Return the name of the file with the groups of one role."""
    return f"seen-{role}.npy"


def write_seen(
    writer: ArtifactWriter, dataset: Dataset, rows: Mapping[str, np.ndarray], init: Artifact | None = None
) -> None:
    """Write what a model has seen: the rows of each role, and all that the model it started from had."""
    samples: dict[str, list[str]] = {}
    earlier = init if init and SEEN in init.manifest.files else None
    for role in ROLES:
        with tempfile.TemporaryDirectory(dir=writer.folder) as folder:
            hashes = _sorted_on_disk(_hashes(dataset, rows[role], role, earlier), Path(folder) / "hashes")
            _write_once_each(writer, seen_file(role), hashes)
            del hashes
        own = dataset.rows["sample"].gather(rows[role]).unique().to_list()
        samples[role] = sorted({*own, *(earlier.json(SEEN)["samples"][role] if earlier else ())})
    before = earlier.json(SEEN) if earlier else {}
    datasets = sorted({dataset.artifact.id, *before.get("datasets", ())})
    labels = before.get("labels", {}) | _labels(dataset, np.concatenate([rows[role] for role in ROLES]))
    writer.write_json(SEEN, {"hash": HASH, "samples": samples, "datasets": datasets, "labels": labels})


def _labels(dataset: Dataset, rows: np.ndarray) -> dict[str, dict[str, list[float]]]:
    """Return the labels of a few groups of each sample among some rows, as `Seen` holds them."""
    if "labels" not in dataset.arrays:
        return {}
    labels = np.asarray(dataset.arrays["labels"]).reshape(len(dataset.rows), -1)
    samples, found = dataset.rows["sample"].gather(rows), {}
    names = samples.unique().sort().to_list()
    most = max(1, min(GROUPS_OF_A_SAMPLE, GROUPS_IN_ALL // max(1, len(names))))
    for name in names:
        own = rows[(samples == name).to_numpy()]
        chosen = own[np.unique(np.linspace(0, len(own) - 1, min(most, len(own))).round().astype(np.int64))]
        hashes = map(_hexadecimal, group_hashes(dataset.rows["group"].gather(chosen)))
        found[name] = {key: labels[row].astype(float).tolist() for key, row in zip(hashes, chosen, strict=True)}
    return found


def _hexadecimal(number: np.uint64) -> str:
    return f"{int(number):016x}"


def _hashes(dataset: Dataset, rows: np.ndarray, role: str, earlier: Artifact | None) -> Iterator[np.ndarray]:
    groups = dataset.rows["group"]
    for start in range(0, len(rows), BLOCK):
        yield group_hashes(groups.gather(rows[start : start + BLOCK]).unique())
    before = earlier.array(seen_file(role)) if earlier else ()
    for start in range(0, len(before), BLOCK):
        yield np.asarray(before[start : start + BLOCK])


def _sorted_on_disk(blocks: Iterator[np.ndarray], path: Path) -> np.ndarray:
    """Return all hashes, ascending, as a memory map: sorted where they lie, so that the system may page them out."""
    with path.open("wb") as file:
        for block in blocks:
            file.write(block.tobytes())
    if not path.stat().st_size:
        return np.zeros(0, np.uint64)
    hashes = np.memmap(path, dtype=np.uint64, mode="r+")
    hashes.sort()
    return hashes


def _write_once_each(writer: ArtifactWriter, name: str, hashes: np.ndarray) -> None:
    """Write ascending hashes without repetitions."""
    count = sum(len(block) for block in _once_each(hashes))
    with writer.stream_array(name, (count,), np.dtype(np.uint64)) as stream:
        for block in _once_each(hashes):
            stream.append(block)


def _once_each(hashes: np.ndarray) -> Iterator[np.ndarray]:
    for start in range(0, len(hashes), BLOCK):
        block = np.asarray(hashes[start : start + BLOCK])
        new = np.ones(len(block), dtype=bool)
        new[1:] = block[1:] != block[:-1]
        new[0] = start == 0 or block[0] != hashes[start - 1]
        yield block[new]
