"""Follow-up visits: habits, weight, therapy, relapses, lesions, disability, dropout, stool.

A year is a round of draws that depend on last year's state and on this year's earlier draws, as
listed in `template/dag.tsv` (stage followup). Columns called ``next_*`` are this year's.
"""

from collections.abc import Iterable, Iterator
from functools import cache

import numpy as np
import pandas as pd
from scipy.special import expit

from cohabit.simulate.clinic import EDSS_STEPS, count_quantile, fit_course_and_treatment
from cohabit.simulate.dag import run_draws
from cohabit.simulate.design import StudyDesign
from cohabit.simulate.dice import Dice
from cohabit.simulate.effects import COLUMNS_OF_EFFECTS
from cohabit.simulate.template import read_template

MONTHS = (0, 12, 24, 36)
OBESE = 30.0  # kg/m2
QUIT, RELAPSE_SMOKING = 0.10, 0.03  # chance a year to stop smoking, and to take it up again
HEI_MEAN, HEI_SD = 66.85, 10.4  # points, released data
DIET_STAYS = 0.85  # correlation of the diet's index from one year to the next
START, STOP, SWITCH, SWITCH_AFTER_RELAPSE = 0.10, 0.05, 0.06, 0.30  # chances a year
ANTIBIOTICS = 0.06  # chance of a course in the three months before a visit
STOOL_LOST = 0.08  # share of those who come whose sample is not there
_VISIT_COLUMNS = (
    *("participant_id", "visit", "treatment", "edss", "relapses"),
    *("new_lesions", "smoking", "bmi", "hei_total"),
)
_LATER_COLUMNS = ("months_on", "antibiotics")


def draw_visits(
    people: pd.DataFrame,
    dice: Dice,
    design: StudyDesign,
    *,
    diet: pd.DataFrame | None = None,
    butyrate: pd.DataFrame | None = None,
    everyone_stops_smoking: bool = False,
) -> pd.DataFrame:
    """Draw the visits at 0, 12, 24 and 36 months.

    Parameters
    ----------
    people : DataFrame, one row per person
        With true values; whose smoking is missing counts as no smoker.
    dice : Dice
    design : StudyDesign
        Its dial ``microbe_effect`` lets `butyrate` slow the following year's progression.
    diet : DataFrame, optional
        As drawn by `diet.draw_diet`; whose diet is unknown at baseline stays unknown.
    butyrate : DataFrame, people x months, optional
        Standardised level at each visit; columns 0, 12 and 24.
    everyone_stops_smoking : bool
        The counterfactual in which every smoker stops right after baseline.

    Returns
    -------
    DataFrame, one row per visit that took place
        Index visit_id (``SF-001-a-m12``); participant_id, visit (months), treatment, edss,
        relapses and new lesions since a year before, smoking, bmi, hei_total (points); with
        later stool also months_on (months since the therapy last changed, missing if it did
        not) and antibiotics (a course in the three months before). Clinical columns are
        missing for controls.
    """
    states = _live(people, dice, design, diet, butyrate, everyone_stops_smoking)
    return report_visits(states, design)


def follow_people(
    people: pd.DataFrame,
    dice: Dice,
    design: StudyDesign,
    *,
    diet: pd.DataFrame | None = None,
    butyrate: pd.DataFrame | None = None,
) -> list[tuple[int, pd.DataFrame]]:
    """Return the month of each visit with the state of everyone, present or not.

    Parameters as in `draw_visits`. A state has what the visits report and the truth behind it:
    `present`, `stool` (a sample is there), `antibiotics`, `months_on` (months since the therapy
    last changed; missing if it never did), `disability`.
    """
    return list(_live(people, dice, design, diet, butyrate, everyone_stops_smoking=False))


