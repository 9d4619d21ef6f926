"""Endpoints of the evidence base."""
