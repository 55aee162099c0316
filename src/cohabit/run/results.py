"""A notebook's results: tables, figures and estimates, written atomically."""

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from cohabit.data.cohort import Cohort
from cohabit.data.resolution import Resolution
from cohabit.files import paths, privacy
from cohabit.files.storage import read_cohort, write_atomically, write_table
from cohabit.judge import claims
from cohabit.run.profiles import FIGURES_VARIABLE, check_running

ESTIMATE_COLUMNS = ("claim_id", "estimate", "low", "high", "p_value", "n", "note")
OUTPUT_VARIABLE = "COHABIT_OUTPUT_DIR"


@dataclass
class Run:
    """One notebook's access to a run: it reads from the run and writes its own files."""

    folder: Path
    """Folder of the run with the output of finished notebooks."""

    output: Path
    """Folder for this notebook's output; the runner gives each attempt its own."""

    notebook: str
    seed: int
    about_people: bool = False
    """True once a cohort of real people has been read, whose small counts are marked."""

    case: str = "MS"
    """What figures call the cases."""

    _estimates: list[pd.DataFrame] = field(default_factory=list, repr=False, compare=False)

    def read_cohort(self, folder: str | os.PathLike) -> Cohort:
        """Read a cohort, given from the repository root; see `cohabit.files.storage.read_cohort`.

        Once the cohort of real people has been read, small counts are marked in every table that
        this run writes and that the notebook shows.
        """
        cohort = read_cohort(paths.from_root(folder))
        if not cohort.simulated:
            self.about_people = True
            _mark_displays()
            self.case = cohort.case
            if cohort.case != "MS":
                print(f"MS stands for {cohort.case} in tables; figures say {cohort.case}.")
        return cohort

    def write_table(self, table: pd.DataFrame, name: str, *, index: bool = False) -> Path:
        """Write `tables/NN_name.tsv`, with small counts of real people marked."""
        path = self.output / "tables" / f"{self.notebook}_{name}.tsv"
        with write_atomically(path) as scratch:
            write_table(self._marked(table), scratch, index=index)
        return path

    def _marked(self, table: pd.DataFrame) -> pd.DataFrame:
        return privacy.mark_rows(table) if self.about_people else table

    def write_figure(self, figure, name: str, *, alt: str = "") -> Path:
        """Write `figures/NN_name.png` and its alternative text, and show the figure.

        `cohabit run --figures svg,pdf` has these formats written beside it.

        Parameters
        ----------
        figure : matplotlib Figure
        name : str
        alt : str
            What kind of picture it is, where its axes do not say so; never what it shows of one
            cohort. What is drawn is told from the figure itself.
        """
        from cohabit.figures.style import save_vector  # whoever draws has matplotlib
        from cohabit.figures.words import describe_figure, rename_cases

        if self.case != "MS":
            rename_cases(figure, self.case)
        path = self.output / "figures" / f"{self.notebook}_{name}.png"
        if self.about_people:
            privacy.mark_figure(figure)
        words = " ".join([*alt.split(), describe_figure(figure)])
        words = privacy.mark_words(words) if self.about_people else words
        with write_atomically(path) as scratch:
            figure.savefig(scratch, metadata={"Description": words, "Software": None})
        with write_atomically(path.with_suffix(".txt")) as scratch:
            scratch.write_text(words + "\n", encoding="utf-8")
        for kind in filter(None, os.environ.get(FIGURES_VARIABLE, "").split(",")):
            with write_atomically(path.with_suffix(f".{kind}")) as scratch:
                save_vector(figure, scratch)
        _show_saved(figure, path, words)
        return path

    def estimate(
        self,
        claim_id: str,
        estimate: float,
        low: float,
        high: float,
        *,
        p_value: float = float("nan"),
        n: int,
        note: str = "",
        resolution: Resolution | None = None,
    ) -> None:
        """Add the estimate of one claim to `tables/NN_estimates.tsv`.

        Parameters
        ----------
        claim_id : str
            As in ``data/reference/claims.tsv``.
        estimate, low, high : float
            The estimate and the ends of its 95% interval.
        p_value : float
        n : int
            Number of people, households or other units of the estimate.
        note : str
        resolution : Resolution, optional
            As in `estimate_table`.
        """
        values = (claim_id, estimate, low, high, p_value, n, note)
        row = dict(zip(ESTIMATE_COLUMNS, values, strict=True))
        self.estimate_table(pd.DataFrame([row]), resolution=resolution)

    def estimate_claims(
        self,
        results: pd.DataFrame,
        prefix: str,
        *,
        by_contrast: bool = False,
        resolution: Resolution | None = None,
    ) -> pd.DataFrame:
        """Add and return estimates of the claims whose id is a prefix followed by a name.

        Parameters
        ----------
        results : DataFrame, one row per feature
            As for `claims.estimates_for`, which finds the feature of each claim.
        prefix : str
            For example ``"07.untreated."``.
        by_contrast : bool
            Whether the results are of several contrasts, as for `claims.match_estimates`.
        resolution : Resolution, optional
            As in `estimate_table`.
        """
        published = read_reference("claims")
        asked = published[published["claim_id"].str.rpartition(".")[0] + "." == prefix]
        if by_contrast:
            found = claims.match_estimates(asked, results, self.notebook)
        else:
            found = claims.estimates_for(asked, results, prefix)
        return self.estimate_table(found, resolution=resolution)

    def estimate_table(
        self, estimates: pd.DataFrame, *, resolution: Resolution | None = None
    ) -> pd.DataFrame:
        """Add and return estimates, one row per claim, in `tables/NN_estimates.tsv`.

        A claim that is estimated again, in a cell run twice, has its last estimate.

        Parameters
        ----------
        estimates : DataFrame
            claim_id, estimate, low, high, and `n` or `n_pairs`; p_value and note where there are
            any. Other columns are left out.
        resolution : Resolution, optional
            The cohort's, where the claims are about species: a cohort without species leaves
            their numbers empty.

        Raises
        ------
        ValueError
            When a column is missing or a claim repeats in the table.
        """
        added = estimates if "n" in estimates else estimates.rename(columns={"n_pairs": "n"})
        absent = {"p_value": float("nan"), "note": ""}
        added = added.assign(**{name: absent[name] for name in absent if name not in added})
        missing = [name for name in ESTIMATE_COLUMNS if name not in added]
        if missing:
            raise ValueError(f"estimates: the columns {', '.join(missing)} are missing")
        added = added[list(ESTIMATE_COLUMNS)]
        added = resolution.species_only(added) if resolution else added
        repeated = added["claim_id"][added["claim_id"].duplicated()]
        if len(repeated):
            raise ValueError(f"estimates: claim_id must be unique; repeated: {[*repeated]}")
        earlier = [old[~old["claim_id"].isin(added["claim_id"])] for old in self._estimates]
        self._estimates[:] = [table for table in (*earlier, added) if len(table)]
        self.write_table(self.estimates, "estimates")
        return added

    @property
    def estimates(self) -> pd.DataFrame:
        """The estimates that this notebook has added."""
        if not self._estimates:
            return pd.DataFrame(columns=ESTIMATE_COLUMNS)
        return pd.concat(self._estimates, ignore_index=True)

    def write_scorecard(self, table: pd.DataFrame, name: str) -> Path:
        """Write `name`.tsv at the top of the run, for example `claims.tsv`."""
        path = self.output / f"{name}.tsv"
        with write_atomically(path) as scratch:
            write_table(self._marked(table), scratch, index=False)
        return path

    def read_table(self, notebook: str, name: str) -> pd.DataFrame:
        """Read a table written by another notebook of this run."""
        path = self.folder / "tables" / f"{notebook}_{name}.tsv"
        if not path.exists():
            raise FileNotFoundError(
                f"{path} does not exist; run notebook {notebook} into this run first"
            )
        return pd.read_csv(path, sep="\t")

    def read_estimates(self) -> pd.DataFrame:
        """Read the estimates of all finished notebooks, with the number of the notebook."""
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


