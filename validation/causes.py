"""What the population holds, and whether the estimators of notebooks 01a to 01c find it.

Calibration: ten populations of 600,000 people; every primary target must lie in its published
range in each of them. Studies: estimates of many small populations; 95% intervals must hold the
planted value as often as they say, disproved theories must be "found" as often as chance allows
when nobody's memory is biased and more often when it is, and the scan for clusters must call a
map without a cause in 5% of maps at most.
"""

import numpy as np
import pandas as pd

from calibration.population import read_constants, score_targets
from cohabit.judge.recovery import read_population_truth
from cohabit.simulate import PopulationDesign, ask_after, simulate_population
from cohabit.simulate.hazard import MYTHS
from cohabit.simulate.places import list_towns
from cohabit.stats import epidemiology
from validation import gates

TITLE = "The causes: calibration, coverage, error rates"
CALIBRATION_SEEDS, STUDIES_PER_PART, N_PARTS = tuple(range(101, 111)), 10, 40
CALIBRATION_PEOPLE, STUDY_PEOPLE = 600_000, 100_000
FAMILY = {"identical twin": "identical_twin", "fraternal twin": "sibling", "sibling": "sibling"}
FAMILY |= {"parent or child": "parent_child", "half-sibling": "half_sibling", "cousin": "cousin"}


def parts() -> list[str]:
    """Return the names of the blocks; each can be resumed."""
    reached = [f"calibration-{seed}" for seed in CALIBRATION_SEEDS]
    return reached + [f"studies-{block:02d}" for block in range(N_PARTS)]


def measure(part: str) -> pd.DataFrame:
    """Return what one block measured: check, quantity, planted, estimate, low, high, p_value."""
    kind, number = part.split("-")
    if kind == "calibration":
        return check_calibration(int(number), CALIBRATION_PEOPLE)
    first = 20_000 + STUDIES_PER_PART * int(number)
    return run(range(first, first + STUDIES_PER_PART))


def run(seeds) -> pd.DataFrame:
    """Return the studies of several seeds, one row a study and quantity."""
    return pd.concat([study(seed, STUDY_PEOPLE) for seed in seeds], ignore_index=True)


def check_calibration(seed: int, n_people: int) -> pd.DataFrame:
    """Return every estimand of one seed beside its range; `estimate` is what is reached."""
    targets = score_targets(read_constants(), n_people=n_people, seeds=[seed])
    table = targets.rename(columns={"feature": "quantity", "reached": "estimate"})
    return table[["quantity", "low", "high", "estimate"]].assign(check="calibration", seed=seed)


def study(seed: int, n_people: int) -> pd.DataFrame:
    """Return everything that one set of small populations is asked."""
    population = simulate_population(PopulationDesign(), n_people=n_people, seed=seed)
    planted = read_population_truth().set_index("feature")["value"]
    found = pd.concat([_causes(population), _families(population, seed), _movers(seed, n_people)])
    found = found.assign(check="coverage", planted=found["quantity"].map(planted))
    tests = pd.concat([_myths(population), _clusters(population, seed)])
    return pd.concat([found, tests], ignore_index=True).assign(seed=seed)


def _causes(population) -> pd.DataFrame:
    people = population.people
    x = people[["mononucleosis", *MYTHS]].copy()
    x["drb1_1501"], x["a0201"] = people["hla_drb1_1501"], people["hla_a0201"]
    x["smoking"], x["overweight_20"] = people["smoker"], people["bmi_20"] >= 27
    x["vitamin_d"] = people["vitamin_d"] / 50
    x["women"], x["north"] = people["sex"].eq("female"), people["ancestry"].eq("north")
    x["latitude"] = people["birth_latitude"] / 10
    ratios = epidemiology.fit_logistic(people["ms"], x).rename(columns={"feature": "quantity"})
    ratios = ratios[~ratios["quantity"].isin(["women", "north", "latitude"])]
    low, high = epidemiology.share_with_interval(people["ms"].sum(), len(people))
    women = epidemiology.risk_ratio(people["sex"].eq("female"), people["ms"])
    risk = {"estimate": people["ms"].mean(), "low": low, "high": high}
    rows = [{"quantity": "lifetime_risk", **risk}, {"quantity": "sex_ratio", **women}]
    return pd.concat([ratios, pd.DataFrame(rows)])[["quantity", "estimate", "low", "high"]]


