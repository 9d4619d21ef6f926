"""Django application of users and roles."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Name and defaults of users and roles."""

    name = "accounts"
    verbose_name = "Users and roles"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the checks."""
        from accounts import checks  # noqa: F401, PLC0415 - needs the apps to be loaded
