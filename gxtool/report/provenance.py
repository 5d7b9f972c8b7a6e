"""What was dropped and why, what the models consist of, and what was run, so that a reader can run it again."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from gxtool.io.artifact import Artifact
from gxtool.io.manifest import KINDS
from gxtool.measure.faults import listing
from gxtool.models.commands import plan_commands
from gxtool.report import blocks, formats
from gxtool.report.blocks import Block, Flow, Listing, Paragraph, Part
from gxtool.report.gather import FamilyMaterial, Material

STAGES = ("preprocess", "tokenize", "train", "evaluate", "predict", "perturb", "design")


def layers_part(family: FamilyMaterial) -> Part | None:
    """List the layers of each run's network; nothing when no model was given."""
    if not family.trained:
        return None
    items: list[Block] = []
    for run, layers in family.layers.items():
        total = next((m.info.get("n_parameters") for m in family.trained if m.run == run), None)
        rows = [
            [
                blocks.num(index),
                blocks.text(layer.get("name"), "code"),
                blocks.text(layer.get("type")),
                blocks.text(formats.TIMES.join(f"{size:,}" for size in layer.get("output_shape") or ())),
                blocks.num(layer.get("parameters")),
            ]
            for index, layer in enumerate(layers, start=1)
        ]
        note = f"{total:,} parameters in all. Output shapes leave out the batch axis." if total is not None else ""
        columns = ("Step", "Layer", "Type", "Output shape", "Parameters")
        items.append(blocks.table(f"Layers of {run}", columns, rows, note))
    if not items:
        return Part("The network", "The models recorded no layers.")
    return Part("The network", "Layers in the order in which one row passes through them.", tuple(items))


def dropped_part(family: FamilyMaterial, material: Material) -> Part | None:
    """Say how many rows each artifact of the data holds, and what was left out for which reason."""
    ids = {artifact.id for artifact in family.artifacts}
    own = [artifact for artifact in _in_order(material) if artifact.id in ids]
    rows = [
        [
            blocks.text(material.names[artifact.id]),
            blocks.text(artifact.manifest.kind),
            blocks.text(reason.replace("_", " ")),
            blocks.num(count),
        ]
        for artifact in own
        for reason, count in artifact.manifest.dropped.items()
    ]
    kept = [
        [
            blocks.text(material.names[artifact.id]),
            blocks.text(artifact.manifest.kind),
            blocks.text(what),
            blocks.num(n),
        ]
        for artifact in own
        if artifact.manifest.kind in ("examples", "dataset")
        for what, n in artifact.manifest.rows.items()
    ]
    if not rows and not kept:
        return None
    said = any(row[3].value for row in rows)
    text = "Counts are rows." if said else "Nothing was dropped: every row of the input went into the data."
    items: list[Block] = []
    if rows:
        items.append(blocks.table("Dropped", ("Artifact", "Kind", "Reason", "Rows"), rows))
    if kept:
        items.append(blocks.table("Kept", ("Artifact", "Kind", "What", "Rows"), kept))
    return Part("What was dropped, and why", text, tuple(items))


def run_part(material: Material) -> Part:
    """Show what was run: commands, inputs, lineage, versions, resources, looks at the test set, configuration."""
    parts = [
        _repeat(material),
        _inputs(material),
        _looks(material),
        _lineage(material),
        _resources(material),
        _configurations(material),
    ]
    text = "Equal inputs, configuration and seeds on the same machine give equal numbers."
    return Part("What was run", text, (), tuple(part for part in parts if part))


def _repeat(material: Material) -> Part:
    by_hand = plan_commands(material.plan)
    recorded = [] if by_hand else [material.runtimes[a.id].get("command") for a in _in_order(material)]
    typed = [material.plan.get("command"), *recorded]
    commands = list(dict.fromkeys(command for command in map(_command, typed) if command))
    items: list[Block] = []
    if by_hand:
        if commands:
            items.append(Listing("What was typed", "\n".join(commands)))
        typed = "\n".join(by_hand)
        items.append(Listing("The same by single commands, from the folder of results", typed, folded=True))
    elif commands:
        items.append(Listing("Commands, in order", "\n".join(commands), len(commands) > blocks.FOLD_ROWS))
    else:
        items.append(Paragraph("No command line was recorded: the stages were called from Python."))
    planned = _plan_table(material.plan)
    if planned:
        items.append(planned)
    return Part("Commands to repeat it", "", tuple(items))


