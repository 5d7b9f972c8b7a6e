"""Artifacts: complete or absent, hashed while written, refused by name when they are not what is expected."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from gxtool.errors import InputError
from gxtool.io.artifact import ArtifactWriter, find_artifacts, open_artifact, verify

COUNTS = np.arange(12, dtype=np.uint16).reshape(2, 3, 2)


def write_small(path: Path, **fields: object) -> Path:
    with ArtifactWriter(path, "examples", family="histone", seed=3, **fields) as writer:
        writer.write_array("counts.npy", COUNTS)
        writer.write_table("rows.parquet", pl.DataFrame({"row": [0, 1], "group": ["000003", "000005"]}))
        writer.write_json("summary.json", {"mean": np.float32(0.5), "none": float("nan"), "marks": ("a", "b")})
        writer.describe(rows={"train": 2}, dropped={"no label": 1}, info={"samples": ["K562"]})
    return path


def rewrite(artifact: Path, **change: object) -> None:
    """Change a manifest as somebody would who knows how its own hash is made."""
    path = artifact / "manifest.json"
    content = {**json.loads(path.read_text()), **change}
    del content["self_sha256"]
    path.write_bytes(encoded(content | {"self_sha256": hashlib.sha256(encoded(content)).hexdigest()}))


def encoded(content: dict) -> bytes:
    return (json.dumps(content, sort_keys=True, indent=1, ensure_ascii=False) + "\n").encode()


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    artifact = open_artifact(write_small(tmp_path / "examples"), "examples", "histone")
    np.testing.assert_array_equal(artifact.array("counts.npy"), COUNTS)
    assert artifact.table("rows.parquet")["group"].to_list() == ["000003", "000005"]
    assert artifact.json("summary.json") == {"mean": 0.5, "none": None, "marks": ["a", "b"]}
    assert artifact.manifest.rows == {"train": 2}
    assert artifact.manifest.dropped == {"no label": 1}
    assert verify(artifact) == []


def test_same_content_gives_the_same_manifest_anywhere(tmp_path: Path) -> None:
    first = open_artifact(write_small(tmp_path / "a"))
    second = open_artifact(write_small(tmp_path / "elsewhere" / "b"))
    assert first.sha256 == second.sha256
    assert str(tmp_path) not in (first.path / "manifest.json").read_text()


def test_an_array_written_in_pieces_equals_one_written_whole(tmp_path: Path) -> None:
    with ArtifactWriter(tmp_path / "a", "examples") as writer:
        writer.write_array("whole.npy", COUNTS)
        with writer.stream_array("pieces.npy", COUNTS.shape, COUNTS.dtype) as stream:
            stream.append(COUNTS[:1])
            stream.append(COUNTS[1:])
    files = open_artifact(tmp_path / "a").manifest.files
    assert files["whole.npy"] == files["pieces.npy"]


def test_missing_rows_of_a_stream_leave_nothing(tmp_path: Path) -> None:
    with (
        pytest.raises(ValueError, match="1 rows written, 2 declared"),
        ArtifactWriter(tmp_path / "a", "examples") as writer,
        writer.stream_array("counts.npy", COUNTS.shape, COUNTS.dtype) as stream,
    ):
        stream.append(COUNTS[:1])
    assert list(tmp_path.iterdir()) == []


def test_a_failure_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="bad line"), ArtifactWriter(tmp_path / "a", "examples") as writer:
        writer.write_array("counts.npy", COUNTS)
        raise InputError("bad line")
    assert list(tmp_path.iterdir()) == []


def test_an_existing_output_is_kept_unless_overwriting(tmp_path: Path) -> None:
    write_small(tmp_path / "a")
    before = open_artifact(tmp_path / "a").sha256
    with pytest.raises(InputError, match=r"a: exists already, expected a new folder"):
        write_small(tmp_path / "a")
    with ArtifactWriter(tmp_path / "a", "examples", overwrite=True) as writer:
        writer.write_json("new.json", {})
    assert list(open_artifact(tmp_path / "a").manifest.files) == ["new.json"]
    assert open_artifact(tmp_path / "a").sha256 != before
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize("kind_of_place", ["raw data", "a project", "a file", "an artifact of another kind"])
def test_overwriting_replaces_an_artifact_of_the_kind_alone(tmp_path: Path, kind_of_place: str) -> None:
    place = tmp_path / "place"
    if kind_of_place == "a file":
        place.write_text("mine")
    elif kind_of_place == "an artifact of another kind":
        write_small(place)
    else:
        place.mkdir()
        (place / "samplesheet.csv").write_text("mine")
        if kind_of_place == "a project":
            (place / "manifest.json").write_text('{"kind": "predictions", "name": "a page"}')
    before = {path: path.is_file() and path.read_bytes() for path in sorted(tmp_path.rglob("*"))}
    with (
        pytest.raises(InputError, match=r"expected one of kind predictions to replace, or a new folder; nothing was"),
        ArtifactWriter(place, "predictions", overwrite=True) as writer,
    ):
        writer.write_json("new.json", {})
    assert {path: path.is_file() and path.read_bytes() for path in sorted(tmp_path.rglob("*"))} == before


@pytest.mark.parametrize("same", [True, False])
def test_a_faster_writer_of_the_same_output_is_not_replaced(tmp_path: Path, same: bool) -> None:
    def write(number: int) -> ArtifactWriter:
        writer = ArtifactWriter(tmp_path / "a", "examples").__enter__()
        writer.write_json("content.json", {"number": number})
        return writer

    fast, slow = write(1), write(1 if same else 2)
    fast.__exit__(None, None, None)
    before = open_artifact(tmp_path / "a").sha256
    if same:
        slow.__exit__(None, None, None)
    else:
        with pytest.raises(InputError, match="a: was written by another command meanwhile, expected a new folder"):
            slow.__exit__(None, None, None)
    assert open_artifact(tmp_path / "a").sha256 == before
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_damaged_or_old_artifact_is_replaced(tmp_path: Path) -> None:
    write_small(tmp_path / "a")
    manifest = json.loads((tmp_path / "a" / "manifest.json").read_text())
    (tmp_path / "a" / "manifest.json").write_text(json.dumps(manifest | {"schema_version": 0}))
    with ArtifactWriter(tmp_path / "a", manifest["kind"], overwrite=True) as writer:
        writer.write_json("new.json", {})
    assert list(open_artifact(tmp_path / "a").manifest.files) == ["new.json"]


KILLED = """
import sys, time
import numpy as np
from pathlib import Path
from gxtool.io.artifact import ArtifactWriter
with ArtifactWriter(Path(sys.argv[1]), "examples") as writer:
    writer.write_array("counts.npy", np.zeros(1000))
    print("written", flush=True)
    time.sleep(60)
