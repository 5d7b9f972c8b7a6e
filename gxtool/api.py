"""Every command as one typed function, for notebooks and for the command line alike.

    from gxtool import api

    settings = api.Settings("histone", set=("training.epochs=5",))
    api.preprocess("samplesheet.csv", "examples", settings)
    api.tokenize(["examples"], "dataset", settings)
    api.train("dataset", "models", settings, api.Units(seeds=(1, 2, 3)))
    api.evaluate(["models"], "dataset", "evaluation")

Functions return the path written, and raise `gxtool.config.GxtoolError` with one sentence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gxtool.config import Config
from gxtool.errors import UsageError, quoted
from gxtool.models.base import CheckReport, Family, Run, Unit
from gxtool.models.registry import get_family, resolve_config
from gxtool.names import inside
from gxtool.training.options import TrainOptions

DEFAULT_OPTIONS = TrainOptions()


@dataclass(frozen=True)
class Settings:
    """Which family in which configuration: what every stage is told besides its input and output."""

    model: str
    preset: str = ""
    config: tuple[Path, ...] = ()
    set: tuple[str, ...] = ()
    name: str = ""

    @property
    def family(self) -> Family:
        """Return the family's record."""
        return get_family(self.model)

    def resolve(self) -> Config:
        """Return the validated configuration."""
        return resolve_config(self.family, self.preset, tuple(map(Path, self.config)), tuple(self.set))

    def run(self) -> Run:
        """Return the configuration under the name its results are published by."""
        preset = self.preset or self.family.default_preset
        return Run(self.family, preset, self.resolve(), self.name or preset)


def plan(requests: Sequence[Any], output: Path, command: str = "") -> dict[str, Any]:
    """Resolve and validate runs (`models.plan.RunRequest`), dry-run them, and write `plan.json` with what to know.

    `command` is what was typed. What headers and small tables say of a failure is raised here, before anything runs.
    """
    from gxtool.models.dry_run import dry_run, first_problem, notes, planned_runs
    from gxtool.models.plan import build_plan, format_plan

    content = build_plan(requests) | ({"command": command} if command else {})
    findings = dry_run(planned_runs(requests))
    if problem := first_problem(findings):
        raise problem
    content["notes"] = notes(findings)
    partial = Path(f"{output}.partial")
    partial.write_text(format_plan(content), encoding="utf-8")
    partial.replace(output)
    return content


def check(source: Path, settings: Settings) -> CheckReport:
    """Say in seconds, without torch, what is recognised, what would end a run, and what a run will cost."""
    from gxtool.models.dry_run import PlannedRun, dry_run, report_of
    from gxtool.models.stages import read_rows

    run, source = settings.run(), Path(source)
    rows = read_rows(run.family, source)
    return report_of(*dry_run([PlannedRun(run.name, run.family, run.config, rows, str(source))], whole=True))


def preprocess(source: Path, output: Path, settings: Settings, overwrite: bool = False) -> Path:
    """Turn raw public files (a samplesheet, or a folder the family recognises) into `examples`."""
    from gxtool.models import stages

    return stages.preprocess(settings.family, settings.resolve(), Path(source), Path(output), overwrite)


def tokenize(sources: Sequence[Path], output: Path, settings: Settings, overwrite: bool = False) -> Path:
    """Join `examples`, encode them and assign splits: a `dataset`."""
    from gxtool.models import stages

    return stages.tokenize(settings.family, settings.resolve(), [Path(s) for s in sources], Path(output), overwrite)


@dataclass(frozen=True)
class Units:
    """Which models to train: samples (none named: every one the dataset has), seeds and folds."""

    samples: tuple[str, ...] = ()
    seeds: tuple[int, ...] = (1,)
    folds: tuple[int, ...] = (0,)

    def expand(self, known: Sequence[str], per_sample: bool) -> list[Unit]:
        """List one unit per model.

        Raises:
            UsageError: a sample that the dataset does not have, or samples named for a model of all of them.
        """
        there = set(known)
        for sample in self.samples:
            if sample not in there:
                few = ", ".join(known[:10]) + (", ..." if len(known) > 10 else "")
                raise UsageError(f"--samples {quoted(sample)}: not in the dataset, expected some of {few}")
        if self.samples and not per_sample:
            raise UsageError(
                "--samples with training.per_sample=false: one model sees all samples, expected none named"
            )
        samples: Sequence[str | None] = (self.samples or tuple(known)) if per_sample else (None,)
        return [Unit(sample, seed, fold) for sample in samples for fold in self.folds for seed in self.seeds]


ONE_SEED = Units()


def train(
    dataset: Path,
    output: Path,
    settings: Settings,
    units: Units = ONE_SEED,
    options: TrainOptions = DEFAULT_OPTIONS,
) -> list[Path]:
    """Train one model per unit, each into a folder of its own below `output`: `<sample>-seed<seed>-fold<fold>`."""
    from gxtool.io.dataset import Dataset
    from gxtool.training.run import train as train_units

    run = settings.run()
    run.config.require_trainable()
    known = Dataset.open(Path(dataset), run.family.name).samples
    chosen = units.expand(known, run.config.training.per_sample)
    # The room writes a single model to its output itself; here, one model or many, each has a folder of its name.
    place = inside(Path(output), chosen[0].name) if len(chosen) == 1 else Path(output)
    return train_units(Path(dataset), place, run, chosen, options)


