"""The same inputs give the same artifacts in every stage, and no stage reads what was damaged since it was written."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from gxtool import api
from gxtool.errors import InputError
from gxtool.io.artifact import find_artifacts
from gxtool.training.options import TrainOptions

pytest.importorskip("torch")
pytestmark = pytest.mark.slow

FAMILY = "proformer"
SETTINGS = (
    "data.five_prime=",
    "data.three_prime=",
    "data.length=30",
    "data.targets=[dev,hk]",
    "training.epochs=2",
    "model.channels=[4]",
    "resources.threads=1",
    "perturb.map_rows=5",
    "perturb.max_rows=5",
    "design.starts=3",
    "design.max_edits=2",
)
CPU = TrainOptions(device="cpu")
UNHASHED = {"manifest.json", "runtime.json", "settings.yaml", "tensorboard"}


def settings(name: str) -> api.Settings:
    return api.Settings(FAMILY, "cnn", set=(*SETTINGS, f"model.kmers=[{2 if name == 'both' else 3}]"), name=name)


def write_library(folder: Path) -> None:
    draw = random.Random(1)
    words = ["".join(draw.choices("ACGT", k=draw.randint(20, 30))) for _ in range(300)]
    lines = [f"{word}\t{word.count('G') + draw.gauss(0, 1):.3f}\t{-10 * word.count('A'):.1f}" for word in words]
    (folder / "library.tsv").write_text("\n".join(["sequence\tdev\thk", *lines]) + "\n")
    (folder / "sheet.csv").write_text("sample,data\nfly,library.tsv\n")


def run_all_stages(raw: Path, folder: Path) -> Path:
    """Run every stage on the inputs in `raw`; each artifact gets a folder in `folder`."""
    both = settings("both")
    api.preprocess(raw / "sheet.csv", folder / "examples", both)
    api.tokenize([folder / "examples"], folder / "dataset", both)
    for one in (both, settings("judge")):
        api.train(folder / "dataset", folder / one.name, one, api.Units(seeds=(1, 2)), CPU)
        api.evaluate([folder / one.name], folder / "dataset", folder / f"{one.name}-evaluation", one, CPU)
    api.predict([folder / "both"], folder / "dataset", folder / "predictions", options=CPU)
    api.perturb([folder / "both"], folder / "dataset", folder / "effects", both, CPU)
    api.design([folder / "both"], [folder / "judge"], folder / "dataset", folder / "designs", both, CPU)
    api.compare([folder / "both-evaluation", folder / "judge-evaluation"], folder / "comparison")
    return folder


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    raw = tmp_path_factory.mktemp("raw")
    write_library(raw)
    return run_all_stages(raw, tmp_path_factory.mktemp("results"))


def test_every_stage_gives_the_same_id_again_anywhere(results: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "another place" / "raw"
    elsewhere.mkdir(parents=True)
    write_library(elsewhere)
    again = run_all_stages(elsewhere, tmp_path / "again")
    ids = [
        {str(one.path.relative_to(folder)): one.id for one in find_artifacts([folder])} for folder in (results, again)
    ]
    assert len(ids[0]) == 12
    assert ids[0] == ids[1]


def with_changed_bit(content: bytes, place: int, bit: int) -> bytes:
    """Return the content with one bit changed; a file without any gets a byte."""
    return content[:place] + bytes([content[place] ^ 1 << bit]) + content[place + 1 :] if content else b"x"


def next_stages(folder: Path, output: Path) -> dict[str, Callable[[], object]]:
    """Return the stage that reads each kind of artifact."""

    def report() -> object:
        return api.report([folder], output / "report.html")

    return {
        "examples": lambda: api.tokenize([folder / "examples"], output / "dataset", settings("both")),
        "dataset": lambda: api.train(folder / "dataset", output / "both", settings("both"), options=CPU),
        "model": lambda: api.predict([folder / "both"], folder / "dataset", output / "predictions", options=CPU),
        "evaluation": lambda: api.compare([folder / "both-evaluation"], output / "comparison"),
        "predictions": report,
        "effects": report,
        "designs": report,
        "comparison": report,
    }


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("examples", "examples"),
        ("dataset", "dataset"),
        ("model", "both/fly-seed1-fold0"),
        ("evaluation", "both-evaluation"),
        ("predictions", "predictions"),
        ("effects", "effects"),
        ("designs", "designs"),
        ("comparison", "comparison"),
    ],
)
def test_next_stage_refuses_every_file_with_a_changed_bit_by_name(
    kind: str, name: str, results: Path, tmp_path: Path
) -> None:
    shutil.copytree(results, tmp_path / "copy")
    (artifact,) = find_artifacts([tmp_path / "copy" / name])
    assert artifact.manifest.kind == kind
    assert {path.name for path in artifact.path.iterdir()} - set(artifact.manifest.files) <= UNHASHED
    stage = next_stages(tmp_path / "copy", tmp_path / "output")[kind]
    places = random.Random(name)
    for file in (*artifact.manifest.files, *["manifest.json"] * 25):
        path = artifact.path / file
        whole = path.read_bytes()
        place = places.randrange(max(1, len(whole)))
        path.write_bytes(with_changed_bit(whole, place, places.randrange(8)))
        with pytest.raises(InputError) as refused:
            stage()
        assert str(artifact.path) in str(refused.value), (file, place)
        assert file == "manifest.json" or str(path) in str(refused.value)
        path.write_bytes(whole)
    assert not (tmp_path / "output").exists() or not any((tmp_path / "output").iterdir())