"""


def test_a_killed_writer_leaves_nothing_that_looks_finished(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path / "a")], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"written\n"
        process.send_signal(signal.SIGKILL)
    assert not (tmp_path / "a").exists()
    assert find_artifacts([tmp_path]) == []
    write_small(tmp_path / "a")
    assert [artifact.path.name for artifact in find_artifacts([tmp_path])] == ["a"]


FULL = """
import sys
import numpy as np
import polars as pl
from pathlib import Path
from gxtool.errors import InputError
from gxtool.io.artifact import ArtifactWriter
try:
    with ArtifactWriter(Path(sys.argv[1]) / "a", "examples") as writer:
        numbers = np.random.default_rng(1).random(1_000_000)
        if sys.argv[2] == "array":
            writer.write_array("counts.npy", numbers)
        elif sys.argv[2] == "table":
            writer.write_table("counts.parquet", pl.DataFrame({"counts": numbers}))
        else:
            pl.DataFrame({"counts": numbers}).write_csv(writer.take("counts.tsv"))
except InputError as error:
    print(error)
"""


@pytest.mark.parametrize("what", ["array", "table", "text"])
def test_a_full_disk_is_one_sentence_and_leaves_nothing(what: str, tmp_path: Path) -> None:
    """A real, small file system: a tmpfs of 1 MB in a mount namespace of its own."""
    write = f"'{sys.executable}' - '{tmp_path}' {what} && ls -A '{tmp_path}'"
    mount = f"mount -t tmpfs -o size=1m tmpfs '{tmp_path}' && {write}"
    if shutil.which("unshare") is None:
        pytest.skip("no unshare on this machine")
    command = ["unshare", "--map-root-user", "--mount", "sh", "-c", mount]
    done = subprocess.run(command, input=FULL, capture_output=True, text=True, check=False)
    if done.returncode != 0 and "unshare" in done.stderr:
        command = ["unshare", "--mount", "sh", "-c", mount]
        done = subprocess.run(command, input=FULL, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    expected = f"{tmp_path}/a: no space left while writing; nothing was kept, expected room for the whole artifact"
    assert done.stdout.strip() == expected


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"schema_version": 99}, "schema version 99, expected 2"),
        ({"kind": "model"}, "is an artifact of kind model, expected examples"),
        ({"family": "proformer"}, "belongs to family proformer, expected histone"),
        ({"surprise": 1}, "unknown or missing fields"),
    ],
)
def test_another_kind_family_or_schema_is_refused(tmp_path: Path, change: dict, sentence: str) -> None:
    rewrite(write_small(tmp_path / "a"), **change)
    with pytest.raises(InputError, match=sentence):
        open_artifact(tmp_path / "a", "examples", "histone")


def test_a_folder_without_manifest_and_a_broken_manifest_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"has no manifest\.json, expected an artifact of kind dataset"):
        open_artifact(tmp_path, "dataset")
    (tmp_path / "manifest.json").write_text("{")
    with pytest.raises(InputError, match="is not JSON"):
        open_artifact(tmp_path)


def test_changed_and_missing_content_is_found(tmp_path: Path) -> None:
    artifact = open_artifact(write_small(tmp_path / "a"))
    with (artifact.path / "counts.npy").open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"\xff")
    (artifact.path / "rows.parquet").unlink()
    problem = "is damaged: its content is not what was written"
    assert verify(artifact) == [f"counts.npy: {problem}", "rows.parquet: is missing"]
    with pytest.raises(InputError, match=rf"counts\.npy: {problem}; make the artifact again"):
        artifact.array("counts.npy")
    with pytest.raises(InputError, match=r"has no rows\.parquet"):
        artifact.table("rows.parquet")


def test_an_adopted_file_is_linked_and_keeps_its_hash(tmp_path: Path) -> None:
    source = open_artifact(write_small(tmp_path / "a"))
    with ArtifactWriter(tmp_path / "b", "dataset") as writer:
        writer.add_parent(source)
        writer.adopt("signal.npy", source, "counts.npy")
    child = open_artifact(tmp_path / "b")
    assert child.manifest.files["signal.npy"] == source.manifest.files["counts.npy"]
    assert (child.path / "signal.npy").stat().st_ino == (source.path / "counts.npy").stat().st_ino
    assert child.manifest.parents == ({"id": source.id, "kind": "examples", "sha256": source.sha256},)
    assert verify(child) == []


def test_artifacts_are_found_through_links_and_not_inside_each_other(tmp_path: Path) -> None:
    write_small(tmp_path / "store" / "b")
    write_small(tmp_path / "store" / "a")
    (tmp_path / "staged").mkdir()
    (tmp_path / "staged" / "x").symlink_to(tmp_path / "store" / "a")
    assert [found.path.name for found in find_artifacts([tmp_path / "store"])] == ["a", "b"]
    assert [found.path.name for found in find_artifacts([tmp_path / "staged"], "examples")] == ["x"]
    with pytest.raises(InputError, match="no artifact of kind model found at or below"):
        find_artifacts([tmp_path / "store"], "model")


@settings(max_examples=25, deadline=None)
@given(
    hnp.arrays(
        dtype=st.sampled_from([np.uint8, np.uint16, np.int64, np.float32]),
        shape=hnp.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=5),
    )
)
def test_any_array_survives_a_round_trip(tmp_path_factory: pytest.TempPathFactory, array: np.ndarray) -> None:
    path = tmp_path_factory.mktemp("round") / "a"
    with ArtifactWriter(path, "examples") as writer:
        writer.write_array("x.npy", array)
    artifact = open_artifact(path)
    np.testing.assert_array_equal(artifact.array("x.npy"), array)
    assert artifact.array("x.npy").dtype == array.dtype
    assert verify(artifact) == []


def test_writing_takes_no_time_from_the_manifest(tmp_path: Path) -> None:
    first = open_artifact(write_small(tmp_path / "a")).sha256
    time.sleep(0.01)
    assert open_artifact(write_small(tmp_path / "b")).sha256 == first
