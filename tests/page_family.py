"""The family of docs/add-a-family.md, written as the page says: as a folder of gxtool, or as a package of its own."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs/add-a-family.md"
NAME, PACKAGE = "composition", "gxtool_composition"
_FILE = re.compile(r"^`([^`\n]+)`:\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_PROJECT = re.compile(r"^```toml\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def files() -> dict[str, str]:
    """Return path -> content of every file of the page."""
    return dict(_FILE.findall(PAGE.read_text(encoding="utf-8")))


def write_folder(root: Path) -> list[Path]:
    """Write the page's files below a copy of the repository; none of them may be there already."""
    written = []
    for name, content in files().items():
        path = root / name
        assert not path.exists(), f"the page would replace {name}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
        written.append(path)
    return written


def write_package(site: Path) -> Path:
    """Write them as an installed package: one folder with the imports that the page names, and its metadata."""
    package = site / PACKAGE
    package.mkdir(parents=True)
    for name, content in files().items():
        content = content.replace(f"gxtool.models.{NAME}", PACKAGE)
        content = content.replace("gxtool.io.composition_table", f"{PACKAGE}.composition_table")
        (package / Path(name).name).write_text(content, encoding="utf-8")
    write_metadata(site, *_project())
    return package


def write_metadata(site: Path, project: str, version: str, points: dict[str, str]) -> None:
    """Write what an installer leaves of a package's pyproject.toml: its name, version and entry points."""
    folder = site / f"{project.replace('-', '_')}-{version}.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project}\nVersion: {version}\n")
    lines = [f"{name} = {value}" for name, value in points.items()]
    (folder / "entry_points.txt").write_text("\n".join(["[gxtool.families]", *lines]) + "\n")


def _project() -> tuple[str, str, dict[str, str]]:
    project = tomllib.loads(_PROJECT.findall(PAGE.read_text(encoding="utf-8"))[0])["project"]
    return project["name"], project["version"], project["entry-points"]["gxtool.families"]
