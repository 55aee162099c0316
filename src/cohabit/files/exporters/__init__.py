"""A cohort in the forms of other programs, each with what `cohabit import` needs to read it."""
