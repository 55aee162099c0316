"""The clinical variables: course, treatment, onset, disability, severity, relapses.

Every function takes a table with the columns it depends on and returns its own variable, which is
missing for controls.
"""

from collections.abc import Mapping
from functools import cache

import numpy as np
import pandas as pd
from scipy.special import gammainc, gammaincinv, ndtr, ndtri

from cohabit.data import schema
from cohabit.simulate.design import StudyDesign
from cohabit.simulate.dice import Dice
from cohabit.simulate.template import read_courses, read_sites, read_template

EDSS_STEPS = (0.0, *np.arange(1.0, 9.5, 0.5))  # the scale has no 0.5
PATIENT_AGES = (22, 78)  # years, youngest and oldest patient
UNSEEN = 1e-3  # weight of all sites' cells beside a site's own, where courses are asked for
YOUNGEST_ONSET = 10  # years; nobody in the released data was younger than this by much


def draw_course_and_treatment(
    people: pd.DataFrame, dice: Dice, design: StudyDesign
) -> pd.DataFrame:
    """Draw course and treatment together, filling each site's quotas.

    The number of patients in each cell of course by treatment differs by less than one from its
    expectation at the site; who falls into which cell is random. Every cohort thus reproduces both
    released margins and their confounding with site.
    """
    place = dice.quotas("course_and_treatment")
    drawn = pd.DataFrame(None, people.index, ["course", "treatment"], dtype=object)
    for site, cells in _cells_of(design).items():
        here = ((people["group"] == "MS") & (people["site"] == site)).to_numpy()
        chosen = np.searchsorted(cells["cumulative"], place[here], side="right")
        chosen = np.minimum(chosen, len(cells) - 1)
        for column in drawn:
            drawn.loc[here, column] = cells[column].to_numpy()[chosen]
    return drawn


def _cells_of(design: StudyDesign) -> dict[str, pd.DataFrame]:
    """Return the course by treatment cells of each site, as released or as in the design."""
    released, courses = _cells(), design.course_shares
    asked = {site: design.treated_share.get(site) for site in released}
    changed = [site for site in released if courses or asked[site] is not None]
    return released | {site: _ask(released[site], asked[site], courses) for site in changed}


def _ask(cells: pd.DataFrame, treated: float | None, courses: Mapping[str, float]) -> pd.DataFrame:
    """Return a site's cells with other shares of treated or courses but the same odds ratio."""
    share = cells["share"].to_numpy(copy=True)
    if courses:  # a site may have released no patient of some course
        share += UNSEEN * np.mean([other["share"] for other in _cells().values()], axis=0)
    given = np.where(cells["treatment"] == "untreated", "no", "yes")
    wanted = [] if treated is None else [(given, {"no": 1 - treated, "yes": treated})]
    wanted += [(cells["course"].to_numpy(), courses)] if courses else []
    for _ in range(200 if len(wanted) > 1 else 1):
        for kind, shares in wanted:
            for name in np.unique(kind):
                total = share[kind == name].sum()
                share[kind == name] *= shares.get(name, 0.0) / total if total > 0 else 0.0
    cells = cells.assign(share=share / share.sum())
    cells = cells.iloc[np.argsort(given, kind="stable")]  # untreated first: their number is exact
    return cells.assign(cumulative=cells["share"].cumsum())


@cache
def _cells() -> dict[str, pd.DataFrame]:
    """Return each site's course by treatment cells with cumulative shares."""
    cells = fit_course_and_treatment()
    cells["cumulative"] = cells.groupby("site")["share"].cumsum()
    return dict(list(cells.groupby("site", sort=False)))


def fit_course_and_treatment() -> pd.DataFrame:
    """Return the joint shares of site, course and treatment, which add up to 1 at each site.

    Iterative proportional fitting of the released margins treatment by site, treatment by
    course and course by site: no interaction beyond these three.
    """
    by_course = _margin("people_course_by_site", "site", "course")
    by_treatment = _margin("people_treatment_by_site", "site", "treatment")
    both = _margin("people_treatment_by_course", "course", "treatment")
    cells = np.ones((len(schema.SITE_COUNTRY), len(schema.COURSES), len(schema.TREATMENTS)))
    for _ in range(500):
        cells *= _ratio(both[None], cells.sum(axis=0, keepdims=True))
        cells *= _ratio(by_treatment[:, None], cells.sum(axis=1, keepdims=True))
        cells *= _ratio(by_course[:, :, None], cells.sum(axis=2, keepdims=True))
    shares = cells / cells.sum(axis=(1, 2), keepdims=True)
    levels = [list(schema.SITE_COUNTRY), schema.COURSES, schema.TREATMENTS]
    index = pd.MultiIndex.from_product(levels, names=["site", "course", "treatment"])
    return pd.Series(shares.ravel(), index, name="share").reset_index()


