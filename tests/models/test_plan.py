"""The plan: shared work has one id, edges have no cycle, and a key changes exactly the stages that depend on it."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path

import pytest
from hostile_names import HOSTILE, NO_RUNS

from gxtool.errors import ConfigError, InputError
from gxtool.models.plan import RunRequest, build_plan, format_plan, parse_folds, parse_seeds, read_runs
from gxtool.models.registry import get_family

FAMILY = "histone"


@pytest.fixture
def request_two_samples(tmp_path: Path) -> RunRequest:
    """A sheet of two samples whose folders exist; the plan never looks into them."""
    for sample in ("E003", "E123"):
        (tmp_path / sample).mkdir()
    (tmp_path / "sheet.csv").write_text("sample,data\nE003,E003\nE123,E123\n")
    return RunRequest(model=FAMILY, input=tmp_path / "sheet.csv", seeds=(1, 2, 3))


def ids(plan: dict, stage: str) -> list[str]:
    return [item["id"] for item in plan[stage]]


def test_one_run_has_one_item_per_sample_then_joins_them(request_two_samples: RunRequest, tmp_path: Path) -> None:
    plan = build_plan([request_two_samples])
    first = plan["preprocess"][0]
    assert first["row"] == {"sample": "E003", "data": str(tmp_path / "E003")}
    assert first["paths"] == [str(tmp_path / "E003")]
    assert json.loads(first["section"]).keys() == {"data"}
    assert plan["tokenize"][0]["preprocess"] == ids(plan, "preprocess")
    assert len(plan["train"]) == 1
    train = plan["train"][0]
    assert (train["samples"], train["seeds"], train["folds"]) == (["E003", "E123"], [1, 2, 3], [0])
    assert train["dataset"] == plan["tokenize"][0]["id"]
    assert plan["evaluate"][0]["run"] == train["run"]


def test_a_learning_rate_changes_training_and_nothing_before_it(request_two_samples: RunRequest) -> None:
    before = build_plan([request_two_samples])
    after = build_plan([replace(request_two_samples, assignments=("training.learning_rate=3e-4",))])
    for stage in ("preprocess", "tokenize"):
        assert before[stage] == after[stage]
    assert ids(before, "train") != ids(after, "train")


def test_a_split_changes_the_dataset_and_not_what_is_read(request_two_samples: RunRequest) -> None:
    before = build_plan([request_two_samples])
    after = build_plan([replace(request_two_samples, assignments=("data.split=gene",))])
    assert before["preprocess"] == after["preprocess"]
    assert ids(before, "tokenize") != ids(after, "tokenize")


def test_without_kinds_of_perturbation_none_is_planned(request_two_samples: RunRequest) -> None:
    plan = build_plan([replace(request_two_samples, assignments=("perturb.kinds=[]",))])
    assert (len(plan["train"]), len(plan["evaluate"]), plan["perturb"]) == (1, 1, [])


def test_presets_share_their_data(request_two_samples: RunRequest) -> None:
    presets = [replace(request_two_samples, preset=name) for name in get_family(FAMILY).presets()]
    plan = build_plan(presets)
    assert len(plan["preprocess"]) == 2
    assert len(plan["tokenize"]) == 1
    assert len({item["run"] for item in plan["train"]}) == len(presets) >= 3


def test_the_same_plan_twice_is_the_same_to_the_letter(request_two_samples: RunRequest) -> None:
    assert json.dumps(build_plan([request_two_samples])) == json.dumps(build_plan([request_two_samples]))


def test_models_are_grouped_by_runs_per_task(request_two_samples: RunRequest) -> None:
    few = replace(request_two_samples, assignments=("resources.runs_per_task=3",))
    assert [(t["samples"], t["seeds"]) for t in build_plan([few])["train"]] == [
        (["E003"], [1, 2, 3]),
        (["E123"], [1, 2, 3]),
    ]
    fewer = replace(request_two_samples, assignments=("resources.runs_per_task=2",))
    assert [(t["samples"], t["seeds"]) for t in build_plan([fewer])["train"]] == [
        (["E003"], [1, 2]),
        (["E003"], [3]),
        (["E123"], [1, 2]),
        (["E123"], [3]),
    ]


def test_one_model_for_all_samples_names_none(request_two_samples: RunRequest) -> None:
    mixed = replace(request_two_samples, assignments=("mix=true",))
    assert [item["samples"] for item in build_plan([mixed])["train"]] == [[]]


def test_a_run_asked_for_twice_is_an_error(request_two_samples: RunRequest) -> None:
    with pytest.raises(ConfigError, match="is asked for twice, expected every run once"):
        build_plan([request_two_samples, request_two_samples])


def test_runs_are_called_by_their_presets_and_numbered_where_taken(request_two_samples: RunRequest) -> None:
    fast = [replace(request_two_samples, preset="tiny", assignments=(f"training.epochs={n}",)) for n in (1, 2, 3)]
    named = replace(request_two_samples, preset="tiny", name="Tiny-2", assignments=("training.epochs=4",))
    assert [item["run"] for item in build_plan([*fast, named])["train"]] == ["tiny", "tiny-3", "tiny-4", "Tiny-2"]


@pytest.mark.parametrize("setting", ["evaluation.level=0.9", "perturb.max_rows=7", "design.starts=3"])
def test_settings_of_later_stages_rename_nothing_and_train_nothing(
    request_two_samples: RunRequest, setting: str
) -> None:
    before = build_plan([request_two_samples])
    after = build_plan([replace(request_two_samples, assignments=(setting,))])
    for stage in ("preprocess", "tokenize", "train"):
        assert before[stage] == after[stage]
    assert before["evaluate"][0]["run"] == after["evaluate"][0]["run"] == "convnet"


def test_a_hundred_thousand_samples_are_planned_in_linear_time(tmp_path: Path) -> None:
    """Four times the rows take about four times as long (16 times where each row looks at all others)."""
    (tmp_path / "data.csv").write_text("x\n")
    seconds = []
    for rows in (2_500, 10_000):
        sheet = tmp_path / f"{rows}.csv"
        sheet.write_text("sample,data\n" + "".join(f"S{n},data.csv\n" for n in range(rows)))
        start = time.process_time()
        plan = format_plan(build_plan([RunRequest(model=FAMILY, input=sheet)]))
        seconds.append(time.process_time() - start)
        assert len(json.loads(plan)["preprocess"]) == rows
    assert seconds[1] < 9 * seconds[0]


def test_runs_that_wait_for_each_other_are_an_error(request_two_samples: RunRequest) -> None:
    first = replace(request_two_samples, name="a", init="b")
    second = replace(request_two_samples, name="b", init="a")
    with pytest.raises(ConfigError, match="runs a -> b -> a wait for each other, expected no cycle"):
        build_plan([first, second])
    with pytest.raises(ConfigError, match="run a: from nowhere is neither a run of this plan nor a folder"):
        build_plan([replace(first, init="nowhere")])


def test_a_chain_of_runs_and_a_name_that_is_no_folder_are_refused(request_two_samples: RunRequest) -> None:
    chain = [replace(request_two_samples, name=name, init=init) for name, init in (("a", ""), ("b", "a"), ("c", "b"))]
    build_plan(chain[:2])
    with pytest.raises(ConfigError, match="runs a <- b <- c: start from each other in a chain, expected one step"):
        build_plan(chain)
    for name in (*HOSTILE, *NO_RUNS):
        if not name:
            continue  # no name at all: the preset's
        with pytest.raises(ConfigError, match="^run "):
            build_plan([replace(request_two_samples, name=name)])


def test_models_to_start_from_lie_beside_the_runs_file(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    path = tmp_path / "runs.yaml"
    path.write_text("runs: [{model: histone, input: a, from: models}, {model: histone, input: a, from: other}]")
    assert [request.init for request in read_runs(path)] == [str(tmp_path / "models"), "other"]


def test_predicting_needs_models(request_two_samples: RunRequest, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="task predict needs `from`"):
        build_plan([replace(request_two_samples, task="predict")])
    plan = build_plan([replace(request_two_samples, task="predict", init=str(tmp_path))])
    assert (len(plan["predict"]), plan["train"], plan["evaluate"]) == (1, [], [])


def test_a_folder_of_raw_data_is_planned_where_it_truly_is(tmp_path: Path) -> None:
    """In a task the folder is a link; the pipeline needs the paths that the link leads to."""
    for sample in ("E003", "E123"):
        inner = tmp_path / "true" / sample / "classification"
        inner.mkdir(parents=True)
        for name in ("train", "valid", "test"):
            (inner / f"{name}.csv").write_text("")
    (tmp_path / "link").symlink_to(tmp_path / "true")
    many = build_plan([RunRequest(model=FAMILY, input=tmp_path / "link", base=str(tmp_path / "true"))])
    assert [item["paths"] for item in many["preprocess"]] == [[f"{tmp_path}/true/{name}"] for name in ("E003", "E123")]
    one = build_plan([RunRequest(model=FAMILY, input=tmp_path / "link/E123", base=str(tmp_path / "true/E123"))])
    assert one["preprocess"][0]["paths"] == [str(tmp_path / "true/E123")]
    assert one["preprocess"][0]["row"] == {"sample": "E123", "data": str(tmp_path / "true/E123")}


def test_a_missing_file_names_the_sheet(tmp_path: Path) -> None:
    (tmp_path / "sheet.csv").write_text("sample,data\nE003,gone\n")
    with pytest.raises(InputError, match=r"sheet\.csv: sample E003, column data: .*gone does not exist"):
        build_plan([RunRequest(model=FAMILY, input=tmp_path / "sheet.csv")])


@pytest.mark.parametrize(
    ("given", "seeds"), [("5", (1, 2, 3, 4, 5)), ("3,7", (3, 7)), (2, (1, 2)), ([4], (4,)), ("1", (1,)), ("3,", (3,))]
)
def test_seeds(given: object, seeds: tuple[int, ...]) -> None:
    assert parse_seeds(given) == seeds  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "given", ["0", "many", "1,1", "1,x", ",", "1,,", [], [1.5], True, "-3", "\u00b2", "9" * 5000, "100000000"]
)
def test_bad_seeds(given: object) -> None:
    with pytest.raises(ConfigError, match="^--seeds: found"):
        parse_seeds(given)  # type: ignore[arg-type]


def test_folds() -> None:
    assert parse_folds("0,2") == (0, 2)
    with pytest.raises(ConfigError, match="--folds"):
        parse_folds("a")


def test_a_runs_file_is_a_list_of_runs(tmp_path: Path) -> None:
    path = tmp_path / "runs.yaml"
    path.write_text(
        "runs:\n"
        "- {model: histone, preset: tiny, input: sheet.csv, seeds: 2}\n"
        "- {name: slow, model: histone, input: /data/sheet.csv, set: {training.epochs: 3}, from: slow2, seeds: [4]}\n"
    )
    first, second = read_runs(path)
    assert first == RunRequest(model="histone", preset="tiny", input=tmp_path / "sheet.csv", seeds=(1, 2))
    assert second.assignments == ("training.epochs=3",)
    assert (second.name, second.init, second.seeds, second.input) == ("slow", "slow2", (4,), Path("/data/sheet.csv"))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("other: 1\n", "has no list of runs"),
        ("runs: []\n", "has no list of runs"),
        ("runs: [histone]\n", "run 1: found 'histone', expected fields"),
        ("runs: [{model: histone, inptu: a}]\n", "run 1: unknown key inptu, did you mean input?"),
        ("runs: [{model: histone}]\n", "run 1: input is None, expected text"),
        ("runs: [{model: histone, input: a, task: fly}]\n", "task is 'fly', expected one of train, predict"),
        ("runs: [{model: histone, input: a, seeds: many}]\n", "run 1: found 'many', expected a number of seeds"),
        ("runs: [{model: histone, input: a, set: 3}]\n", "run 1: set is 3, expected"),
        ("runs: [{model: histone, input: a, name: [b]}]\n", r"run 1: name is \['b'\], expected text"),
    ],
)
def test_a_bad_runs_file_is_named(tmp_path: Path, text: str, sentence: str) -> None:
    path = tmp_path / "runs.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=sentence):
        read_runs(path)


@pytest.mark.parametrize(
    "effects",
    [
        {"path": "perturb:signal_path"},
        {"readouts": {"attention": "perturb:attention"}},
        {"probes": {"variants": "perturb:variants"}},
        {"perturbations": {"drop": "perturb:drop"}},
    ],
    ids=lambda effects: next(iter(effects)),
)
def test_effects_of_any_kind_are_planned(
    request_two_samples: RunRequest, monkeypatch: pytest.MonkeyPatch, effects: dict
) -> None:
    without = {"perturbations": {}, "path": "", "readouts": {}, "probes": {}, "derived": {}}
    bare = replace(get_family(FAMILY), **without)
    monkeypatch.setattr("gxtool.models.registry.families", lambda: {FAMILY: bare})
    assert build_plan([request_two_samples])["perturb"] == []
    monkeypatch.setattr("gxtool.models.registry.families", lambda: {FAMILY: replace(bare, **effects)})
    assert len(build_plan([request_two_samples])["perturb"]) == 1
