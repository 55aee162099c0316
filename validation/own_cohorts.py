"""Sixty cohorts that lack or twist something, as other people's cohorts do.

Every notebook that reads a cohort runs its cells on each: it has to reach its end, or to stop
with a word on what the cohort lacks. No table it leaves may hold a number about a column that
nobody recorded. The cohorts are small, of few features, and read from disk like any other.
"""

import contextlib
import dataclasses
import io
import json
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from cohabit.compute.fingerprint import hash_folder
from cohabit.data import schema
from cohabit.data.cohort import Cohort
from cohabit.files import paths
from cohabit.files.storage import write_cohort
from cohabit.run.graph import discover
from validation.notebooks import conclude as conclude_trials
from validation.notebooks import keep_people, simulate, without_partners
from validation.notebooks import summarise as summarise_trials

TITLE = "Cohorts of other people"
SEED, PAIRS = 91_000, 30
NUMBERS = ("03", "04", "05", "06", "07", "08", "09", "10", "11", "12", "16")
FEATURES = {"shotgun": 50, "16s": 70}
QUICK = {"n_permutations": 19, "n_bootstrap": 50, "n_groups": 10, "sizes": [12, 20], "n_homes": 10}
COVARIATES = ("sex", "age", "bmi", "site")
CLINICAL = [name for name in schema.ONLY_PATIENTS if name != "treatment"]
SPOKEN = {
    "sex": ("sex", "women", "female - male", "sex[female]"),
    "age": ("age", "per unit of age"),
    "bmi": ("bmi", "BMI", "per unit of bmi"),
    "site": ("site",),
}
"""Column -> names of rows that would be about it."""

ELSEWHERE = ("12", "16")
"""Notebooks whose tables speak of what visits recorded, or of simulated studies."""

Change = Callable[[Cohort], Cohort]


def small(n_pairs: int = PAIRS) -> Cohort:
    """Return a cohort of few features that counts as real: no design, no truth."""
    cohort = simulate(n_pairs, SEED)
    features = {}
    for assay, table in cohort.features.items():
        total = pd.Series(np.asarray(table.sum("observation")).ravel(), table.ids("observation"))
        kept = set(total.sort_values(ascending=False).index[: FEATURES[assay]])
        features[assay] = table.filter(kept, axis="observation", inplace=False)
    few = {"pathways": cohort.pathways.iloc[:, :40], "tree": None, "truth": None}
    provenance = {"simulated": False, "name": "small", "case": "epilepsy"}
    return dataclasses.replace(cohort, features=features, provenance=provenance, **few)


def people(change: Callable[[pd.DataFrame], pd.DataFrame]) -> Change:
    """Return a change of the participants alone."""

    def apply(cohort: Cohort) -> Cohort:
        table = change(cohort.participants.copy())
        return dataclasses.replace(cohort, participants=schema.order_levels(table))

    return apply


def blank(column: str, share: float) -> Change:
    """Return a change that forgets a column of a share of the people."""

    def forget(table: pd.DataFrame) -> pd.DataFrame:
        chosen = np.random.default_rng(SEED).random(len(table)) < share
        return table.assign(**{column: table[column].astype(object).mask(chosen, None)})

    return people(forget)


def assign(**columns: object) -> Change:
    """Return a change that sets columns, given as values or functions of the participants."""
    return people(lambda table: table.assign(**columns))


def drop(*columns: str) -> Change:
    """Return a change that leaves columns out."""
    return people(lambda table: table.drop(columns=[c for c in columns if c in table]))


def declare(**model: object) -> Change:
    """Return a change that declares a model, as ``[model]`` in a mapping does."""
    return lambda cohort: dataclasses.replace(
        cohort, provenance={**cohort.provenance, "model": model}
    )


def home_number(table: pd.DataFrame) -> np.ndarray:
    """Return each person's household as a number from 0."""
    return pd.factorize(table["household_id"])[0]


def by_group(case: object, control: object) -> Callable[[pd.DataFrame], np.ndarray]:
    """Return one value for cases and another for controls."""
    return lambda table: np.where(table["group"] == "MS", case, control)


def of_cases(levels: list[str]) -> Callable[[pd.DataFrame], pd.Series]:
    """Return levels in turn for the cases, nothing for controls."""

    def choose(table: pd.DataFrame) -> pd.Series:
        chosen = pd.Series(np.array(levels, dtype=object)[home_number(table) % len(levels)])
        return chosen.set_axis(table.index).where(table["group"] == "MS", None)

    return choose


def _first_pairs(n_pairs: int) -> Change:
    return lambda cohort: keep_people(
        cohort, cohort.participants.index[home_number(cohort.participants) < n_pairs]
    )


def _in_threes(table: pd.DataFrame) -> pd.DataFrame:
    """Join homes two by two: families of four, with two cases each."""
    return table.assign(household_id=[f"F{number // 2:03d}" for number in home_number(table)])


