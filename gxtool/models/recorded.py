"""What artifacts were made with: stages read their settings there, and what a person types may not contradict them.

examples, dataset   data.yaml: the `data` section (of examples: the fields that `preprocess` reads)
model               run.yaml: `data`, `model`, `training` and the number of threads, which the weights depend on;
                    settings.yaml: `evaluation`, `perturb` and `design`, which they do not depend on: defaults of the
                    stages that use the model, beside the manifest and in no id; its last line is its own hash
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from gxtool.config import Config, Layer, Section, read_yaml, resolve
from gxtool.errors import ConfigError, InputError, quoted
from gxtool.io.artifact import Artifact
from gxtool.models.base import Family, Run, Unit
from gxtool.models.registry import get_family, preset_layer, typed_layers
from gxtool.models.settings import Settings
from gxtool.yaml_text import LARGEST_YAML

DATA, RUN, SETTINGS = "data.yaml", "run.yaml", "settings.yaml"
WEIGHTS_SECTIONS = ("data", "model", "training")
"""What a model is: later stages take these sections from it, and nobody may say otherwise."""
DATA_ALONE = ("data",)
DEFAULT_SECTIONS = ("evaluation", "perturb", "design")
"""What is done with a model: its run's values are defaults."""
UNIT_KEYS = ("family", "preset", "run", "sample", "seed", "fold")
"""What run.yaml says beside the sections of the configuration."""


def data_yaml(fields: Mapping[str, Any]) -> str:
    """Return the text of data.yaml for a `data` section, or for some of its fields."""
    return _yaml({"data": dict(fields)})


def run_yaml(run: Run, unit: Unit, threads: int) -> str:
    """Return the text of run.yaml: all that the weights depend on, and what tells this model from others."""
    sections = {name: getattr(run.config, name).model_dump(mode="json") for name in WEIGHTS_SECTIONS}
    whose = (run.family.name, run.preset, run.name, unit.sample, unit.seed, unit.fold)
    return _yaml(sections | {"resources": {"threads": threads}} | dict(zip(UNIT_KEYS, whose, strict=True)))


def settings_yaml(config: Config) -> str:
    """Return the text of settings.yaml: how the run's models are to be scored, perturbed and designed with."""
    text = _yaml({name: getattr(config, name).model_dump(mode="json") for name in DEFAULT_SECTIONS})
    return text + _hash_line(text.encode())


def agreed_family(settings: Settings, artifacts: Sequence[Artifact]) -> Family:
    """Return the one family that artifacts belong to: nobody has to name what they know, or may name another.

    Raises:
        ConfigError: the settings name another family.
        InputError: the artifacts belong to several.
    """
    first = artifacts[0]
    name = first.manifest.family
    if settings.model and settings.model != name:
        raise ConfigError(
            f"--model {settings.model}: {first.path} belongs to family {name}, expected that family, or none named"
        )
    for other in artifacts:
        if other.manifest.family != name:
            raise InputError(
                f"{other.path}: belongs to family {other.manifest.family}, expected {name} as {first.path}"
            )
    return get_family(name)


def config_from_data(family: Family, settings: Settings, artifacts: Sequence[Artifact]) -> Config:
    """Resolve a configuration whose `data` section is what examples or a dataset were made with.

    Raises:
        ConfigError: something typed contradicts it, or is no valid setting.
        InputError: the artifacts were made with different `data` sections.
    """
    first = _same([read_yaml(artifact.file(DATA)) for artifact in artifacts], DATA_ALONE)
    recorded = Layer(first.source, {"data": _section(first, "data")})
    preset = preset_layer(family, settings.preset)
    return _agreed(family, [preset], recorded, typed_layers(family, settings.files, settings.assignments))


def config_from_models(
    family: Family,
    settings: Settings,
    models: Sequence[Artifact],
    alike: Sequence[str] = WEIGHTS_SECTIONS,
    new_files: bool = False,
) -> Config:
    """Resolve the configuration that models are used with: what they were trained with, and the run's own defaults.

    alike       sections that are the same in models that are used together; models of one run have all of them in
                common, and those that only predict the same rows `data`
    new_files   raw files are about to be read, so fields that say how files are written may be typed anew

    Raises:
        ConfigError: something typed contradicts what the models were trained with, or is no valid setting.
        InputError: the models were trained with different settings.
    """
    for model in models:
        if settings.preset and settings.preset != model.manifest.preset:
            raise ConfigError(
                f"--preset {settings.preset}: {model.path} was trained with preset {model.manifest.preset}, expected "
                "that one, or none named"
            )
    first = _same([read_yaml(model.file(RUN)) for model in models], alike)
    recorded = {name: dict(_section(first, name)) for name in WEIGHTS_SECTIONS}
    defaults = {"resources": _section(first, "resources")}
    if new_files:
        section = family.load(family.config).model_fields["data"].annotation
        free = _fields_with(section, "says", "files").intersection(recorded["data"])
        defaults["data"] = {name: recorded["data"].pop(name) for name in sorted(free)}
    layers = [*_own_settings(models[0]), Layer(first.source, defaults)]
    typed = typed_layers(family, settings.files, settings.assignments)
    return _agreed(family, layers, Layer(first.source, recorded), typed)


