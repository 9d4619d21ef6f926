"""Addresses of the analysis's pages."""

from __future__ import annotations

from analysis.pages import (
    compare,
    evidence,
    home,
    method,
    network,
    new_run,
    report,
    results,
    run,
    runs,
    scenarios,
    what_if,
)

PAGES = (
    home,
    evidence,
    method,
    network,
    scenarios,
    compare,
    runs,
    new_run,
    report,
    results,
    run,
    what_if,
)  # fmt: skip

urlpatterns = [pattern for page in PAGES for pattern in page.urlpatterns]
