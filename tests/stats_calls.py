"""A small world, and how each public function of `cohabit.stats` is called with it.

`CALLS` maps a function's module and name, below ``cohabit.stats``, to a call. The tests of
`test_properties.py` change the world and compare the answers.
"""

from types import SimpleNamespace

import numpy as np
import pandas as pd
from household_worlds import euclidean
from skbio import DistanceMatrix

from cohabit.stats import (
    association,
    composition,
    diversity,
    epidemiology,
    explained,
    formula,
    inference,
    longitudinal,
    mediation,
    mixed,
    molecules,
    networks,
    nonparametric,
    paired,
    partners,
    permanova,
    prediction,
)
from cohabit.stats.abundance import METHODS, compare_abundance, lenient_rule
from cohabit.stats.alignment import align_by_id, align_values
from cohabit.stats.characteristics import describe_people
from cohabit.stats.cluster_robust import fit_clustered_model
from cohabit.stats.least_squares import find_independent, fit_least_squares
from cohabit.stats.mixed.repeated import fit_repeated_model
from cohabit.stats.networks.compare import beyond_swaps
from cohabit.stats.whole_cohort import distances_by_kinship, explain_by_home, kinship_columns

N_PAIRS = 24
MODEL = "sex + age + site + group"
ONCE = {"n_permutations": 19, "rng": 1}


