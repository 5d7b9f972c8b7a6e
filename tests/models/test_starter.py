"""A newcomer's files: whole, or not there and told in one sentence."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from gxtool.errors import InputError
from gxtool.models.base import Family
from gxtool.models.registry import get_family, resolve_config
from gxtool.models.starter import simulate_family, write_starter

FAMILY = get_family("histone")


def full_disk(folder: Path, size: str, seed: int) -> None:
    """Write a file and then find the disk full."""
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "train.csv").write_text("1")
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> None:
    write = Path.write_text

    def some(path: Path, *arguments: object, **keywords: object) -> int:
        if path.name == "config.yaml":
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(path, *arguments, **keywords)

    monkeypatch.setattr(Path, "write_text", some)


@pytest.mark.parametrize("is_new", [True, False])
def test_full_disk_leaves_no_half_of_a_simulation(
    tmp_path: Path, is_new: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not is_new:
        (tmp_path / "raw").mkdir()
    monkeypatch.setattr(Family, "load", lambda family, dotted: full_disk)
    with pytest.raises(InputError, match=r"raw: cannot be written \(No space left on device\), expected a folder with"):
        simulate_family(FAMILY, tmp_path / "raw", "demo", 1)
    assert [path.name for path in tmp_path.rglob("*")] == ([] if is_new else ["raw"])


@pytest.mark.usefixtures("full")
def test_full_disk_leaves_no_half_of_a_start(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(InputError, match=r"cannot be written \(No space left on device\)"):
        write_starter(tmp_path, FAMILY, resolve_config(FAMILY, ""), "")
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_file_in_the_place_of_a_folder_is_kept_and_named(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    for place in (tmp_path / "mine", tmp_path / "mine" / "deeper"):
        with pytest.raises(InputError, match=r"mine.*: cannot be written \("):
            write_starter(place, FAMILY, resolve_config(FAMILY, ""), "")
        with pytest.raises(InputError, match=r"mine.*: cannot be written \("):
            simulate_family(FAMILY, place, "demo", 1)
    assert (tmp_path / "mine").read_text() == "mine"
