"""Families are found where they are: in a folder or in a package; what breaks a rule is named in one sentence."""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import page_family
import pytest

from gxtool.errors import ConfigError
from gxtool.models import registry
from gxtool.models.base import Column, Family, Noun
from gxtool.models.registry import families, get_family

FOLDERS = sorted(path.parent.name for path in Path(registry.__file__).parent.glob("*/__init__.py"))


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return a folder that packages are installed into; the registry looks again, and forgets afterwards."""
    folder = tmp_path / "site"
    folder.mkdir()
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(folder))
    families.cache_clear()
    yield folder
    families.cache_clear()
    for name in set(sys.modules) - before:
        if not name.startswith("gxtool."):
            del sys.modules[name]


@pytest.fixture
def install(site: Path) -> Callable[..., None]:
    """Return a function that installs a package whose record differs from that of the page."""

    def write(changes: tuple[str, str] = ("", ""), name: str = page_family.NAME, project: str = "stranger") -> None:
        package = page_family.write_package(site)
        for folder in site.glob("*.dist-info"):
            for path in folder.iterdir():
                path.unlink()
            folder.rmdir()
        page_family.write_metadata(site, project, "2.0", {name: f"{page_family.PACKAGE}:FAMILY"})
        record = package / "__init__.py"
        text = record.read_text()
        assert changes[0] in text
        record.write_text(text.replace(*changes) if changes[0] else text)
        importlib.invalidate_caches()
        families.cache_clear()

    return write


def test_folders_are_found_and_a_wrong_name_is_helped() -> None:
    assert set(FOLDERS) <= set(families())
    assert list(families()) == sorted(families())
    wrong = FOLDERS[0][:-1]
    with pytest.raises(ConfigError, match=f"^--model {wrong}: no such family, did you mean {FOLDERS[0]}"):
        get_family(wrong)
    with pytest.raises(ConfigError, match=f"^--model qqq: no such family, expected one of {', '.join(families())}$"):
        get_family("qqq")


def test_a_package_offers_the_family_of_the_page(site: Path) -> None:
    page_family.write_package(site)
    importlib.invalidate_caches()
    families.cache_clear()
    assert set(families()) == {*FOLDERS, page_family.NAME}
    assert page_family.PACKAGE not in sys.modules, "imported before it was asked for"
    family = get_family(page_family.NAME)
    assert (family.package, family.columns[0].name) == (page_family.PACKAGE, "sample")
    assert family.load(family.config).__module__ == f"{page_family.PACKAGE}.config"
    assert list(family.presets()) == ["tiny"]


def test_no_family_is_imported_before_it_is_asked_for() -> None:
    code = "import sys; from gxtool.models.registry import families; print(list(families()));"
    code += f"print([name for name in {FOLDERS} if f'gxtool.models.{{name}}' in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[1] == "[]"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (('name="composition"', 'name="other"'), "its record says 'other', expected the name of its folder or entry"),
        (
            ('Column("sample", "name', 'Column("patient", "name'),
            "first column is 'patient', expected a required column",
        ),
        (('"name of the library"', '"x", required=False'), "first column is 'sample', expected a required column"),
        (('parameters={"tiny": 19}', "parameters={}"), "preset tiny .tiny.yaml. is missing from `parameters`"),
        (
            ('default_preset="tiny"', 'default_preset="tny"'),
            "preset 'tny' has no YAML file in its folder, did you mean",
        ),
        (('{"tiny": 19}', '{"tiny": 19, "big": 3}'), "preset 'big' has no YAML file"),
        (('sample=Noun("library", "libraries")', 'sample="library"'), "sample is 'library', expected a Noun"),
        (("FAMILY = Family(", "FAMILY = dict("), "FAMILY is a dict, expected a gxtool.models.base.Family"),
        (("FAMILY = Family(", "FAMILY = 1 / 0\nOTHER = Family("), "cannot be imported: 'ZeroDivisionError: division"),
        (("FAMILY = Family(", "OTHER = Family("), "cannot be imported: .AttributeError"),
    ],
)
def test_a_record_that_breaks_a_rule_is_named_with_its_package_and_stops_no_other_family(
    install: Callable[..., None], changes: tuple[str, str], sentence: str
) -> None:
    install(changes)
    with pytest.raises(ConfigError, match=sentence) as refused:
        get_family(page_family.NAME)
    assert str(refused.value).startswith("family 'composition' of the package stranger 2.0")
    assert "\n" not in str(refused.value)
    assert get_family(FOLDERS[0]).name == FOLDERS[0]


def test_a_name_that_two_offer_is_refused_by_name(install: Callable[..., None]) -> None:
    install(name=FOLDERS[0])
    with pytest.raises(
        ConfigError, match=f"'{FOLDERS[0]}' is offered by the folder models/{FOLDERS[0]} and by the pac"
    ):
        get_family(FOLDERS[0])
    assert get_family(FOLDERS[1]).name == FOLDERS[1]


def test_a_name_that_no_path_should_hold_is_refused(install: Callable[..., None]) -> None:
    install(('name="composition"', 'name="../x"'), name="../x")
    with pytest.raises(ConfigError, match="its name needs small letters"):
        get_family("../x")


def test_effect_kinds_are_all_there_can_be_sources_first() -> None:
    family = get_family(FOLDERS[0])
    kinds = family.effect_kinds
    assert set(family.perturbations) | set(family.readouts) | set(family.probes) | set(family.derived) <= set(kinds)
    for kind, (source, _) in family.derived.items():
        assert kinds.index(source) < kinds.index(kind)
    assert ("integrated_gradients" in kinds) == bool(family.path)


def test_words_are_of_the_sample_or_of_several_targets() -> None:
    family = get_family(FOLDERS[0])
    assert isinstance(family, Family)
    assert isinstance(family.columns[0], Column)
    assert isinstance(family.sample, Noun)
    words = family.words([])
    assert (words["sample"], words["samples"]) == family.sample
    assert family.words(["dev", "hk"])["samples"] == "targets"
