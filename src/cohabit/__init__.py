"""A household-paired microbiome study you can rerun, question and plan."""

__version__ = "0.1.0"
