"""Shared values of the report's tests: one made-up fortnight, built and drawn once."""

import pytest
from report_fixtures import report

from probe.report.data import ReportData
from probe.report.html import render


@pytest.fixture(scope="session")
def fortnight() -> ReportData:
    """Return the published report of the fortnight."""
    return report()


@pytest.fixture(scope="session")
def page(fortnight: ReportData) -> str:
    """Return it drawn."""
    return render(fortnight)
