"""What-if questions that people keep."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction

from accounts.models import User
from accounts.policies import Scope, may
from analysis.models import SavedQuestion

MOST = 100
"""Questions that one user keeps."""


@transaction.atomic
def question_save(*, owner: User, name: str, query: str) -> SavedQuestion:
    """Keep a question of the explorer, given as the query of its address, under a name.

    Raises PermissionDenied, ValidationError for a name that is empty or taken and for more than one may keep.
    """
    if not may(owner, Scope.CREATE_ANALYSIS):
        raise PermissionDenied(f"This needs the right {Scope.CREATE_ANALYSIS}.")
    User.objects.select_for_update().get(pk=owner.pk)  # so that two at once cannot both be the last one allowed
    if SavedQuestion.objects.filter(owner=owner).count() >= MOST:
        raise ValidationError(f"You keep {MOST} questions, which is as many as one can. Delete one first.")
    question = SavedQuestion(owner=owner, name=name.strip(), query=query)
    question.full_clean()
    question.save()
    return question


def question_delete(*, question: SavedQuestion, actor: User) -> None:
    """Keep it no longer. Raises PermissionDenied for another user's."""
    if question.owner_id != actor.pk:
        raise PermissionDenied("This is for its owner.")
    question.delete()
