"""What is known: hypotheses, the sources that bear on them, and each source's items of evidence."""

from evidence.models.hypotheses import Hypothesis
from evidence.models.imports import TableImport
from evidence.models.items import Evidence, EvidenceRevision
from evidence.models.notes import EvidenceNote
from evidence.models.sources import Source

__all__ = ["Evidence", "EvidenceNote", "EvidenceRevision", "Hypothesis", "Source", "TableImport"]
