"""The influences as one matrix: all strengths on a page, changed together for one reason."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, cast

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from unfold.admin import ModelAdmin

from accounts.models import User
from accounts.numbers import number_of
from accounts.policies import Scope, may
from aifutures_site.config import get_config
from analysis.choices import Outcome
from analysis.loops import looping, loops
from analysis.models import Influence
from analysis.services.matrix import (
    Edge,
    Strengths,
    network_edit,
    network_strengths,
    network_strengths_at,
    network_version,
)
from evidence.models import Hypothesis
from evidence.services.rules import Conflict

LAST = 20
"""Changes of the network that the page lists."""
_NOT_A_STRENGTH = "Should be a number from 0 to 1, or empty for no influence."


class Cell(NamedTuple):
    """An influence that is, or could be: its field in the form, and what marks it."""

    name: str
    label: str
    text: str
    error: str
    changed: bool
    loop: bool


class Change(NamedTuple):
    """An influence before and after, None where there is none."""

    label: str
    before: float | None
    after: float | None


class MatrixMixin(ModelAdmin):
    """The matrix, in the admin of influences."""

    def get_urls(self) -> list[URLPattern]:
        """Django's, the matrix, and what its check says while it is filled in."""
        view = self.admin_site.admin_view
        return [
            path("matrix", view(self.matrix_view), name="analysis_influence_matrix"),
            path("matrix/check", view(self.check_view), name="analysis_influence_matrix_check"),
            *super().get_urls(),
        ]

    def matrix_view(self, request: HttpRequest) -> HttpResponse:
        """The network, or as it was after record `as_of`; by POST, store it."""
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        # read before the strengths: what is changed in between makes the form too old, and is not overwritten
        version = request.POST.get("seen_version") or network_version()
        if request.method == "POST":
            matrix = _Matrix.of_form(request.POST)
            if self._store(request, matrix):
                return redirect(reverse("admin:analysis_influence_matrix"))
        else:
            chosen = number_of(request.GET.get("as_of"))
            matrix = _Matrix(network_strengths_at(chosen) if chosen else network_strengths())
        history = Influence.history.select_related("history_user", "source", "target")
        context = {
            **self.admin_site.each_context(request),
            "title": "Influences",
            "opts": self.opts,
            "hypotheses": matrix.hypotheses,
            "rows": matrix.rows(),
            "version": version,
            "reason": request.POST.get("reason", ""),
            "may_change": self._may_change(request),
            "history": history.order_by("-history_id")[:LAST],
            **matrix.check(),
        }
        return TemplateResponse(request, "admin/analysis/matrix.html", context)

    def check_view(self, request: HttpRequest) -> HttpResponse:
        """What the form, as it is filled in, would change, and the loops there would be."""
        if request.method != "POST" or not self._may_change(request):
            raise PermissionDenied
        return TemplateResponse(request, "admin/analysis/matrix_check.html", _Matrix.of_form(request.POST).check())

    def _may_change(self, request: HttpRequest) -> bool:
        return self.has_change_permission(request) and may(request.user, Scope.WRITE_MODEL)

    def _store(self, request: HttpRequest, matrix: _Matrix) -> bool:
        seen = request.POST.get("seen_version", "")
        if matrix.errors:
            self.message_user(
                request, "Nothing was changed: some strengths are no numbers from 0 to 1.", messages.ERROR
            )
            return False
        try:
            number = network_edit(
                strengths=matrix.strengths,
                actor=cast("User", request.user),
                reason=request.POST.get("reason", ""),
                seen=number_of(seen),
            )
        except ValidationError as error:
            self.message_user(request, f"Nothing was changed: {' '.join(error.messages)}", messages.ERROR)
        except (Conflict, PermissionDenied) as error:
            self.message_user(request, f"Nothing was changed: {error}", messages.ERROR)
        else:
            said = "It says that already." if not number else f"{number} influence{'s' * (number > 1)} changed."
            self.message_user(request, said, messages.SUCCESS)
            return True
        return False