def _shallow(cohort: Cohort) -> Cohort:
    table = cohort.features["16s"].copy()
    table.transform(lambda values, *_: np.floor(values / 20), inplace=True)
    return dataclasses.replace(cohort, features={"16s": table}).without("pathways")


def _other_visits(cohort: Cohort) -> Cohort:
    """Move every second library to month 6: two visits of the same people."""
    samples = cohort.samples.copy()
    again = samples.groupby(["participant_id", "assay"]).cumcount() % 2 == 1
    samples["visit"] = np.where(again, 6, 0)
    return dataclasses.replace(cohort, samples=samples)


def _items(cohort: Cohort) -> Cohort:
    diet = cohort.diet.iloc[:, 1:4].set_axis(["kibble", "raw_meat", "vegetables"], axis=1)
    return dataclasses.replace(cohort, diet=diet)


def _other_molecules(cohort: Cohort) -> Cohort:
    names = [f"stool:compound {number}" for number in range(12)]
    metabolites = cohort.metabolites.iloc[:, :12].set_axis(names, axis=1)
    return dataclasses.replace(cohort, metabolites=np.log1p(metabolites.abs()))


def _without_lineages(cohort: Cohort) -> Cohort:
    table = cohort.features["16s"].copy()
    for record in table.metadata(axis="observation"):
        record["taxonomy"] = [schema.UNCLASSIFIED] * len(record["taxonomy"])
    return dataclasses.replace(cohort, features={"16s": table}).without("pathways")


MOLECULES = ("diet", "metabolites", "pathways", "blood", "visits")
BARE = ("shotgun", *MOLECULES)


def _leave(*parts: str) -> Change:
    return lambda cohort: cohort.without(*parts)


COHORTS: dict[str, tuple[Change, ...]] = {
    "as it is": (),
    **{f"no {name}": (drop(name, *(["country"] * (name == "site"))),) for name in COVARIATES},
    **{f"{name} of some unknown": (blank(name, 0.07),) for name in COVARIATES},
    **{f"{name} of half unknown": (blank(name, 0.5),) for name in COVARIATES},
    **{
        f"{name} the same for all": (assign(**{name: value}),)
        for name, value in zip(COVARIATES, ("female", 40.0, 24.0, "Here"), strict=True)
    },
    "no covariate": (drop(*COVARIATES, "country"),),
    "household and group alone": (people(lambda table: table[["household_id", "group"]]),),
    "every covariate of some unknown": tuple(blank(name, 0.05) for name in COVARIATES),
    "cases women, partners men": (assign(sex=by_group("female", "male")),),
    "site tells the group": (assign(site=by_group("Clinic", "Home")),),
    "22 sites": (
        assign(site=lambda table: [f"Town {n % 22:02d}" for n in home_number(table)]),
        drop("country"),
    ),
    "a site for each home": (assign(site=lambda table: table["household_id"]), drop("country")),
    "sites with long names": (
        assign(site=lambda table: np.where(home_number(table) % 2, "Zürich, " * 6, "Łódź")),
        drop("country"),
    ),
    "sites coded 1 to 4": (assign(site=lambda table: home_number(table) % 4 + 1), drop("country")),
    "treatments of other names": (
        assign(treatment=of_cases(["untreated", "diet", "KBr", "surgery"])),
    ),
    "no treatment": (drop("treatment"),),
    "everybody treated": (assign(treatment=of_cases(["valproate"])),),
    "nobody treated": (assign(treatment=of_cases(["untreated"])),),
    "ten courses": (assign(course=of_cases([f"type {n}" for n in range(10)])),),
    "no clinic": (drop(*CLINICAL, "treatment"),),
    "scores of half the cases": (blank("edss", 0.5), blank("msss", 0.5)),
    "three groups": (
        assign(diagnosis=of_cases(["focal", "generalised"])),
        assign(diagnosis=lambda table: table["diagnosis"].fillna("healthy")),
        declare(contrasts=["diagnosis"], reference={"diagnosis": "healthy"}),
    ),
    "a dose": (
        assign(dose=lambda table: (home_number(table) * 7 % 11).astype(float)),
        declare(contrasts=["dose"]),
    ),
    "time and group": (_other_visits, declare(contrasts=["group:visit"])),
    "two visits": (_other_visits,),
    "own covariates": (
        assign(breed=lambda table: np.array(["a", "b", "c"])[np.arange(len(table)) % 3]),
        declare(covariates=["age", "breed"]),
    ),
    "no covariate declared": (declare(covariates=[]),),
    "zygosity": (
        assign(zygosity=lambda table: np.where(home_number(table) % 2, "MZ", "DZ")),
        assign(group="control"),
        drop(*schema.ONLY_PATIENTS),
    ),
    "no case": (assign(group="control"), drop(*schema.ONLY_PATIENTS)),
    "two cases in a home": (people(_in_threes),),
    "people who live alone": (without_partners,),
    "13 pairs": (_first_pairs(13),),
    "6 pairs": (_first_pairs(6),),
    "3 pairs": (_first_pairs(3),),
    "16S alone": (_leave(*BARE),),
    "16S alone, no covariate": (_leave(*BARE), drop(*COVARIATES, "country")),
    "16S of few reads": (_shallow,),
    "16S without lineages": (_without_lineages,),
    "shotgun alone": (_leave("16s", *MOLECULES),),
    "no diet": (_leave("diet"),),
    "diet without the index": (_items,),
    "no pathways": (_leave("pathways"),),
    "no metabolites": (_leave("metabolites"),),
    "molecules of other names": (_other_molecules,),
    "no visits": (_leave("visits"),),
    "another word for the case": (
        lambda cohort: dataclasses.replace(
            cohort, provenance={**cohort.provenance, "case": "epilepsia <grave>"}
        ),
    ),
    "numbers as ids": (
        assign(household_id=lambda table: [str(n + 1) for n in home_number(table)]),
    ),
    "a column of everybody's notes": (
        assign(notes=lambda table: [f"note {n}, {n}" for n in range(len(table))]),
    ),
    "a kept column of one level": (assign(country_of_birth="Chile"),),
    "smoking unknown": (drop("smoking", "education"),),
}
"""Name -> changes of a small cohort."""


