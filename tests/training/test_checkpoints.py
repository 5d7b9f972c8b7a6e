"""Progress folders: one owner at a time, and a checkpoint counts only when its last file is written."""

from __future__ import annotations

import errno
import os
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest
import toy_family

from gxtool.errors import InputError
from gxtool.io.artifact import open_artifact
from gxtool.models.base import Unit
from gxtool.training import checkpoints
from gxtool.training.checkpoints import COMPLETE, ProgressFolder, default_root, progress_key


def write(folder: ProgressFolder, step: int, complete: bool = True) -> Path:
    path = folder.start(step)
    (path / "weights").write_text(str(step))
    if complete:
        folder.complete(path)
    return path


def test_torn_checkpoint_is_skipped_and_swept_away(tmp_path: Path) -> None:
    folder = ProgressFolder(tmp_path / "p")
    write(folder, 9)
    write(folder, 10, complete=False)
    assert folder.latest() == folder.checkpoint(9)
    write(folder, 11)
    assert folder.latest() == folder.checkpoint(11)
    assert sorted(path.name for path in folder.path.iterdir()) == ["checkpoint-11", "checkpoint-9"]
    write(folder, 12)
    assert sorted(path.name for path in folder.path.iterdir()) == ["checkpoint-11", "checkpoint-12"]


def test_newest_is_by_number_not_by_name(tmp_path: Path) -> None:
    folder = ProgressFolder(tmp_path / "p")
    for step in (9, 10):
        write(folder, step)
    assert folder.latest() == folder.checkpoint(10)


def test_marker_comes_after_everything_is_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[str] = []
    real = checkpoints._sync

    def sync(path: Path) -> None:
        synced.append(f"{path.name}{' with marker' if (path / COMPLETE).exists() else ''}")
        real(path)

    monkeypatch.setattr(checkpoints, "_sync", sync)
    write(ProgressFolder(tmp_path / "p"), 3)
    assert synced == ["weights", "checkpoint-3", f"{COMPLETE}.partial", "checkpoint-3 with marker", "p"]


@pytest.mark.parametrize("name", ["weights", COMPLETE])
def test_damaged_checkpoint_is_named_and_the_one_before_counts(
    name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = ProgressFolder(tmp_path / "p")
    write(folder, 8)
    path = write(folder, 10) / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert folder.latest() == folder.checkpoint(8)
    (message,) = caplog.messages
    # A marker that was changed says something false of another file.
    assert message.startswith(f"{folder.checkpoint(10)}: {name if name != COMPLETE else ''}")
    write(folder, 9)
    assert sorted(path.name for path in folder.path.iterdir()) == ["checkpoint-8", "checkpoint-9"]


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"../lock": {"sha256": "0", "bytes": 1}}', '{"weights": 3}', "9"])
def test_marker_that_lists_nothing_counts_for_nothing(content: str, tmp_path: Path) -> None:
    folder = ProgressFolder(tmp_path / "p")
    (write(folder, 3) / COMPLETE).write_text(content)
    assert folder.latest() is None


def test_what_is_noted_survives_and_what_is_damaged_is_not_believed(tmp_path: Path) -> None:
    folder = ProgressFolder(tmp_path / "p")
    folder.path.mkdir()
    assert (folder.halvings(), folder.published()) == (0, None)
    folder.note_out_of_memory(2)
    assert folder.halvings() == 2
    for text in ("[1]", "{", '{"halvings": "many"}', '{"halvings": -1}', '{"halvings": true}'):
        (folder.path / checkpoints.MEMORY).write_text(text)
        assert folder.halvings() == 0, text


def test_lock_alone_goes_and_progress_stays(tmp_path: Path) -> None:
    folder = ProgressFolder(tmp_path / ".m.progress" / "p")
    with folder.locked():
        pass
    assert list(tmp_path.iterdir()) == []
    with folder.locked():
        write(folder, 1)
    assert folder.latest() == folder.checkpoint(1)


