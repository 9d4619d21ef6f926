"""The evidence base in the admin site."""

from evidence.admin import items, knowledge

__all__ = ["items", "knowledge"]