def _show_saved(figure, path: Path, alt: str) -> None:
    """Show the saved picture where a cell would show the figure, and close the figure.

    Does nothing outside such a front end, or for figures that do not belong to pyplot, such as
    those of explorers.
    """
    import matplotlib
    from matplotlib import pyplot as plt

    shown = "inline" in matplotlib.get_backend()
    if not shown or getattr(figure, "number", None) not in plt.get_fignums():
        return
    from IPython.display import Image, display

    width, height = (round(side * figure.dpi) for side in figure.get_size_inches())
    display(Image(path.read_bytes(), format="png", width=width, height=height, alt=alt))
    plt.close(figure)


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

    Raises
    ------
    ValueError
        When a parameter of the notebook has a value that the runner would refuse.
    """
    namespace = sys._getframe(1).f_globals
    if "In" in namespace:  # of a kernel: plain papermill and a reader's own run are checked here
        check_running(notebook, namespace)
    folder = paths.from_root(run_dir)
    output = Path(os.environ.get(OUTPUT_VARIABLE) or folder)
    output.mkdir(parents=True, exist_ok=True)
    return Run(folder, output, notebook, seed)


def read_reference(name: str) -> pd.DataFrame:
    """Read a table of published figures, ``data/reference/<name>.tsv``.

    Empty text stays empty; unpublished numbers are missing.
    """
    path = paths.reference(f"{name}.tsv")
    text = {"notebook": str, "claim_id": str}
    return pd.read_csv(path, sep="\t", dtype=text, keep_default_na=False, na_values=["NA"])
