"""Forms of curated objects: a form is checked and stored by its service, so that nothing gets round the rules."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db import models, transaction
from unfold.widgets import UnfoldAdminTextareaWidget

from accounts.models import User
from evidence.models import Evidence, Hypothesis, Source
from evidence.models.assessments import CONTENT
from evidence.services.hypotheses import HYPOTHESIS_FIELDS, hypothesis_edit
from evidence.services.items import evidence_create, evidence_edit
from evidence.services.rules import Conflict
from evidence.services.sources import DETAILS, source_create, source_edit


class CuratedForm(forms.ModelForm):
    """A form that the model's service stores while it is checked, since only the service knows the rules.

    `seen_version` is the one that the writer has before them, `reason` why it is changed.
    """

    actor: User
    editable: Collection[str]

    reason = forms.CharField(
        required=False,
        widget=UnfoldAdminTextareaWidget({"rows": 2}),
        help_text="Why it is changed. Needed for all that bears on numbers.",
    )
    seen_version = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk and "seen_version" in self.fields:
            self.initial["seen_version"] = self.instance.version

    def clean(self) -> dict[str, Any]:
        """What was typed, with lines that end as stored ones do: browsers send them as in CRLF."""
        super().clean()
        return {
            field: value.replace("\r\n", "\n") if isinstance(value, str) else value
            for field, value in self.cleaned_data.items()
        }

    def _post_clean(self) -> None:
        """Instead of Django's own checks of the row: store it, unless a field is wrong already."""
        if self.errors:
            return
        try:
            with transaction.atomic():
                self.instance = self._store()
        except ValidationError as error:
            for field, messages in error.update_error_dict({}).items():
                self.add_error(field if field in self.fields else None, messages)
        except Conflict as error:
            self.add_error(None, str(error))

    def _store(self) -> models.Model:
        values = {field: value for field, value in self.cleaned_data.items() if field in self.editable}
        reason = self.cleaned_data.get("reason", "")
        if self.instance.pk is None:
            return self._create(values, reason)
        return self._edit(values, reason, self.cleaned_data.get("seen_version"))

    def _create(self, values: dict[str, Any], reason: str) -> models.Model:
        raise NotImplementedError

    def _edit(self, values: dict[str, Any], reason: str, version: int | None) -> models.Model:
        raise NotImplementedError


class HypothesisForm(CuratedForm):
    """A question."""

    editable = HYPOTHESIS_FIELDS

    def _edit(self, values: dict[str, Any], reason: str, version: int | None) -> Hypothesis:
        return hypothesis_edit(
            hypothesis=self.instance, actor=self.actor, changes=values, reason=reason, expected_version=version
        )


class SourceForm(CuratedForm):
    """A publication."""

    editable = DETAILS

    def _create(self, values: dict[str, Any], reason: str) -> Source:
        return source_create(actor=self.actor, details=values, reason=reason)

    def _edit(self, values: dict[str, Any], reason: str, version: int | None) -> Source:
        return source_edit(
            source=self.instance, actor=self.actor, changes=values, reason=reason, expected_version=version
        )


class EvidenceForm(CuratedForm):
    """An item of evidence; of an approved one with an open revision, the revision."""

    editable = CONTENT

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if name := self.fields.get("public_id"):
            name.required = False
            name.help_text = f"{name.help_text} Empty: the next number of its hypothesis."
        if self.instance.pk and (revision := self.instance.open_revision):
            self.initial.update(forms.model_to_dict(revision, CONTENT))

    def _create(self, values: dict[str, Any], reason: str) -> Evidence:
        public_id = self.cleaned_data["public_id"]
        return evidence_create(actor=self.actor, public_id=public_id, content=values, reason=reason)

    def _edit(self, values: dict[str, Any], reason: str, version: int | None) -> Evidence:
        return evidence_edit(
            evidence=self.instance, actor=self.actor, changes=values, reason=reason, expected_version=version
        )
