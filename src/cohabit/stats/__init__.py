"""Statistics: tables in, tables out. Imports `data` alone: no world, no disk, no plots."""
