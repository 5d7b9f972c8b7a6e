"""The plan: everything a pipeline invocation will do, as one JSON file.

A plan lists the items of each stage with the section of the configuration that stage depends on (as a JSON string,
so that the engine hashes it by content), its resources, and the ids of the items it waits for. Work that runs share
has one id: preprocessing is keyed by the files and the fields that touch it, and by nothing else.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any

from gxtool.config import Config, Section, read_yaml, stage_fields
from gxtool.errors import ConfigError, InputError, did_you_mean, quoted
from gxtool.io.indexed import named_files
from gxtool.models.base import Family
from gxtool.models.edges import Planned, beside, check_starts, comparisons, judge_of, settled
from gxtool.models.registry import get_family, resolve_config
from gxtool.models.stages import SIMULATED, is_simulated, path_columns, read_rows
from gxtool.names import check_run
from gxtool.version import __version__

PLAN_SCHEMA_VERSION = 3
TASKS = ("train", "predict")
MOST_SEEDS = 1000
LARGEST_SEED = 2**32 - 1  # what numpy and torch take alike
_RUN_KEYS = ("name", "model", "preset", "input", "task", "from", "judge", "against", "set", "seeds", "folds")


@dataclass(frozen=True)
class RunRequest:
    """One run as a person asks for it.

    `init` (`from`) and `judge` name another run or a folder of trained models, `against` the runs it is compared with.
    """

    model: str
    input: Path
    preset: str = ""
    name: str = ""
    task: str = "train"
    init: str = ""
    judge: str = ""
    against: tuple[str, ...] = ()
    assignments: tuple[str, ...] = ()
    files: tuple[Path, ...] = ()
    seeds: tuple[int, ...] = (1,)
    folds: tuple[int, ...] = (0,)
    base: str | None = None


@dataclass
class _Items:
    preprocess: dict[str, dict[str, Any]] = field(default_factory=dict)
    tokenize: dict[str, dict[str, Any]] = field(default_factory=dict)
    train: list[dict[str, Any]] = field(default_factory=list)
    evaluate: list[dict[str, Any]] = field(default_factory=list)
    perturb: list[dict[str, Any]] = field(default_factory=list)
    design: list[dict[str, Any]] = field(default_factory=list)
    predict: list[dict[str, Any]] = field(default_factory=list)


def build_plan(requests: Sequence[RunRequest]) -> dict[str, Any]:
    """Resolve, validate and order what is asked for.

    Raises:
        ConfigError: unknown family, preset, key or run; two runs of one name; edges that form a cycle.
        InputError: a samplesheet or a file in it cannot be used.
    """
    items = _Items()
    runs: dict[str, Planned] = {}
    sheets: dict[tuple[str, Path, str | None], list[dict[str, str]]] = {}
    for name, request in zip(name_runs(requests), requests, strict=True):
        family = get_family(request.model)
        config = resolve_config(family, request.preset, request.files, request.assignments)
        if request.task == "train":
            config.require_trainable()
        sheet = (family.name, request.input, request.base)
        if sheet not in sheets:
            sheets[sheet] = read_rows(family, request.input, request.base)
        rows = sheets[sheet]
        request = replace(request, init=settled(request.init))
        preset = request.preset or family.default_preset
        runs[name] = Planned(name, family, preset, request.task, request.init, request.judge, request.against)
        simulated = is_simulated(request.input, request.base)
        dataset = _data_items(items, family, config, rows, simulated)
        _model_items(items, request, family, config, (name, dataset, [row["sample"] for row in rows]))
    check_starts({name: run.init for name, run in runs.items()})
    judges = {name: judge_of(run, list(runs.values())) for name, run in runs.items() if run.judge}
    return {
        "schema_version": PLAN_SCHEMA_VERSION,
        "gxtool_version": __version__,
        "preprocess": list(items.preprocess.values()),
        "tokenize": list(items.tokenize.values()),
        "train": items.train,
        "evaluate": items.evaluate,
        "perturb": items.perturb,
        "design": [{**item, "judge": judges[item["run"]]} for item in items.design],
        "predict": items.predict,
        "compare": _compare_items(items, comparisons(list(runs.values()))),
    }


def _compare_items(items: _Items, against: Sequence[str]) -> list[dict[str, Any]]:
    """Return the one item that compares all evaluations; none where nothing is evaluated."""
    if not items.evaluate:
        return []
    return [{"id": _hash([item["id"] for item in items.evaluate], against)[:12], "options": {"--against": against}}]


def format_plan(plan: Mapping[str, Any]) -> str:
    """Return a plan as JSON, an item a line: a plan of 100,000 samples is written in a second."""
    parts = []
    for key, value in sorted(plan.items()):
        text = "[\n" + ",\n".join(map(_text, value)) + "\n]" if isinstance(value, list) and value else _text(value)
        parts.append(f"{_text(key)}: {text}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def write_plan(plan: Mapping[str, Any], path: Path) -> None:
    """Write plan.json, whole or not at all.

    Raises:
        InputError: it cannot be written there.
    """
    partial = path.with_name(f"{path.name}.partial")
    try:
        partial.write_text(format_plan(plan), encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        with suppress(OSError):
            partial.unlink()
        raise InputError(f"{path}: cannot be written ({error.strerror}), expected a file such as plan.json") from None


def read_runs(path: Path, source: Path | None = None, base: str | None = None) -> list[RunRequest]:
    """Read a runs file: its `runs` list name, model, preset, input, task, from, judge, against, set, seeds, folds.

    Relative inputs belong to the folder of the file. `source` is the input of the runs that name none, and `base` the
    folder that its relative paths belong to.

    Raises:
        ConfigError: an unknown key, a missing `model` or `input`, or a value of the wrong type.
    """
    entries = read_yaml(path).values.get("runs")
    if not isinstance(entries, list) or not entries:
        raise ConfigError(f"{path}: has no list of runs, expected `runs:` with one entry per run")
    return [_request(path, n, entry, (source, base)) for n, entry in enumerate(entries, 1)]


def _request(path: Path, number: int, entry: Any, shared: tuple[Path | None, str | None]) -> RunRequest:
    where = f"{path}, run {number}"
    if not isinstance(entry, dict):
        raise ConfigError(f"{where}: found {quoted(entry)}, expected fields such as `model:` and `input:`")
    for key in entry:
        if key not in _RUN_KEYS:
            raise ConfigError(f"{where}: unknown key {key}{did_you_mean(str(key), _RUN_KEYS)}")
    if not isinstance(entry.get("model"), str):
        raise ConfigError(f"{where}: model is {quoted(entry.get('model'))}, expected text")
    if not isinstance(entry.get("input", "" if shared[0] else None), str):
        raise ConfigError(f"{where}: input is {quoted(entry.get('input'))}, expected text (or --input for all runs)")
    for key in ("preset", "name", "task", "from", "judge"):
        if not isinstance(entry.get(key, ""), str):
            raise ConfigError(f"{where}: {key} is {quoted(entry[key])}, expected text")
    if entry.get("task", "train") not in TASKS:
        raise ConfigError(f"{where}: task is {quoted(entry['task'])}, expected one of {', '.join(TASKS)}")
    return RunRequest(
        model=entry["model"],
        input=Path(path).absolute().parent / entry["input"] if "input" in entry else shared[0],
        base=None if "input" in entry else shared[1],
        preset=entry.get("preset", ""),
        name=entry.get("name", ""),
        task=entry.get("task", "train"),
        init=beside(path, entry.get("from", "")),
        judge=beside(path, entry.get("judge", "")),
        against=_names(where, entry.get("against", ())),
        assignments=_assignments(where, entry.get("set", ())),
        seeds=parse_seeds(entry.get("seeds", 1), where),
        folds=tuple(_whole_numbers(entry.get("folds", [0]), f"{where}: folds")),
    )


def _names(where: str, value: Any) -> tuple[str, ...]:
    names = [value] if isinstance(value, str) else value
    if isinstance(names, (list, tuple)) and all(isinstance(name, str) for name in names):
        return tuple(names)
    raise ConfigError(f"{where}: against is {quoted(value)}, expected the name of a run, or a list of some")


def _assignments(where: str, value: Any) -> tuple[str, ...]:
    if isinstance(value, Mapping):
        return tuple(f"{key}={json.dumps(item)}" for key, item in value.items())
    if isinstance(value, (list, tuple)) and all(isinstance(item, str) for item in value):
        return tuple(value)
    raise ConfigError(f"{where}: set is {quoted(value)}, expected `section.field: value` pairs")


def override(assignments: Sequence[str], later: Sequence[str]) -> tuple[str, ...]:
    """Return a run's assignments with those that were given for all runs in their place."""
    given = {text.partition("=")[0].strip() for text in later}
    return (*(text for text in assignments if text.partition("=")[0].strip() not in given), *later)


