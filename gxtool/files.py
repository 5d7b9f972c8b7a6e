"""What a path leads to, looked at before it is opened: a pipe would be waited for, a device read for ever.

A leaf: it imports nothing of ours but the errors, and every room may import it.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Callable
from pathlib import Path

from gxtool.errors import GxtoolError, InputError, plain, quoted

LONGEST_PATH = 1024
"""Characters of a path that a message shows."""
_KINDS: tuple[tuple[Callable[[int], bool], str], ...] = (
    (stat.S_ISFIFO, "a pipe (FIFO)"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISSOCK, "a socket"),
)


def check_openable(
    path: str | Path, expected: str, where: str = "", error: type[GxtoolError] = InputError
) -> os.stat_result | None:
    """Check that a path is an ordinary file or a folder before it is opened; None: nothing is there.

    `where` is what the sentence calls the place (the path itself when empty).

    Raises:
        GxtoolError: of the type `error`: a pipe, a device, a socket, or text that can be no path.
    """
    where = where or plain(path, LONGEST_PATH)
    try:
        status = os.stat(path)
    except OSError:
        return None
    except ValueError:
        raise error(f"{where}: is no path of a file ({quoted(str(path))}), expected {expected}") from None
    for is_kind, kind in _KINDS:
        if is_kind(status.st_mode):
            raise error(f"{where}: is {kind}, expected {expected} (an ordinary file)")
    return status


def error_number(error: BaseException) -> int | None:
    """Return the system's number of an error, also of one that a library written in Rust has only in its text."""
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno
    found = re.search(r"\(os error (\d+)\)", str(error))
    return int(found[1]) if found else None


def is_full(error: BaseException | None) -> bool:
    """Say whether an error means that there is no room: a full disk, a quota, or a file that may grow no more."""
    return isinstance(error, OSError) and error_number(error) in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
