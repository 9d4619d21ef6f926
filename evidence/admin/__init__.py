"""The evidence base in the admin site."""

from evidence.admin import imports, items, knowledge, notes

__all__ = ["imports", "items", "knowledge", "notes"]
