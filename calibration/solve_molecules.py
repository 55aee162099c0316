"""``python -m calibration.solve_molecules``: solve the pathway and metabolite templates.

To be run again whenever the species or genera template changes.
"""

from importlib.resources import files
from pathlib import Path

from calibration.reference import Reference
from calibration.solve_metabolites import solve_metabolites
from calibration.solve_pathways import solve_pathways

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
    folder = Path(str(files("cohabit.simulate"))) / "template"
    for name, table in tables.items():
        text = table.to_csv(
            sep="\t", lineterminator="\n", float_format="%.6g", na_rep="NA", index=False
        )
        (folder / f"{name}.tsv").write_text(HEADER + text, encoding="utf-8")


if __name__ == "__main__":
    main()