def parse_seeds(value: int | str | Sequence[int], where: str = "--seeds") -> tuple[int, ...]:
    """Return seeds: `5` means 1 to 5; `3,7`, `3,` or a list means these.

    Raises:
        ConfigError: not whole numbers, none, one twice, or more than `MOST_SEEDS`.
    """
    if isinstance(value, str):
        parts = [part.strip() for part in value.removesuffix(",").split(",")]
        numbers = [_number(part) for part in parts]
        if None in numbers:
            raise ConfigError(f"{where}: found {quoted(value)}, expected a number of seeds or seeds such as 3,7")
        value = numbers if "," in value else numbers[0]
    if isinstance(value, int) and not isinstance(value, bool):
        value = range(1, value + 1)
    if isinstance(value, Sequence) and len(value) > MOST_SEEDS:
        raise ConfigError(f"{where}: found more than {MOST_SEEDS:,} seeds, expected at most so many")
    seeds = tuple(_whole_numbers(value, where))
    if not seeds or len(set(seeds)) != len(seeds):
        raise ConfigError(f"{where}: found {quoted(list(seeds))}, expected at least one seed and none twice")
    return seeds


def parse_folds(value: str, where: str = "--folds") -> tuple[int, ...]:
    """Return folds from text such as `0,1`.

    Raises:
        ConfigError: not whole numbers.
    """
    parts = [part.strip() for part in value.split(",")]
    return tuple(_whole_numbers([part if _number(part) is None else _number(part) for part in parts], where))