def require_same_rows_as(model: Artifact, dataset: Artifact, family: Family) -> None:
    """Check that a dataset's rows were made as those that a model was trained on; splits and files may be others.

    Raises:
        InputError: a field of `data` that says what a row is differs, or the dataset has no record.
    """
    trained, made = read_yaml(model.file(RUN)), read_yaml(dataset.file(DATA))
    section = family.load(family.config).model_fields["data"].annotation
    for name in sorted(_fields_with(section, "stage", "preprocess") - _fields_with(section, "says", "files")):
        expected, found = _section(trained, "data").get(name), _section(made, "data").get(name)
        if found != expected:
            raise InputError(
                f"{made.source}: data.{name} is {quoted(found)}, expected {quoted(expected)} as in {trained.source}"
            )


def config_of(model: Artifact, family: Family) -> Config:
    """Return the configuration that a model was trained with, and the defaults of its run."""
    return config_from_models(family, Settings(), [model])


def _agreed(family: Family, defaults: Sequence[Layer], recorded: Layer, typed: Sequence[Layer]) -> Config:
    """Resolve defaults <- recorded <- typed, where typed may repeat what is recorded and say nothing else of it."""
    config = resolve(family.load(family.config), [*defaults, recorded, *typed])
    for section, fields in recorded.values.items():
        found = getattr(config, section).model_dump(mode="json")
        for name, value in fields.items():
            if found.get(name) != value:
                source = next((one.source for one in reversed(typed) if name in _section(one, section)), "the settings")
                raise ConfigError(
                    f"{source}: {section}.{name} is {quoted(found.get(name))}, expected {quoted(value)} as in "
                    f"{recorded.source}, or nothing said of it"
                )
    return config


def _same(layers: Sequence[Layer], sections: Sequence[str]) -> Layer:
    """Return the first of some records, after checking that all say the same in these sections."""
    first = layers[0]
    for other in layers[1:]:
        for section in sections:
            ours, theirs = _section(first, section), _section(other, section)
            for name in sorted({*ours, *theirs}):
                if ours.get(name) != theirs.get(name):
                    raise InputError(
                        f"{other.source}: {section}.{name} is {quoted(theirs.get(name))}, expected "
                        f"{quoted(ours.get(name))} as in {first.source}, to be used together with it"
                    )
    return first


def _own_settings(model: Artifact) -> list[Layer]:
    """Return what settings.yaml says, if the model was written with one, after checking that it is what was written.

    Raises:
        InputError: the file was changed or damaged.
    """
    path = model.path / SETTINGS
    if not path.is_file():
        return []
    with path.open("rb") as file:
        content = file.read(LARGEST_YAML + 1)
    start = content.rstrip(b"\n").rfind(b"\n") + 1
    if content[start:] != _hash_line(content[:start]).encode():
        raise InputError(
            f"{path}: is damaged: it was changed after it was written; train the model again, and say by --set or "
            "--config what is to differ from its settings"
        )
    return [read_yaml(path)]


def _hash_line(content: bytes) -> str:
    """Return the last line of settings.yaml, which no manifest lists."""
    return f"# sha256 of the lines above: {hashlib.sha256(content).hexdigest()}\n"


def _section(layer: Layer, name: str) -> Mapping[str, Any]:
    section = layer.values.get(name)
    return section if isinstance(section, Mapping) else {}


def _fields_with(section: type[Section], key: str, value: str) -> set[str]:
    """Return the fields of a section whose `json_schema_extra` says so."""
    extras = {name: field.json_schema_extra for name, field in section.model_fields.items()}
    return {name for name, extra in extras.items() if isinstance(extra, dict) and extra.get(key) == value}


def _yaml(content: Mapping[str, Any]) -> str:
    return yaml.safe_dump(dict(content), sort_keys=False, allow_unicode=True)
