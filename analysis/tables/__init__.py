"""Results and studies for people: tables for the terminal, rows for CSV files."""
