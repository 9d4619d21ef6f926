"""A finished run as a printed report: an A4 PDF with selectable text, drawn by Matplotlib from the pages' own plots."""

from analysis.report_pdf.document import Extras, report_pdf

__all__ = ["Extras", "report_pdf"]
