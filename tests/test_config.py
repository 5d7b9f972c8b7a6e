"""Configuration: layers win in order, unknown keys and wrong values are named, published names are aliases."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from gxtool.config import (
    Config,
    Layer,
    Section,
    expand_layer_aliases,
    parse_assignments,
    read_yaml,
    resolve,
    stage_fields,
)
from gxtool.errors import ConfigError


class Data(Section):
    marks: tuple[str, ...] = Field(("a", "b"), json_schema_extra={"stage": "preprocess"})
    split: str = "file"


class Model(Section):
    width: int = Field(8, ge=1, le=64)


class Toy(Config):
    data: Data = Data()
    model: Model = Model()


ALIASES = {"lr": "training.learning_rate", "width": "model.width"}


def test_later_layers_win_field_by_field() -> None:
    preset = Layer("preset", {"training": {"learning_rate": 0.5, "epochs": 3}})
    user = Layer("user.yaml", {"training": {"epochs": 7}})
    config = resolve(Toy, [preset, user, parse_assignments(["model.width=16"])])
    assert (config.training.learning_rate, config.training.epochs, config.model.width) == (0.5, 7, 16)
    assert config.training.batch_size == 100


@pytest.mark.parametrize(
    ("assignment", "sentence"),
    [
        ("training.learing_rate=1", "--set: unknown key training.learing_rate, did you mean learning_rate?"),
        ("trainin.epochs=1", "--set: unknown key trainin, did you mean training?"),
        ("training.epochs=0", "--set: training.epochs is 0, expected greater than or equal to 1"),
        ("model.width=many", "--set: model.width is 'many', expected a valid integer"),
        ("training.keep=middle", "--set: training.keep is 'middle', expected 'best' or 'last'"),
        ("training=5", "--set: training is 5, expected"),
        ("epochs", "--set epochs: found no `section.field=value`"),
        ("=3", "--set =3: found no `section.field=value`"),
    ],
)
def test_a_bad_assignment_is_named(assignment: str, sentence: str) -> None:
    with pytest.raises(ConfigError, match="^" + sentence.replace("?", r"\?")):
        resolve(Toy, [parse_assignments([assignment])])


def test_scientific_notation_without_a_point_is_a_number() -> None:
    assert resolve(Toy, [parse_assignments(["training.learning_rate=3e-4"])]).training.learning_rate == 3e-4


def test_published_names_are_aliases() -> None:
    config = resolve(Toy, [parse_assignments(["lr=0.01", "width=4"], ALIASES)])
    assert (config.training.learning_rate, config.model.width) == (0.01, 4)


def test_alias_and_canonical_name_at_once_is_an_error() -> None:
    with pytest.raises(ConfigError, match="already set to 0.01; give it once"):
        parse_assignments(["lr=0.01", "training.learning_rate=0.02"], ALIASES)
    layer = Layer("c.yaml", {"lr": 0.01, "training": {"learning_rate": 0.02}})
    with pytest.raises(ConfigError, match=r"c\.yaml: lr: training\.learning_rate was already set"):
        expand_layer_aliases(layer, ALIASES)


def test_alias_in_a_file_becomes_its_field_without_changing_the_layer() -> None:
    layer = Layer("c.yaml", {"lr": 0.25, "training": {"epochs": 2}})
    assert expand_layer_aliases(layer, ALIASES).values == {"training": {"epochs": 2, "learning_rate": 0.25}}
    assert layer.values == {"lr": 0.25, "training": {"epochs": 2}}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("training: [", "line 1: is not valid YAML"),
        ("- a\n- b", "found list, expected sections"),
        ("training: !!python/object/apply:os.system [ls]", "is not valid YAML"),
    ],
)
def test_a_bad_file_is_named(tmp_path: Path, text: str, sentence: str) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=sentence):
        read_yaml(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.yaml: cannot be read"):
        read_yaml(tmp_path / "none.yaml")


def test_an_empty_file_and_a_byte_order_mark_are_accepted(tmp_path: Path) -> None:
    (tmp_path / "empty.yaml").write_text("")
    (tmp_path / "bom.yaml").write_bytes(b"\xef\xbb\xbftraining: {epochs: 2}\r\n")
    assert read_yaml(tmp_path / "empty.yaml").values == {}
    assert read_yaml(tmp_path / "bom.yaml").values == {"training": {"epochs": 2}}


def test_a_configuration_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        resolve(Toy, []).training.epochs = 3  # type: ignore[misc]


def test_preprocessing_sees_only_its_own_fields() -> None:
    data = Data(split="group")
    assert stage_fields(data, "preprocess") == {"marks": ["a", "b"]}
    assert stage_fields(data, "tokenize") == {"split": "group"}


@given(st.integers(1, 64), st.floats(1e-8, 10), st.sampled_from(["best", "last"]))
def test_what_is_set_is_what_is_resolved(width: int, rate: float, keep: str) -> None:
    assignments = [f"model.width={width}", f"training.learning_rate={rate!r}", f"training.keep={keep}"]
    config = resolve(Toy, [parse_assignments(assignments)])
    assert (config.model.width, config.training.learning_rate, config.training.keep) == (width, rate, keep)
    assert resolve(Toy, [Layer("dump", config.model_dump(mode="json"))]) == config


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("training:\n", "training is empty, expected fields below it, such as epochs, max_steps, batch_size"),
        ("training: 5\n", "training is 5, expected fields below it, such as epochs, max_steps, batch_size"),
        ("1: 2\n", "the key 1 is no text, expected names such as data, model, training, evaluation"),
        ("training:\n  1: 2\n", "the key training.1 is no text, expected names such as epochs, max_steps"),
    ],
)
def test_shapes_that_are_no_sections_are_told_with_what_belongs_there(tmp_path: Path, text: str, sentence: str) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        resolve(Toy, [read_yaml(path)])
    assert str(caught.value).startswith(f"{path}: {sentence}")
