"""Archives of tables, .zip or .tar(.gz): members listed and unpacked, never by a path that leads out, within bounds."""

from __future__ import annotations

import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Any

from gxtool.errors import GxtoolError, InputError, plain, quoted
from gxtool.files import check_openable
from gxtool.io.packed import check_packing, open_text, too_large
from gxtool.names import inside

_PIECE = 1 << 20
_MOST_MEMBERS = 100_000
_LONGEST_HEADER = 1 << 20
_EXPECTED = "an archive of tables"
_Archive = zipfile.ZipFile | tarfile.TarFile


def archive_members(path: Path, wanted: Collection[str]) -> list[tuple[str, int]]:
    """Return name and size (bytes, as the archive says) of the members whose last part is wanted, in their order.

    Raises:
        InputError: no archive, a damaged or encrypted one, a wanted member that leads out of it or is a link, or more
            than 100,000 members.
    """
    with _opened(path) as archive:
        return [(name, _size(info)) for name, info in _members(path, archive, lambda name: _last(name) in wanted)]


def unpack(path: Path, names: Collection[str], folder: Path, largest: int) -> None:
    """Write the named members below `folder` as plain files, reading the archive from front to back.

    Raises:
        InputError: as for `archive_members`, or a member of more than `largest` bytes.
    """
    with _opened(path) as archive:
        for name, info in _members(path, archive, lambda name: name in names):
            target = inside(folder, name)
            target.parent.mkdir(parents=True, exist_ok=True)
            packed = info.compress_size if isinstance(info, zipfile.ZipInfo) else path.stat().st_size
            written = 0
            with _member(archive, info) as source, target.open("wb") as copy:
                while piece := source.read(_PIECE):
                    written += len(piece)
                    if written > largest:
                        raise too_large(f"{path}: {plain(name)}", largest, "a table")
                    check_packing(f"{path}: {plain(name)}", written, packed)
                    copy.write(piece)


@contextmanager
def _opened(path: Path) -> Iterator[_Archive]:
    check_openable(path, _EXPECTED)
    try:
        if path.name.lower().endswith(".zip"):
            with zipfile.ZipFile(path) as archive:
                yield archive
        else:
            with open_text(path, str(path), _EXPECTED) as file:
                # A plain archive is sought in, a packed one is read from front to back.
                mode = "r:" if file.seekable() else "r|"
                with tarfile.open(fileobj=file, mode=mode, tarinfo=_Member) as archive:
                    yield archive
    except GxtoolError:
        raise
    except FileNotFoundError:
        raise InputError(f"{path}: does not exist, expected {_EXPECTED}") from None
    # What the two libraries raise at damaged archives, encrypted ones and unknown ways of packing.
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, zlib.error, OSError, ValueError, RuntimeError) as error:
        fault = quoted(str(error))
        raise InputError(f"{path}: is damaged or cut short ({fault}), expected a complete archive") from None


class _Member(tarfile.TarInfo):
    """A member whose long names and comments, which are read whole, have a bound."""

    @classmethod
    def frombuf(cls, buf: bytes, encoding: str, errors: str) -> _Member:
        """Return the member that a header describes."""
        member = super().frombuf(buf, encoding, errors)
        if member.size > _LONGEST_HEADER and member.type not in (*tarfile.REGULAR_TYPES, tarfile.DIRTYPE):
            raise tarfile.ReadError(f"a header of {member.size:,} bytes")
        return member


def _last(name: str) -> str:
    return PurePosixPath(name).name


def _members(path: Path, archive: _Archive, wanted: Callable[[str], bool]) -> Iterator[tuple[str, Any]]:
    """Yield names of wanted files in the order of the archive with what opens them; each can be read when it is met."""
    entries: Any = archive.infolist() if isinstance(archive, zipfile.ZipFile) else archive
    for count, info in enumerate(entries, 1):
        if count > _MOST_MEMBERS:
            raise InputError(f"{path}: holds more than {_MOST_MEMBERS:,} members, expected {_EXPECTED}")
        name = info.filename if isinstance(info, zipfile.ZipInfo) else info.name
        name = name.removeprefix("./")
        if not wanted(name) or name.endswith("/") or (isinstance(info, tarfile.TarInfo) and info.isdir()):
            continue
        if name.startswith("/") or "\\" in name or ".." in PurePosixPath(name).parts:
            raise InputError(f"{path}: member {plain(name)} leads out of the archive, expected relative names")
        if not _is_plain(info):
            raise InputError(f"{path}: member {plain(name)} is a link or a device, expected the table itself")
        yield name, info


def _is_plain(info: Any) -> bool:
    """Say whether a member is an ordinary file: a .zip keeps the file's mode where a Unix made it."""
    if isinstance(info, tarfile.TarInfo):
        return info.isfile()
    return stat.S_IFMT(info.external_attr >> 16) in (0, stat.S_IFREG)


def _size(info: Any) -> int:
    return info.file_size if isinstance(info, zipfile.ZipInfo) else info.size


def _member(archive: _Archive, info: Any) -> IO[bytes]:
    if isinstance(archive, zipfile.ZipFile):
        return archive.open(info)
    source = archive.extractfile(info)
    if source is None:
        raise tarfile.ReadError(f"member {info.name} is no file")
    return source
