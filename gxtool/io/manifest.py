"""`manifest.json`: what an artifact is, written in one way only, so that a changed byte anywhere in it is noticed."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from gxtool.errors import InputError, quoted
from gxtool.names import inside
from gxtool.version import __version__

SCHEMA_VERSION = 2
KINDS = ("examples", "dataset", "dictionary", "model", "evaluation", "predictions", "effects", "designs", "comparison")
MANIFEST = "manifest.json"
MOST_BYTES = 1 << 28
"""Of a manifest, which is read whole: one that lists a million files takes less."""
DEEPEST = 40
"""Lists and mappings inside each other in `info`; readers of all kinds walk through them."""
_SELF = "self_sha256"
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Manifest:
    """What an artifact is; `files` maps a relative name to its SHA-256 and size (bytes)."""

    kind: str
    family: str = ""
    preset: str = ""
    seed: int | None = None
    schema_version: int = SCHEMA_VERSION
    gxtool_version: str = __version__
    parents: tuple[Mapping[str, str], ...] = ()
    rows: Mapping[str, int] = field(default_factory=dict)
    dropped: Mapping[str, int] = field(default_factory=dict)
    info: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def to_bytes(self) -> bytes:
        """Return the bytes of `manifest.json`, the same for the same content; one line is the SHA-256 of the others."""
        content = {one.name: getattr(self, one.name) for one in fields(self)}
        return _encoded(content | {_SELF: hashlib.sha256(_encoded(content)).hexdigest()})


def _encoded(content: Mapping[str, Any]) -> bytes:
    return (json.dumps(content, sort_keys=True, indent=1, ensure_ascii=False) + "\n").encode()


def read_manifest(path: Path) -> tuple[Manifest, str]:
    """Return a manifest and the SHA-256 of its bytes.

    Raises:
        OSError: it is not there, or no regular file.
        InputError: it is no manifest, one of another schema version, names a file outside its folder, or was changed
            after it was written.
    """
    if not path.is_file():
        raise FileNotFoundError(path)
    if path.stat().st_size > MOST_BYTES:
        raise InputError(f"{path}: has {path.stat().st_size} bytes, expected a manifest of at most {MOST_BYTES}")
    raw = path.read_bytes()
    try:
        content = json.loads(raw)
    except (ValueError, RecursionError):
        raise InputError(f"{path}: is not JSON, expected the manifest of an artifact") from None
    version = content.get("schema_version") if isinstance(content, dict) else None
    if type(version) is not int or version != SCHEMA_VERSION:
        raise InputError(
            f"{path.parent}: schema version {quoted(version)}, expected {SCHEMA_VERSION} (this is gxtool "
            f"{__version__}); make it again"
        )
    if not _is_well_formed(content):
        raise InputError(f"{path}: has unknown or missing fields, expected a gxtool manifest")
    for name in content["files"]:
        inside(path.parent, name)
    del content[_SELF]
    manifest = Manifest(**{**content, "parents": tuple(content["parents"])})
    if manifest.to_bytes() != raw:
        raise InputError(f"{path}: is damaged: it was changed after it was written; make the artifact again")
    return manifest, hashlib.sha256(raw).hexdigest()


def kind_of(path: Path) -> str:
    """Return the kind that a manifest names, also a damaged or an old one; empty: it is none of ours."""
    try:
        if not path.is_file() or path.stat().st_size > MOST_BYTES:
            return ""
        content = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return ""
    kind = content.get("kind") if isinstance(content, dict) and "gxtool_version" in content else None
    return kind if isinstance(kind, str) and kind in KINDS else ""


def _is_well_formed(content: Mapping[str, Any]) -> bool:
    """Say whether a manifest has its fields and no others, each of its type."""
    if not _is_shallow(content) or set(content) != {_SELF, *(one.name for one in fields(Manifest))}:
        return False
    seed = content["seed"]
    return (
        content["kind"] in KINDS
        and all(_is_text(content[name]) for name in ("family", "preset", "gxtool_version", _SELF))
        and (seed is None or type(seed) is int)
        and isinstance(content["parents"], list)
        and all(map(_is_parent, content["parents"]))
        and all(_is_counts(content[name]) for name in ("rows", "dropped"))
        and isinstance(content["info"], dict)
        and isinstance(content["files"], dict)
        and all(map(_is_text, content["files"]))
        and all(map(_is_entry, content["files"].values()))
    )


def _is_text(value: object) -> bool:
    """Say whether this is text that can be written out: JSON also knows halves of characters."""
    try:
        return isinstance(value, str) and value.encode() is not None
    except UnicodeEncodeError:
        return False


def _is_parent(value: object) -> bool:
    if not isinstance(value, dict) or set(value) != {"id", "kind", "sha256"} or value["kind"] not in KINDS:
        return False
    return _is_sha256(value["sha256"]) and value["id"] == value["sha256"][:16]


def _is_entry(value: object) -> bool:
    if not isinstance(value, dict) or not {"sha256", "bytes"} <= set(value) <= {"sha256", "bytes", "blocks_sha256"}:
        return False
    return (
        _is_sha256(value["sha256"])
        and _is_sha256(value.get("blocks_sha256", value["sha256"]))
        and type(value["bytes"]) is int
        and value["bytes"] >= 0
    )


def _is_counts(value: object) -> bool:
    return isinstance(value, dict) and all(type(count) is int for count in value.values())


def _is_sha256(value: object) -> bool:
    return isinstance(value, str) and bool(_SHA256.fullmatch(value))


def _is_shallow(content: Mapping[str, Any]) -> bool:
    """Say whether nothing lies deeper than `DEEPEST`, and all text in it can be written out."""
    level: list[Any] = [content]
    for _ in range(DEEPEST):
        below: list[Any] = []
        for value in level:
            if isinstance(value, dict):
                below += [*value, *value.values()]
            elif isinstance(value, list):
                below += value
            elif isinstance(value, str) and not _is_text(value):
                return False
        if not below:
            return True
        level = below
    return False
