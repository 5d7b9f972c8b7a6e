"""`design`: edit sequences until models of one run predict what is wanted, and let those of another run judge them.

The judge is never asked by the search, so that what it says is a second opinion and no echo. Beside every proposal
stands the same start with as many random edits. Before anything is written, each sequence is checked once more by code
that the search does not use.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from gxtool.config import Config, DesignConfig
from gxtool.errors import ConfigError, InputError
from gxtool.io.artifact import Artifact, ArtifactWriter, find_artifacts
from gxtool.io.dataset import Dataset
from gxtool.io.runtime import Stopwatch
from gxtool.models.base import DesignSpace, Family
from gxtool.models.settings_checks import design_targets
from gxtool.perturb.constraints import constraints_of, editable
from gxtool.perturb.novelty import fit_composition
from gxtool.perturb.panel import (
    Panel,
    asked_about,
    assemble,
    fold_of,
    is_same_network,
    knowing,
    require_independent,
    require_rows_of_all,
    run_of,
)
from gxtool.perturb.proposals import PROPOSAL, RANDOM, Bench, closeness, fasta, faultless, summarise, table
from gxtool.perturb.search import Breeding, Problem, genetic, greedy, random_edits, repair
from gxtool.perturb.words import fit_words
from gxtool.training.options import TrainOptions, require_packages
from gxtool.training.predict import family_of

# Rows of the training part that composition, and that predictions are set beside; a seeded choice.
COMPOSED, PREDICTED = 50_000, 2_000
AGREEING = 0.99
"""Share of the test rows that designer and judge agree on at least as well as the limit says."""


@dataclass(frozen=True)
class _Study:
    """What all samples of one command share."""

    family: Family
    designers: Sequence[Artifact]
    judges: Sequence[Artifact]
    data: Dataset
    config: DesignConfig
    device: str


def design(
    checkpoints: Sequence[Path],
    judges: Sequence[Path],
    dataset: Path,
    output: Path,
    config: Config,
    options: TrainOptions,
) -> Path:
    """Write proposals for every sample and target that the models know: proposals.parquet (random edits too), .tsv,
    .fasta.

    Raises:
        ConfigError: a family that designs nothing, a judge that is the designer, positions that no insert has, a target
            that is not there, or one value for several.
        InputError: models or a judge of other rows, a sample that the judge does not know, or no training rows.
    """
    require_packages()
    from gxtool.training.machine import machine

    models, judging = find_artifacts(checkpoints, "model"), find_artifacts(judges, "model")
    family = family_of(models)
    if not family.design:
        raise ConfigError(f"--model {family.name}: designs no sequences, expected a family that does")
    require_independent(models, judging)
    data = Dataset.open(dataset, family.name)
    require_rows_of_all(models, data, "--checkpoint")
    require_rows_of_all(judging, data, "--judge")
    targets = design_targets(data.targets, config.design, str(data.artifact.path))
    watch = Stopwatch()
    study = _Study(family, models, judging, data, config.design, options.device)
    with (
        machine(options, options.threads or config.resources.threads),
        ArtifactWriter(output, "designs", family=family.name, overwrite=options.overwrite) as writer,
    ):
        for parent in (data.artifact, *models, *judging):
            writer.add_parent(parent)
        asked = [(sample, target) for sample in data.samples for target in targets]
        _write(writer, study, [found for one in asked if (found := _of_target(study, *one))])
        watch.write(writer.folder)
    return Path(output)


def _write(writer: ArtifactWriter, study: _Study, parts: Sequence[tuple[pl.DataFrame, dict[str, Any]]]) -> None:
    if not parts:
        raise InputError(f"{study.data.artifact.path}: has no sample that the models know")
    rows = pl.concat([part for part, _ in parts])
    proposals = rows.filter(pl.col("kind") == PROPOSAL).drop("kind")
    writer.write_table("proposals.parquet", rows)
    writer.write_text("proposals.tsv", proposals.write_csv(separator="\t"))
    writer.write_text("proposals.fasta", fasta(proposals))
    judge = {"run": run_of(study.judges), "models": len(study.judges)}
    judge["same_network"] = is_same_network(study.family, study.designers[0], study.judges[0])
    run = run_of(study.designers)
    samples = [summary for _, summary in parts]
    content = {"run": run, "judge": judge, "config": study.config.model_dump(mode="json"), "samples": samples}
    writer.write_json("summary.json", content)
    counts = {"proposals": len(proposals), "random": len(rows) - len(proposals)}
    dropped = {name: sum(summary[name] for summary in samples) for name in ("unrepairable", "not_improved", "rejected")}
    writer.describe(rows=counts, dropped=dropped, info={"run": run, "judge": judge["run"]})


def _of_target(study: _Study, sample: str, target: int) -> tuple[pl.DataFrame, dict[str, Any]] | None:
    """Return proposals and random edits for one target of a sample and what the report says of them.

    None: the models do not know the sample.
    """
    # One fold: models of the others were trained on its test rows.
    fold = min(map(fold_of, study.designers))
    designers, judges = (knowing(models, sample, fold) for models in (study.designers, study.judges))
    if not designers:
        return None
    if not judges:
        raise InputError(
            f"--judge {study.judges[0].path}: run {run_of(study.judges)} has no model of sample {sample} and fold "
            f"{fold}, expected one"
        )
    own = study.data.rows.filter(pl.col("sample") == sample)["row"].implode()
    chosen = pl.col("row").is_in(own) & (pl.col("fold") == fold)
    data = replace(study.data, splits=study.data.splits.filter(chosen))
    space = study.family.load(study.family.design)(data, study.config)
    training, tested = (_tokens(data, space.name, role, fold) for role in ("train", "test"))
    if not len(training):
        raise InputError(f"{data.artifact.path}: has no training rows of {sample}, expected those of the models")
    designer, judge = (
        assemble(asked_about(models, target, study.device), space.name, training[:PREDICTED])
        for models in (designers, judges)
    )
    apart = np.abs(designer.scaled(designer.predict(tested)) - judge.scaled(judge.predict(tested)))
    limit = float(np.quantile(apart, AGREEING)) if len(apart) else float("inf")
    labels = np.asarray(data.labels(target)[data.indices("train", fold)], np.float64)
    ends = float(np.nanmin(labels)), float(np.nanmax(labels))
    bench = Bench(designer, judge, fit_composition(training), fit_words(training), ends, limit)
    found, counts = _propose(space, bench, study.config)
    name = data.name_of(sample, target)
    found = found.select(pl.lit(name).alias("sample"), pl.all())
    return found, {"sample": name, "n_starts": len(space.tokens), **counts, **summarise(found, bench)}


def _tokens(data: Dataset, name: str, role: str, fold: int) -> np.ndarray:
    """Return tokens (n, L) of one role in a random order, at most `COMPOSED` of training rows and `PREDICTED` else."""
    rows = np.random.default_rng(0).permutation(data.indices(role, fold))
    return data.arrays[name][rows[: COMPOSED if role == "train" else PREDICTED]]


def _propose(space: DesignSpace, bench: Bench, config: DesignConfig) -> tuple[pl.DataFrame, dict[str, Any]]:
    """Return proposals with random edits beside them, and how many starts came to nothing for which reason."""
    problem = Problem(
        starts=space.tokens,
        bounds=space.bounds,
        editable=editable(space, config.protected),
        constraints=constraints_of(config, space.flanks),
        score=lambda tokens: closeness(bench.designer.predict(tokens), config),
        score_substitutions=lambda tokens: closeness(bench.designer.substituted(tokens, space.substitutions), config),
        max_edits=config.max_edits,
        seed=config.seed,
    )
    repaired = repair(problem)
    rows = np.flatnonzero(problem.faults(repaired) == 0)
    problem, repaired = problem.take(rows), repaired[rows]
    tokens = _search(problem, repaired, bench.designer, space.name, config)
    n_edits = problem.n_edits(tokens)
    moved = np.flatnonzero(n_edits > 0)
    control = random_edits(problem.take(moved), repaired[moved], n_edits[moved])
    from_start, tokens = rows[moved], tokens[moved]
    is_fine, reasons = faultless(space, tokens, from_start, config)
    is_fair = is_fine & faultless(space, control, from_start, config)[0]
    both = ((tokens[is_fine], from_start[is_fine], PROPOSAL), (control[is_fair], from_start[is_fair], RANDOM))
    counts = {
        "unrepairable": len(space.tokens) - len(rows),
        "not_improved": len(rows) - len(moved),
        "rejected": len(is_fine) - int(is_fine.sum()),
        "rejected_for": dict(reasons),
    }
    return pl.concat([table(space, found, bench, config) for found in both]), counts


def _search(problem: Problem, repaired: np.ndarray, designer: Panel, name: str, config: DesignConfig) -> np.ndarray:
    """Return what the chosen strategy finds from repaired starts (n, L)."""
    if config.strategy == "greedy":
        return greedy(problem, repaired)
    if config.strategy == "genetic":
        return genetic(problem, repaired, Breeding(config.population, config.generations))
    from gxtool.perturb.gradient import Objective, follow_gradient

    sign = {"max": 1, "min": -1, "value": 0}[config.goal]
    objective = Objective(sign, config.value, designer.sd, config.edit_penalty, config.steps)
    return follow_gradient(problem, repaired, designer.models, name, objective)
