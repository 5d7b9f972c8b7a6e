"""Fixtures every room shares, and the rule that nothing is skipped where everything is required."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from hypothesis import settings

# What tests of every room share lies beside this file.
sys.path.insert(0, str(Path(__file__).parent))

import gxtool.training  # noqa: F401  (sets how threads wait, before any test imports torch)

ROOT = Path(__file__).resolve().parent.parent
REAL_DATA = ROOT.parent / "shared" / "data"

# A busy machine is no failure: examples have no time limit.
settings.register_profile("steady", deadline=None)
settings.load_profile("steady")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip tests of real data with a message where there is none, unless everything is required."""
    if REAL_DATA.is_dir() or os.environ.get("GXTOOL_REQUIRE") == "all":
        return
    for item in items:
        if item.get_closest_marker("real_data"):
            item.add_marker(pytest.mark.skip(reason=f"no real data at {REAL_DATA}"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo) -> object:
    """Turn a skip into a failure where GXTOOL_REQUIRE=all: a test that does not run proves nothing."""
    report = yield
    if report.skipped and os.environ.get("GXTOOL_REQUIRE") == "all" and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped although GXTOOL_REQUIRE=all: {report.longrepr}"
    return report


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Return the folder of real data."""
    return REAL_DATA
