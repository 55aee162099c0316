"""What a notebook hands on: tables, figures, estimates; written whole or not at all."""

import json
import os
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from cohabit.data.cohort import Cohort
from cohabit.files import paths, privacy
from cohabit.files.storage import read_cohort, write_atomically, write_table

ESTIMATE_COLUMNS = ("claim_id", "estimate", "low", "high", "p_value", "n", "note")
OUTPUT_VARIABLE = "COHABIT_OUTPUT_DIR"


@dataclass
class Run:
    """One notebook's place in a run: it reads from the run and writes its own files."""

    folder: Path
    """The run: what finished notebooks left."""

    output: Path
    """Where this notebook writes; the runner gives each attempt a folder of its own."""

    notebook: str
    seed: int
    about_people: bool = False
    """Whether a cohort of real people was read through this run: counts of few are marked."""

    def read_cohort(self, folder: str | os.PathLike) -> Cohort:
        """Read a cohort, from the repository root; `cohabit.files.storage.read_cohort` says more.

        From a cohort of real people on, counts of few of them are marked in every table that
        this run writes and that the notebook shows.
        """
        cohort = read_cohort(paths.from_root(folder))
        if not cohort.simulated:
            self.about_people = True
            _mark_displays()
        return cohort

    def write_table(self, table: pd.DataFrame, name: str, *, index: bool = False) -> Path:
        """Write `tables/NN_name.tsv`; about real people, with cells about few of them marked."""
        path = self.output / "tables" / f"{self.notebook}_{name}.tsv"
        with write_atomically(path) as scratch:
            write_table(self._marked(table), scratch, index=index)
        return path

    def _marked(self, table: pd.DataFrame) -> pd.DataFrame:
        return privacy.mark_rows(table) if self.about_people else table

    def write_figure(self, figure, name: str, *, alt: str) -> Path:
        """Write `figures/NN_name.png` and, beside it, the words for who cannot see it; show it.

        Parameters
        ----------
        figure : matplotlib Figure
        name : str
        alt : str
            What the figure shows of the study's world, in one or two sentences; not empty. The
            second line of the text says what is drawn, which holds of any cohort.
        """
        from cohabit.figures.show import show_saved  # whoever draws has matplotlib
        from cohabit.figures.words import describe_figure

        if not alt.strip():
            raise ValueError(f"figure {name!r}: expected an alternative text; got none")
        path = self.output / "figures" / f"{self.notebook}_{name}.png"
        drawn = describe_figure(figure)
        with write_atomically(path) as scratch:
            figure.savefig(scratch, metadata={"Description": drawn, "Software": None})
        with write_atomically(path.with_suffix(".txt")) as scratch:
            scratch.write_text(f"{' '.join(alt.split())}\n{drawn}\n", encoding="utf-8")
        show_saved(figure, path, drawn)
        return path

    def write_estimates(self, estimates: pd.DataFrame) -> Path:
        """Write `tables/NN_estimates.tsv`: one row a claim, joined by the recovery notebook.

        Raises
        ------
        ValueError
            When a column of `ESTIMATE_COLUMNS` is missing or strange, or a claim repeats.
        """
        strange = set(estimates.columns) ^ set(ESTIMATE_COLUMNS)
        if strange:
            raise ValueError(
                f"estimates: expected the columns {', '.join(ESTIMATE_COLUMNS)}; "
                f"missing or unknown: {', '.join(sorted(strange))}"
            )
        repeated = estimates["claim_id"][estimates["claim_id"].duplicated()]
        if len(repeated):
            raise ValueError(f"estimates: claim_id must be unique; repeated: {[*repeated]}")
        return self.write_table(estimates[list(ESTIMATE_COLUMNS)], "estimates")

    def write_scorecard(self, table: pd.DataFrame, name: str) -> Path:
        """Write `name`.tsv at the top of the run, for example `claims.tsv`."""
        path = self.output / f"{name}.tsv"
        with write_atomically(path) as scratch:
            write_table(self._marked(table), scratch, index=False)
        return path

    def write_skip(self, reason: str) -> Path:
        """Say that this notebook could not run on this cohort, and which file it lacks."""
        path = self.output / "tables" / f"{self.notebook}_skipped.json"
        with write_atomically(path) as scratch:
            scratch.write_text(json.dumps({"skipped": reason}) + "\n", encoding="utf-8")
        return path

    def read_table(self, notebook: str, name: str) -> pd.DataFrame:
        """Read a table that another notebook of this run wrote."""
        path = self.folder / "tables" / f"{notebook}_{name}.tsv"
        if not path.exists():
            raise FileNotFoundError(
                f"{path} is not there; run notebook {notebook} into this run first"
            )
        return pd.read_csv(path, sep="\t")

    def read_estimates(self) -> pd.DataFrame:
        """Read the estimates of all notebooks that finished, with the notebook's number."""
        found = sorted((self.folder / "tables").glob("*_estimates.tsv"))
        parts = [
            pd.read_csv(path, sep="\t").assign(notebook=path.name.split("_")[0]) for path in found
        ]
        columns = [*ESTIMATE_COLUMNS, "notebook"]
        return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)


def _mark_displays() -> None:
    from IPython import get_ipython  # slow, and there wherever a notebook runs

    shell = get_ipython()
    if shell is not None:
        privacy.mark_displays(shell.display_formatter)


def open_run(run_dir: str | os.PathLike, *, notebook: str, seed: int) -> Run:
    """Open a run for one notebook.

    Parameters
    ----------
    run_dir : path
        The run's folder, from the repository root; made when missing.
    notebook : str
        The notebook's number, for example ``"07"``; it prefixes the files written.
    seed : int
        The notebook's seed.
    """
    folder = paths.from_root(run_dir)
    output = Path(os.environ.get(OUTPUT_VARIABLE) or folder)
    output.mkdir(parents=True, exist_ok=True)
    return Run(folder, output, notebook, seed)


def estimate_row(
    claim_id: str,
    estimate: float,
    low: float,
    high: float,
    *,
    p_value: float = float("nan"),
    n: int,
    note: str = "",
) -> dict:
    """Return one row for `Run.write_estimates`; `low` and `high` bound the 95% interval."""
    values = (claim_id, estimate, low, high, p_value, n, note)
    return dict(zip(ESTIMATE_COLUMNS, values, strict=True))


def read_reference(name: str) -> pd.DataFrame:
    """Read a table of published figures, ``data/reference/<name>.tsv``.

    Empty text stays empty; numbers that nobody published are missing.
    """
    path = paths.reference(f"{name}.tsv")
    text = {"notebook": str, "claim_id": str}
    return pd.read_csv(path, sep="\t", dtype=text, keep_default_na=False, na_values=["NA"])
