"""The evidence base in the admin site."""

from evidence.admin import items, knowledge, notes

__all__ = ["items", "knowledge", "notes"]