def _command(words: Any) -> str:
    """Return a recorded command as one would type it."""
    return shlex.join(map(str, words)) if isinstance(words, (list, tuple)) else str(words or "")


def _in_order(material: Material) -> list[Artifact]:
    """Return the artifacts as they were made: by kind, then by name."""
    order = {kind: place for place, kind in enumerate(KINDS)}
    return sorted(
        material.artifacts,
        key=lambda a: (order.get(a.manifest.kind, len(order)), a.manifest.family, material.names[a.id]),
    )


def _plan_table(plan: Mapping[str, Any]) -> blocks.Table | None:
    rows = [
        [
            blocks.text(item.get("run") or item.get("name")),
            blocks.text(stage),
            blocks.text(item.get("id"), "code"),
            blocks.text(_joined(item.get("samples"))),
            blocks.text(_joined(item.get("seeds"))),
            blocks.text(_joined(item.get("folds"))),
            blocks.num(formats.nested(item, "resources", "cpus")),
            _gigabytes(formats.nested(item, "resources", "memory_gb")),
        ]
        for stage, tasks in sorted(plan.items(), key=lambda item: STAGES.index(item[0]) if item[0] in STAGES else -1)
        if isinstance(tasks, list)
        for item in tasks
        if isinstance(item, Mapping)
    ]
    if not rows:
        return None
    columns = ("Run or data", "Stage", "Task", "Samples", "Seeds", "Folds", "CPUs", "Memory (GB)")
    return blocks.table("Planned tasks", columns, rows, f"Planned by gxtool {plan.get('gxtool_version', '')}.")


def _joined(values: Any) -> Any:
    return ", ".join(map(str, values)) if isinstance(values, list) else values


def _gigabytes(memory: float | None) -> blocks.Cell:
    return blocks.num(memory, formats.number(memory, 1))


def _inputs(material: Material) -> Part:
    found = {}
    for artifact in material.artifacts:
        for entry in artifact.manifest.info.get("inputs") or ():
            if isinstance(entry, Mapping):
                found[(entry.get("name"), entry.get("sha256"))] = entry
    if not found:
        return Part("Inputs", "The artifacts list no input files.")
    rows = [
        [
            blocks.text(entry.get("name")),
            blocks.num(entry.get("bytes"), formats.size(entry.get("bytes")), unit="bytes"),
            blocks.text(entry.get("sha256"), "code"),
        ]
        for entry in found.values()
    ]
    return Part("Inputs", "", (blocks.table("Input files", ("File", "Size", "SHA-256"), rows),))


def _looks(material: Material) -> Part | None:
    rows = [
        [
            blocks.text(one.run),
            blocks.num(number),
            blocks.text(look.get("role")),
            blocks.text(look.get("dataset_id"), "code"),
            blocks.num(len(look.get("model_ids") or ())),
        ]
        for family in material.families
        for one in family.scored
        for number, look in enumerate(one.metrics.get("looks") or (), start=1)
    ]
    if not rows:
        return None
    said = [
        f"{formats.times(len(one.metrics.get('looks') or ()))} for {one.run}"
        for family in material.families
        for one in family.scored
    ]
    text = f"Test rows were scored {listing(said)}."
    columns = ("Run", "Look", "Rows", "Dataset", "Models")
    return Part("Looks at the test set", text, (blocks.table("Looks", columns, rows),))


