"""What a family offers a newcomer: its description, a commented samplesheet and configuration, simulated data."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

from gxtool.config import Config
from gxtool.errors import ConfigError, InputError
from gxtool.io.samplesheet import ANY
from gxtool.models.base import Family
from gxtool.models.registry import families

SIZES = ("demo", "full")
DEMO_SEEDS = 2


def describe_families() -> list[dict[str, Any]]:
    """Describe every family as plain data."""
    return [
        {
            "name": family.name,
            "title": family.title,
            "summary": family.summary,
            "kind": family.kind,
            "default_preset": family.default_preset,
            "presets": {name: family.parameters.get(name) for name in family.presets()},
            "inputs": [
                {"column": c.name, "path": c.path, "required": c.required, "description": c.description}
                for c in family.columns
            ],
            "outputs": ["predictions.parquet", *family.predictions],
            "metrics": list(family.metrics),
            "baselines": list(family.baselines),
            "perturbations": list(family.perturbations),
            "targets": list(family.targets),
            "simulations": list(family.simulations),
            "published_options": dict(family.aliases),
        }
        for family in families().values()
    ]


def write_starter(folder: Path, family: Family, config: Config, preset: str) -> list[Path]:
    """Write samplesheet.csv and config.yaml with every field explained; existing files are never replaced.

    Raises:
        InputError: one of the two is there already, or cannot be written.
    """
    written = {
        folder / "samplesheet.csv": _sheet(family),
        folder / "config.yaml": commented_yaml(config, f"{family.title}: preset {preset or family.default_preset}"),
    }
    for path in written:
        if path.exists():
            raise InputError(f"{path}: exists already, expected a folder without it")
    with _all_or_nothing(folder, list(written)):
        folder.mkdir(parents=True, exist_ok=True)
        for path, text in written.items():
            path.write_text(text, encoding="utf-8")
    return list(written)


@contextmanager
def _all_or_nothing(folder: Path, written: list[Path] | None = None) -> Iterator[None]:
    """Delete what was begun, and say so in a sentence, where a folder cannot be written.

    written     the files that are made, of which none is there yet; None: all that the folder holds

    Raises:
        InputError: it cannot be made, may not be written, or the disk is full.
    """
    is_new = not folder.exists()
    try:
        yield
    except OSError as error:
        begun = written if written is not None else list(folder.iterdir()) if folder.is_dir() else []
        for path in [*begun, *([folder] if is_new else [])]:
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            elif path.is_file():
                path.unlink()
        raise InputError(
            f"{folder}: cannot be written ({error.strerror or error}), expected a folder with room"
        ) from None


def _sheet(family: Family) -> str:
    lines = [f"# {family.title}: one line per sample below the header; lines that start with # are not read."]
    for column in family.columns:
        place = "; a path, relative to this file" if column.path else ""
        name = "any other column" if column.name == ANY else column.name
        lines.append(f"# {name}: {column.description}{place}{'' if column.required else ' (optional)'}")
    named = [column for column in family.columns if column.name != ANY]
    # The first optional path too: a sheet whose only required column is the sample's name would say nothing.
    filled = [column for column in named if column.required] + [c for c in named if not c.required and c.path][:1]
    names = [column.name for column in named]
    example = [(f"path/to/{c.name}" if c.path else "NAME") if c in filled else "" for c in named]
    return "\n".join([*lines, ",".join(names), ",".join(example)]) + "\n"


def commented_yaml(config: Config, title: str) -> str:
    """Return a configuration as YAML with each field's meaning behind it, all fields commented out."""
    lines = [f"# {title}", "# Every field with its present value; take the # away in front of those you change."]
    for name in type(config).model_fields:
        section = getattr(config, name)
        lines.append(f"\n#{name}:")
        lines += [f"#  {text}" for text in _fields(section)]
    return "\n".join(lines) + "\n"


def _fields(section: BaseModel) -> list[str]:
    plain = section.model_dump(mode="json")
    lines = []
    for name, field in type(section).model_fields.items():
        value = yaml.safe_dump(plain[name], default_flow_style=True).removesuffix("\n").removesuffix("\n...")
        meaning = " ".join((field.description or "").split())
        lines.append(f"{name}: {' '.join(value.split())}  # {meaning}")
    return lines


def simulate_family(family: Family, folder: Path, size: str, seed: int, layout: str = "") -> Path:
    """Make one family's raw input files, in its first layout or in another one that it takes.

    Raises:
        ConfigError: an unknown size or layout.
        InputError: the folder holds something already, or cannot be written.
    """
    if layout and layout not in family.simulations:
        known = ", ".join(family.simulations) or "none"
        raise ConfigError(f"--layout {layout}: {family.name} has no such layout, expected one of: {known}")
    if size not in SIZES:
        raise ConfigError(f"--size {size}: expected one of {', '.join(SIZES)}")
    if folder.is_dir() and any(folder.iterdir()):
        raise InputError(f"{folder}: is not empty, expected a new folder")
    with _all_or_nothing(folder):
        family.load(family.simulations[layout] if layout else family.simulate)(folder, size, seed)
    return folder


def simulate_all(folder: Path, size: str, seed: int) -> Path:
    """Make every family's files below one folder, and `runs.yaml`, which holds the runs of each one's demo."""
    runs = []
    for name, family in families().items():
        simulate_family(family, folder / name, size, seed)
        shared = {"model": name, "input": f"{name}/samplesheet.csv", "seeds": DEMO_SEEDS}
        runs += [{**shared, **entry} for entry in family.demo]
    (folder / "runs.yaml").write_text(yaml.safe_dump({"runs": runs}, sort_keys=False), encoding="utf-8")
    return folder
