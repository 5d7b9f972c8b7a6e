"""Every command as one typed function, for notebooks and for the command line alike.

    import gxtool

    gxtool.preprocess("samplesheet.csv", "examples", model="histone")
    gxtool.tokenize("examples", "dataset")
    gxtool.train("dataset", "models", preset="tiny", set={"training.epochs": 5}, seeds=3)
    gxtool.evaluate("models", "dataset", "evaluation")
    gxtool.load_model("models").predict("new-samplesheet.csv")

Keywords are called as the options of the command line. What several calls share may be kept in `Settings`, `Units` and
`TrainOptions`; a keyword beside them wins. Functions return the path written, and raise `gxtool.errors.GxtoolError`
with one sentence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar, Unpack

from gxtool.config import Config
from gxtool.errors import did_you_mean
from gxtool.io.artifact import find_artifacts, is_artifact, open_artifact
from gxtool.models.base import CheckReport, Family, Run
from gxtool.models.recorded import (
    DATA_ALONE,
    WEIGHTS_SECTIONS,
    agreed_family,
    config_from_data,
    config_from_models,
    require_same_rows_as,
)
from gxtool.models.registry import get_family
from gxtool.models.settings import Fields, Place, Places, Settings, paths
from gxtool.models.units import Units, parse_units
from gxtool.names import inside
from gxtool.training.options import TrainOptions

if TYPE_CHECKING:
    from gxtool.training.notebook import Predictor

DEFAULT_OPTIONS = TrainOptions()


class SettingsKeywords(TypedDict, total=False):
    """Keywords of every stage: fields of `Settings`."""

    model: str
    preset: str
    config: Places
    set: Fields


class ModelKeywords(SettingsKeywords, total=False):
    """Keywords of the stages that ask trained models: fields of `Settings` and `TrainOptions`."""

    device: str
    threads: int | None
    overwrite: bool


class TrainKeywords(ModelKeywords, total=False):
    """Keywords of `train`: fields of `Settings`, `Units` and `TrainOptions`.

    `seeds` is a number of seeds, or a list of them; `init` a trained model to start from.
    """

    name: str
    samples: str | Sequence[str]
    seeds: int | Sequence[int]
    folds: int | Sequence[int]
    init: Place | None
    checkpoint_dir: Place | None


ONE_SEED = Units()


def plan(requests: Sequence[Any], output: Path, command: str = "") -> dict[str, Any]:
    """Resolve and validate runs (`models.plan.RunRequest`), dry-run them, and write `plan.json` with what to know.

    `command` is what was typed. What headers and small tables say of a failure is raised here, before anything runs.
    """
    from gxtool.models.dry_run import dry_run, first_problem, notes, planned_runs
    from gxtool.models.plan import build_plan, write_plan

    content = build_plan(requests) | ({"command": command} if command else {})
    findings = dry_run(planned_runs(requests))
    if problem := first_problem(findings):
        raise problem
    content["notes"] = notes(findings)
    write_plan(content, Path(output))
    return content


def check(source: Place, settings: Settings | None = None, **keywords: Unpack[SettingsKeywords]) -> CheckReport:
    """Say in seconds, without torch, what is recognised, what would end a run, and what a run will cost."""
    from gxtool.models.dry_run import PlannedRun, dry_run, report_of
    from gxtool.models.stages import read_rows

    settings = _with(settings or Settings(), keywords, SettingsKeywords)
    family, config = settings.family, settings.resolve()
    name = settings.name or settings.preset or family.default_preset
    run = PlannedRun(name, family, config, read_rows(family, Path(source)), str(source))
    return report_of(*dry_run([run], whole=True))


def preprocess(
    source: Place,
    output: Place,
    settings: Settings | None = None,
    overwrite: bool = False,
    **keywords: Unpack[SettingsKeywords],
) -> Path:
    """Turn raw public files (a samplesheet, or a folder the family recognises) into `examples`."""
    from gxtool.models import stages

    settings = _with(settings or Settings(), keywords, SettingsKeywords)
    return stages.preprocess(settings.family, settings.resolve(), Path(source), Path(output), overwrite)


def tokenize(
    sources: Places,
    output: Place,
    settings: Settings | None = None,
    overwrite: bool = False,
    **keywords: Unpack[SettingsKeywords],
) -> Path:
    """Join `examples`, encode them and assign splits: a `dataset`. How files were read is taken from the examples."""
    from gxtool.models import stages

    settings = _with(settings or Settings(), keywords, SettingsKeywords)
    examples = find_artifacts(paths(sources), "examples")
    family = agreed_family(settings, examples)
    config = config_from_data(family, settings, examples)
    return stages.tokenize(family, config, paths(sources), Path(output), overwrite)


def train(
    dataset: Place,
    output: Place,
    settings: Settings | None = None,
    units: Units = ONE_SEED,
    options: TrainOptions = DEFAULT_OPTIONS,
    **keywords: Unpack[TrainKeywords],
) -> list[Path]:
    """Train one model per unit, each into a folder of its own below `output`: `<sample>-seed<seed>-fold<fold>`.

    The `data` section is the dataset's.
    """
    from gxtool.io.dataset import Dataset
    from gxtool.training.run import train as train_units

    settings = _with(settings or Settings(), keywords, TrainKeywords)
    options = _with(options, keywords, TrainKeywords)
    named = {name: keywords.get(name, getattr(units, name)) for name in ("samples", "seeds", "folds")}
    artifact = open_artifact(Path(dataset), "dataset")
    family = agreed_family(settings, [artifact])
    config = config_from_data(family, settings, [artifact])
    config.require_trainable()
    preset = settings.preset or family.default_preset
    run = Run(family, preset, config, settings.name or preset)
    samples = Dataset.open(Path(dataset), family.name).samples
    chosen = parse_units(**named).expand(samples, config.training.per_sample)
    # The room writes a single model to its output itself; here, one model or many, each has a folder of its name.
    place = inside(Path(output), chosen[0].name) if len(chosen) == 1 else Path(output)
    return train_units(Path(dataset), place, run, chosen, options)


def evaluate(
    checkpoints: Places,
    dataset: Place,
    output: Place,
    settings: Settings | None = None,
    options: TrainOptions = DEFAULT_OPTIONS,
    **keywords: Unpack[ModelKeywords],
) -> Path:
    """Score trained models and their baselines on the test rows, recording the look."""
    from gxtool.training.evaluate import evaluate as evaluate_models

    models, options = paths(checkpoints), _with(options, keywords, ModelKeywords)
    config = _for_dataset(_with(settings or Settings(), keywords, ModelKeywords), models, Path(dataset))
    return evaluate_models(models, Path(dataset), Path(output), config, options)


def score(
    source: Place,
    metrics: Sequence[str] = (),
    *,
    predictor: str = "",
    level: float | None = None,
    new_samples: bool = False,
) -> dict[str, Any]:
    """Score predictions that are there already (a table, or an evaluation), as metrics.json says it."""
    from gxtool.training.score_table import score_predictions

    return score_predictions(Path(source), metrics, predictor, level, new_samples)


def predict(
    checkpoints: Places,
    source: Place,
    output: Place,
    settings: Settings | None = None,
    options: TrainOptions = DEFAULT_OPTIONS,
    **keywords: Unpack[ModelKeywords],
) -> Path:
    """Predict a dataset, or raw data that is prepared the way the models' training data was."""
    from gxtool.models import stages
    from gxtool.training.predict import predict as predict_rows

    models, options = paths(checkpoints), _with(options, keywords, ModelKeywords)
    told = _with(settings or Settings(), keywords, ModelKeywords)
    if is_artifact(Path(source)):
        config = _for_dataset(told, models, Path(source), DATA_ALONE)
        return predict_rows(models, Path(source), Path(output), config, options)
    family, config = _of_models(told, models, DATA_ALONE, new_files=True)
    with stages.prepared(family, config, Path(source), Path(output)) as dataset:
        return predict_rows(models, dataset, Path(output), config, options)


