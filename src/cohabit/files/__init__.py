"""Cohorts on disk, native and imported. Imports only `data`."""
