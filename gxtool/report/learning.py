"""How the models learnt: losses and the validation score of every epoch, and when a published score was passed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gxtool.models.base import Figure, ReferenceLine, Trace
from gxtool.report import blocks, formats
from gxtool.report.blocks import Block, Chart, Gallery, Look, Part
from gxtool.report.gather import FamilyMaterial, Trained
from gxtool.report.predictors import references

ALL = "all"


def learning_part(family: FamilyMaterial) -> Part:
    """Show learning curves, one view for each run and sample, and the validation score of each epoch as a table."""
    title = "Learning curves"
    trained = [model for model in family.trained if model.history]
    if not trained:
        return Part(title, "No trained model was among the inputs, so there are no learning curves to show.")
    groups = _groups(trained)
    gallery = Gallery(
        (
            Chart(*zip(*(_loss(models) for models in groups.values()), strict=True)),
            Chart(*zip(*(_validation(family, models) for models in groups.values()), strict=True)),
        ),
        f"Run and {family.trained_word}" if len(groups) > 1 else "",
        tuple(_label(family, *key) for key in groups) if len(groups) > 1 else ("",),
    )
    items: list[Block] = [gallery, _epoch_table(family, groups)]
    passed = _passed_table(family)
    if passed:
        items.append(passed)
    text = "Training stops and weights are chosen on validation rows alone; the test rows play no part here."
    if any(model.info.get("validation_weights") for model in trained):
        text += " In validation scores a row weighs as the reads behind it."
    return Part(title, text, tuple(items))


def _groups(trained: Sequence[Trained]) -> dict[tuple[str, str | None], list[Trained]]:
    """Group models that differ in seed and fold only."""
    groups: dict[tuple[str, str | None], list[Trained]] = {}
    for model in sorted(trained, key=lambda model: (model.fold, model.seed or 0)):
        groups.setdefault((model.run, model.sample), []).append(model)
    runs = list(dict.fromkeys(model.run for model in trained))
    return dict(sorted(groups.items(), key=lambda item: (runs.index(item[0][0]), item[0][1] or "")))


def _label(family: FamilyMaterial, run: str, sample: str | None) -> str:
    return f"{run}, {sample if sample is not None else f'{ALL} {family.trained_words}'}"


def _seed(model: Trained, others: Sequence[Trained]) -> str:
    several_folds = len({one.fold for one in others}) > 1
    return f"seed {model.seed}" + (f", fold {model.fold}" if several_folds else "")


def _trace(model: Trained, key: str, name: str) -> Trace:
    lines = [line for line in model.history if line.get(key) is not None]
    return Trace(name, tuple(line["epoch"] for line in lines), tuple(line[key] for line in lines))


def _loss(models: Sequence[Trained]) -> tuple[Figure, Look]:
    traces, roles = [], []
    for key, words, role in (("train_loss", "training", "train"), ("val_loss", "validation", "model")):
        for model in models:
            trace = _trace(model, key, f"{words}, {_seed(model, models)}")
            if trace.x:
                traces.append(trace)
                roles.append(role)
    ends = [
        f"{_seed(model, models)}: {formats.number(model.history[-1].get('val_loss'))}"
        for model in models
        if model.history[-1].get("val_loss") is not None
    ]
    figure = Figure(
        f"Loss, {_what(models)}",
        f"Training and validation loss after each epoch, one line per seed. Validation loss at the end: "
        f"{'; '.join(ends) or 'not recorded'}.",
        "Epoch",
        "Loss",
        tuple(traces),
    )
    return figure, Look(tuple(4 if role == "train" else 0 for role in roles), tuple(roles), grouped=True)


def _validation(family: FamilyMaterial, models: Sequence[Trained]) -> tuple[Figure, Look]:
    metric, label = family.metric, formats.metric_label(family.metric)
    traces = [_trace(model, f"val_{metric}", f"validation, {_seed(model, models)}") for model in models]
    traces = [trace for trace in traces if trace.x]
    roles = ["model"] * len(traces)
    chosen = _chosen_epochs(models, metric)
    if chosen.x:
        traces.append(chosen)
        roles.append("chosen")
    kept = "; ".join(chosen.text)
    lines = [ReferenceLine(f"{ref['name']}, published mean", ref["value"]) for ref in references(family, metric)]
    figure = Figure(
        f"Validation {label}, {_what(models)}",
        f"{label} on the validation rows after each epoch, one line per seed. Weights kept: {kept or 'not recorded'}.",
        "Epoch",
        f"Validation {label}",
        tuple(traces),
        tuple(lines),
    )
    return figure, Look(tuple(1 if role == "chosen" else 0 for role in roles), tuple(roles), grouped=True)


def _what(models: Sequence[Trained]) -> str:
    return models[0].run if models[0].sample is None else f"{models[0].run} on {models[0].sample}"


def _chosen_epochs(models: Sequence[Trained], metric: str) -> Trace:
    """Mark the epoch whose weights were kept."""
    x, y, words = [], [], []
    for model in models:
        best = model.info.get("best_epoch")
        value = next((line.get(f"val_{metric}") for line in model.history if line.get("epoch") == best), None)
        if value is not None:
            x.append(best)
            y.append(value)
            words.append(f"{_seed(model, models)} after epoch {best}, {formats.number(value)}")
    return Trace("weights kept", tuple(x), tuple(y), "points", text=tuple(words))


def _epoch_table(family: FamilyMaterial, groups: dict[tuple[str, str | None], list[Trained]]) -> blocks.Table:
    """Make one row per run, sample and epoch, with one column per seed (and fold)."""
    metric = family.metric
    everyone = [model for models in groups.values() for model in models]
    columns = list(dict.fromkeys(_seed(model, everyone) for model in everyone))
    rows = []
    for (run, sample), models in groups.items():
        by_seed = {
            _seed(model, everyone): {line.get("epoch"): line.get(f"val_{metric}") for line in model.history}
            for model in models
        }
        for epoch in sorted({epoch for values in by_seed.values() for epoch in values if epoch is not None}):
            start = [blocks.num(epoch), blocks.text(run), blocks.text(sample if sample is not None else ALL)]
            rows.append(start + [blocks.num(by_seed.get(name, {}).get(epoch)) for name in columns])
    head = ["Epoch", "Run", family.trained_word.capitalize(), *(name.capitalize() for name in columns)]
    if len(groups) == 1:
        rows, head = [[row[0], *row[3:]] for row in rows], [head[0], *head[3:]]
    return blocks.table(f"Validation {formats.metric_label(metric)} after each epoch", head, rows)


def _seconds_until(family: FamilyMaterial, run: str, passed: Mapping[str, Any]) -> float | None:
    """Return the seconds that training took until a published score was passed, None where nobody knows."""
    wanted = (run, passed.get("sample"), passed.get("seed"), passed.get("fold", 0))
    for model in family.trained:
        if (model.run, model.sample, model.seed, model.fold) == wanted and passed.get("epoch"):
            return dict(enumerate(model.epoch_seconds, 1)).get(passed["epoch"])
    return None


def _passed_table(family: FamilyMaterial) -> blocks.Table | None:
    """Say when the validation score first passed each published one."""
    rows = [
        [
            blocks.text(one.run),
            blocks.text(entry.get("sample") or ALL),
            blocks.num(entry.get("seed")),
            blocks.text(entry.get("reference")),
            blocks.num(entry.get("value")),
            blocks.num(entry.get("epoch"), "" if entry.get("epoch") is not None else "never"),
            blocks.num(entry.get("step"), "" if entry.get("step") is not None else "never"),
            blocks.num(seconds, formats.duration(seconds), unit="s"),
        ]
        for one in family.scored
        for entry in one.metrics.get("passed") or []
        for seconds in [_seconds_until(family, one.run, entry)]
    ]
    if not rows:
        return None
    label = formats.metric_label(family.metric)
    columns = ("Run", family.trained_word.capitalize(), "Seed", "Published score", label, "Epoch", "Steps", "Time")
    note = f"The first epoch whose validation {label} is above the published mean, which was measured on test rows."
    return blocks.table("Until a published score is passed", columns, rows, note)
