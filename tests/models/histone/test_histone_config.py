"""The family's record and configuration: published options, presets, and what is refused."""

from __future__ import annotations

import subprocess
import sys

import pytest

from gxtool.config import stage_fields
from gxtool.errors import ConfigError
from gxtool.models.histone.config import DataConfig, ModelConfig, positions
from gxtool.models.registry import get_family, resolve_config

FAMILY = get_family("histone")


def resolve(*assignments: str, preset: str = "") -> object:
    return resolve_config(FAMILY, preset, (), assignments)


def test_published_preset_is_the_published_recipe():
    training = resolve(preset="convnet-published").training
    assert (training.epochs, training.batch_size, training.learning_rate) == (20, 100, 0.001)
    assert (training.optimizer, training.adam_epsilon) == ("adam", 1e-7)
    assert (training.schedule, training.lr_decay) == ("exponential", 0.9)
    assert (training.keep, training.monitor, training.patience) == ("best", "accuracy", 0)
    assert training.weight_decay == 0


def test_default_preset_reads_marks_as_channels_of_log1p_zscores():
    model = resolve().model
    assert (model.norm, model.layout) == ("log1p-zscore", "marks-as-channels")


@pytest.mark.parametrize(
    ("alias", "section", "field", "value"),
    [
        ("epochs=7", "training", "epochs", 7),
        ("batch_size=50", "training", "batch_size", 50),
        ("lr=0.01", "training", "learning_rate", 0.01),
        ("lr_decay=0.5", "training", "lr_decay", 0.5),
        ("debug=true", "training", "histograms", True),
        ("mix=true", "training", "per_sample", False),
        ("mix=false", "training", "per_sample", True),
    ],
)
def test_published_option_sets_its_field(alias, section, field, value):
    assert getattr(getattr(resolve(alias), section), field) == value


def test_published_options_that_are_commands_own_are_named():
    assert FAMILY.aliases["data_dir"] == "--input"
    assert FAMILY.aliases["save_dir"] == "--output"


def test_mix_and_per_sample_agree_or_are_refused():
    assert resolve("mix=true", "training.per_sample=false").training.per_sample is False
    with pytest.raises(ConfigError, match=r"expected training\.per_sample=False with mix=True, or only one of the two"):
        resolve("mix=true", "training.per_sample=true")
    with pytest.raises(ConfigError, match="expected true or false for mix, found 'maybe'"):
        resolve("mix=maybe")


def test_mix_leaves_no_trace_of_its_own():
    assert "mix" not in resolve("mix=true").training.model_dump()


@pytest.mark.parametrize(
    ("assignment", "sentence"),
    [
        (
            "data.marks=[H3K4me3, H3K4me3]",
            "--set: data.marks: the mark name 'H3K4me3' stands there twice, expected every mark once",
        ),
        (
            "data.marks=[CTCF, ctcf]",
            "--set: data.marks: the mark name 'ctcf' differs from 'CTCF' by case only, expected every mark once",
        ),
        (
            "data.marks=[Gene]",
            "--set: data.marks: the mark name 'Gene' is taken by a column of gxtool's tables, expected another one",
        ),
        (
            "data.marks=[sample]",
            "--set: data.marks: the mark name 'sample' is taken by a column of gxtool's tables, expected another one",
        ),
        (
            "data.marks=[expression]",
            "--set: data.marks: the mark name 'expression' is taken by a column of gxtool's tables, "
            "expected another one",
        ),
        (
            "data.marks=[../x]",
            "--set: data.marks: the mark name '../x' starts with '.', expected a letter, a digit "
            "or one of _ + ( ) = @ #",
        ),
        (
            "data.marks=[a/b]",
            "--set: data.marks: the mark name 'a/b' holds '/', expected letters, digits, space "
            "and _ . + - ( ) = @ # only",
        ),
        (
            'data.marks=["a\\tb"]',
            "--set: data.marks: the mark name 'a\\tb' holds '\\t', expected letters, digits, space "
            "and _ . + - ( ) = @ # only",
        ),
        ('data.marks=[""]', "--set: data.marks: the mark name '' is no text, expected letters and digits"),
        ("data.marks=[]", "--set: data.marks is [], expected at least one mark, each with a name"),
        ("model.channels=[]", "--set: model.channels is [], expected at least one convolution"),
        (
            "model.kernel_sizes=[3]",
            "--set: model.kernel_sizes is [3], expected as many values as model.channels has (2)",
        ),
        (
            "model.dense_dropouts=[]",
            "--set: model.dense_dropouts is [], expected as many values as model.dense_sizes has (1)",
        ),
        ("model.dropout=1", "--set: model.dropout is 1, expected less than 1"),
        ("model.dropuot=0.5", "--set: unknown key model.dropuot, did you mean dropout?"),
        ("data.n_bins=many", None),
    ],
)
def test_impossible_value_is_refused_by_name(assignment, sentence):
    with pytest.raises(ConfigError) as caught:
        resolve(assignment)
    assert caught.value.exit_code == 4
    assert sentence is None or str(caught.value) == sentence


def test_only_what_reading_depends_on_belongs_to_preprocess():
    read = set(stage_fields(DataConfig(), "preprocess"))
    encoded = set(stage_fields(DataConfig(), "tokenize"))
    assert {"marks", "n_bins", "bin_size", "layout", "tss", "scale", "expression_column"} <= read
    assert encoded == {
        *("target", "threshold", "split", "validation_fraction", "test_fraction", "n_folds", "split_seed")
    }


def test_a_new_cell_type_can_only_be_asked_of_one_model_of_all():
    with pytest.raises(ConfigError) as caught:
        resolve("data.split=cell_type").require_trainable()
    assert str(caught.value) == (
        "training.per_sample: is true with data.split=cell_type, expected false, as only one model of all cell types "
        "can be asked for a new one"
    )
    resolve("data.split=gene_and_cell_type", "mix=true").require_trainable()
    resolve("data.split=gene").require_trainable()


def test_published_network_ends_in_35_positions():
    assert positions(resolve(preset="convnet-published").model, 100, 5) == 35


def test_network_too_deep_for_the_bins_is_refused():
    with pytest.raises(ConfigError, match="leave nothing of 20 bins of 5 marks, expected smaller ones"):
        positions(ModelConfig(), 20, 5)


def test_record_and_data_stages_need_no_torch_and_no_scikit_learn():
    modules = ["config", "features", "baselines", "perturb", "report", "check", "summary"]
    code = (
        "import sys; from gxtool.models.registry import get_family; get_family('histone')\n"
        "assert not {'torch', 'polars', 'numpy'} & set(sys.modules)\n"
        + "".join(f"import gxtool.models.histone.{name}\n" for name in modules)
        + "import gxtool.simulate.histone_marks\n"
        "assert not {'torch', 'transformers', 'sklearn'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
