"""The report: one HTML file that needs nothing else, and MultiQC files beside it."""

from __future__ import annotations

import base64
import hashlib
import os
import uuid
from collections.abc import Sequence
from contextlib import suppress
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from gxtool.errors import DependencyError, InputError
from gxtool.report import formats
from gxtool.report.blocks import Block, Part, from_section
from gxtool.report.by_sample import by_sample_part
from gxtool.report.ceilings import ceilings_part
from gxtool.report.claims import claims_part
from gxtool.report.curves import curves_part
from gxtool.report.designs import designs_part
from gxtool.report.drawings import embed_json
from gxtool.report.effects import effects_part
from gxtool.report.gather import FamilyMaterial, Material, gather
from gxtool.report.learning import learning_part
from gxtool.report.multiqc import multiqc_files
from gxtool.report.outline import Outline, contents
from gxtool.report.paired import paired_part
from gxtool.report.provenance import dropped_part, layers_part, run_part
from gxtool.report.scatter import scatter_part
from gxtool.report.scores import scores_part
from gxtool.report.verdict import key_numbers, verdicts
from gxtool.version import __version__

PAGE = "report.html"
TITLE = "gxtool report"
STYLES = ("page.css", "figures.css", "tables.css", "print.css")
SCRIPTS = ("theme.js", "figure.js", "reference.js", "logo.js", "charts.js", "download.js", "tables.js", "page.js")


def report(inputs: Sequence[Path], output: Path, plan: Path | None = None, title: str = TITLE) -> Path:
    """Write `report.html` and `*_mqc.json` into the folder `output` and return the page's path.

    Every artifact at or below `inputs` is shown; what is missing is said in a sentence. Equal inputs give equal bytes.

    Raises:
        InputError: no artifact found, a damaged one, or an output that cannot be written.
    """
    material = gather(inputs, plan)
    page = render(material, title or TITLE)
    output = Path(output)
    for name, content in multiqc_files(material).items():
        _write(output / name, content)
    return _write(output / PAGE, page)


def render(material: Material, title: str = TITLE) -> str:
    """Return the page as text."""
    outline = Outline()
    alone = len(material.families) == 1
    numbers = key_numbers(material.families[0], material) if alone else None
    shown_numbers = [outline.block(numbers, 2)] if numbers else []
    sections = outline.sections(compose(material))
    scripts = {"plotly": _plotly(), "page": Markup(_wrapped([_asset(name) for name in SCRIPTS]))}
    return (
        _environment()
        .get_template("report.html")
        .render(
            title=title,
            facts=_facts(material),
            verdicts=verdicts(material),
            numbers=shown_numbers,
            sections=sections,
            contents=list(contents(sections)),
            style=Markup("\n".join(_asset(name) for name in STYLES)),
            light=Markup(_asset("light.css")),
            dark=Markup(_asset("dark.css")),
            scripts=scripts,
            policy=_policy(scripts.values()),
            drawings=embed_json(outline.drawings),
            version=__version__,
        )
    )


def compose(material: Material) -> list[Part]:
    """Put the parts of the page in order; with several families each becomes a part of its own."""
    families = [(family, _family_parts(family, material)) for family in material.families]
    if len(families) == 1:
        parts = families[0][1]
    else:
        parts = [
            Part(family.title, family.record.summary if family.record else "", _numbers(family, material), tuple(below))
            for family, below in families
        ]
    return [*parts, run_part(material)]


def _numbers(family: FamilyMaterial, material: Material) -> tuple[Block, ...]:
    numbers = key_numbers(family, material)
    return (numbers,) if numbers else ()


def _family_parts(family: FamilyMaterial, material: Material) -> list[Part]:
    parts = [
        scores_part(family),
        ceilings_part(family),
        paired_part(family, material),
        claims_part(family),
        by_sample_part(family),
        learning_part(family),
        curves_part(family),
        scatter_part(family),
        *_own_parts(family),
        effects_part(family),
        designs_part(family),
        layers_part(family),
        dropped_part(family, material),
    ]
    return [part for part in parts if part]


def _own_parts(family: FamilyMaterial) -> list[Part]:
    """Return the sections that the family itself defines."""
    if family.record is None:
        said = f"This installation does not know the family {family.name}, so what it would add here is missing."
        return [Part("Family sections", said)]
    made = [section for dotted in family.record.sections for section in family.record.load(dotted)(family.context)]
    return [from_section(section, family.sample_word.capitalize()) for section in made]


def _facts(material: Material) -> list[str]:
    """Say in a few words what the page covers."""
    runs = sum(len(family.scored) for family in material.families)
    samples = {(f.sample_word, str(s["sample"])) for f in material.families for one in f.scored for s in one.samples}
    kinds = {word for word, _ in samples}
    word = "target" if kinds == {"target"} else "sample"
    words = list(dict.fromkeys(f.record.title if f.record else f.name for f in material.families))
    words += [formats.plural(runs, "run")] if runs else []
    words += [formats.plural(len(samples), word)] if samples else []
    words += [formats.plural(len(material.of_kind("model")), "model")] if material.of_kind("model") else []
    return [*words, f"gxtool {__version__}"]


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("gxtool.report", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["glued"] = formats.glued
    return environment


def _asset(name: str) -> str:
    return (files("gxtool.report") / "assets" / name).read_text(encoding="utf-8")


def _wrapped(scripts: Sequence[str]) -> str:
    """Join scripts in one function of their own, so that they share names with each other and with nobody else."""
    return '(function () {\n"use strict";\n' + "\n".join(scripts) + "\n})();"


def _plotly() -> Markup:
    """Return plotly.js as the Python package ships it.

    Raises:
        DependencyError: plotly is not installed, or ships no script.
    """
    try:
        text = (files("plotly") / "package_data" / "plotly.min.js").read_text(encoding="utf-8")
    except (ModuleNotFoundError, OSError):
        raise DependencyError("plotly: has no plotly.min.js, expected the package plotly 6.5 or newer") from None
    return Markup(text.replace("</script", "<\\/script").replace("<!--", "<\\!--"))


def _policy(scripts: Any) -> str:
    """Return a content security policy: these scripts and no others, and no request to anywhere."""
    hashes = " ".join(
        f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'" for script in scripts
    )
    return (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data: blob:; "
        "base-uri 'none'; form-action 'none'"
    )


def _write(path: Path, content: str) -> Path:
    """Write text under a temporary name and rename it, so that a killed report leaves nothing that looks finished.

    Raises:
        InputError: the folder cannot be written, or the disk is full.
    """
    partial = path.parent / f".{path.name}.{uuid.uuid4().hex[:8]}.partial"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(content, encoding="utf-8", newline="\n")
        os.replace(partial, path)
    except OSError as error:
        with suppress(OSError):
            partial.unlink()
        raise InputError(f"{path}: cannot be written ({error.strerror}), expected a folder with room") from None
    return path
