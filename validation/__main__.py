"""``python -m validation``: run every check, resume what was begun, write docs/validation.md."""

import argparse
import datetime
import inspect
import platform
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

import pandas as pd

import cohabit
from cohabit.compute.fingerprint import hash_library, hash_value
from cohabit.files import paths
from cohabit.files.storage import write_atomically, write_table

CHECKS = (
    "realism",
    "lesser_figures",
    "coverage",
    "household_share",
    "null_worlds",
    "permanova",
    "strata",
    "explained_variation",
    "mixed",
    "abundance",
    "claims",
    "notebooks",
    "own_cohorts",
    "causes",
    "arena",
    "sealed",
    "faults",
    "readers",
    "kills",
    "sweep",
    "flakes",
)
SHOWN = ("numpy", "scipy", "pandas", "scikit-bio", "statsmodels")


def main() -> None:
    """Run the checks named on the command line; all of them by default."""
    parser = argparse.ArgumentParser(prog="validation", description=__doc__)
    parser.add_argument("checks", nargs="*", default=CHECKS, choices=[*CHECKS, []])
    parser.add_argument("--parts", type=int, help="only the first parts of each check")
    arguments = parser.parse_args()
    for name in arguments.checks:
        run(name, arguments.parts)


def run(name: str, n_parts: int | None = None) -> None:
    """Measure the first parts of a check, or all, and write its section of the page."""
    check = import_module(f"validation.{name}")
    folder = paths.root() / "results" / "validation" / name / find_state(check)
    parts = check.parts()[:n_parts]
    measured = [measure(part, check.measure, folder) for part in parts]
    together = pd.concat(measured, ignore_index=True)
    write_tables(check, together)
    write_page(name, check, together, len(parts))


def write_tables(check: ModuleType, measured: pd.DataFrame) -> None:
    """Write what a check keeps for the notebooks to data/reference/arena."""
    tables = check.tables(measured) if hasattr(check, "tables") else {}
    for name, table in tables.items():
        with write_atomically(paths.reference(f"arena/{name}.tsv")) as scratch:
            table.to_csv(scratch, sep="\t", index=False, na_rep="NA", float_format="%.4g")


def find_state(check: ModuleType) -> str:
    """Name the state of the check, of what it shares with others and of all it uses of cohabit."""
    shared = [module for module in vars(check).values() if isinstance(module, ModuleType)]
    shared = [module for module in shared if module.__name__.startswith("validation.")]
    code = "\n".join(inspect.getsource(module) for module in (check, *shared))
    more = check.state() if hasattr(check, "state") else None
    return hash_value([code, hash_library(code), more])[:12]


def measure(part: object, compute: Callable[[object], pd.DataFrame], folder: Path) -> pd.DataFrame:
    """Return one part of a check; read from disk when it was computed before."""
    path = folder / f"{part}.tsv"
    if not path.exists():
        print(f"{folder.parent.name} {part}", flush=True)
        with write_atomically(path) as scratch:
            write_table(compute(part), scratch, index=False)
    return pd.read_csv(path, sep="\t", keep_default_na=False, na_values=[""])


def write_page(name: str, check: ModuleType, measured: pd.DataFrame, n_parts: int) -> None:
    """Replace the section of one check in docs/validation.md."""
    summary = check.summarise(measured)
    page = paths.root() / "docs" / "validation.md"
    sections = _sections(page.read_text(encoding="utf-8")) if page.exists() else {}
    planned = len(check.parts())
    where = f"{n_parts} of {planned} parts, {datetime.date.today()}, {_versions()}"
    where += "" if n_parts == planned else ". So few see only large errors"
    said = f"{check.__doc__}\n\n{check.conclude(summary)}\n\n*{where}*"
    text = f"{said}\n\n{_markdown(summary)}"
    sections[check.TITLE] = text.strip()
    titles = [import_module(f"validation.{each}").TITLE for each in CHECKS]
    sections = {title: sections[title] for title in titles if title in sections}
    head = f"# Validation\n\n{HEAD}"
    body = "".join(f"\n## {title}\n\n{text}\n" for title, text in sections.items())
    with write_atomically(page) as scratch:
        scratch.write_text(f"{head}\n{body}", encoding="utf-8")
    print(f"{name}: {check.conclude(summary)}")


HEAD = (
    "What `make validate` measured; written by it, not by hand. `make test` holds a small\n"
    "fixed-seed slice of each check.\n"
)


def _markdown(table: pd.DataFrame) -> str:
    text = table.round(4).astype(object).where(table.notna(), "").astype(str)
    rows = [table.columns, ["---"] * table.shape[1], *text.itertuples(index=False)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _sections(text: str) -> dict[str, str]:
    parts = text.split("\n## ")[1:]
    return {part.split("\n", 1)[0].strip(): part.split("\n", 1)[1].strip() for part in parts}


def _versions() -> str:
    packages = ", ".join(f"{name} {version(name)}" for name in SHOWN)
    return f"cohabit {cohabit.__version__}, Python {platform.python_version()}, {packages}"


if __name__ == "__main__":
    main()
