"""``python -m calibration.solve_molecules``: solve the pathway and metabolite templates.

Run it again whenever the species or genera template changes.
"""

from calibration.metabolites import solve_metabolites
from calibration.pathways import solve_pathways
from calibration.reference import Reference
from calibration.write import write_template

HEADER = """\
# solved from iMSMS Consortium 2022 released data (authors' repository), re-analysed, by
# python -m calibration.solve_molecules: a template, not measurements
"""


def main() -> None:
    """Write `pathways.tsv`, `metabolites.tsv` and `metabolite_producers.tsv`."""
    reference = Reference.draw()
    metabolites, producers = solve_metabolites(reference)
    tables = {
        "pathways": solve_pathways(reference).reset_index(),
        "metabolites": metabolites.reset_index(),
        "metabolite_producers": producers,
    }
    for name, table in tables.items():
        write_template(name, table, HEADER)


if __name__ == "__main__":
    main()
