"""Made-up studies, their rendered pages, and the browser that opens them."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent / "fixtures"))

import made_up_families
import scenarios

from gxtool.errors import ConfigError
from gxtool.report import gather, report

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


def made_up_family(name: str) -> Any:
    """Stand in for the registry: the families of the tests, and no others."""
    if name in made_up_families.FAMILIES:
        return made_up_families.FAMILIES[name]
    raise ConfigError(f"--model {name}: no such family")


@pytest.fixture(scope="module", autouse=True)
def families() -> Iterator[None]:
    """Let the report know the made-up families, in these tests alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gather, "get_family", made_up_family)
        yield


@pytest.fixture(scope="session")
def study(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return the folder of a scenario's artifacts, made once."""
    made: dict[str, Path] = {}

    def make(name: str) -> Path:
        if name not in made:
            made[name] = getattr(scenarios, name)(tmp_path_factory.mktemp(name))
        return made[name]

    return make


@pytest.fixture(scope="session")
def page(study: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return the rendered page of a scenario, made once."""
    made: dict[str, Path] = {}

    def make(name: str) -> Path:
        if name not in made:
            made[name] = report([study(name)], tmp_path_factory.mktemp(f"page-{name}"), title=f"Report on {name}")
        return made[name]

    return make


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """Return a running Chromium; without one the test is skipped and says so."""
    playwright = pytest.importorskip("playwright.sync_api", reason="the package playwright is not installed")
    if not Path(CHROMIUM).exists():
        pytest.skip("no chromium on this machine (Debian's package chromium)")
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        yield browser
        browser.close()
