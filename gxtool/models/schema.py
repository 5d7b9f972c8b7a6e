"""Files that are generated from the classes, so that they cannot disagree: schemas, tables of options and of families.

python -m gxtool.models.schema .      writes them below the project's root; a test fails when they are stale
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from gxtool.errors import ConfigError
from gxtool.io.samplesheet import ANY
from gxtool.models.base import Family
from gxtool.models.params import DRAFT, nextflow_schema
from gxtool.models.registry import HERE, families, resolve_config

PAGES = ("README.md", "docs/families.md")
START, END = "<!-- families: written by python -m gxtool.models.schema . -->", "<!-- end of families -->"
"""Marks around the table of families in these pages."""


def samplesheet_schema(family: Family) -> dict[str, Any]:
    """Return the JSON schema of one family's samplesheet."""
    properties = {}
    named = [column for column in family.columns if column.name != ANY]
    for column in named:
        text = {"type": "string", "description": column.description, "minLength": 1}
        properties[column.name] = {**text, "format": "path"} if column.path else text
    return {
        "$schema": DRAFT,
        "title": f"{family.title}: samplesheet",
        "type": "array",
        "items": {
            "type": "object",
            "properties": properties,
            "required": [column.name for column in family.columns if column.required],
            "additionalProperties": any(column.name == ANY for column in family.columns),
        },
    }


def option_tables(family: Family) -> str:
    """Return every option of a family's default preset as Markdown tables, one per section."""
    config = resolve_config(family)
    lines = [f"# Options of `{family.name}`", "", family.summary, ""]
    lines += ["Presets: " + ", ".join(_preset(family, name) for name in family.presets()) + ".", ""]
    for name in type(config).model_fields:
        lines += _section(name, getattr(config, name))
    lines += ["## Published option names", "", "| name | stands for |", "| --- | --- |"]
    lines += [f"| `{name}` | `{target}` |" for name, target in family.aliases.items()]
    return "\n".join(lines) + "\n"


def _preset(family: Family, name: str) -> str:
    default = ", the default" if name == family.default_preset else ""
    return f"`{name}` ({family.parameters[name]:,} parameters{default})"


def _section(name: str, section: BaseModel) -> list[str]:
    lines = [f"## {name}", "", "| option | default | allowed | meaning |", "| --- | --- | --- | --- |"]
    plain = section.model_dump(mode="json")
    for field_name, field in type(section).model_fields.items():
        value = json.dumps(plain[field_name], ensure_ascii=False)
        meaning = " ".join((field.description or "").split())
        lines.append(
            f"| `{name}.{field_name}` | `{value}` | {_allowed(type(section), field_name, field)} | {meaning} |"
        )
    return [*lines, ""]


def _allowed(section: type[BaseModel], name: str, field: FieldInfo) -> str:
    """Say type and range of a field in a few words."""
    schema = section.model_json_schema()["properties"][name]
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    signs = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    bounds = [f"{sign} {schema[key]:g}" for key, sign in signs.items() if key in schema]
    kind = {"integer": "whole number", "number": "number", "boolean": "true, false", "string": "text", "array": "list"}
    return " ".join([kind.get(schema.get("type", ""), "see meaning"), *bounds])


def families_table() -> str:
    """Return the families of this repository as a Markdown table."""
    lines = [
        "| `--model` | system | what it predicts | reads | presets (parameters) |",
        "| --- | --- | --- | --- | --- |",
    ]
    for family in _own():
        names = sorted(family.presets(), key=lambda name, default=family.default_preset: (name != default, name))
        presets = ", ".join(
            f"`{name}` ({family.parameters[name]:,}{', the default' if name == family.default_preset else ''})"
            for name in names
        )
        cells = (f"`{family.name}`", family.title, family.summary.replace("->", "→"), family.reads, presets)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _own() -> list[Family]:
    """Return the families of this repository: those of other packages belong into the pages of theirs."""
    return [family for family in families().values() if family.package.startswith(HERE)]


def _with_table(page: str, text: str) -> str:
    """Return a page with the table of families between its two marks.

    Raises:
        ConfigError: a mark is missing.
    """
    before, start, rest = text.partition(START)
    _, end, after = rest.partition(END)
    if not start or not end:
        raise ConfigError(f"{page}: has no lines {START} and {END}, expected the table of families between them")
    return f"{before}{start}\n\n{families_table()}\n{end}{after}"


def generated(root: Path) -> dict[str, str]:
    """Return relative path -> content of every generated file; of pages that lie below `root`, with their own text."""
    files = {"nextflow_schema.json": json.dumps(nextflow_schema(), indent=2) + "\n"}
    for name in PAGES:
        if (root / name).is_file():
            files[name] = _with_table(name, (root / name).read_text(encoding="utf-8"))
    for family in _own():
        files[f"assets/samplesheet_{family.name}.schema.json"] = json.dumps(samplesheet_schema(family), indent=2) + "\n"
        files[f"docs/options/{family.name}.md"] = option_tables(family)
    return files


def write_generated(root: Path) -> None:
    """Write every generated file below a folder."""
    for name, content in generated(root).items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")


if __name__ == "__main__":
    write_generated(Path(sys.argv[1]))