def _number(text: str) -> int | None:
    """Return the whole number that a few digits are; None for any other text."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 20 else None


def _whole_numbers(value: Any, where: str) -> list[int]:
    try:
        numbers = list(value)
    except TypeError:
        numbers = [None]
    whole = (isinstance(number, int) and not isinstance(number, bool) for number in numbers)
    if not all(whole) or not all(0 <= number <= LARGEST_SEED for number in numbers):
        raise ConfigError(f"{where}: found {quoted(value)}, expected whole numbers from 0 to {LARGEST_SEED:,}")
    return numbers


def name_runs(requests: Sequence[RunRequest]) -> list[str]:
    """Return the name of each run: its own, or its preset, numbered where that is taken (`convnet`, `convnet-2`).

    Raises:
        ConfigError: a name that cannot be a folder, or a run that is asked for twice.
    """
    taken: set[str] = set()
    seen: set[RunRequest] = set()
    for request in requests:
        # Folders of some systems ignore case.
        given = request.name.lower()
        if request.name:
            check_run(request.name)
        if request in seen or (given and given in taken):
            name = quoted(request.name or request.preset)
            raise ConfigError(f"run {name}: is asked for twice, expected every run once (give them names)")
        seen.add(request)
        taken |= {given} if given else set()
    names = []
    for request in requests:
        name = request.name or _free(request.preset or get_family(request.model).default_preset, taken)
        check_run(name)
        taken.add(name.lower())
        names.append(name)
    return names


def _free(preset: str, taken: set[str]) -> str:
    """Return the preset's name, numbered from 2 on where it is taken."""
    return next(name for n in count(1) if (name := preset if n == 1 else f"{preset}-{n}").lower() not in taken)


