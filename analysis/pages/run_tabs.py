"""The tabs of a finished run: one line in `TABS` for each, a function that says what it shows, and a template."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest

from accounts.policies import Asker, Scope, may
from analysis.models import AnalysisRun

Content = Callable[[HttpRequest, AnalysisRun], Mapping[str, Any]]


@dataclass(frozen=True)
class Tab:
    """A tab: its part of the address, what the link says, what its template is given, and who may open it.

    The template `analysis/run_<name>.html` extends `analysis/run_tab.html` and fills its block `tab`.
    """

    name: str
    label: str
    content: Content
    scope: Scope = Scope.READ_RESULTS

    @property
    def template(self) -> str:
        """The template's name."""
        return f"analysis/run_{self.name}.html"


def summary(request: HttpRequest, run: AnalysisRun) -> Mapping[str, Any]:
    """The header says it all; the plots repeat it."""
    return {}


TABS = (
    Tab("summary", "Summary", summary),
)  # fmt: skip


def tabs_for(user: Asker) -> list[Tab]:
    """The tabs that the user may open, in order."""
    return [tab for tab in TABS if may(user, tab.scope)]
