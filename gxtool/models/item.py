"""Items of a plan as commands take them: `--item item.json` in a task of the pipeline, `--item plan.json#ID` by hand.

An item carries every name that a person or a file wrote (samples, runs, paths) as JSON, so that none of them has to
pass through a shell.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gxtool.errors import InputError, quoted
from gxtool.files import check_openable
from gxtool.io.indexed import join_index, named_files, split_index


def read_item(reference: str, stage: str = "") -> dict[str, Any]:
    """Read the item in a JSON file, or, for `FILE#ID`, the item of a plan with that id.

    Ids are unique within a stage; without `stage` all stages are searched.

    Raises:
        InputError: no such file, not JSON, or no such item in it.
    """
    path, mark, name = str(reference).rpartition("#")
    if not mark or Path(reference).is_file():
        path, name = str(reference), ""
    check_openable(path, "an item of a plan", f"--item {path}")
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"--item {path}: cannot be read ({error.strerror}), expected an item of a plan") from None
    except (ValueError, RecursionError):
        raise InputError(f"--item {path}: is not JSON, expected an item of a plan") from None
    if not isinstance(content, dict):
        raise InputError(f"--item {path}: holds {type(content).__name__}, expected an item of a plan")
    if not name:
        return content
    lists = [content.get(stage)] if stage else list(content.values())
    items = [item for part in lists if isinstance(part, list) for item in part if isinstance(item, dict)]
    for item in items:
        if item.get("id") == name:
            return item
    raise InputError(f"--item {path}: has no item {quoted(name)}{f' of {stage}' if stage else ''}, expected one of its")


def is_item(source: Path) -> bool:
    """Say whether an input is an item that carries a samplesheet's row, and no samplesheet."""
    text = str(source)
    path = text if Path(text).exists() else text.rpartition("#")[0]
    return path.endswith(".json") and Path(path).is_file()


def item_row(item: Mapping[str, Any], where: Path) -> dict[str, str]:
    """Return the samplesheet row that a `preprocess` item is about, with paths as they are seen here.

    In a task, `places` says for each of `paths` where it is staged, with the index that was found beside it.

    Raises:
        InputError: the item carries no row.
    """
    row, paths = item.get("row"), item.get("paths")
    if not isinstance(row, dict) or not isinstance(paths, list) or not all(isinstance(v, str) for v in row.values()):
        raise InputError(f"{where}: carries no row of a samplesheet, expected an item of preprocess")
    places = dict(zip(paths, item.get("places") or paths, strict=True))
    return {name: _staged(value, places) for name, value in row.items()}


def _staged(value: str, places: Mapping[str, str]) -> str:
    files = named_files(value)
    if not files or any(file not in places for file in files):
        return value
    if len(files) == 1:
        return places[files[0]]
    return join_index(*(split_index(places[file])[0] for file in files))
