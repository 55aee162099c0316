"""Statistics: tables in, tables out. Imports only `data`: no simulation, files or plots."""
