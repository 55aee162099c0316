"""The cohort: its vocabulary, tables and taxonomic ranks. Imports no other room."""
