"""``python -m cohabit.calibrate``: solve the template's constants and write them."""

from importlib.resources import files
from pathlib import Path

from cohabit.calibrate.start import start_species
from cohabit.calibrate.start_genera import start_genera


def main() -> None:
    """Write `species.tsv` and `genera.tsv` of the package's template."""
    folder = Path(str(files("cohabit.simulate"))) / "template"
    species = start_species()
    genera = start_genera(species)
    for name, table in (("species", species), ("genera", genera)):
        table.to_csv(folder / f"{name}.tsv", sep="\t", lineterminator="\n", float_format="%.6g")


if __name__ == "__main__":
    main()
