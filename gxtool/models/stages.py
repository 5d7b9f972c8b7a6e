"""The two data stages that are the same for every family: raw files -> `examples` -> `dataset`. No torch."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from gxtool.config import Config, stage_fields
from gxtool.data.splits import require_roles
from gxtool.errors import GxtoolError, InputError
from gxtool.io.artifact import ArtifactWriter, find_artifacts
from gxtool.io.packed import is_archive
from gxtool.io.row_names import check_row_names
from gxtool.io.runtime import Stopwatch
from gxtool.io.samplesheet import ANY, read_samplesheet, require_path, resolve_path
from gxtool.io.unfinished import Unfinished
from gxtool.models.base import Family
from gxtool.models.item import is_item, item_row, read_item
from gxtool.models.recorded import DATA, agreed_family, data_yaml
from gxtool.models.settings import Settings
from gxtool.names import check_sample, check_samples, check_units

TRUTH = "truth.json"
"""What `gxtool simulate` writes beside the raw files: the signal that it planted."""
SIMULATED = "simulated"
_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+:)/+(.*)", re.DOTALL)


def read_rows(family: Family, source: Path, base: str | None = None) -> list[dict[str, str]]:
    """Return samplesheet rows from a samplesheet, or from a folder or archive of raw data that the family recognises.

    `base` is the folder or URL that relative paths belong to (the sheet's own folder where it is not given); where
    `source` is itself a folder or an archive, it is the true place of the folder or of what holds the archive, which
    paths are returned in.

    Raises:
        InputError: nothing there, a malformed sheet, or a path that does not exist.
    """
    rows = _read_rows(family, Path(source), base)
    check_samples([row[family.columns[0].name] for row in rows], str(source))
    check_units(dict.fromkeys(name for row in rows for name in row), str(source), "column")
    return rows


def _read_rows(family: Family, source: Path, base: str | None) -> list[dict[str, str]]:
    if is_item(source):
        rows = [item_row(read_item(str(source), "preprocess"), source)]
        for row in rows:
            for name in path_columns(family, row):
                require_path(source, row, name, row[name])
        return rows
    if url := _URL.match(str(source)):
        # A path has one slash where a URL has two.
        where = f"{url[1]}//{url[2]}"
        raise InputError(f"--input {where}: is a URL, expected a samplesheet or a folder on this machine: download it")
    if not source.exists():
        raise InputError(f"--input {source}: does not exist, expected a samplesheet or a folder of raw data")
    if source.is_dir() or is_archive(source):
        rows = [dict(row) for row in family.load(family.expand)(source)]
        return [_moved(family, row, source, base) for row in rows] if base else rows
    required = [column.name for column in family.columns if column.required]
    optional = [column.name for column in family.columns if not column.required]
    rows = read_samplesheet(source, required, optional)
    base = str(base or source.absolute().parent)
    is_here = Path(base).is_dir()
    for row in rows:
        for name in path_columns(family, row):
            row[name] = resolve_path(row[name], base)
            if is_here:
                require_path(source, row, name, row[name])
    return rows


def is_simulated(source: Path, base: str | None = None) -> bool:
    """Say whether `gxtool simulate` made the raw files that a samplesheet, folder or item of a plan names.

    `base` is the folder that relative paths of a samplesheet belong to, where it is not the sheet's own.
    """
    if is_item(source):
        return bool(read_item(str(source), "preprocess").get(SIMULATED))
    folder = Path(source) if Path(source).is_dir() else Path(source).parent
    return any((Path(place) / TRUTH).is_file() for place in (folder, base) if place)


def path_columns(family: Family, row: Mapping[str, str]) -> list[str]:
    """Return the columns of a samplesheet row that name files or folders, in the order of the row."""
    declared = {column.name: column.path for column in family.columns}
    return [name for name, value in row.items() if value and declared.get(name, declared.get(ANY, False))]


def _moved(family: Family, row: dict[str, str], source: Path, base: str) -> dict[str, str]:
    """Return a row with its paths below `base` instead of where a task sees the same folder or archive."""
    paths = path_columns(family, row)
    folder = (source if source.is_dir() else source.parent).absolute()

    def true(value: str) -> str:
        inside = Path(value).absolute().relative_to(folder).as_posix()
        return base if inside == "." else f"{base.rstrip('/')}/{inside}"

    return {name: true(value) if name in paths else value for name, value in row.items()}


def preprocess(family: Family, config: Config, source: Path, output: Path, overwrite: bool = False) -> Path:
    """Read raw public files, check them, and write `examples`.

    Raises:
        InputError: the files are not what the family expects; nothing is left behind.
    """
    rows = read_rows(family, source)
    watch = Stopwatch()
    with ArtifactWriter(output, "examples", family=family.name, overwrite=overwrite) as writer:
        writer.write_text(DATA, data_yaml(stage_fields(config.data, "preprocess")))
        family.load(family.preprocess)(rows, config.data, writer)
        if is_simulated(Path(source)):
            writer.describe(info={SIMULATED: True})
        watch.write(writer.folder)
    return Path(output)


def tokenize(family: Family, config: Config, sources: Sequence[Path], output: Path, overwrite: bool = False) -> Path:
    """Join `examples`, encode them and assign splits: a `dataset`.

    Raises:
        InputError: examples of another family, samples named twice, or a split without rows in a role.
    """
    examples = find_artifacts(sources, "examples")
    agreed_family(Settings(family.name), examples)
    seen: dict[str, Path] = {}
    for part in examples:
        for sample in part.manifest.info.get("samples", []):
            check_sample(sample, str(part.path))
            if sample in seen:
                raise InputError(f"{part.path}: sample {sample} is in {seen[sample]} already, expected it once")
            seen[sample] = part.path
    watch = Stopwatch()
    with ArtifactWriter(output, "dataset", family=family.name, overwrite=overwrite) as writer:
        for part in examples:
            writer.add_parent(part)
        writer.write_text(DATA, data_yaml(config.data.model_dump(mode="json")))
        family.load(family.encode)(examples, config.data, writer)
        if any(part.manifest.info.get(SIMULATED) for part in examples):
            writer.describe(info={SIMULATED: True})
        check_row_names(writer.folder / "rows.parquet", str(output))
        if writer.has("labels.npy"):
            require_roles(writer.read_table("splits.parquet"), str(output))
        watch.write(writer.folder)
    return Path(output)


@contextmanager
def prepared(family: Family, config: Config, source: Path, output: Path | None = None) -> Iterator[Path]:
    """Yield a dataset made of raw data, in a folder that goes with the context; messages name the source instead of it.

    `output`: what is made of the dataset; the folder is hidden beside it, and where this process is killed the next
    writer of it clears it. None: the folder is where the system keeps temporary files.

    Raises:
        InputError: the files are not what the family expects, or the place cannot be written.
    """
    with ExitStack() as stack:
        try:
            if output:
                between = Unfinished(output.absolute())
                stack.callback(between.abandon)
                folder = between.folder
            else:
                folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gxtool-")))
        except OSError as error:
            raise InputError(f"{output}: cannot be written ({error.strerror})") from None
        stack.enter_context(naming(str(folder), str(source)))
        examples = preprocess(family, config, source, folder / "examples")
        yield tokenize(family, config, [examples], folder / "dataset")


@contextmanager
def naming(folder: str, shown: str) -> Iterator[None]:
    """Let messages say `shown` for a temporary folder and all that is in it: nobody has heard of it."""
    try:
        yield
    except GxtoolError as error:
        error.args = (re.sub(re.escape(folder) + r"(/[\w.+-]+)*", lambda _: shown, str(error)),)
        raise