def report_visits(states: Iterable[tuple[int, pd.DataFrame]], design: StudyDesign) -> pd.DataFrame:
    """Return the visits that took place, in the form of `draw_visits`."""
    columns = [*_VISIT_COLUMNS, *(_LATER_COLUMNS if design.stool_visits > 1 else ())]
    states = list(states)
    table = pd.concat([_report(state, month, columns) for month, state in states])
    order = table.index.get_indexer(_visit_ids(states[0][1].index))
    return table.iloc[order[order >= 0]]


def follow_disability(
    people: pd.DataFrame, dice: Dice, design: StudyDesign, *, butyrate: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Return the true disability of all patients, present at the visit or not.

    People x months 0, 12, 24 and 36 in EDSS points, between the steps of the scale too; missing
    for controls. Parameters as in `draw_visits`, whose EDSS is this disability as examined.
    """
    states = _live(people, dice, design, None, butyrate, everyone_stops_smoking=False)
    return pd.DataFrame({month: state["disability"] for month, state in states})


def _live(
    people: pd.DataFrame,
    dice: Dice,
    design: StudyDesign,
    diet: pd.DataFrame | None,
    butyrate: pd.DataFrame | None,
    everyone_stops_smoking: bool,
) -> Iterator[tuple[int, pd.DataFrame]]:
    """Yield each visit's month with the state of all people."""
    dice = dice.within("followup")
    state = _begin(people, dice, design)
    state["hei_total"] = np.nan if diet is None else diet["hei_total"].reindex(people.index)
    if everyone_stops_smoking:
        state["quits"] = True
    yield 0, state
    for month in MONTHS[1:]:
        state["butyrate"] = _butyrate_before(butyrate, state.index, month)
        state = _live_a_year(state, dice.within(f"month{month}"), design)
        yield month, state


def _begin(people: pd.DataFrame, dice: Dice, design: StudyDesign) -> pd.DataFrame:
    columns = ["household_id", "group", "site", "course", "treatment", "edss", "relapses"]
    state = people[[*columns, "smoking", "bmi"]].astype({"treatment": object, "smoking": object})
    state["present"], state["quits"] = True, False
    state["stool"], state["antibiotics"], state["months_on"] = True, False, np.nan
    state["activity"] = dice.normals("activity")
    state["pace"] = 0.08 * dice.normals("pace")
    state["disability"] = state["edss"] + 0.4 * (dice.uniforms("between_steps") - 0.5)
    draws = [("new_lesions", draw_lesions_before)]
    return run_draws(state, draws, dice.within("month0"), design)


def _live_a_year(state: pd.DataFrame, dice: Dice, design: StudyDesign) -> pd.DataFrame:
    state = run_draws(state, YEAR, dice, design)
    for column in [name for name in state if name.startswith("next_")]:
        state[column.removeprefix("next_")] = state.pop(column)
    return state


def _report(state: pd.DataFrame, month: int, columns: list[str]) -> pd.DataFrame:
    visit = state[state["present"]].assign(visit=month)
    visit["participant_id"] = visit.index
    visit.index = pd.Index([f"{person}-m{month}" for person in visit.index], name="visit_id")
    return visit[columns].round({"bmi": 1, "hei_total": 3, "months_on": 1})


def _visit_ids(participants: pd.Index) -> list[str]:
    return [f"{person}-m{month}" for person in participants for month in MONTHS]


def _butyrate_before(butyrate: pd.DataFrame | None, people: pd.Index, month: int) -> pd.Series:
    if butyrate is None:
        return pd.Series(0.0, people)
    return butyrate[month - 12].reindex(people).fillna(0.0)


def draw_smoking(state: pd.DataFrame, dice: Dice, _: StudyDesign) -> pd.Series:
    """Draw who stops or restarts smoking; `quits` makes every smoker stop for good."""
    u = dice.uniforms("smoking")
    smokes, smoked = state["smoking"] == "current", state["smoking"] == "former"
    stops = smokes & (state["quits"] | (u < QUIT))
    starts = smoked & ~state["quits"] & (u > 1 - RELAPSE_SMOKING)
    return state["smoking"].mask(stops, "former").mask(starts, "current")


def draw_bmi_change(state: pd.DataFrame, dice: Dice, _: StudyDesign) -> pd.Series:
    """Draw weight change: a small step on the log scale, half of it shared by the household."""
    step = (dice.normals("bmi") + dice.normals("bmi", per="home")) / np.sqrt(2)
    return state["bmi"] * np.exp(0.002 + 0.035 * step)


def draw_hei_total(state: pd.DataFrame, dice: Dice, _: StudyDesign) -> pd.Series:
    """Draw the next diet index: an autoregressive step, half of it shared by the household."""
    step = (dice.normals("hei") + dice.normals("hei", per="home")) / np.sqrt(2)
    spread = HEI_SD * np.sqrt(1 - DIET_STAYS**2)
    drawn = HEI_MEAN + DIET_STAYS * (state["hei_total"] - HEI_MEAN) + spread * step
    return drawn.clip(0, 100)


def draw_treatment(state: pd.DataFrame, dice: Dice, _: StudyDesign) -> pd.Series:
    """Draw starts, stops and switches of treatment; new drugs as at the site, by course."""
    u = dice.uniforms("therapy")
    untreated = state["treatment"] == "untreated"
    switch = np.where(state["relapses"] > 0, SWITCH_AFTER_RELAPSE, SWITCH)
    stops = state["course"].notna() & ~untreated & (u < STOP)
    changes = np.where(untreated, u < START, u > 1 - switch) & state["course"].notna().to_numpy()
    offered = _choose_drug(state, dice.uniforms("drug"))
    return state["treatment"].mask(stops, "untreated").mask(changes, offered)


def draw_months_on(state: pd.DataFrame, dice: Dice, _: StudyDesign) -> pd.Series:
    """Draw the months since the therapy last changed: at any time of the year, if it did."""
    changed = state["treatment"].notna() & (state["treatment"] != state["next_treatment"])
    return (state["months_on"] + 12).mask(changed, 12 * dice.uniforms("months_on"))


def draw_antibiotics(state: pd.DataFrame, dice: Dice, _: StudyDesign) -> pd.Series:
    """Draw who took antibiotics in the three months before the visit."""
    return pd.Series(dice.uniforms("antibiotics") < ANTIBIOTICS, state.index)


def draw_stool(state: pd.DataFrame, dice: Dice, _: StudyDesign) -> pd.Series:
    """Draw from whom a stool sample is there: most of those who come."""
    return state["next_present"] & (dice.uniforms("stool") >= STOOL_LOST)


def _choose_drug(state: pd.DataFrame, u: np.ndarray) -> pd.Series:
    """Draw a drug other than the present one by its share at the site and in the course."""
    shares = _drug_shares()
    key = pd.MultiIndex.from_frame(state[["site", "course"]].astype(object))
    share = shares.reindex(key).to_numpy(dtype=float)
    own = state["treatment"].to_numpy()[:, None] == shares.columns.to_numpy()
    share = np.where(own, 0.0, np.nan_to_num(share)) + 1e-6
    cumulative = np.cumsum(share, axis=1)
    chosen = (u[:, None] * cumulative[:, -1:] > cumulative).sum(axis=1)
    return pd.Series(shares.columns.to_numpy()[chosen], state.index)


@cache
def _drug_shares() -> pd.DataFrame:
    cells = fit_course_and_treatment()
    cells = cells[cells["treatment"] != "untreated"]
    return cells.pivot(index=["site", "course"], columns="treatment", values="share")


def draw_lesions_before(state: pd.DataFrame, dice: Dice, design: StudyDesign) -> pd.Series:
    """Draw the new lesions in the year before baseline."""
    names = {"treatment": "next_treatment", "bmi": "next_bmi"}
    return draw_lesions(state.rename(columns=names), dice, design)


def draw_relapses_of_year(state: pd.DataFrame, dice: Dice, _: StudyDesign) -> pd.Series:
    """Draw the relapses of the year."""
    return _draw_events("relapses", state, dice, size=1.0)


def draw_lesions(state: pd.DataFrame, dice: Dice, _: StudyDesign) -> pd.Series:
    """Draw the new lesions of the year."""
    return _draw_events("new_lesions", state, dice, size=0.8)


def _draw_events(name: str, state: pd.DataFrame, dice: Dice, size: float) -> pd.Series:
    """Draw counts with a log-linear mean by course, treatment, obesity and individual rate."""
    log_mean = (
        state["course"].map(_effects(name, "course")).astype(float)
        + state["next_treatment"].map(_effects(name, "treatment")).astype(float).fillna(0.0)
        + _effects(name, "bmi")["obese"] * (state["next_bmi"] >= OBESE)
        + 0.5 * state["activity"]
        - 0.5**2 / 2
    )
    patients = state["course"].notna().to_numpy()
    count = count_quantile(dice.uniforms(name), np.exp(log_mean.fillna(0.0).to_numpy()), size, 30)
    return pd.Series(np.where(patients, count, np.nan), state.index)


def draw_disability(state: pd.DataFrame, _: Dice, design: StudyDesign) -> pd.Series:
    """Return next year's disability by course, smoking, relapses and individual pace."""
    slope = (
        state["course"].map(_effects("disability", "course")).astype(float)
        + _effects("disability", "smoking")["current"] * (state["next_smoking"] == "current")
        + _effects("disability", "relapses")["each"] * state["next_relapses"]
        + state["pace"]
    )
    microbes = next(iter(_effects("disability", "butyrate").values()))
    slope = slope + design.microbe_effect * microbes * state["butyrate"]
    return (state["disability"] + slope).clip(0, EDSS_STEPS[-1])


def examine_edss(state: pd.DataFrame, dice: Dice, _: StudyDesign) -> pd.Series:
    """Return the examined EDSS: disability plus examiner error, to the nearest step."""
    seen = state["next_disability"] + 0.2 * dice.normals("examiner")
    steps = np.array(EDSS_STEPS)
    nearest = np.searchsorted((steps[1:] + steps[:-1]) / 2, seen.fillna(0.0).to_numpy())
    return pd.Series(steps[nearest], state.index).where(seen.notna())


def draw_presence(state: pd.DataFrame, dice: Dice, _: StudyDesign) -> pd.Series:
    """Draw attendance: less likely with disability, and for partners without the patient."""
    base = _effects("absence", "everyone")["all"]
    disabled = (state["edss"] - 2.5).fillna(0.0)
    odds = base + _effects("absence", "edss")["per point above 2.5"] * disabled
    comes = state["present"] & (dice.uniforms("presence") >= expit(odds))
    patient = state["group"] == "MS"
    lost = set(state.loc[patient & ~comes, "household_id"])
    alone = state["household_id"].isin(lost) & ~patient
    odds = odds + _effects("absence", "partner")["absent"] * alone
    return state["present"] & (dice.uniforms("presence") >= expit(odds))


YEAR = (
    ("next_smoking", draw_smoking),
    ("next_bmi", draw_bmi_change),
    ("next_hei_total", draw_hei_total),
    ("next_treatment", draw_treatment),
    ("next_months_on", draw_months_on),
    ("next_antibiotics", draw_antibiotics),
    ("next_relapses", draw_relapses_of_year),
    ("next_new_lesions", draw_lesions),
    ("next_disability", draw_disability),
    ("next_edss", examine_edss),
    ("next_present", draw_presence),
    ("next_stool", draw_stool),
)


def list_followup_effects() -> pd.DataFrame:
    """Return the planted effects on follow-up, as in `effects.tsv`."""
    table = read_template("people_followup").rename(columns={"property": "feature"})
    return table.assign(property="followup")[COLUMNS_OF_EFFECTS]


@cache
def _effects(feature: str, factor: str) -> dict[str, float]:
    table = read_template("people_followup")
    rows = table[(table["property"] == feature) & (table["factor"] == factor)]
    return dict(zip(rows["level"], rows["coefficient"], strict=True))
