"""Solve the constants of the shipped template from released figures: ``python -m calibration``."""
