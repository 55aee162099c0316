"""What the notebooks' own estimators find on average: ``python -m validation.expected 8``.

Some claims are about a statistic that no single coefficient plants: a share of variance, a
difference in diversity, the accuracy of a prediction. For these the world's answer is what the
same notebook finds on average over cohorts of the `study` preset with other seeds. The means
are shipped as ``expected_estimates.tsv``; recovery shows them for cohorts of the same design.
"""

import gc
import json
import sys
import tempfile
from pathlib import Path
from unittest.mock import patch

import pandas as pd

from cohabit.files import paths
from cohabit.files.storage import write_atomically, write_cohort
from cohabit.run.results import Run, read_reference
from cohabit.simulate import StudyDesign, simulate_cohort

NOTEBOOKS = ("03", "04", "05", "06", "07", "08", "10", "11")
FIRST_SEED, COHORTS = 901, 8
SHIPPED = Path("src/cohabit/judge/expected_estimates.tsv")


def main() -> None:
    """Run the notebooks on cohorts of other seeds and write the means."""
    n_cohorts = int(sys.argv[1]) if sys.argv[1:] else COHORTS
    design = StudyDesign.preset("study")
    found = pd.concat(estimate(design, FIRST_SEED + place) for place in range(n_cohorts))
    write(average(found), design)


def estimate(design: StudyDesign, seed: int) -> pd.DataFrame:
    """Return the estimates of every notebook on one cohort; what is there is not run again."""
    run_dir = paths.root() / "results" / "expected" / str(seed)
    written = {number: run_dir / "tables" / f"{number}_estimates.tsv" for number in NOTEBOOKS}
    missing = [number for number, path in written.items() if not path.exists()]
    with tempfile.TemporaryDirectory(prefix="expected-") as scratch:
        folder = Path(scratch) / "cohort"
        if missing:
            write_cohort(simulate_cohort(design, seed).without("truth"), folder)
        for number in missing:
            run_notebook(number, folder, run_dir)
    print(f"seed {seed}", flush=True)
    return pd.concat(pd.read_csv(path, sep="\t") for path in written.values())


def run_notebook(number: str, cohort_dir: Path, run_dir: Path) -> None:
    """Execute a notebook's code without drawing; it writes its estimates."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    (path,) = paths.notebooks().glob(f"{number}_*.ipynb")
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    given = f"\ncohort_dir, run_dir = {str(cohort_dir)!r}, {str(run_dir)!r}\n"
    room: dict = {}
    with patch.object(Run, "write_figure", lambda *_, **__: None):
        for cell in cells:
            text = "".join(cell["source"])
            if cell["cell_type"] != "code" or text.startswith("check("):
                continue
            chosen = "parameters" in cell["metadata"].get("tags", [])
            exec(compile(text + given * chosen, path.name, "exec"), room)
    plt.close("all")
    room.clear()
    gc.collect()


def average(found: pd.DataFrame) -> pd.DataFrame:
    """Return mean, spread and number of cohorts of each claim that nothing else answers."""
    published = read_reference("claims")
    asked = published["claim_id"][published["truth_contrast"] == ""]
    chosen = found[found["claim_id"].isin(asked)].dropna(subset=["estimate"])
    by = chosen.groupby("claim_id")["estimate"]
    table = by.agg(value="mean", sd="std", cohorts="size").reset_index()
    return table.round({"value": 6, "sd": 6})


def write(table: pd.DataFrame, design: StudyDesign) -> None:
    """Write the table, its design in the first line."""
    header = f"# {json.dumps(design.to_dict(), sort_keys=True)}\n"
    body = table.to_csv(sep="\t", index=False, lineterminator="\n")
    with write_atomically(paths.root() / SHIPPED) as scratch:
        scratch.write_text(header + body, encoding="utf-8")


if __name__ == "__main__":
    main()
