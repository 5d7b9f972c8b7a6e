"""Settings are read from artifacts: what a person types may repeat them, and never contradict them in silence."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from gxtool.errors import ConfigError, InputError
from gxtool.io.artifact import Artifact, ArtifactWriter, open_artifact
from gxtool.models.base import Run, Unit
from gxtool.models.recorded import (
    DATA_ALONE,
    config_from_data,
    config_from_models,
    data_yaml,
    require_same_rows_as,
    run_yaml,
    settings_yaml,
)
from gxtool.models.registry import get_family, resolve_config
from gxtool.models.settings import Settings

FAMILY = get_family("histone")
CTCF = ("data.marks=[CTCF,H3K4me3]", "data.n_bins=20")


def dataset(path: Path, *assignments: str, kind: str = "dataset", fields: Mapping[str, Any] | None = None) -> Artifact:
    """Write nothing but what a dataset (or examples) was made with."""
    data = resolve_config(FAMILY, "", (), assignments).data.model_dump(mode="json")
    with ArtifactWriter(path, kind, family=FAMILY.name) as writer:
        writer.write_text("data.yaml", data_yaml(fields or data))
    return open_artifact(path)


def model(path: Path, *assignments: str, preset: str = "tiny", threads: int = 1) -> Artifact:
    """Write nothing but what a model was trained with."""
    run = Run(FAMILY, preset, resolve_config(FAMILY, preset, (), assignments), "run")
    with ArtifactWriter(path, "model", family=FAMILY.name, preset=preset) as writer:
        writer.write_text("run.yaml", run_yaml(run, Unit("E003", 1), threads))
        writer.write_beside("settings.yaml", settings_yaml(run.config))
    return open_artifact(path)


def test_a_run_takes_the_data_section_of_its_dataset(tmp_path: Path) -> None:
    made = dataset(tmp_path / "d", *CTCF, "data.target=log_expression")
    config = config_from_data(FAMILY, Settings(preset="tiny", set=("training.epochs=2",)), [made])
    assert config.data.marks == ("CTCF", "H3K4me3")
    assert (config.data.n_bins, config.data.target, config.training.epochs) == (20, "log_expression", 2)
    assert config.model.channels == (8, 16)


def test_typing_what_the_dataset_says_is_no_contradiction(tmp_path: Path) -> None:
    made = dataset(tmp_path / "d", *CTCF)
    assert config_from_data(FAMILY, Settings(set=CTCF), [made]).data.n_bins == 20


@pytest.mark.parametrize(
    ("field", "found", "expected"),
    [
        ("data.n_bins=50", "50", "20"),
        ("data.target=log_expression", "'log_expression'", "'label'"),
        ("data.marks=[H3K4me3,CTCF]", "['H3K4me3', 'CTCF']", "['CTCF', 'H3K4me3']"),
    ],
)
def test_contradicting_the_dataset_names_both_values(tmp_path: Path, field: str, found: str, expected: str) -> None:
    made = dataset(tmp_path / "d", *CTCF)
    with pytest.raises(ConfigError) as caught:
        config_from_data(FAMILY, Settings(set=(field,)), [made])
    name = field.partition("=")[0]
    assert str(caught.value).startswith(f"--set: {name} is {found}, expected {expected} as in {tmp_path}/d/data.yaml")


def test_a_file_that_contradicts_is_named(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("data: {n_bins: 7}\ntraining: {epochs: 3}\n")
    made = dataset(tmp_path / "d", *CTCF)
    with pytest.raises(ConfigError, match=r"mine\.yaml: data\.n_bins is 7, expected 20 as in .*data\.yaml"):
        config_from_data(FAMILY, Settings(config=tmp_path / "mine.yaml"), [made])


def test_examples_say_how_files_were_read_and_leave_the_rest_open(tmp_path: Path) -> None:
    made = dataset(tmp_path / "e", kind="examples", fields={"marks": ["CTCF"], "min_mapq": 30})
    data = config_from_data(FAMILY, Settings(set=("data.split=gene",)), [made]).data
    assert (data.marks, data.min_mapq, data.split) == (("CTCF",), 30, "gene")


def test_examples_that_were_read_differently_are_not_joined(tmp_path: Path) -> None:
    parts = [dataset(tmp_path / str(n), kind="examples", fields={"min_mapq": n}) for n in (10, 30)]
    with pytest.raises(InputError, match=r"30/data\.yaml: data\.min_mapq is 30, expected 10 as in .*10/data\.yaml"):
        config_from_data(FAMILY, Settings(), parts)


def test_a_dataset_without_a_record_is_refused(tmp_path: Path) -> None:
    with ArtifactWriter(tmp_path / "d", "dataset", family=FAMILY.name):
        pass
    with pytest.raises(InputError, match=r"d: has no data\.yaml, expected it in an artifact of kind dataset"):
        config_from_data(FAMILY, Settings(), [open_artifact(tmp_path / "d")])


def test_models_are_used_with_what_they_were_trained_with(tmp_path: Path) -> None:
    made = model(tmp_path / "m", *CTCF, "training.epochs=2", "evaluation.level=0.9", threads=3)
    config = config_from_models(FAMILY, Settings(), [made])
    assert (config.data.n_bins, config.training.epochs, config.model.channels) == (20, 2, (8, 16))
    assert (config.evaluation.level, config.resources.threads) == (0.9, 3)


def test_evaluation_perturb_design_and_threads_may_be_typed_anew(tmp_path: Path) -> None:
    made = model(tmp_path / "m", "evaluation.level=0.9", "perturb.map_rows=7")
    fields = {"evaluation.level": 0.8, "design.starts": 3, "resources.threads": 2}
    config = config_from_models(FAMILY, Settings(set=fields), [made])
    assert (config.evaluation.level, config.perturb.map_rows, config.design.starts) == (0.8, 7, 3)
    assert config.resources.threads == 2


def test_every_changed_bit_of_the_settings_is_refused(tmp_path: Path) -> None:
    made = model(tmp_path / "m", "evaluation.level=0.9")
    path = made.path / "settings.yaml"
    written = path.read_bytes()
    refused = "damaged: it was changed after it was written"
    for place in range(len(written)):
        changed = bytearray(written)
        changed[place] ^= 1 << place % 8
        path.write_bytes(changed)
        with pytest.raises(InputError, match=refused):
            config_from_models(FAMILY, Settings(), [made])
    for changed in (b"", written[: len(written) // 2], written + b"evaluation: {level: 0.5}\n", b"\xff" * 9):
        path.write_bytes(changed)
        with pytest.raises(InputError, match=refused):
            config_from_models(FAMILY, Settings(), [made])
    path.write_bytes(written)
    assert config_from_models(FAMILY, Settings(), [made]).evaluation.level == 0.9


@pytest.mark.parametrize("field", ["data.n_bins=50", "model.dropout=0.4", "training.epochs=9", "training.mix=true"])
def test_contradicting_a_model_is_an_error(tmp_path: Path, field: str) -> None:
    made = model(tmp_path / "m")
    with pytest.raises(ConfigError, match=field.partition("=")[0].rpartition(".")[2]):
        config_from_models(FAMILY, Settings(set=(field,)), [made])


def test_the_preset_of_the_models_may_be_repeated_and_not_changed(tmp_path: Path) -> None:
    made = model(tmp_path / "m", "training.epochs=1")
    assert config_from_models(FAMILY, Settings(preset="tiny"), [made]).training.epochs == 1
    with pytest.raises(ConfigError, match="--preset convnet: .*m was trained with preset tiny, expected that one"):
        config_from_models(FAMILY, Settings(preset="convnet"), [made])


def test_models_of_different_data_are_not_used_together(tmp_path: Path) -> None:
    models = [model(tmp_path / "a"), model(tmp_path / "b", "data.n_bins=50")]
    for alike in (DATA_ALONE, ("data", "model", "training")):
        with pytest.raises(InputError, match=r"b/run\.yaml: data\.n_bins is 50, expected 100 as in .*a/run\.yaml"):
            config_from_models(FAMILY, Settings(), models, alike)


def test_two_recipes_under_one_name_are_no_run_but_may_predict_together(tmp_path: Path) -> None:
    models = [model(tmp_path / "a"), model(tmp_path / "b", "training.epochs=9")]
    with pytest.raises(InputError, match=r"training\.epochs is 9, expected 3"):
        config_from_models(FAMILY, Settings(), models)
    assert config_from_models(FAMILY, Settings(), models, DATA_ALONE).training.epochs == 3


def test_new_files_may_be_written_differently_but_rows_are_what_they_were(tmp_path: Path) -> None:
    made = model(tmp_path / "m", *CTCF)
    typed = Settings(set=("data.expression_column=tpm",))
    assert config_from_models(FAMILY, typed, [made], new_files=True).data.expression_column == "tpm"
    with pytest.raises(ConfigError, match="data.expression_column is 'tpm', expected ''"):
        config_from_models(FAMILY, typed, [made])
    with pytest.raises(ConfigError, match="data.n_bins is 50, expected 20"):
        config_from_models(FAMILY, Settings(set=("data.n_bins=50",)), [made], new_files=True)


def test_a_dataset_of_other_rows_is_refused_and_one_of_other_splits_or_files_is_not(tmp_path: Path) -> None:
    made = model(tmp_path / "m", *CTCF)
    require_same_rows_as(made, dataset(tmp_path / "a", *CTCF, "data.split=gene", "data.min_mapq=30"), FAMILY)
    with pytest.raises(InputError, match=r"b/data\.yaml: data\.scale is 'cpm', expected 'none' as in .*m/run\.yaml"):
        require_same_rows_as(made, dataset(tmp_path / "b", *CTCF, "data.scale=cpm"), FAMILY)


def test_what_is_done_with_a_model_is_part_of_no_hash_of_it(tmp_path: Path) -> None:
    plain = model(tmp_path / "a")
    scored = model(tmp_path / "b", "evaluation.level=0.9", "perturb.kinds=[]", "design.starts=3")
    assert plain.sha256 == scored.sha256
    assert plain.sha256 != model(tmp_path / "c", "training.epochs=4").sha256
    assert plain.sha256 == model(tmp_path / "d", "resources.memory_gb=9").sha256
    written = yaml.safe_load((tmp_path / "a/run.yaml").read_text())
    assert sorted(written) == [
        "data",
        "family",
        "fold",
        "model",
        "preset",
        "resources",
        "run",
        "sample",
        "seed",
        "training",
    ]
