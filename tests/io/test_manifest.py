"""Manifests: whatever a file says, it is opened or refused in a sentence, and a changed byte is always noticed."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from gxtool.cli import app
from gxtool.errors import InputError
from gxtool.io.artifact import ArtifactWriter, find_artifacts, open_artifact, verify
from gxtool.io.manifest import DEEPEST, Manifest

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=9) | st.just("\ud800"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=8,
)
FIELDS = [field.name for field in dataclasses.fields(Manifest)]


def write_one(path: Path) -> Path:
    with ArtifactWriter(path, "model", family="histone", preset="tiny", seed=1) as writer:
        writer.write_text("a.txt", "abc")
        writer.describe(rows={"train": 3}, dropped={"short": 1}, info={"marks": ["x"], "value": 0.5})
    return path


def rewrite(artifact: Path, content: dict[str, Any]) -> None:
    """Write a manifest as somebody would who knows how its own hash is made."""

    def encoded(value: dict[str, Any]) -> bytes:
        text = json.dumps(value, sort_keys=True, indent=1, ensure_ascii=False) + "\n"
        return text.encode(errors="surrogatepass")

    content = {key: value for key, value in content.items() if key != "self_sha256"}
    own = hashlib.sha256(encoded(content)).hexdigest()
    (artifact / "manifest.json").write_bytes(encoded(content | {"self_sha256": own}))


def inspect(artifact: Path) -> None:
    """Do all that `inspect --verify` does; `InputError` is the only failure there may be."""
    try:
        opened = open_artifact(artifact)
    except InputError:
        return
    verify(opened)
    for extra in ([], ["--json"]):
        result = CliRunner().invoke(app, ["inspect", str(artifact), "--verify", *extra])
        assert result.exception is None or isinstance(result.exception, (InputError, SystemExit)), result.exception


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.sampled_from(FIELDS), value=JSON_VALUES)
def test_any_value_in_any_field_is_opened_or_refused(tmp_path: Path, name: str, value: object) -> None:
    path = tmp_path / "a"
    if not path.exists():
        write_one(path)
        (tmp_path / "whole.json").write_bytes((path / "manifest.json").read_bytes())
    content = json.loads((tmp_path / "whole.json").read_text())
    rewrite(path, {**content, name: value})
    inspect(path)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=JSON_VALUES, name=st.text(max_size=9))
def test_any_entry_of_a_file_is_opened_or_refused(tmp_path: Path, value: object, name: str) -> None:
    path = tmp_path / "a"
    if not path.exists():
        write_one(path)
        (tmp_path / "whole.json").write_bytes((path / "manifest.json").read_bytes())
    content = json.loads((tmp_path / "whole.json").read_text())
    entry = content["files"]["a.txt"]
    for files in (
        {name: value},
        {name: entry},
        {"a.txt": entry | {"bytes": value}},
        {"a.txt": entry | {"sha256": value}},
    ):
        rewrite(path, {**content, "files": files})
        inspect(path)


def test_every_changed_byte_is_noticed(tmp_path: Path) -> None:
    path = write_one(tmp_path / "a") / "manifest.json"
    whole = path.read_bytes()
    bits = random.Random(1)
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << bits.randrange(8)]) + whole[place + 1 :])
        with pytest.raises(InputError):
            open_artifact(tmp_path / "a")
    path.write_bytes(whole + b" ")
    with pytest.raises(InputError, match=r"manifest.json: is damaged: it was changed after it was written"):
        open_artifact(tmp_path / "a")


@pytest.mark.parametrize("name", ["../../../etc/passwd", "/etc/passwd", "a/../../b", "..", ""])
def test_names_that_leave_the_folder_are_refused_when_it_is_opened(name: str, tmp_path: Path) -> None:
    path = write_one(tmp_path / "a")
    content = json.loads((path / "manifest.json").read_text())
    rewrite(path, {**content, "files": {name: content["files"]["a.txt"]}})
    with pytest.raises(InputError, match=r"leads out of this folder, expected a name inside it"):
        open_artifact(path)


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000, "9" * 10_000, "[]", "null", "\ud800", "\0"])
def test_what_is_no_manifest_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_bytes(text.encode(errors="surrogatepass"))
    with pytest.raises(InputError):
        open_artifact(tmp_path)


def test_facts_may_be_nested_only_so_deep(tmp_path: Path) -> None:
    path = write_one(tmp_path / "a")
    content = json.loads((path / "manifest.json").read_text())
    deep: object = 1
    for _ in range(DEEPEST):
        deep = [deep]
    rewrite(path, {**content, "info": {"deep": deep}})
    with pytest.raises(InputError, match="has unknown or missing fields"):
        open_artifact(path)


def test_a_pipe_is_no_manifest(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "manifest.json")
    with pytest.raises(InputError, match=r"has no manifest\.json"):
        open_artifact(tmp_path)


def test_links_that_lead_back_are_followed_once(tmp_path: Path) -> None:
    write_one(tmp_path / "store" / "a")
    for number in range(6):
        (tmp_path / "store" / f"link{number}").symlink_to(".")
    (tmp_path / "store" / "again").symlink_to("a")
    assert [artifact.path.name for artifact in find_artifacts([tmp_path / "store"])] == ["a"]
