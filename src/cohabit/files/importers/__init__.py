"""Import of your own cohort from BIOM, TSV and QIIME 2 files, with every change reported."""

from cohabit.files.importers.build import import_cohort
from cohabit.files.importers.guess import guess_mapping
from cohabit.files.importers.log import ImportLog, ImportRefused
from cohabit.files.importers.mapping import Mapping, read_mapping, read_preset

__all__ = [
    "ImportLog",
    "ImportRefused",
    "Mapping",
    "guess_mapping",
    "import_cohort",
    "read_mapping",
    "read_preset",
]
