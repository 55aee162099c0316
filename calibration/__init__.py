"""Solution of the shipped template's constants: ``python -m calibration``."""
