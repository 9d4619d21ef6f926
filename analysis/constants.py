"""What every model document built from the database has in common."""

BASE_YEAR = 2025
"""Calendar year of the state of affairs that every hypothesis starts from."""

END_YEAR = 2050
"""Last calendar year of the analysis."""
