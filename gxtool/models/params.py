"""The pipeline's parameters: what Nextflow decides on, and no hyperparameter; nextflow_schema.json is made of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

DRAFT = "https://json-schema.org/draft/2020-12/schema"


@dataclass(frozen=True)
class Param:
    """One parameter; `kind` is a JSON type, `choices` an enumeration where there is one."""

    name: str
    kind: str
    default: Any
    description: str
    choices: tuple[str, ...] = ()


def params() -> dict[str, tuple[Param, ...]]:
    """Return the parameters by heading, in the order help and documentation list them."""
    engines = ("docker", "podman", "apptainer", "singularity")
    return {
        "Input and output": (
            Param("input", "string", None, "samplesheet, or folder of raw data that the family recognises"),
            Param("runs", "string", None, "runs file (YAML) instead of input, model, preset, set and seeds"),
            Param("outdir", "string", "results", "folder for results"),
            Param("checkpoint_dir", "string", None, "shared folder where training keeps its progress while it runs"),
        ),
        "Models": (
            Param("model", "string", None, "model family, such as those that `gxtool families` lists"),
            Param("preset", "string", None, "preset of the family; several with commas are several runs"),
            Param("judge", "string", None, "preset, or folder of models, that judges what all other runs design"),
            Param("config", "string", None, "YAML with sections of the configuration"),
            Param("set", "string", None, "section.field=value; several separated by semicolons"),
            Param("seeds", "integer", 5, "number of seeds, or the seeds themselves (3,7)"),
        ),
        "Machine": (
            Param("device", "string", "auto", "where models are computed", ("auto", "cpu", "cuda")),
            Param("engine", "string", None, "container engine; the profile of the same name sets it", engines),
            Param("image", "string", None, "name of the container images, without their target"),
        ),
        "About": (
            Param("help", "boolean", False, "print the options and stop"),
            Param("version", "boolean", False, "print the version and stop"),
        ),
    }


def nextflow_schema() -> dict[str, Any]:
    """Return the JSON schema of the parameters, in the layout of nf-core's tools."""
    groups = {}
    for heading, members in params().items():
        key = heading.lower().replace(" ", "_")
        groups[key] = {
            "title": heading,
            "type": "object",
            "properties": {member.name: _property(member) for member in members},
        }
    return {
        "$schema": DRAFT,
        "title": "gxtool pipeline parameters",
        "description": "From public genomics files to trained, compared and explained models of gene expression.",
        "type": "object",
        "$defs": groups,
        "allOf": [{"$ref": f"#/$defs/{key}"} for key in groups],
    }


def _property(member: Param) -> dict[str, Any]:
    # Seeds may also be a list in text, and a flag may arrive as text.
    kind = ["integer", "string"] if member.kind == "integer" else member.kind
    content: dict[str, Any] = {"type": kind, "description": member.description}
    if member.default is not None:
        content["default"] = member.default
    if member.choices:
        content["enum"] = list(member.choices)
    return content