def make(name: str) -> Cohort:
    """Return the cohort of a name."""
    cohort = small()
    for change in COHORTS[name]:
        cohort = change(cohort)
    return cohort


def parts() -> list[str]:
    """Return the cohorts by plain names."""
    return [name.replace(" ", "-").replace(",", "") for name in COHORTS]


def state() -> str:
    """Return what a trial depends on beside the library: the notebooks."""
    return str(hash_folder(paths.notebooks()))


def measure(part: str) -> pd.DataFrame:
    """Return how each notebook fared on one cohort, and numbers about what nobody recorded."""
    (name,) = (name for name, plain in zip(COHORTS, parts(), strict=True) if plain == part)
    return try_cohort(make(name)).assign(cohort=name)


def try_cohort(cohort: Cohort, numbers: tuple[str, ...] = NUMBERS) -> pd.DataFrame:
    """Run the cells of some notebooks on a cohort; return number, status and reason."""
    rows = []
    with tempfile.TemporaryDirectory(prefix="cohabit-own-") as folder:
        place = write_cohort(cohort, Path(folder) / "cohort")
        for number, notebook in discover(paths.notebooks()).items():
            if number in numbers:
                given = {"cohort_dir": str(place), "run_dir": str(Path(folder) / "run")}
                rows.append((number, *run_cells(notebook.path, QUICK | given)))
        strange = list(find_unmeasured(Path(folder) / "run" / "tables", cohort))
    rows += [("tables", "failed", told) for told in strange]
    return pd.DataFrame(rows, columns=["notebook", "status", "reason"])


def run_cells(source: Path, values: dict[str, object]) -> tuple[str, str]:
    """Run a notebook's cells in this process; return done, skipped or failed, and why."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    cells = json.loads(source.read_text(encoding="utf-8"))["cells"]
    names: dict[str, object] = {"__name__": "__main__"}
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            for cell in [cell for cell in cells if cell["cell_type"] == "code"]:
                exec(compile("".join(cell["source"]), source.name, "exec"), names)
                if "parameters" in cell["metadata"].get("tags", []):
                    names |= {name: value for name, value in values.items() if name in names}
    except schema.MissingInput as error:
        return "skipped", str(error)
    except Exception as error:
        return "failed", f"{type(error).__name__}: {error}"
    finally:
        plt.close("all")
    return "done", ""


def find_unmeasured(tables: Path, cohort: Cohort) -> Iterator[str]:
    """Yield rows of tables with a number about a covariate that no model can hold fixed."""
    absent = [name for name in COVARIATES if name not in cohort.participants]
    spoken = {word for name in absent for word in SPOKEN[name]}
    written = [path for path in tables.glob("*.tsv") if path.name[:2] not in ELSEWHERE]
    for path in sorted(written):
        table = pd.read_csv(path, sep="\t")
        texts = table.select_dtypes(object)
        about = texts.isin(spoken).any(axis=1)
        numbers = table.select_dtypes("number").notna().any(axis=1)
        for row in table.index[about & numbers]:
            yield f"{path.name}: {', '.join(map(str, table.loc[row].tolist()[:4]))}"


def summarise(measured: pd.DataFrame) -> pd.DataFrame:
    """Return one row a cohort: how many notebooks ended, and which were skipped or failed."""
    return summarise_trials(measured)


def conclude(summary: pd.DataFrame) -> str:
    """Say how many cohorts every notebook could take."""
    return f"{conclude_trials(summary)} A number about what was not measured counts as a failure."
