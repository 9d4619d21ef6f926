"""What every model document built from the database, and every picture of one, has in common."""

BASE_YEAR = 2025
"""Calendar year of the state of affairs that every hypothesis starts from."""

END_YEAR = 2050
"""Last calendar year of the analysis."""

NO_COLOUR = "#777777"
"""Of a cluster that nobody gave a colour."""
