"""The one table of endpoints. Each app has its rows in a module of its own."""

from tests.contract import rows_accounts, rows_analysis, rows_evidence

ROWS = [*rows_accounts.ROWS, *rows_analysis.ROWS, *rows_evidence.ROWS]
