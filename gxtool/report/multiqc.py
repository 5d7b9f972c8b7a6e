"""MultiQC custom content: one `*_mqc.json` for each thing a MultiQC report of the whole pipeline should show.

MultiQC puts names into its page as they are, so names from data are escaped here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html import escape
from typing import Any

from gxtool.report import formats
from gxtool.report.gather import FamilyMaterial, Material
from gxtool.report.predictors import metric_names, predictors, sample_names

PARENT = {
    "parent_id": "gxtool",
    "parent_name": "gxtool",
    "parent_description": "models of gene expression, trained and scored",
}


def multiqc_files(material: Material) -> dict[str, str]:
    """Return file name -> JSON text; a file is made only where there is something to show."""
    found: dict[str, str] = {}
    for family in material.families:
        stem = _stem(family)
        for name, content in _contents(family, material):
            if content["data"]:
                content = {"id": f"{stem}_{name}", **PARENT, **content}
                text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)
                found[f"{stem}_{name}_mqc.json"] = text + "\n"
    return found


def _stem(family: FamilyMaterial) -> str:
    return f"gxtool_{re.sub(r'[^A-Za-z0-9]+', '_', family.key)}"


def _contents(family: FamilyMaterial, material: Material) -> Iterator[tuple[str, dict[str, Any]]]:
    yield "scores", _scores(family)
    yield "samples", _samples(family)
    yield "learning", _learning(family)
    yield "dropped", _dropped(family, material)


def _scores(family: FamilyMaterial) -> dict[str, Any]:
    """Make a table: one row per predictor and sample, one column per metric."""
    data: dict[str, dict[str, float]] = {}
    metrics = metric_names(family) if family.scored else []
    for one in predictors(family):
        for sample in one.scored.samples:
            row = {metric: (one.score(sample, metric) or {}).get("estimate") for metric in metrics}
            row = {metric: value for metric, value in row.items() if value is not None}
            if row:
                data[escape(f"{sample['sample']} | {one.label}")] = {**row, "n": sample.get("n")}
    headers = {metric: _header(metric) for metric in metrics}
    headers["n"] = {
        "title": "n",
        "description": f"test {family.units}",
        "format": "{:,.0f}",
        "scale": "Greys",
    }
    return {
        "section_name": f"{escape(family.title)}: scores",
        "description": "Models (mean over seeds) beside baselines on the same test rows.",
        "plot_type": "table",
        "pconfig": {"id": f"{_stem(family)}_scores_table", "title": "gxtool: scores", "namespace": "gxtool"},
        "headers": headers,
        "data": data,
    }


def _header(metric: str) -> dict[str, Any]:
    known = formats.METRICS.get(metric)
    return {
        "title": escape(formats.metric_label(metric)),
        "description": escape(known.definition if known else metric),
        "format": "{:,.3f}",
        "scale": "Blues" if formats.higher_is_better(metric) else "Blues-rev",
    }


def _samples(family: FamilyMaterial) -> dict[str, Any]:
    """Make a heat map of the main metric: samples by predictors."""
    everyone, samples = predictors(family), sample_names(family)
    label = formats.metric_label(family.metric)
    matrix = [[one.scores(family.metric).get(name, {}).get("estimate") for one in everyone] for name in samples]
    return {
        "section_name": f"{escape(family.title)}: {escape(label)} by {escape(family.sample_word)}",
        "description": f"{escape(label)} on the test rows.",
        "plot_type": "heatmap",
        "pconfig": {
            "id": f"{_stem(family)}_samples_heatmap",
            "title": f"gxtool: {escape(label)} by {escape(family.sample_word)}",
            "square": False,
            "tt_decimals": 3,
        },
        "xcats": [escape(one.label) for one in everyone],
        "ycats": [escape(name) for name in samples],
        "data": matrix,
    }


def _learning(family: FamilyMaterial) -> dict[str, Any]:
    """Make a line plot: validation score after each epoch, one line per model."""
    label, key = formats.metric_label(family.metric), f"val_{family.metric}"
    data = {
        escape(f"{model.run} {model.name}"): {
            str(line["epoch"]): line[key] for line in model.history if line.get(key) is not None
        }
        for model in family.trained
    }
    return {
        "section_name": f"{escape(family.title)}: learning",
        "description": f"Validation {escape(label)} after each epoch.",
        "plot_type": "linegraph",
        "pconfig": {
            "id": f"{_stem(family)}_learning_plot",
            "title": f"gxtool: validation {escape(label)}",
            "xlab": "Epoch",
            "ylab": f"Validation {escape(label)}",
        },
        "data": {name: points for name, points in data.items() if points},
    }


def _dropped(family: FamilyMaterial, material: Material) -> dict[str, Any]:
    """Make a table: rows left out, by artifact and reason."""
    data = {
        escape(f"{artifact.manifest.kind} {material.names[artifact.id]}"): {
            escape(reason): count for reason, count in artifact.manifest.dropped.items()
        }
        for artifact in family.artifacts
        if artifact.manifest.dropped
    }
    return {
        "section_name": f"{escape(family.title)}: dropped rows",
        "description": "Rows left out of the data, by reason.",
        "plot_type": "bargraph",
        "pconfig": {"id": f"{_stem(family)}_dropped_plot", "title": "gxtool: dropped rows", "ylab": "Rows"},
        "data": data,
    }