def parse_units(samples: Sequence[str], seeds: str, folds: str) -> Units:
    """Return the units named on a command line: samples (none: all), a number of seeds or `3,7`, folds such as `0,1`.

    Raises:
        ConfigError: seeds or folds that are not whole numbers.
    """
    from gxtool.models.plan import parse_folds, parse_seeds

    return Units(tuple(samples), parse_seeds(seeds), parse_folds(folds))


def family_of(checkpoints: Sequence[Path]) -> str:
    """Return the family that trained models belong to, read from their manifests."""
    from gxtool.io.artifact import find_artifacts

    return find_artifacts(checkpoints, "model")[0].manifest.family


def evaluate(
    checkpoints: Sequence[Path],
    dataset: Path,
    output: Path,
    settings: Settings | None = None,
    options: TrainOptions = DEFAULT_OPTIONS,
) -> Path:
    """Score trained models and their baselines on the test rows, recording the look."""
    from gxtool.training.evaluate import evaluate as evaluate_models

    settings = settings or Settings(family_of(checkpoints))
    return evaluate_models(list(checkpoints), Path(dataset), Path(output), settings.resolve(), options)


def predict(
    checkpoints: Sequence[Path],
    source: Path,
    output: Path,
    settings: Settings | None = None,
    options: TrainOptions = DEFAULT_OPTIONS,
) -> Path:
    """Predict a dataset, or raw data that is prepared the way the models' training data was."""
    from gxtool.io.artifact import is_artifact
    from gxtool.io.unfinished import Unfinished
    from gxtool.models import stages
    from gxtool.training.predict import predict as predict_rows
    from gxtool.training.predict import training_config

    if is_artifact(Path(source)):
        return predict_rows(list(checkpoints), Path(source), Path(output), options)
    family = get_family(family_of(checkpoints))
    config = training_config(list(checkpoints), family)
    # Hidden beside the output, and cleared by the next writer of it where this one is killed.
    between = Unfinished(Path(output).absolute())
    try:
        examples = stages.preprocess(family, config, Path(source), between.folder / "examples")
        dataset = stages.tokenize(family, config, [examples], between.folder / "dataset")
        return predict_rows(list(checkpoints), dataset, Path(output), options)
    finally:
        between.abandon()


def perturb(
    checkpoints: Sequence[Path],
    dataset: Path,
    output: Path,
    settings: Settings | None = None,
    options: TrainOptions = DEFAULT_OPTIONS,
) -> Path:
    """Change the input of trained models and write the change of the output."""
    from gxtool.perturb.effects import perturb as perturb_rows

    settings = settings or Settings(family_of(checkpoints))
    return perturb_rows(list(checkpoints), Path(dataset), Path(output), settings.resolve(), options)


def design(
    checkpoints: Sequence[Path],
    judges: Sequence[Path],
    dataset: Path,
    output: Path,
    settings: Settings | None = None,
    options: TrainOptions = DEFAULT_OPTIONS,
) -> Path:
    """Edit sequences until trained models predict what is wanted, and let models of another run judge them."""
    from gxtool.perturb.design import design as design_sequences

    settings = settings or Settings(family_of(checkpoints))
    config = settings.resolve()
    return design_sequences(list(checkpoints), list(judges), Path(dataset), Path(output), config, options)


def load_model(path: Path, device: str = "auto") -> Any:
    """Return a trained model whose `predict` takes a dataset, or arrays named as in one."""
    from gxtool.training.predict import load_model as load

    return load(Path(path), device)


def compare(sources: Sequence[Path], output: Path, overwrite: bool = False) -> Path:
    """Pool evaluations and test runs against each other and against their baselines."""
    from gxtool.measure.compare import compare as compare_evaluations

    return compare_evaluations([Path(source) for source in sources], Path(output), overwrite)


def report(sources: Sequence[Path], output: Path, plan: Path | None = None, title: str = "") -> Path:
    """Render everything found below the sources as one self-contained page; return the page."""
    from gxtool.report.page import report as render

    return render([Path(source) for source in sources], Path(output), plan, title)


def simulate(output: Path, model: str = "", size: str = "demo", seed: int = 1, layout: str = "") -> Path:
    """Make raw input files of one family; of every family, with a runs file, when none is named.

    `layout` is another one that the family takes, such as `tracks`; empty: its first.
    """
    from gxtool.models.starter import simulate_all, simulate_family

    if model:
        return simulate_family(get_family(model), Path(output), size, seed, layout)
    return simulate_all(Path(output), size, seed)


def families() -> list[dict[str, Any]]:
    """Describe every family: presets, parameter counts, inputs, outputs, metrics."""
    from gxtool.models.starter import describe_families

    return describe_families()


def init(folder: Path, settings: Settings) -> list[Path]:
    """Write a commented samplesheet and configuration to start from."""
    from gxtool.models.starter import write_starter

    return write_starter(Path(folder), settings.family, settings.resolve(), settings.preset)


def doctor() -> list[dict[str, Any]]:
    """List what this machine has and lacks: name, ok, what was found, what to do."""
    from gxtool.training.doctor import examine

    return examine()
