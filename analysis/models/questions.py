"""What-if questions that people keep."""

from __future__ import annotations

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q

from analysis.querysets import SavedQuestionQuerySet

LINE = r"^[^\x00-\x1f\x7f]+\Z"


class SavedQuestion(models.Model):
    """A question of the what-if explorer under a name of its owner's choice, for its owner alone.

    `query` is the query of the explorer's address (see `analysis.questions`): what is changed, not what comes out.
    """

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=200, validators=[RegexValidator(LINE, "One line of text.")])
    query = models.CharField(max_length=4000)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = SavedQuestionQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["owner", "name"],
                name="analysis_saved_question_name",
                violation_error_message="You already keep a question of this name. Choose another, or delete that one.",
            ),
            models.CheckConstraint(condition=~Q(name="") & ~Q(query=""), name="analysis_saved_question_whole"),
        ]

    def __str__(self) -> str:
        return self.name