def _lineage(material: Material) -> Part:
    known = {artifact.id for artifact in material.artifacts}
    ordered = _in_order(material)
    counts: dict[str, int] = {}
    for artifact in ordered:
        counts[artifact.manifest.kind] = counts.get(artifact.manifest.kind, 0) + 1
    steps = tuple((kind, f"{count:,}") for kind, count in counts.items())
    rows = [
        [
            blocks.text(material.names[artifact.id]),
            blocks.text(artifact.manifest.kind),
            blocks.Cell(artifact.id, artifact.id, False, "anchor", f"artifact-{artifact.id}"),
            _parents(artifact, known),
            blocks.text(artifact.manifest.seed),
            blocks.text(artifact.manifest.gxtool_version),
            _bytes(artifact),
        ]
        for artifact in ordered
    ]
    columns = ("Artifact", "Kind", "Id", "Made from", "Seed", "gxtool", "Size")
    items = (Flow("Artifacts by kind", steps), blocks.table("Artifacts and their parents", columns, rows))
    text = "An id is the start of the SHA-256 of the artifact's manifest, which lists the SHA-256 of every file."
    return Part("Artifacts and lineage", text, items)


def _parents(artifact: Artifact, known: set[str]) -> blocks.Cell:
    """Return the parents' ids: a link for a single one that is on this page, a count when there are many."""
    ids = [str(parent.get("id")) for parent in artifact.manifest.parents]
    if len(ids) == 1 and ids[0] in known:
        return blocks.Cell(ids[0], ids[0], False, "link", f"artifact-{ids[0]}")
    kinds: dict[str, int] = {}
    for parent in artifact.manifest.parents:
        kinds[str(parent.get("kind"))] = kinds.get(str(parent.get("kind")), 0) + 1
    if len(ids) > 3:
        return blocks.text(listing([f"{count:,}{formats.TIMES}{kind}" for kind, count in kinds.items()]))
    return blocks.text(" ".join(ids), "code") if ids else blocks.text(None)


def _bytes(artifact: Artifact) -> blocks.Cell:
    total = sum(entry.get("bytes", 0) for entry in artifact.manifest.files.values())
    return blocks.num(total, formats.size(total), unit="bytes")


def _resources(material: Material) -> Part:
    ordered = [a for a in _in_order(material) if material.runtimes[a.id]]
    if not ordered:
        return Part("Resources and versions", "The artifacts came without a record of time, memory and versions.")
    rows = []
    for artifact in ordered:
        runtime = material.runtimes[artifact.id]
        peak = runtime.get("peak_rss_mb")
        rows.append(
            [
                blocks.text(material.names[artifact.id]),
                blocks.text(artifact.manifest.kind),
                blocks.num(runtime.get("seconds"), formats.duration(runtime.get("seconds")), unit="s"),
                blocks.num(peak, formats.size(None if peak is None else round(peak * 1e6)), unit="MB"),
                blocks.text(runtime.get("device")),
                blocks.num(runtime.get("threads")),
            ]
        )
    columns = ("Artifact", "Kind", "Time", "Peak memory", "Device", "Threads")
    keep = [j for j in range(len(columns)) if j < 2 or any(row[j].value is not None for row in rows)]
    resources = blocks.table("Time and memory", [columns[j] for j in keep], [[row[j] for j in keep] for row in rows])
    return Part("Resources and versions", "", (resources, _versions(material, ordered)))


def _versions(material: Material, ordered: Sequence[Artifact]) -> blocks.Table:
    """List each package once, with every version that took part."""
    found: dict[str, dict[str, None]] = {}
    for artifact in ordered:
        runtime = material.runtimes[artifact.id]
        packages = dict(runtime.get("packages") or {})
        if runtime.get("python"):
            packages["python"] = runtime["python"]
        for package, version in packages.items():
            found.setdefault(str(package), {})[str(version)] = None
    rows = [[blocks.text(name), blocks.text(", ".join(found[name]))] for name in sorted(found)]
    return blocks.table("Package versions", ("Package", "Version"), rows)


def _configurations(material: Material) -> Part | None:
    """Show the resolved configuration of each run, read from one of its models."""
    items: list[Block] = []
    for family in material.families:
        shown = set()
        for model in family.trained:
            if model.run not in shown and model.configuration:
                shown.add(model.run)
                items.append(Listing(f"{model.run} (from {model.name})", model.configuration, folded=True))
    return Part("Configuration", "Every setting as it was resolved.", tuple(items)) if items else None