def _data_items(
    items: _Items, family: Family, config: Config, rows: Sequence[Mapping[str, str]], simulated: bool
) -> str:
    """Add what prepares the data of one run and return the id of its dataset."""
    section = _text({"data": stage_fields(config.data, "preprocess")})
    ids = []
    for row in rows:
        key = _hash(family.name, section, row)[:12]
        ids.append(key)
        items.preprocess[key] = {
            "id": key,
            "family": family.name,
            "name": row["sample"],
            "row": dict(row),
            **({SIMULATED: True} if simulated else {}),
            "paths": [path for name in path_columns(family, row) for path in named_files(row[name])],
            "section": section,
            "resources": {"cpus": 1, "memory_gb": 2, "gpus": 0},
        }
    whole = _text({"data": config.data.model_dump(mode="json")})
    key = _hash(family.name, whole, ids)[:12]
    items.tokenize[key] = {
        "id": key,
        "family": family.name,
        "name": f"{family.name}-{key[:6]}",
        "preprocess": ids,
        "section": whole,
        "resources": {"cpus": 1, "memory_gb": 2, "gpus": 0},
    }
    return key


def _model_items(
    items: _Items, request: RunRequest, family: Family, config: Config, where: tuple[str, str, list[str]]
) -> None:
    """Add what trains and scores (or predicts with) the models of one run."""
    name, dataset, samples = where
    threads = config.resources.threads
    base = {
        "family": family.name,
        "run": name,
        "preset": request.preset or family.default_preset,
        "dataset": dataset,
        "init": request.init,
        "resources": {"cpus": threads, "memory_gb": config.resources.memory_gb, "gpus": 1},
    }
    scoring = _text({**_sections(config, "evaluation"), "resources": {"threads": threads}})
    if request.task == "predict":
        if not request.init:
            raise ConfigError(
                f"run {name}: task predict needs `from`, a run of this plan or a folder of trained models"
            )
        items.predict.append({**base, "id": _hash(name, scoring, dataset)[:12], "section": scoring})
        return
    section = _text({**_sections(config, "model", "training"), "resources": {"threads": threads}})
    for chosen, seeds in _chunks(config, samples, request):
        units = {
            "samples": list(chosen),  # none: one model sees all of them
            "seeds": list(seeds),
            "folds": list(request.folds),
        }
        items.train.append({**base, "id": _hash(name, section, dataset, units)[:12], **units, "section": section})
    items.evaluate.append({**base, "id": _hash(name, scoring, dataset)[:12], "section": scoring})
    if family.effect_kinds and config.perturb.kinds:
        changing = _text({**_sections(config, "perturb"), "resources": {"threads": threads}})
        items.perturb.append({**base, "id": _hash(name, changing, dataset)[:12], "section": changing})
    if request.judge:
        section = _text({**_sections(config, "design"), "resources": {"threads": threads}})
        items.design.append({**base, "id": _hash(name, section, dataset)[:12], "section": section})


def _chunks(
    config: Config, samples: Sequence[str], request: RunRequest
) -> list[tuple[tuple[str, ...], tuple[int, ...]]]:
    """Group the models of a run so that one task trains `runs_per_task` of them: importing torch takes seconds."""
    most = config.resources.runs_per_task
    per_seed = len(request.folds)
    seeds_each = max(1, most // per_seed)
    seed_groups = [request.seeds[n : n + seeds_each] for n in range(0, len(request.seeds), seeds_each)]
    if not config.training.per_sample:
        return [((), seeds) for seeds in seed_groups]
    samples_each = max(1, most // (per_seed * len(request.seeds)))
    sample_groups = [tuple(samples[n : n + samples_each]) for n in range(0, len(samples), samples_each)]
    return [(group, seeds) for group in sample_groups for seeds in seed_groups]


def _sections(config: Config, *names: str) -> dict[str, Any]:
    return {name: _dump(getattr(config, name)) for name in names}


def _dump(section: Section) -> dict[str, Any]:
    return section.model_dump(mode="json")


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _hash(*values: Any) -> str:
    return hashlib.sha256(_text(values).encode()).hexdigest()
