"""Findings compared with published claims and planted truth. Imports `data` and `files`."""
