"""Addresses of the analysis's pages."""

from __future__ import annotations

from analysis.pages import (
    home,
    run,
)

PAGES = (
    home,
    run,
)  # fmt: skip

urlpatterns = [pattern for page in PAGES for pattern in page.urlpatterns]
