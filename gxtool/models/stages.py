"""The two data stages that are the same for every family: raw files -> `examples` -> `dataset`. No torch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gxtool.config import Config
from gxtool.data.splits import require_roles
from gxtool.errors import InputError
from gxtool.io.artifact import ArtifactWriter, find_artifacts
from gxtool.io.runtime import Stopwatch
from gxtool.io.samplesheet import read_samplesheet, require_path, resolve_path
from gxtool.models.base import Family


def read_rows(family: Family, source: Path, base: Path | None = None) -> list[dict[str, str]]:
    """Return samplesheet rows from a samplesheet, or from a folder of raw data that the family recognises.

    `base` is the folder that relative paths belong to (the sheet's own folder where it is not given); where `source`
    is itself a folder, it is that folder's true place, which paths are returned in.

    Raises:
        InputError: nothing there, a malformed sheet, or a path that does not exist.
    """
    source = Path(source)
    if not source.exists():
        raise InputError(f"--input {source}: does not exist, expected a samplesheet or a folder of raw data")
    if source.is_dir():
        rows = [dict(row) for row in family.load(family.expand)(source)]
        return [_moved(family, row, source, Path(base)) for row in rows] if base else rows
    required = [column.name for column in family.columns if column.required]
    optional = [column.name for column in family.columns if not column.required]
    rows = read_samplesheet(source, required, optional)
    base = Path(base) if base else source.absolute().parent
    for row in rows:
        for column in family.columns:
            if column.path and row.get(column.name):
                row[column.name] = resolve_path(row[column.name], base)
                if base.is_dir():
                    require_path(source, row, column.name, row[column.name])
    return rows


def _moved(family: Family, row: dict[str, str], source: Path, base: Path) -> dict[str, str]:
    """Return a row with its paths below `base` instead of below `source`, where a task sees the same folder."""
    paths = {column.name for column in family.columns if column.path}
    return {
        name: str(base / Path(value).absolute().relative_to(source.absolute())) if name in paths and value else value
        for name, value in row.items()
    }


def preprocess(family: Family, config: Config, source: Path, output: Path, overwrite: bool = False) -> Path:
    """Read raw public files, check them, and write `examples`.

    Raises:
        InputError: the files are not what the family expects; nothing is left behind.
    """
    rows = read_rows(family, source)
    watch = Stopwatch()
    with ArtifactWriter(output, "examples", family=family.name, overwrite=overwrite) as writer:
        family.load(family.preprocess)(rows, config.data, writer)
        watch.write(writer.folder)
    return Path(output)


def tokenize(family: Family, config: Config, sources: Sequence[Path], output: Path, overwrite: bool = False) -> Path:
    """Join `examples`, encode them and assign splits: a `dataset`.

    Raises:
        InputError: examples of another family, samples named twice, or a split without rows in a role.
    """
    examples = find_artifacts(sources, "examples")
    seen: dict[str, Path] = {}
    for part in examples:
        if part.manifest.family != family.name:
            raise InputError(f"{part.path}: belongs to family {part.manifest.family}, expected {family.name}")
        for sample in part.manifest.info.get("samples", []):
            if sample in seen:
                raise InputError(f"{part.path}: sample {sample} is in {seen[sample]} already, expected it once")
            seen[sample] = part.path
    watch = Stopwatch()
    with ArtifactWriter(output, "dataset", family=family.name, overwrite=overwrite) as writer:
        for part in examples:
            writer.add_parent(part)
        family.load(family.encode)(examples, config.data, writer)
        if writer.has("labels.npy"):
            require_roles(writer.read_table("splits.parquet"), str(output))
        watch.write(writer.folder)
    return Path(output)