class _Matrix:
    """Strengths to show, beside those that are stored."""

    def __init__(self, strengths: Strengths, errors: Mapping[str, str] | None = None) -> None:
        self.strengths = strengths
        self.errors = errors or {}
        """What was typed and is no strength, by the name of its field."""
        self.stored = network_strengths()
        self.hypotheses = list(Hypothesis.objects.all())
        self.codes = {row.pk: row.code for row in self.hypotheses}
        self.on_loops = looping((edge.source, edge.target) for edge in strengths)

    @classmethod
    def of_form(cls, form: QueryDict) -> _Matrix:
        """What was typed: every influence that has a strength, and what is none."""
        strengths, errors = {}, {}
        for edge in _edges(list(Hypothesis.objects.all())):
            text = form.get(_name(edge), "").strip().replace(",", ".")
            if not text:
                continue
            try:
                strengths[edge] = float(text)
            except ValueError:
                strengths[edge] = math.nan
            if not 0 <= strengths[edge] <= 1:
                errors[_name(edge)] = text
                del strengths[edge]
        return cls(strengths, errors)

    def rows(self) -> list[tuple[Hypothesis, list[tuple[str, list[list[Cell]]]]]]:
        """By source: its outcomes, each with a pair of cells for every target, none for the source itself."""
        return [
            (
                source,
                [(letter, [self._pair(source, letter, target) for target in self.hypotheses]) for letter in Outcome],
            )
            for source in self.hypotheses
        ]

    def check(self) -> dict[str, Any]:
        """What differs from the stored network, what is wrong, and the loops."""
        edges = sorted(self.strengths.keys() | self.stored.keys())
        found = loops((edge.source, edge.target) for edge in self.strengths)
        causal = get_config().analysis.causal_network
        return {
            "changes": [
                Change(self._label(edge), self.stored.get(edge), self.strengths.get(edge))
                for edge in edges
                if self.stored.get(edge) != self.strengths.get(edge) and _name(edge) not in self.errors
            ],
            "errors": list(self.errors.values()),
            "help": _NOT_A_STRENGTH,
            "loops": [" > ".join(self.codes[pk] for pk in (*loop, loop[0])) for loop in found],
            "number": len(self.strengths),
            "feedback": causal.enable_feedback_loops and causal.model in ("dependency_network", "log_linear"),
            "model": causal.model.replace("_", " "),
        }

    def _pair(self, source: Hypothesis, letter: str, target: Hypothesis) -> list[Cell]:
        if source == target:
            return []
        return [self._cell(Edge(source.pk, letter, target.pk, other)) for other in Outcome.values]

    def _cell(self, edge: Edge) -> Cell:
        name, strength, stored = _name(edge), self.strengths.get(edge), self.stored.get(edge)
        wrong = self.errors.get(name)
        return Cell(
            name=name,
            label=self._label(edge),
            text=wrong if wrong is not None else _text(strength),
            error="" if wrong is None else _NOT_A_STRENGTH,
            changed=strength != stored,
            loop=strength is not None and (edge.source, edge.target) in self.on_loops,
        )

    def _label(self, edge: Edge) -> str:
        return f"{self.codes[edge.source]}{edge.source_outcome} > {self.codes[edge.target]}{edge.target_outcome}"


def _text(strength: float | None) -> str:
    """All digits: what nobody touches is sent back as it was."""
    return "" if strength is None else repr(strength).removesuffix(".0")


def _edges(hypotheses: list[Hypothesis]) -> Iterator[Edge]:
    for source in hypotheses:
        for target in hypotheses:
            if source != target:
                for letter in Outcome.values:
                    for other in Outcome.values:
                        yield Edge(source.pk, letter, target.pk, other)


def _name(edge: Edge) -> str:
    return f"{edge.source}{edge.source_outcome}-{edge.target}{edge.target_outcome}"
