"""What a family's record promises: names lead somewhere, options are explained, weights are its own decision."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest
from family_workplace import Workplace
from hostile_names import HOSTILE
from transformers import PreTrainedModel

from gxtool.config import Config
from gxtool.errors import GxtoolError
from gxtool.io.samplesheet import format_samplesheet, read_samplesheet
from gxtool.measure.metrics import find_metric
from gxtool.models import stages
from gxtool.models.base import Family, Target
from gxtool.models.registry import resolve_config
from gxtool.models.schema import option_tables, samplesheet_schema
from gxtool.models.starter import commented_yaml

CODE = {"config", "model", "expand", "check", "preprocess", "encode", "collate", "fit", "predict", "features"}
CODE |= {"simulate", "path", "places", "details", "design", "from_memory", "benchmark"}
CODE_BY_NAME = {"baselines", "perturbations", "readouts", "simulations", "probes", "portraits", "direct", "predictions"}


def dotted_names(record: Family | Target) -> Iterator[tuple[str, str]]:
    """Yield (where, dotted name) of all code that a record or a target of it names."""
    for field in fields(record):
        value = getattr(record, field.name)
        if field.name in CODE and value:
            yield field.name, value
        elif field.name in CODE_BY_NAME:
            yield from ((f"{field.name}.{name}", dotted) for name, dotted in value.items())
        elif field.name == "derived":
            yield from ((f"derived.{name}", dotted) for name, (_, dotted) in value.items())
        elif field.name == "sections":
            yield from (("sections", dotted) for dotted in value)
        elif field.name == "targets":
            for name, target in value.items():
                yield from ((f"targets.{name}.{where}", dotted) for where, dotted in dotted_names(target))


def test_every_dotted_name_leads_to_code(work: Workplace) -> None:
    names = list(dotted_names(work.family))
    assert len(names) >= 11
    for where, dotted in names:
        assert callable(work.family.load(dotted)), where


def test_no_field_that_names_code_is_forgotten_here(work: Workplace) -> None:
    listed = {dotted for _, dotted in dotted_names(work.family)}
    for field in fields(work.family):
        value = getattr(work.family, field.name)
        texts = [value] if isinstance(value, str) else list(value.values()) if isinstance(value, dict) else []
        for text in texts:
            if isinstance(text, str) and ":" in text and " " not in text:
                assert text in listed, f"{field.name} names code that no test resolves: {text}"


def test_kinds_that_belong_together_are_both_there(work: Workplace) -> None:
    family = work.family
    assert bool(family.path) == bool(family.places)
    assert set(family.maps) <= set(family.perturbations)
    assert set(family.direct) <= set(family.perturbations)
    assert {source for source, _ in family.derived.values()} | set(family.portraits) <= set(family.effect_kinds)
    for target in (family, *family.targets.values()):
        assert target.metrics, "the first metric carries the verdict"
        assert {find_metric(name).kind for name in target.metrics} == {target.kind}


def test_every_preset_resolves_and_every_option_is_explained(work: Workplace) -> None:
    for preset in work.family.presets():
        config = resolve_config(work.family, preset)
        assert isinstance(config, Config)
        assert commented_yaml(config, preset)
    table = option_tables(work.family)
    for section_name in type(config).model_fields:
        for name, field in type(getattr(config, section_name)).model_fields.items():
            assert field.description, f"{section_name}.{name} has no description"
            assert f"| `{section_name}.{name}` |" in table
    for preset, count in work.family.parameters.items():
        assert f"`{preset}` ({count:,} parameters" in table


def test_columns_begin_with_the_sample_and_stand_in_the_schema(work: Workplace) -> None:
    assert (work.family.columns[0].name, work.family.columns[0].required) == ("sample", True)
    schema = json.loads(json.dumps(samplesheet_schema(work.family)))
    assert schema["items"]["required"][0] == "sample"
    assert list(schema["items"]["properties"]) == [c.name for c in work.family.columns if c.name != "*"]
    rows = stages.read_rows(work.family, work.raw / "samplesheet.csv")
    assert all(next(iter(row)) == "sample" for row in rows)


def inherits_the_default(model: type[PreTrainedModel]) -> bool:
    """Say whether nobody but transformers decided how weights are drawn: a family's own class has to."""
    return model._init_weights is PreTrainedModel._init_weights


def test_weights_are_drawn_as_the_family_decides(work: Workplace) -> None:
    model = work.family.load(work.family.model)
    assert not inherits_the_default(model), (
        f"{model.__name__} inherits transformers' _init_weights, which redraws every layer with standard deviation "
        "0.02, expected one of its own"
    )


def test_a_family_that_inherits_the_default_is_seen() -> None:
    class Inherits(PreTrainedModel):
        pass

    class Decides(PreTrainedModel):
        def _init_weights(self, module: object) -> None:
            pass

    assert inherits_the_default(Inherits)
    assert not inherits_the_default(Decides)


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_samples_are_refused_or_harmless(work: Workplace, tmp_path: Path, name: str) -> None:
    """Nothing appears beside the output, and a refusal is one sentence, whatever a sheet calls its sample."""
    rows = read_samplesheet(work.raw / "samplesheet.csv", ["sample"], ["*"])[:1]
    place = tmp_path / "place"
    place.mkdir()
    sheet = {column: value if column == "sample" else str(work.raw / value) for column, value in rows[0].items()}
    (place / "sheet.csv").write_text(format_samplesheet([{**sheet, "sample": name}]), newline="")
    before = set(tmp_path.rglob("*"))
    config = resolve_config(work.family, "tiny")
    refusal = ""
    try:
        stages.preprocess(work.family, config, place / "sheet.csv", place / "examples")
    except GxtoolError as error:
        refusal = str(error)
    assert "\n" not in refusal
    assert len(refusal) < 1000
    created = set(tmp_path.rglob("*")) - before
    assert all(path.is_relative_to(place / "examples") for path in created)
    inside = [path for path in created if path.is_file()]
    assert all(path.resolve().is_relative_to(place / "examples") for path in inside)


def test_forward_names_its_arguments(work: Workplace) -> None:
    """A forward with **kwargs makes Trainer skip the division of the loss under accumulation."""
    arguments = inspect.signature(work.family.load(work.family.model).forward).parameters.values()
    assert all(one.kind is not inspect.Parameter.VAR_KEYWORD for one in arguments)
    assert "labels" in {one.name for one in arguments}
