"""One's own API keys."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from accounts.keys import key_create, key_revoke
from accounts.models import ApiKey, User
from accounts.pages.lookup import row_or_404
from accounts.policies import Scope, scopes_of
from accounts.wording import WORDS

LIFETIMES = (("30", "30 days"), ("90", "90 days"), ("365", "A year"), ("", "Until it is revoked"))


class KeyForm(forms.Form):
    """What a new key is to be."""

    name = forms.CharField(max_length=100, help_text="What it is for, such as “notebook”.")
    days = forms.ChoiceField(choices=LIFETIMES, required=False, label="Ends after")
    scopes = forms.MultipleChoiceField(widget=forms.CheckboxSelectMultiple, label="It may")

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        held = scopes_of(user)
        self.fields["scopes"].choices = [(scope, WORDS[Scope(scope)]) for scope in held]  # type: ignore[attr-defined]
        self.fields["scopes"].initial = held
        self.fields["days"].initial = "90"


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def keys(request: HttpRequest) -> HttpResponse:
    """The keys that there are; with POST a new one, whose text is shown this once."""
    user: Any = request.user
    form = KeyForm(request.POST or None, user=user)
    made = _made(user, form) if request.method == "POST" and form.is_valid() else None
    context = {
        "form": KeyForm(user=user) if made else form,
        "made": made,
        "keys": [(key, _rights(key)) for key in user.api_keys.kept()],
        "now": timezone.now(),
    }
    return render(request, "accounts/keys.html", context)


@require_POST
@login_required
def revoke(request: HttpRequest, pk: int) -> HttpResponse:
    """End one of the keys."""
    user: Any = request.user
    key = row_or_404(user.api_keys.kept(), "You have no such key, or it has ended already.", pk=pk)
    key_revoke(key=key, actor=user)
    messages.success(request, f"{key.name} has ended. Programs that use it are refused from now on.")
    return redirect("account_keys")


def _made(user: User, form: KeyForm) -> str | None:
    """The text of a new key; None with the reasons in the form."""
    given = form.cleaned_data
    ends = timezone.now() + timedelta(days=int(given["days"])) if given["days"] else None
    try:
        return key_create(user=user, name=given["name"], scopes=given["scopes"], expires_at=ends)[1]
    except ValidationError as error:
        for field, faults in error.update_error_dict({}).items():
            form.add_error(field if field in form.fields else None, faults)
        return None


def _rights(key: ApiKey) -> str:
    words = [str(WORDS.get(Scope(scope), scope)) if scope in Scope.values else scope for scope in key.scopes]
    return "; ".join(words)
