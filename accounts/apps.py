"""Django application of users and roles."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Name and defaults of users and roles."""

    name = "accounts"
    verbose_name = "Users and roles"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the checks, and listen for sessions that end."""
        from django.apps import apps  # noqa: PLC0415 - needs the apps to be loaded
        from django.contrib.sessions.models import Session  # noqa: PLC0415
        from django.db.models.signals import post_delete  # noqa: PLC0415

        from accounts import checks  # noqa: F401, PLC0415
        from accounts.events import session_ended_publish  # noqa: PLC0415

        apps.get_app_config("axes").verbose_name = "Sign-ins"  # among the admin's headings
        post_delete.connect(session_ended_publish, sender=Session)