def perturb(
    checkpoints: Places,
    dataset: Place,
    output: Place,
    settings: Settings | None = None,
    options: TrainOptions = DEFAULT_OPTIONS,
    **keywords: Unpack[ModelKeywords],
) -> Path:
    """Change the input of trained models and write the change of the output."""
    from gxtool.perturb.effects import perturb as perturb_rows

    models, options = paths(checkpoints), _with(options, keywords, ModelKeywords)
    config = _for_dataset(_with(settings or Settings(), keywords, ModelKeywords), models, Path(dataset))
    return perturb_rows(models, Path(dataset), Path(output), config, options)


def design(
    checkpoints: Places,
    judges: Places,
    dataset: Place,
    output: Place,
    settings: Settings | None = None,
    options: TrainOptions = DEFAULT_OPTIONS,
    **keywords: Unpack[ModelKeywords],
) -> Path:
    """Edit sequences until trained models predict the design goal, and let models of another run judge them."""
    from gxtool.perturb.design import design as design_sequences

    models, options = paths(checkpoints), _with(options, keywords, ModelKeywords)
    config = _for_dataset(_with(settings or Settings(), keywords, ModelKeywords), models, Path(dataset))
    return design_sequences(models, paths(judges), Path(dataset), Path(output), config, options)


def load_model(path: Places, device: str = "auto") -> Predictor:
    """Return a trained model whose `predict` takes what is at hand and gives a table.

    `path` is a model's folder, or a folder of several (the seeds of a run), whose predictions are averaged.
    """
    from gxtool.training.notebook import load_predictor

    return load_predictor(paths(path), device)