def _margin(name: str, row: str, column: str) -> np.ndarray:
    table = read_template(name)
    table["patients"] = table["share"] * table["row_total"]
    levels = {"site": list(schema.SITE_COUNTRY), **schema.LEVELS}
    margin = table.pivot(index=row, columns=column, values="patients")
    return margin.loc[list(levels[row]), list(levels[column])].to_numpy()


def _ratio(wanted: np.ndarray, present: np.ndarray) -> np.ndarray:
    return np.divide(wanted, present, out=np.zeros(present.shape), where=present > 0)


def draw_duration(people: pd.DataFrame, dice: Dice, _: StudyDesign) -> pd.Series:
    """Draw whole years since onset: truncated gamma by course, correlated with age."""
    table = read_courses()
    course = people["course"].dropna()
    age = people.loc[course.index, "age"].to_numpy(dtype=float)
    row = table.loc[course]
    shape = row["duration_shape"].to_numpy()
    scale = row["duration_mean"].to_numpy() / shape
    r = row["age_duration_r"].to_numpy()
    site = read_sites()["duration_offset"]
    centre = r * (age - row["age_mean"].to_numpy()) / row["age_sd"].to_numpy()
    centre = centre + people.loc[course.index, "site"].map(site).to_numpy(dtype=float)
    spread = np.sqrt(1 - r**2)
    longest = ndtri(np.minimum(gammainc(shape, (age - YOUNGEST_ONSET) / scale), 1 - 1e-12))
    ceiling = ndtr((longest - centre) / spread)
    u = dice.uniforms("duration", per="household")[people["course"].notna()]
    z = centre + spread * ndtri(np.maximum(u * ceiling, 1e-300))
    years = np.floor(scale * gammaincinv(shape, ndtr(z)))
    return pd.Series(years, course.index).reindex(people.index)


def draw_onset_age(people: pd.DataFrame, _: Dice, __: StudyDesign) -> pd.Series:
    """Return the age at onset: age minus duration."""
    return people["age"] - people["duration"]


def draw_edss(people: pd.DataFrame, dice: Dice, _: StudyDesign) -> pd.Series:
    """Draw the EDSS by an ordered probit model of course, age and other variables."""
    patients = people[people["course"].notna()]
    terms = read_template("people_edss_terms").set_index("term")["coefficient"]
    score = (
        patients["course"].map(terms).astype(float)
        + patients["site"].map(terms).astype(float)
        + terms["age_decade"] * (patients["age"] - 50) / 10
        + terms["duration_decade"] * (patients["duration"] - 14) / 10
        + terms["treated"] * (patients["treatment"] != "untreated")
    )
    noise = dice.normals("edss", per="household")[people["course"].notna()]
    thresholds = read_template("people_edss_steps")["upper"].to_numpy()[:-1]
    step = np.searchsorted(thresholds, score.to_numpy() + noise, side="right")
    return pd.Series(np.array(EDSS_STEPS)[step], patients.index).reindex(people.index)


def draw_msss(people: pd.DataFrame, _: Dice, __: StudyDesign) -> pd.Series:
    """Return MSSS: the rank of the patient's EDSS among patients of the same duration.

    Roxburgh's rule on a reference population that the package ships as a table
    (made by ``calibration/severity.py``).
    """
    patients = people[people["duration"].notna()]
    reference = _severity_reference()
    years = np.clip(patients["duration"].to_numpy().astype(int), 0, len(reference) - 1)
    step = np.searchsorted(EDSS_STEPS, patients["edss"].to_numpy())
    return pd.Series(reference[years, step], patients.index).reindex(people.index)


@cache
def _severity_reference() -> np.ndarray:
    """Return MSSS by duration in years (rows) and EDSS step (columns)."""
    return read_template("people_msss").set_index("duration").to_numpy(dtype=float)


def draw_relapses(people: pd.DataFrame, dice: Dice, _: StudyDesign) -> pd.Series:
    """Draw recorded relapses: negative binomial with a mean by course and BMI."""
    patients = people[people["course"].notna()]
    mean = read_courses().loc[patients["course"], "relapse_mean"].to_numpy()
    mean = mean * np.exp(0.02 * (patients["bmi"].to_numpy() - 25))
    u = dice.uniforms("relapses", per="household")[people["course"].notna()]
    return pd.Series(count_quantile(u, mean, 0.5), patients.index).reindex(people.index)


def count_quantile(u: np.ndarray, mean: np.ndarray, size: float, largest: int = 12) -> np.ndarray:
    """Return negative binomial quantiles at probabilities `u`; `size` is the gamma shape."""
    stays = size / (size + mean)
    probability = stays**size
    cumulative, count = probability.copy(), np.zeros_like(u)
    for k in range(1, largest + 1):
        count += u > cumulative
        probability = probability * (size + k - 1) / k * (1 - stays)
        cumulative = cumulative + probability
    return count