def test_lock_that_a_full_disk_cannot_hold_goes_and_progress_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write_nothing(descriptor: int, content: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    folder = ProgressFolder(tmp_path / ".m.progress" / "p")
    for left in ([], [".m.progress"]):
        with monkeypatch.context() as patch, pytest.raises(InputError, match="cannot be kept there .No space left"):
            patch.setattr(checkpoints.os, "write", write_nothing)
            with folder.locked():
                pytest.fail("was locked")
        assert [path.name for path in tmp_path.iterdir()] == left
        with folder.locked():
            write(folder, 1)
    assert folder.latest() == folder.checkpoint(1)


def test_waiting_for_a_lock_can_be_ended(tmp_path: Path) -> None:
    folder = ProgressFolder(tmp_path / "p")

    def stop() -> None:
        raise InputError("stopped")

    second = ProgressFolder(tmp_path / "p").locked(wait_seconds=60, while_waiting=stop)
    with folder.locked(), pytest.raises(InputError, match="stopped"), second:
        pass


def test_progress_that_another_process_waits_for_is_left_to_it(tmp_path: Path) -> None:
    folder = ProgressFolder(tmp_path / "p")
    first = ExitStack()
    first.enter_context(folder.locked())
    write(folder, 1)

    def finish() -> None:
        first.close()
        folder.discard()

    with folder.locked(60, while_waiting=finish):
        assert folder.latest() == folder.checkpoint(1)
        folder.discard()
        assert folder.latest() == folder.checkpoint(1)
    folder.discard()
    assert not folder.path.exists()


def test_second_process_is_told_who_is_training(tmp_path: Path) -> None:
    folder = ProgressFolder(tmp_path / "p")
    sentence = r"p: process \d+ on \S+ is training this model, expected to be alone; wait for it or stop it"
    second = ProgressFolder(tmp_path / "p").locked(wait_seconds=0)
    with folder.locked(), pytest.raises(InputError, match=sentence), second:
        pass
    assert list(tmp_path.iterdir()) == []


def test_lock_is_waited_for_even_when_its_folder_is_removed_meanwhile(
    tmp_path: Path, in_child: Callable[..., int | None]
) -> None:
    ready = tmp_path / "ready"
    holder = threading.Thread(target=in_child, args=("hold_lock", tmp_path / "p", ready, 0.5))
    holder.start()
    while not ready.exists():
        time.sleep(0.01)
    folder = ProgressFolder(tmp_path / "p")
    with folder.locked():
        assert (folder.path / checkpoints.LOCK).exists()
        with pytest.raises(InputError), folder.locked(wait_seconds=0):
            pass
    holder.join()


def test_key_changes_with_all_that_the_weights_depend_on(dataset: Path, tmp_path: Path) -> None:
    artifact = open_artifact(dataset)
    other = open_artifact(toy_family.write_dataset(tmp_path / "other", {"liver": 40}))
    run, unit = toy_family.run(), Unit("liver", 1)
    keys = [
        progress_key(run, unit, artifact, None),
        progress_key(run, Unit("liver", 2), artifact, None),
        progress_key(run, Unit(None, 1), artifact, None),
        progress_key(run, Unit("liver", 1, 3), artifact, None),
        progress_key(run, unit, other, None),
        progress_key(run, unit, artifact, other),
        progress_key(toy_family.run(learning_rate=0.5), unit, artifact, None),
        progress_key(toy_family.run(model={"hidden_size": 6}), unit, artifact, None),
        progress_key(toy_family.run(name="another"), unit, artifact, None),
    ]
    assert len(set(keys)) == len(keys)
    assert progress_key(toy_family.run(), unit, artifact, None) == keys[0]


def test_progress_lies_hidden_beside_the_output() -> None:
    assert default_root(Path("/data/models")) == Path("/data/.models.progress")


def test_removing_progress_leaves_no_empty_parent(tmp_path: Path) -> None:
    root = default_root(tmp_path / "models")
    first, second = ProgressFolder(root / "a"), ProgressFolder(root / "b")
    write(first, 1)
    write(second, 1)
    first.remove()
    assert root.is_dir()
    second.remove()
    assert not root.exists()
