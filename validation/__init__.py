"""The hours: many cohorts, many seeds, many runs; `make validate` writes docs/validation.md."""
