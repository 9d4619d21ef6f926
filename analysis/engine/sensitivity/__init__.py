"""Sensitivity analysis (MODEL.md 7): which uncertain parameter an output depends on, and by how much."""
