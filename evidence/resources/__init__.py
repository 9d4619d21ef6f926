"""The tables that are imported and exported: one set of columns for API and admin."""

from evidence.resources.base import ColumnChange, TableResource
from evidence.resources.items import EvidenceResource
from evidence.resources.sources import SourceResource

__all__ = ["ColumnChange", "EvidenceResource", "SourceResource", "TableResource"]
