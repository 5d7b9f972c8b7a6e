"""Files that are generated from the classes, so that they cannot disagree with them: schemas and option tables.

python -m gxtool.models.schema .      writes them below the project's root; a test fails when they are stale
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from gxtool.io.samplesheet import ANY
from gxtool.models.base import Family
from gxtool.models.params import DRAFT, nextflow_schema
from gxtool.models.registry import families, resolve_config


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


def generated() -> dict[str, str]:
    """Return relative path -> content of every generated file."""
    files = {"nextflow_schema.json": json.dumps(nextflow_schema(), indent=2) + "\n"}
    for family in families().values():
        files[f"assets/samplesheet_{family.name}.schema.json"] = json.dumps(samplesheet_schema(family), indent=2) + "\n"
        files[f"docs/options/{family.name}.md"] = option_tables(family)
    return files


def write_generated(root: Path) -> None:
    """Write every generated file below a folder."""
    for name, content in generated().items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")


if __name__ == "__main__":
    write_generated(Path(sys.argv[1]))
