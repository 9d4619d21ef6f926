"""Writes of the analysis, and the documents that they are made of."""