def _families(population, seed: int) -> pd.DataFrame:
    size = 2 * len(population.people)
    register = simulate_population(PopulationDesign.preset("twins"), n_people=size, seed=seed)
    found = [epidemiology.recurrence(p.people["ms"], p.relatives) for p in (population, register)]
    risks = epidemiology.pool_recurrence(found, FAMILY).rename(columns={"feature": "quantity"})
    ill, twins = register.people["ms"], register.relatives.set_index("relation")
    kinds = ("identical twin", "fraternal twin")
    pairs = [epidemiology.count_pairs(ill, twins.loc[kind]) for kind in kinds]
    fit = epidemiology.fit_liability(*pairs)
    row = {"quantity": "heritability", "estimate": fit.heritability, "low": fit.low}
    return pd.concat([risks, pd.DataFrame([row | {"high": fit.high}])])[
        ["quantity", "estimate", "low", "high"]
    ]


def _movers(seed: int, n_people: int) -> pd.DataFrame:
    design = PopulationDesign.preset("migrants")
    people = simulate_population(design, n_people=n_people, seed=seed).people
    down = people["birth_latitude"] > people["latitude"]
    rows = []
    for quantity, chosen in (("moved_down_early", down), ("moved_up_early", ~down)):
        early, ill = people.loc[chosen, "move_age"] < 15, people.loc[chosen, "ms"]
        rows.append({"quantity": quantity, **epidemiology.risk_ratio(early, ill)})
    return pd.DataFrame(rows)[["quantity", "estimate", "low", "high"]]


def _myths(population) -> pd.DataFrame:
    """Return p-values of the myths, asked afterwards, without and with a bias of memory."""
    people = population.people
    frame = people[["sex", "age_group"]].assign(zone=people["latitude"] // 10)
    chosen = epidemiology.draw_controls(frame, people["ms"], list(frame), rng=population.seed)
    tables = []
    for check, bias in (("myths, no bias", 0.0), ("myths, recall bias", 0.5)):
        design = population.design.replace(recall_bias=bias)
        told = ask_after(population, chosen.index, list(MYTHS), design=design)
        table = epidemiology.conditional_logit(chosen["ill"], told, chosen["set"])
        tables.append(table.rename(columns={"feature": "quantity"}).assign(check=check))
    return pd.concat(tables)[["check", "quantity", "estimate", "low", "high", "p_value"]]


def _clusters(population, seed: int) -> pd.DataFrame:
    places = epidemiology.map_cases(population.people, list_towns())
    scan = epidemiology.scan_map(places, n_simulations=99, rng=seed)
    row = {"check": "scan, no cause", "quantity": "cluster", "p_value": scan.p_value}
    return pd.DataFrame([row])


def summarise(measured: pd.DataFrame) -> pd.DataFrame:
    """Return one row a check and quantity: shares of intervals, of rejections, of ranges kept."""
    groups = measured.groupby(["check", "quantity"], sort=False)
    rows = [_summary(check, quantity, rows) for (check, quantity), rows in groups]
    table = pd.DataFrame(rows)
    _, most = gates.limits(table["n"], len(table))
    found, n = table["found"], table["n"]
    kept = {
        "calibration": found == n,
        "coverage": n - found <= most,
        "myths, recall bias": found > most,
    }
    holds = np.select([table["check"] == name for name in kept], list(kept.values()), found <= most)
    return table.assign(share=found / n, owed=np.where(holds, "kept", "broken"))


def _summary(check: str, quantity: str, rows: pd.DataFrame) -> dict[str, object]:
    """Count what lies in its range, intervals that hold what was planted, or rejections."""
    mean = rows["estimate"].mean()
    if check == "calibration":
        found = rows["estimate"].between(rows["low"], rows["high"])
    elif check == "coverage":
        rows = rows.dropna(subset=["low", "estimate"])
        found = rows["planted"].between(rows["low"], rows["high"])
    else:
        found = rows["p_value"] <= gates.LEVEL
    n, hits = len(rows), int(found.sum())
    return {"check": check, "quantity": quantity, "mean": mean, "found": hits, "n": n}


def conclude(summary: pd.DataFrame) -> str:
    """Return the verdict in a sentence."""
    broken = summary.loc[summary["owed"] == "broken", "quantity"]
    if broken.empty:
        return "Every promise is kept."
    return f"Not kept for {', '.join(np.unique(broken))}."
