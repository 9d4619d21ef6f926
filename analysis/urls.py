"""Addresses of the analysis's pages."""

from __future__ import annotations

from analysis.pages import (
    home,
    network,
    new_run,
    run,
    runs,
    scenarios,
    what_if,
)

PAGES = (
    home,
    network,
    scenarios,
    runs,
    new_run,
    run,
    what_if,
)  # fmt: skip

urlpatterns = [pattern for page in PAGES for pattern in page.urlpatterns]