def make_world() -> SimpleNamespace:
    """Return tables of 24 pairs of a patient and a partner; sites are shared."""
    rng = np.random.default_rng(1)
    home, n = np.repeat(np.arange(N_PAIRS), 2), 2 * N_PAIRS
    ids = pd.Index([f"P{number:02d}" for number in range(n)], name="participant_id")
    woman = rng.random(n) < 0.5
    people = pd.DataFrame(
        {
            "household_id": [f"H{number:02d}" for number in home],
            "group": ["MS", "control"] * N_PAIRS,
            "site": np.array(["north", "south"])[home % 2],
            "sex": np.where(woman, "female", "male"),
            "age": np.round(rng.normal(50, 10, n), 1),
            "bmi": np.round(rng.normal(26, 4, n), 1),
            "income": rng.normal(30, 8, N_PAIRS)[home],
            "treatment": np.tile(["interferon", "none", "untreated", "none"], N_PAIRS // 2),
            "course": "RRMS",
            "town": [f"T{number:02d}" for number in home % 12],
        },
        index=ids,
    )
    features = [f"taxon_{number}" for number in range(8)]
    logs = rng.normal(2, 1, 8) + rng.normal(0, 1, (n, 8)) + rng.normal(0, 0.7, (N_PAIRS, 8))[home]
    counts = pd.DataFrame(rng.negative_binomial(1.5, 1.5 / (1.5 + np.exp(logs))), ids, features)
    values = pd.DataFrame(
        rng.normal(size=(n, 3)) + rng.normal(size=(N_PAIRS, 3))[home] + woman[:, None] * 0.5,
        *(ids, ["f0", "f1", "f2"]),
    )
    outcome = (values["f0"] + 0.1 * people["age"] + rng.normal(size=n)).rename("outcome")
    flags = pd.DataFrame(rng.random((n, 2)) < 0.4, ids, ["one", "other"])
    ill = pd.Series(rng.random(n) < 0.3 + 0.2 * flags["one"], ids, name="ill")
    tree = "(" + ",".join(f"({a}:1,{b}:2):0.5" for a, b in zip(*[iter(features)] * 2, strict=True))
    return SimpleNamespace(
        people=people,
        counts=counts,
        values=values,
        outcome=outcome,
        distances=euclidean(values),
        flags=flags,
        ill=ill,
        tree=tree + ");",
        sets=pd.Series(["a", "b"] * 4, features),
        visits=_draw_visits(people, rng),
        relatives=_list_relatives(ids),
        places=pd.DataFrame(
            {
                "x": rng.normal(size=12),
                "y": rng.normal(size=12),
                "cases": rng.poisson(4, 12),
                "expected": rng.uniform(1, 3, 12),
            },
            index=[f"T{number:02d}" for number in range(12)],
        ),
    )


def _draw_visits(people: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Return visits at months 0, 12 and 24; of the last a third is missed."""
    rows = pd.concat(
        people[["treatment", "bmi"]].assign(participant_id=people.index, visit=month)
        for month in (0, 12, 24)
    )
    rows = rows[(rows["visit"] < 24) | (rng.random(len(rows)) < 0.67)]
    rows["edss"] = np.round(rng.uniform(0, 8, len(rows)), 1)
    rows["relapses"] = rng.poisson(1, len(rows)).astype(float)
    return rows.set_index(rows["participant_id"] + "-m" + rows["visit"].astype(str))


def _list_relatives(ids: pd.Index) -> pd.DataFrame:
    pairs = pd.DataFrame({"person": ids[::2], "relative": ids[1::2]})
    both = pd.concat([pairs, pairs.set_axis(["relative", "person"], axis=1)], ignore_index=True)
    return both.assign(relation="sibling")


def _patients(w: SimpleNamespace) -> pd.DataFrame:
    return w.people[w.people["group"] == "MS"]


def _batches(w: SimpleNamespace) -> tuple[pd.DataFrame, pd.DataFrame]:
    where = w.people["site"].reindex(w.counts.index)
    tables = [
        compare_abundance(w.counts[where == site], w.people, "group")
        for site in sorted(where.unique())
    ]
    return tuple(table.assign(q_value=table["p_value"]) for table in tables)


def _fit_mediation(w: SimpleNamespace) -> pd.DataFrame:
    data, names = w.people.join(w.values), [*w.values.columns]
    return mediation.fit_mediation(data, *names, "sex", n_bootstrap=49, rng=1)


def _years(w: SimpleNamespace) -> pd.DataFrame:
    return longitudinal.list_years(longitudinal.take_visits(w.visits, w.people))


def _groups(w: SimpleNamespace) -> dict[str, pd.DataFrame]:
    return {"all": w.people}


AWAITED = (
    *("gain.gain_of_home", "longitudinal.relate_to_change", "stability.take_occasions"),
    *("stability.compare_occasions", "stability.estimate_stability", "stability.split_exposure"),
    *("stability.expect_regression", "stability.chance_of_contrast", "permanova.terms.variation"),
    "permanova.analysis.innermost_row",
)
"""Functions without a call yet; a list that may only become shorter."""

CALLS = {
    **{
        f"abundance.compare.compare_abundance:{method}": (
            lambda w, method=method: compare_abundance(
                w.counts, w.people, "group", "sex + age", method
            )
        )
        for method in METHODS
    },
    "abundance.compare.lenient_rule": lambda w: lenient_rule(
        compare_abundance(w.counts, w.people, "group", "sex + age")
    ),
    "alignment.align_values": lambda w: align_values(w.values, w.people),
    "alignment.align_by_id": lambda w: align_by_id(w.counts, w.people),
    "association.partial_spearman": lambda w: association.partial_spearman(
        w.values, w.outcome, w.people[["age", "sex"]]
    ),
    "association.fit_ordinal": lambda w: association.fit_ordinal(
        w.values, w.outcome.round().clip(4, 6), w.people[["age", "sex"]]
    ),
    "association.fit_linear_model": lambda w: association.fit_linear_model(
        w.values, w.people, MODEL
    ),
    "characteristics.describe_people": lambda w: describe_people(w.people),
    "cluster_robust.fit_clustered_model": lambda w: (
        fit_clustered_model(w.outcome, w.people, "sex + age + site").table
    ),
    "composition.relative_abundance": lambda w: composition.relative_abundance(w.counts),
    "composition.clr": lambda w: composition.clr(w.counts),
    "composition.arcsine_sqrt": lambda w: composition.arcsine_sqrt(w.counts),
    "composition.prevalence": lambda w: composition.prevalence(w.counts),
    "composition.why_filtered": lambda w: composition.why_filtered(w.counts, 0.9),
    "composition.filter_features": lambda w: composition.filter_features(w.counts, 0.9),
    "composition.filter_variance": lambda w: composition.filter_variance(w.values, 0.9),
    "composition.check_counts": lambda w: pd.DataFrame(
        composition.check_counts(w.counts), w.counts.index, w.counts.columns
    ),
    "diversity.observed": lambda w: diversity.observed(w.counts),
    "diversity.shannon": lambda w: diversity.shannon(w.counts),
    "diversity.chao1": lambda w: diversity.chao1(w.counts),
    "diversity.faith_pd": lambda w: diversity.faith_pd(w.counts, w.tree),
    "diversity.rarefy": lambda w: diversity.rarefy(w.counts, 20, rng=1),
    "diversity.bray_curtis": lambda w: diversity.bray_curtis(w.counts),
    "diversity.jaccard": lambda w: diversity.jaccard(w.counts),
    "diversity.aitchison": lambda w: diversity.aitchison(w.counts),
    "diversity.unweighted_unifrac": lambda w: diversity.unweighted_unifrac(w.counts, w.tree),
    "diversity.weighted_unifrac": lambda w: diversity.weighted_unifrac(w.counts, w.tree),
    "diversity.pcoa": lambda w: diversity.pcoa(w.distances),
    "diversity.compare_distances": lambda w: diversity.compare_distances(w.distances, w.people),
    "epidemiology.families.fit_liability": lambda w: epidemiology.fit_liability(
        *[np.array([12, 30, 200]), np.array([8, 40, 210])]
    ),
    "epidemiology.families.count_pairs": lambda w: epidemiology.count_pairs(w.ill, w.relatives),
    "epidemiology.families.recurrence": lambda w: epidemiology.recurrence(w.ill, w.relatives),
    "epidemiology.families.pool_recurrence": lambda w: epidemiology.pool_recurrence(
        [epidemiology.recurrence(w.ill, w.relatives)], {"sibling": "all"}
    ),
    "epidemiology.families.predict_by_score": lambda w: epidemiology.predict_by_score(
        w.outcome, w.ill, groups=4
    ),
    "epidemiology.places.standardise_rates": lambda w: epidemiology.standardise_rates(
        w.people, w.ill, "site", ["sex"]
    ),
    "epidemiology.places.latitude_slope": lambda w: epidemiology.latitude_slope(
        pd.DataFrame({"estimate": w.outcome, "latitude": w.people["age"]})
    ),
    "epidemiology.places.risk_by_age_at_move": lambda w: epidemiology.risk_by_age_at_move(
        w.people["age"], w.ill, [0, 45, 55, 100], closes=50
    ),
    "epidemiology.places.map_cases": lambda w: epidemiology.map_cases(
        w.people.assign(town_of_birth=w.people["town"], kindred=w.people["household_id"], ms=w.ill),
        w.places[["x", "y"]].set_axis(["longitude", "latitude"], axis=1),
    ),
    "epidemiology.places.scan_map": lambda w: epidemiology.scan_map(
        w.places, largest=0.4, n_simulations=19, rng=1
    ),
    "epidemiology.ratios.odds_ratio": lambda w: epidemiology.odds_ratio(w.flags["one"], w.ill),
    "epidemiology.ratios.risk_ratio": lambda w: epidemiology.risk_ratio(w.flags["one"], w.ill),
    "epidemiology.ratios.mantel_haenszel": lambda w: epidemiology.mantel_haenszel(
        w.flags["one"], w.ill, w.people[["site"]]
    ),
    "epidemiology.ratios.conditional_logit": lambda w: epidemiology.conditional_logit(
        w.ill, w.people[["age", "bmi"]], w.people["site"] + w.people["sex"]
    ),
    "epidemiology.ratios.draw_controls": lambda w: epidemiology.draw_controls(
        w.people, w.ill, ["site"], n_controls=1, rng=1
    ),
    "epidemiology.ratios.attributable_fraction": lambda w: epidemiology.attributable_fraction(
        w.flags["one"], w.ill
    ),
    "epidemiology.ratios.fit_logistic": lambda w: epidemiology.fit_logistic(
        w.ill, w.people[["age", "bmi"]]
    ),
    "epidemiology.ratios.find_interaction": lambda w: epidemiology.find_interaction(
        w.flags["one"], w.flags["other"], w.ill
    ),
    "explained.explain_alone": lambda w: (
        explained.explain_alone(
            w.distances, w.people, ["age", "site", "group"], n_groups=10, rng=1
        ).table
    ),
    "explained.explain_jointly": lambda w: (
        explained.explain_jointly(w.distances, w.people, MODEL, n_groups=10, rng=1).table
    ),
    "formula.usable_terms": lambda w: formula.usable_terms(w.people, ["age", "course"]),
    "formula.hold_fixed": lambda w: formula.hold_fixed(w.people),
    "formula.model_matrix": lambda w: formula.model_matrix(MODEL, w.people).values,
    "inference.tidy_columns": lambda w: inference.tidy_columns(),
    "inference.count_sure": lambda w: inference.count_sure(np.array([1e-6, 0.01, 0.5])),
    "least_squares.fit_least_squares": lambda w: fit_least_squares(
        w.values.to_numpy(), formula.model_matrix(MODEL, w.people.loc[w.values.index]).values
    )["p_value"][1:],
    "least_squares.find_independent": lambda w: (
        find_independent(formula.model_matrix(MODEL, w.people).values).kept
    ),
    "longitudinal.take_visits": lambda w: longitudinal.take_visits(w.visits, w.people),
    "longitudinal.list_years": _years,
    "longitudinal.weigh_returners": lambda w: longitudinal.weigh_returners(
        longitudinal.take_visits(w.visits, w.people), "edss + bmi"
    ),
    "longitudinal.compare_ways": lambda w: longitudinal.compare_ways(
        longitudinal.take_visits(w.visits, w.people), "edss", "edss"
    ),
    "longitudinal.compare_before_after": lambda w: longitudinal.compare_before_after(
        _years(w), "relapses", "therapy"
    ),
    "longitudinal.compare_to_self": lambda w: longitudinal.compare_to_self(
        longitudinal.take_visits(w.visits, w.people), w.people, ["edss"]
    ),
    "mediation.fit_mediation": _fit_mediation,
    "mediation.power_of_mediation": lambda w: mediation.power_of_mediation([50, 100], 0.3, 0.2),
    "mediation.slopes_per_person": lambda w: mediation.slopes_per_person(_fit_mediation(w)),
    "mediation.people_needed": lambda w: mediation.people_needed(0.3, 0.2),
    "mixed.fit.fit_household_model": lambda w: mixed.fit_household_model(w.values, w.people, MODEL),
    "mixed.fit.fit_household_model:site": lambda w: mixed.fit_household_model(
        w.values[["f0"]] if "f0" in w.values else w.values[["uf0"]],
        w.people,
        "sex + age + group",
        site="town",
    ),
    "mixed.repeated.fit_repeated_model": lambda w: fit_repeated_model(
        w.visits["edss"],
        longitudinal.take_visits(w.visits, w.people),
        "sex + age + group",
    ),
    "mixed.hypotheses.test_terms": lambda w: mixed.test_terms(w.values, w.people, MODEL),
    "mixed.hypotheses.test_household_variance": lambda w: mixed.test_household_variance(
        w.values, w.people, MODEL
    ),
    "mixed.hypotheses.count_significant": lambda w: mixed.count_significant(
        w.values, w.people, MODEL, 0.5
    ),
    "mixed.hypotheses.compare_significant": lambda w: mixed.compare_significant(
        w.values, w.people, MODEL, "group[MS]", "sex[female]", n_groups=10, rng=1
    ),
    "molecules.take_molecules": lambda w: molecules.take_molecules(
        SimpleNamespace(participants=w.people, pathways=None, metabolites=w.values)
    )[1],
    "molecules.log_metabolites": lambda w: molecules.log_metabolites(w.values),
    "molecules.list_scales": lambda w: molecules.list_scales(w.counts / 1e4),
    "molecules.keep_detected": lambda w: molecules.keep_detected(w.counts / 1e4, 0.9),
    "molecules.subtract_own_mean": lambda w: molecules.subtract_own_mean(w.values),
    "molecules.combine_molecules": lambda w: molecules.combine_molecules(
        w.values, [f"{w.values.columns[0]} minus {w.values.columns[1]}"]
    ),
    "molecules.effective_number": lambda w: molecules.effective_number(w.values),
    "molecules.compare_molecules": lambda w: molecules.compare_molecules(
        w.values, _groups(w), "sex + age"
    ),
    "molecules.compare_therapies": lambda w: molecules.compare_therapies(w.values, w.people),
    "molecules.set_beside": lambda w: molecules.set_beside(
        table := molecules.compare_molecules(w.values, _groups(w), "sex"),
        table.assign(name=table["feature"]),
    ),
    "networks.compare.compare_networks": lambda w: networks.compare_networks(
        w.counts, w.people, covariates="age", threshold=0.2, n_permutations=9, rng=1
    ),
    "networks.compare.swap_labels": lambda w: networks.swap_labels(w.people, rng=1),
    "networks.compare.beyond_swaps": lambda w: beyond_swaps(
        networks.compare_networks(
            w.counts, w.people, covariates="age", threshold=0.2, n_permutations=9, rng=1
        )
    ),
    "networks.correlation.sparcc": lambda w: networks.sparcc(w.counts, w.people, "age + sex"),
    "networks.correlation.proportionality": lambda w: networks.proportionality(w.counts),
    "networks.correlation.ties_within": lambda w: networks.ties_within(
        w.counts, w.people, w.sets, covariates="age", n_groups=10, rng=1
    ),
    "networks.network.describe_network": lambda w: networks.describe_network(
        networks.sparcc(w.counts), 0.2
    ),
    "networks.network.describe_features": lambda w: networks.describe_features(
        networks.sparcc(w.counts), 0.2
    ).drop(columns="module", errors="ignore"),
    "networks.network.specific_edges": lambda w: networks.specific_edges(
        *(
            networks.sparcc(w.counts[w.people["sex"].reindex(w.counts.index) == sex])
            for sex in ("male", "female")
        ),
        *(0.2, 0.5),
    ),
    "networks.network.find_modules": lambda w: networks.find_modules(
        networks.sparcc(w.counts), 0.2
    ),
    "nonparametric.sign_flip_test": lambda w: nonparametric.sign_flip_test(
        paired.paired_differences(w.values, w.people), 99, rng=1
    ),
    "nonparametric.paired_wilcoxon": lambda w: nonparametric.paired_wilcoxon(w.values, w.people),
    "paired.find_pairs": lambda w: paired.find_pairs(w.people).table,
    "paired.paired_differences": lambda w: paired.paired_differences(w.values, w.people),
    "paired.subtract": lambda w: paired.subtract(w.values, paired.find_pairs(w.people)),
    "paired.count_nonzero": lambda w: pd.Series(
        paired.count_nonzero(w.counts, paired.find_pairs(w.people)), w.counts.columns
    ),
    "paired.fit_paired_model": lambda w: paired.fit_paired_model(w.values, w.people, "sex + age"),
    "paired.differ_within": lambda w: paired.differ_within(w.values, paired.find_pairs(w.people)),
    "paired.compare_pair_differences": lambda w: paired.compare_pair_differences(
        w.values, w.people, "treatment", "site + age"
    ),
    "partners.compare_with_partners": lambda w: partners.compare_with_partners(
        w.counts, _groups(w), covariates="sex + age"
    ),
    "partners.count_hits": lambda w: partners.count_hits(
        partners.compare_with_partners(w.counts, _groups(w), covariates="age"), "method"
    ),
    "partners.set_methods_side_by_side": lambda w: partners.set_methods_side_by_side(
        partners.compare_with_partners(w.counts, _groups(w), ("lmm_asin", "lmm_clr"), "age")
    ),
    "partners.power_of_pairs": lambda w: partners.power_of_pairs([20, 40], [0.3, 0.5]),
    "partners.visible_effect": lambda w: partners.visible_effect(50),
    "partners.pairs_needed": lambda w: partners.pairs_needed(0.5),
    "partners.set_batches_side_by_side": lambda w: partners.set_batches_side_by_side(*_batches(w)),
    "partners.measure_replication": lambda w: partners.measure_replication(
        partners.set_batches_side_by_side(*_batches(w), fdr=0.9), n_bootstrap=19, rng=1
    ),
    "partners.turn_to_published": lambda w: partners.turn_to_published(
        pd.DataFrame(
            {"study": "A", "feature": w.values.columns, "rank": "genus", "direction": "up"}
        ).assign(contrast="MS - control"),
        nonparametric.paired_wilcoxon(w.values, w.people).assign(rank="genus"),
    ),
    "partners.visible_here": lambda w: partners.visible_here(
        w.counts,
        w.people,
        partners.compare_with_partners(w.counts, _groups(w), covariates="sex + age"),
    ),
    "paired.fit_step_by_step": lambda w: paired.fit_step_by_step(
        w.outcome, w.people, [["sex"], ["sex", "age"]]
    ),
    "inference.take_tested": lambda w: inference.take_tested(
        paired.fit_paired_model(w.values, w.people, "sex")
    ),
    "diversity.reachable_depth": lambda w: diversity.reachable_depth(w.counts, 10),
    "whole_cohort.explain_by_home": lambda w: explain_by_home(
        DistanceMatrix(w.distances.to_numpy(), [*w.distances.index]), w.people, **ONCE
    ),
    "whole_cohort.kinship_columns": lambda w: kinship_columns(w.people),
    "whole_cohort.distances_by_kinship": lambda w: distances_by_kinship(
        DistanceMatrix(w.distances.to_numpy(), [*w.distances.index]), w.people, ["sex"]
    ),
    "permanova.analysis.permanova": lambda w: permanova.permanova(
        w.distances, w.people, MODEL, **ONCE
    ),
    "permanova.analysis.permanova_features": lambda w: permanova.permanova_features(
        w.values, w.people, MODEL, **ONCE
    ),
    "permanova.analysis.permanova:model": lambda w: permanova.permanova(
        w.distances, w.people, MODEL, "model", **ONCE
    ),
    "permanova.groups.pairwise_permanova": lambda w: permanova.pairwise_permanova(
        w.distances, w.people, "treatment", covariates="age", **ONCE
    ),
    "permanova.groups.dispersion": lambda w: permanova.dispersion(
        w.distances, w.people, "group", **ONCE
    ),
    "permanova.groups.distances_to_middle": lambda w: permanova.distances_to_middle(
        w.distances, w.people, "group"
    ),
    "prediction.predict_group": lambda w: prediction.predict_group(
        w.counts, w.people, models=("ridge",), n_bootstrap=19, rng=1
    ),
}
"""Module and name of a function (and a case after a colon) -> its answer in a world."""
