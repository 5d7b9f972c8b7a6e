"""What commands print for a person: tables on standard error, so that standard output stays for data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gxtool.io.artifact import Artifact
from gxtool.measure.decimals import decimals
from gxtool.measure.faults import fault_sentences
from gxtool.models.base import CheckReport

MOST_ROWS = 12
MOST_SENTENCES = 20


def console() -> Console:
    """Return the console that people read: standard error."""
    return Console(stderr=True, highlight=False, soft_wrap=True)


def print_scores(metrics: Mapping[str, Any]) -> None:
    """Print the primary metric of a run beside its baselines, per sample, and the verdict."""
    primary = metrics["primary"]
    about = metrics["claim"]["title"] if "claim" in metrics else f"{len(metrics['samples'])} samples"
    table = Table(title=escape(f"{metrics['run']}: {primary} on {metrics['role']} rows, {about}"))
    for name, style in (("sample", None), ("predictor", None), (primary, "bold"), ("interval", "dim"), ("rows", None)):
        table.add_column(name, style=style, justify="left" if name in ("sample", "predictor") else "right")
    for sample in metrics["samples"][:MOST_ROWS]:
        entries = [("model", sample["model"][primary], sample["n"])]
        entries += [(name, one["metrics"][primary], sample["n"]) for name, one in sample["baselines"].items()]
        if ceiling := sample.get("ceiling", {}).get("metrics", {}).get(primary):
            entries.append(("noise ceiling", ceiling, sample["ceiling"]["n_units"]))
        for predictor, score, n_rows in entries:
            interval = "-" if score["low"] is None else f"{_number(score['low'])} to {_number(score['high'])}"
            names = escape(sample["sample"]), escape(predictor)
            table.add_row(*names, _number(score["estimate"]), interval, f"{n_rows:,}")
    out = console()
    out.print(table)
    if len(metrics["samples"]) > MOST_ROWS:
        out.print(f"and {len(metrics['samples']) - MOST_ROWS} more samples (--json prints all)")
    out.print(escape(metrics["overall"]["judgement"]["sentence"]))
    for sentence in (*metrics.get("claim", {}).get("sentences", ()), *fault_sentences(metrics)):
        out.print(f"[yellow]warning:[/yellow] {escape(sentence)}")
    for line in _reading_lines(metrics):
        out.print(line)
    for name, reason in metrics.get("baselines_left_out", {}).items():
        out.print(f"baseline {name} is left out: {reason}")


def _reading_lines(metrics: Mapping[str, Any]) -> list[str]:
    """Say how the model scores when it reads rows in other ways, a line for each sample."""
    lines = []
    for sample in [one["sample"] for one in metrics["samples"]][:MOST_ROWS]:
        said = []
        for reading in metrics.get("readings", []):
            (scores,) = (one for one in reading["samples"] if one["sample"] == sample)
            own = " (the model's own)" if reading["own"] else ""
            said.append(f"{reading['name']} {_number(scores[metrics['primary']])}{own}")
        if said:
            lines.append(f"{sample}, {metrics['primary']} by reading: {', '.join(said)}")
    return lines


def print_families(listed: Sequence[Mapping[str, Any]]) -> None:
    """Print every family with its presets and parameter counts."""
    table = Table(title="Model families")
    for name in ("--model", "system", "presets (parameters)", "inputs", "metrics"):
        table.add_column(name)
    for family in listed:
        presets = "\n".join(
            f"{preset}{' (default)' if preset == family['default_preset'] else ''}: {count or 0:,}"
            for preset, count in family["presets"].items()
        )
        inputs = "\n".join(column["column"] for column in family["inputs"])
        table.add_row(family["name"], family["title"], presets, inputs, "\n".join(family["metrics"]))
    console().print(table)


def print_check(found: CheckReport) -> None:
    """Print what `check` recognised, its warnings, and the cost of a run."""
    table = Table(show_header=False, box=None)
    for label, value in found.facts:
        table.add_row(escape(label), escape(value))
    if not found.problems:
        table.add_row("memory", _about(found.memory_gb, 0.1, "GB"))
        table.add_row("disk", _about(found.disk_gb, 0.1, "GB"))
        table.add_row("time", f"{_about(found.minutes, 1, 'min')} on this machine's processor")
    out = console()
    out.print(table)
    _print_some(out, "not checked:", found.unchecked)
    _print_some(out, "[yellow]warning:[/yellow]", found.warnings)
    _print_some(out, "[red]error:[/red]", found.problems)
    if not found.warnings and not found.problems:
        out.print("[green]nothing looks wrong[/green]")


def _print_some(out: Console, word: str, sentences: Sequence[str]) -> None:
    """Print sentences behind a word, and of very many how many more there are."""
    for sentence in sentences[:MOST_SENTENCES]:
        out.print(f"{word} {escape(sentence)}")
    if len(sentences) > MOST_SENTENCES:
        out.print(f"{word} and {len(sentences) - MOST_SENTENCES:,} more (--json lists all)")


def print_manifest(artifact: Artifact) -> None:
    """Print an artifact's manifest."""
    manifest = artifact.manifest
    table = Table(show_header=False, box=None)
    table.add_row("artifact", f"{manifest.kind} {artifact.id}")
    for label in ("family", "preset", "seed", "gxtool_version", "schema_version"):
        if getattr(manifest, label) not in ("", None):
            table.add_row(label.replace("_", " "), str(getattr(manifest, label)))
    for parent in manifest.parents:
        table.add_row("made from", f"{parent['kind']} {parent['id']}")
    for label, counts in (("rows", manifest.rows), ("dropped", manifest.dropped)):
        for name, count in counts.items():
            table.add_row(f"{label}: {name}", f"{count:,}")
    for name, entry in manifest.files.items():
        table.add_row(name, f"{entry['bytes']:,} bytes, sha256 {entry['sha256'][:16]}")
    console().print(table)


def print_doctor(findings: Sequence[Mapping[str, Any]]) -> None:
    """Print what the machine has and lacks."""
    table = Table(show_header=False, box=None)
    for finding in findings:
        mark = "[green]ok[/green]" if finding["ok"] else "[red]missing[/red]"
        table.add_row(mark, finding["name"], finding["found"], finding["advice"])
    console().print(table)


def _about(value: float, least: float, unit: str) -> str:
    return f"about {value:.1f} {unit}" if value >= least else f"under {least:g} {unit}"


def _number(value: float | None) -> str:
    return "-" if value is None else decimals(value)