def compare(sources: Places, output: Place, overwrite: bool = False, against: Sequence[str] = ()) -> Path:
    """Compare runs: those that `against` names (`RUN=OTHER`, or `OTHER` for every run), else each with the first."""
    from gxtool.measure.compare import compare as compare_evaluations

    return compare_evaluations(paths(sources), Path(output), overwrite, against)


def report(sources: Places, output: Place, plan: Place | None = None, title: str = "") -> Path:
    """Render everything found below the sources as one self-contained page; return the page."""
    from gxtool.report.page import report as render

    return render(paths(sources), Path(output), Path(plan) if plan else None, title)


def simulate(output: Place, model: str = "", size: str = "demo", seed: int = 1, layout: str = "") -> Path:
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


def init(folder: Place, settings: Settings | None = None, **keywords: Unpack[SettingsKeywords]) -> list[Path]:
    """Write a commented samplesheet and configuration to start from."""
    from gxtool.models.starter import write_starter

    settings = _with(settings or Settings(), keywords, SettingsKeywords)
    return write_starter(Path(folder), settings.family, settings.resolve(), settings.preset)


def doctor() -> list[dict[str, Any]]:
    """List what this machine has and lacks: name, ok, what was found, what to do."""
    from gxtool.training.doctor import examine

    return examine()


def _of_models(
    settings: Settings,
    checkpoints: Sequence[Path],
    alike: Sequence[str] = WEIGHTS_SECTIONS,
    new_files: bool = False,
) -> tuple[Family, Config]:
    """Return the family of trained models, and the configuration that they are used with (`config_from_models`).

    Raises:
        ConfigError: settings that contradict what the models are.
        InputError: no model, or models of several families or settings.
    """
    from gxtool.training.predict import family_of

    models = find_artifacts(checkpoints, "model")
    agreed_family(settings, models)
    family = family_of(models)
    return family, config_from_models(family, settings, models, alike, new_files)


def _for_dataset(
    settings: Settings, checkpoints: Sequence[Path], dataset: Path, alike: Sequence[str] = WEIGHTS_SECTIONS
) -> Config:
    """Return the configuration that trained models are used with on a dataset, after checking that they go together.

    Raises:
        ConfigError: settings that contradict what the models are.
        InputError: no model, models of several families or settings, or a dataset of other rows.
    """
    family, config = _of_models(settings, checkpoints, alike)
    model = find_artifacts(checkpoints, "model")[0]
    require_same_rows_as(model, open_artifact(dataset, "dataset", family.name), family)
    return config


Kept = TypeVar("Kept", Settings, TrainOptions)


def _with(kept: Kept, keywords: Mapping[str, Any], known: type) -> Kept:
    """Return settings or options in which the keywords that are theirs stand in the place of what they said.

    Raises:
        TypeError: a keyword that the function does not have.
    """
    names = [name for one in known.__mro__ for name in getattr(one, "__annotations__", ())]
    for name in keywords:
        if name not in names:
            raise TypeError(f"unexpected keyword {name}{did_you_mean(name, names)}")
    own = {field.name for field in fields(kept)}.intersection(keywords)
    given = {name: keywords[name] for name in own}
    given |= {name: Path(given[name]) for name in ("init", "checkpoint_dir") if given.get(name)}
    return replace(kept, **given)
