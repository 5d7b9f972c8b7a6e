"""Every family that is there, the documentation's example included, with its simulated data and trained models.

The example is installed as a package of its own, so these tests see a family of every kind.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator

import page_family
import pytest
from family_workplace import Workplace

from gxtool.models.registry import families, get_family

FAMILIES = (*families(), page_family.NAME)


@pytest.fixture(scope="module", autouse=True)
def example_is_installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Install the page's family, and forget it afterwards."""
    site = tmp_path_factory.mktemp("site")
    page_family.write_package(site)
    sys.path.insert(0, str(site))
    importlib.invalidate_caches()
    families.cache_clear()
    yield
    sys.path.remove(str(site))
    families.cache_clear()
    for name in [name for name in sys.modules if name.partition(".")[0] == page_family.PACKAGE]:
        del sys.modules[name]


@pytest.fixture(scope="module")
def workplaces(example_is_installed: None, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Workplace]:
    """Return family -> its folder."""
    return {name: Workplace(get_family(name), tmp_path_factory.mktemp(name)) for name in FAMILIES}


@pytest.fixture(params=FAMILIES)
def work(request: pytest.FixtureRequest, workplaces: dict[str, Workplace]) -> Workplace:
    """Return one family at a time."""
    return workplaces[request.param]
