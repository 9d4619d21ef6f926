"""Writes of the evidence base."""
