"""Answers depend on no unit, order or label: every public function of the statistics."""

import importlib
import inspect
import pkgutil
import re
import sys
from dataclasses import fields, is_dataclass
from functools import cache

import numpy as np
import pandas as pd
import pytest
import stats_calls
from stats_calls import AWAITED, CALLS, make_world

import cohabit.stats
from cohabit.stats import epidemiology, paired
from cohabit.stats.abundance import compare_abundance
from cohabit.stats.cluster_robust import fit_clustered_model
from cohabit.stats.composition import clr

PARTS = (
    *("abundance.methods", "abundance.count_models", "abundance.matched_sets"),
    *(
        "abundance.two_parts",
        "alignment",
        "binary",
        "mixed.parts",
        "permanova.model",
        "permanova.strata",
    ),
)
"""Modules whose functions of tables may be reached through another function alone."""

PARTIAL = (
    *("composition.take_for_counts", "mixed.repeated.nest_codes", "permanova.groups.as_groups"),
    *("paired.count_informative", "permanova.analysis.analyse"),
    *("permanova.geometry.from_features", "permanova.schemes.read_homes"),
)
"""Functions of tables that are reached through another function alone."""


def public_functions() -> dict[str, object]:
    found = {}
    for module in pkgutil.walk_packages(cohabit.stats.__path__, "cohabit.stats."):
        for name, value in vars(importlib.import_module(module.name)).items():
            own = inspect.isfunction(value) and value.__module__ == module.name
            if own and not name.startswith("_"):
                found[f"{module.name.removeprefix('cohabit.stats.')}.{name}"] = value
    return found


FUNCTIONS = public_functions()


@cache
def answer(call: str) -> dict:
    return flatten(CALLS[call](make_world()))


def flatten(result, undo=lambda text: text, key: tuple = ()) -> dict:
    """Return every number and text of a result by its labels, whatever the order of rows."""
    if is_dataclass(result):
        result = {field.name: getattr(result, field.name) for field in fields(result)}
    if hasattr(result, "ids") and hasattr(result, "data"):
        result = pd.DataFrame(result.data, result.ids, result.ids)
    if isinstance(result, pd.Series):
        result = result.to_frame("value")
    if isinstance(result, pd.DataFrame):
        return _flatten_table(result, undo, key)
    if isinstance(result, pd.Index):
        result = sorted(map(str, result))
    if isinstance(result, dict):
        parts = [(str(name), value) for name, value in result.items()]
    elif isinstance(result, (tuple, list)):
        parts = [(str(place), value) for place, value in enumerate(result)]
    elif isinstance(result, np.ndarray):
        parts = [(str(place), value) for place, value in np.ndenumerate(result)]
    else:
        return {key: undo(result) if isinstance(result, str) else result}
    whole = {}
    for name, value in parts:
        whole |= flatten(value, undo, (*key, undo(name)))
    return whole


def _flatten_table(table: pd.DataFrame, undo, key: tuple) -> dict:
    texts = table.select_dtypes(include=["object", "category", "string"]).astype(str)
    texts = texts.drop(columns=["note", "formula"], errors="ignore")
    if table.empty:
        return {(*key, "rows"): len(table)}
    labels = table.index.astype(str)
    if isinstance(table.index, pd.RangeIndex) and texts.shape[1]:
        labels = texts.agg("|".join, axis=1)
    elif table.index.has_duplicates and texts.shape[1]:
        labels = labels + "|" + texts.agg("|".join, axis=1).to_numpy()
    labels = [undo(str(label)) for label in labels]
    whole, seen = {(*key, "rows"): len(table)}, {}
    for label, row in zip(labels, table.to_dict("records"), strict=True):
        seen[label] = seen.get(label, -1) + 1
        for name, value in row.items():
            value = undo(value) if isinstance(value, str) else value
            whole[(*key, label, seen[label], undo(str(name)))] = value
    return whole


def differences(found: dict, expected: dict, tolerance: float = 1e-6) -> list:
    """Return the labels whose values differ."""
    wrong = sorted(map(str, found.keys() ^ expected.keys()))
    for key in found.keys() & expected.keys():
        ours, theirs = found[key], expected[key]
        if isinstance(theirs, (int, float, np.number)) and not isinstance(theirs, bool):
            same = np.isclose(float(ours), float(theirs), tolerance, 1e-9, equal_nan=True)
        else:
            same = ours is theirs or str(ours) == str(theirs)
        if not same:
            wrong.append((key, ours, theirs))
    return wrong


def takes_cohort(function) -> bool:
    first = next(iter(inspect.signature(function).parameters.values()), None)
    return "Cohort" in str(first)


def test_every_public_function__has_a_call_or_is_part_of_one():
    reached = set()

    def note(frame, event, _):
        if event == "call" and "cohabit" in frame.f_code.co_filename:
            reached.add(frame.f_code)

    sys.setprofile(note)
    try:
        for call in CALLS.values():
            call(make_world())
    finally:
        sys.setprofile(None)
    called = {name.partition(":")[0] for name in (*CALLS, *AWAITED)}
    assert called <= set(FUNCTIONS), "calls of functions that are not there"
    unknown = [
        name
        for name, function in FUNCTIONS.items()
        if name not in called
        and inspect.unwrap(function).__code__ not in reached
        and not takes_cohort(function)  # tested with cohorts, not with tables
    ]
    assert not unknown, f"give each a call in stats_calls.CALLS: {unknown}"
    bare = [
        name
        for name, function in FUNCTIONS.items()
        if name not in (*called, *PARTIAL)
        and not name.startswith(PARTS)
        and not takes_cohort(function)
        and re.search("DataFrame|Series", str(inspect.signature(function)))
    ]
    assert not bare, f"they take tables: give each a call in stats_calls.CALLS: {bare}"


@pytest.mark.parametrize("call", CALLS)
def test_order_of_rows__does_not_matter(call):
    world = make_world()
    for name, value in vars(world).items():
        if name == "distances":
            order = np.random.default_rng(3).permutation(len(value))
            world.distances = value.iloc[order, order]
        elif isinstance(value, (pd.DataFrame, pd.Series)):
            setattr(world, name, value.sample(frac=1, random_state=hash_of(name)))
    assert not differences(flatten(CALLS[call](world)), answer(call))


def hash_of(name: str) -> int:
    return sum(map(ord, name))


LABELS = {r"xP(?=\d)": "P", r"yH(?=\d)": "H", "zz(?=north|south)": "", r"qtaxon_": "taxon_"}
LABELS |= {r"vT(?=\d)": "T", r"uf(?=\d)": "f"}


def undo_labels(text: str) -> str:
    for new, old in LABELS.items():
        text = re.sub(new, old, text)
    return text


def relabel(world) -> None:
    """Give every person, household, feature, site and place a new name, in the same order."""

    def rename(text):
        if not isinstance(text, str):
            return text
        text = re.sub(r"\bP(?=\d)", "xP", text)
        text = re.sub(r"\bH(?=\d)", "yH", text)
        text = re.sub(r"\b(north|south)\b", r"zz\1", text)
        text = re.sub(r"\btaxon_", "qtaxon_", text)
        return re.sub(r"\bf(?=\d)", "uf", re.sub(r"\bT(?=\d)", "vT", text))

    for name, value in vars(world).items():
        if isinstance(value, str):
            setattr(world, name, rename(value))
            continue
        value = value.rename(index=rename)
        if isinstance(value, pd.DataFrame):
            value = value.rename(columns=rename)
            for column in value.select_dtypes("object"):
                value[column] = value[column].map(rename)
        elif value.dtype == object:
            value = value.map(rename)
        setattr(world, name, value)


@pytest.mark.parametrize("call", CALLS)
def test_names__do_not_matter(call):
    world = make_world()
    relabel(world)
    assert not differences(flatten(CALLS[call](world), undo_labels), answer(call))


FREE = ("p_value", "statistic", "df", "q_value", "r2", "r2_adjusted", "pseudo_f", "n", "note")
"""Columns that do not depend on a coefficient's unit."""

UNITS = [(1e-6, 0.0), (1e6, 0.0), (1.0, 1e6)]


def uses(call: str) -> bool:
    """Return whether a call names a covariate."""
    code = CALLS[call].__code__
    named = [code, *(part for part in code.co_consts if inspect.iscode(part))]
    texts = [str(text) for part in named for text in (*part.co_consts, *part.co_names)]
    return any(re.search(r"MODEL|\b(age|income|bmi)\b", text) for text in texts)


OWN_UNIT = {
    "formula.model_matrix": "the columns themselves",
    "formula.hold_fixed": "the columns themselves",
    "alignment.align_values": "the columns themselves",
    "alignment.align_by_id": "the columns themselves",
    "longitudinal.take_visits": "the columns themselves",
    "characteristics.describe_people": "the columns themselves",
    "epidemiology.places.risk_by_age_at_move": "ages are compared with given edges",
}


@pytest.mark.parametrize("call", [name for name in CALLS if name not in OWN_UNIT and uses(name)])
@pytest.mark.parametrize("turn", [0, 1])
def test_unit_of_a_covariate__does_not_matter(call, turn):
    world = make_world()
    for column, (unit, origin) in zip(("age", "bmi", "income"), UNITS[turn:], strict=False):
        world.people[column] = world.people[column] * unit + origin
    own = re.compile(r"\b(age|income|bmi|latitude|Intercept)\b")

    def comparable(found: dict) -> dict:
        kept = {}
        for key, value in found.items():
            named = [str(part) for part in key]
            row_of_unit = any(own.search(part) for part in named)
            shifted = any("Intercept" in part for part in named)
            if str(named[-1]).startswith("reml_criterion"):
                continue  # holds the determinant of the design
            if not row_of_unit or (named[-1] in FREE and not shifted):
                kept[key] = value
        return kept

    found, expected = comparable(flatten(CALLS[call](world))), comparable(answer(call))
    if call.startswith("epidemiology.places.latitude"):
        found, expected = ({("p_value",): x[("p_value",)]} for x in (found, expected))
    if call.startswith("epidemiology.ratios"):  # odds of one unit may be beyond numbers
        found, expected = (
            {k: v for k, v in x.items() if k[-1] != "note"} for x in (found, expected)
        )
    assert not differences(found, expected, 1e-5)


OUTCOMES = {
    "association.partial_spearman": "values",
    "association.fit_ordinal": "values",
    "association.fit_linear_model": "values",
    "cluster_robust.fit_clustered_model": "outcome",
    "epidemiology.places.latitude_slope": "outcome",
    "epidemiology.families.predict_by_score": "outcome",
    "least_squares.fit_least_squares": "values",
    "mediation.fit_mediation": "values",
    "mixed.fit.fit_household_model": "values",
    "mixed.hypotheses.test_terms": "values",
    "mixed.hypotheses.test_household_variance": "values",
    "mixed.hypotheses.count_significant": "values",
    "mixed.hypotheses.compare_significant": "values",
    "molecules.compare_molecules": "values",
    "molecules.compare_therapies": "values",
    "nonparametric.sign_flip_test": "values",
    "nonparametric.paired_wilcoxon": "values",
    "paired.fit_paired_model": "values",
    "paired.compare_pair_differences": "values",
    "permanova.analysis.permanova_features": "values",
    "permanova.analysis.permanova": "distances",
    "permanova.groups.pairwise_permanova": "distances",
    "permanova.groups.dispersion": "distances",
    "explained.explain_alone": "distances",
    "explained.explain_jointly": "distances",
    "diversity.compare_distances": "distances",
    "diversity.pcoa": "distances",
}
"""Calls whose outcome has a unit, and the table that holds it."""

UNITLESS = (*FREE, "value", "ratio", "ratio_low", "ratio_high", "household_share", "explained")


@pytest.mark.parametrize(("unit", "origin"), UNITS)
@pytest.mark.parametrize("call", OUTCOMES)
def test_unit_of_the_outcome__does_not_matter(call, unit, origin):
    if origin and OUTCOMES[call] == "distances":
        origin = 0.0  # a distance has no origin of its own
    world = make_world()
    table = getattr(world, OUTCOMES[call])
    setattr(world, OUTCOMES[call], table * unit + origin)

    def comparable(found: dict) -> dict:
        kept = {
            key: value
            for key, value in found.items()
            if (UNITLESS_CALL.get(call) or str(key[-1]) in UNITLESS or "explained" in key)
            and not (origin and "Intercept" in str(key))
        }
        return {
            key: re.sub(r"mean distance: .*?(;|$)", "", v) if key[-1] == "note" else v
            for key, v in kept.items()
        }

    found, expected = comparable(flatten(CALLS[call](world))), comparable(answer(call))
    assert expected
    assert not differences(found, expected, 1e-5)


UNITLESS_CALL = dict.fromkeys(
    (
        "association.partial_spearman",
        "epidemiology.families.predict_by_score",
        "explained.explain_alone",
        "explained.explain_jointly",
        "mixed.hypotheses.count_significant",
        "mixed.hypotheses.compare_significant",
        "least_squares.fit_least_squares",
    ),
    True,
)

IN_READS = ("composition.check_counts", "alignment.align_by_id", "diversity.reachable_depth")
"""Calls that give back what they were given, or a depth in its unit."""

OF_COUNTS = [
    call
    for call in CALLS
    if "counts" in inspect.signature(FUNCTIONS[call.partition(":")[0]]).parameters
    and call not in IN_READS
]


@pytest.mark.parametrize("call", OF_COUNTS)
def test_shares_and_percents__have_one_answer_or_none(call):
    answers = []
    for whole in (1.0, 100.0, 1e6):
        world = make_world()
        world.counts = world.counts.div(world.counts.sum(axis=1), axis=0) * whole
        try:
            answers.append(flatten(CALLS[call](world)))
        except ValueError as error:
            assert re.search(r"counts: expected whole (numbers|reads)", str(error))  # noqa: PT017
            answers.append({})
    assert not differences(answers[0], answers[1])
    assert not differences(answers[0], answers[2])


def test_shares__are_taken_with_a_pseudocount_and_a_total_in_their_unit():
    world, found = make_world(), []
    shares = world.counts.div(world.counts.sum(axis=1), axis=0)
    for whole in (1.0, 100.0):
        table = compare_abundance(
            shares * whole, world.people, "group", min_total=whole / 100, pseudocount=whole / 1e4
        )
        found.append(flatten(table.drop(columns="transform")))
    assert not differences(*found)
    pd.testing.assert_frame_equal(clr(shares, 1e-3), clr(shares * 100, 1e-1))


DOUBLED = [
    *("association.partial_spearman", "association.fit_ordinal", "association.fit_linear_model"),
    *("mixed.fit.fit_household_model", "mixed.hypotheses.test_terms", "paired.fit_paired_model"),
    *("mixed.hypotheses.test_household_variance", "molecules.compare_molecules"),
    *("molecules.compare_therapies", "nonparametric.paired_wilcoxon"),
    *("nonparametric.sign_flip_test", "paired.compare_pair_differences"),
]


@pytest.mark.parametrize("call", DOUBLED)
def test_feature_given_twice__has_the_same_answer_twice(call):
    world = make_world()
    world.values["twin"] = world.values["f1"]
    found = CALLS[call](world).drop(columns="q_value", errors="ignore").set_index("feature")
    twin, first = (flatten(found.loc[[name]]) for name in ("twin", "f1"))
    first = {tuple(str(part).replace("f1", "twin") for part in key): v for key, v in first.items()}
    twin = {tuple(map(str, key)): value for key, value in twin.items()}
    assert not differences(twin, first, 1e-9)


@pytest.mark.parametrize("call", [name for name in CALLS if name.startswith("abundance")][:-1])
def test_taxon_given_twice__has_the_same_answer_twice(call):
    world = make_world()
    world.counts["twin"] = world.counts["taxon_2"]
    table = CALLS[call](world).drop(columns="q_value").set_index("feature")
    pd.testing.assert_frame_equal(
        table.loc[["twin"]].reset_index(drop=True), table.loc[["taxon_2"]].reset_index(drop=True)
    )


FITS = [
    *("association.fit_linear_model", "cluster_robust.fit_clustered_model"),
    *("mixed.fit.fit_household_model", "mixed.hypotheses.test_terms"),
    *("permanova.analysis.permanova", "permanova.analysis.permanova_features"),
    *("explained.explain_jointly", "epidemiology.ratios.fit_logistic"),
    *("epidemiology.ratios.conditional_logit", "paired.fit_paired_model"),
]


@pytest.mark.parametrize("call", FITS)
def test_covariate_given_twice__changes_no_other_row_and_has_no_number(call, monkeypatch):
    """A copy in another unit beside the original: neither has a number, the rest is the same."""
    world, expected = make_world(), answer(call)
    world.people["copy"] = world.people["age"] * 1e-4 + 1e3
    monkeypatch.setattr(stats_calls, "MODEL", "sex + age + copy + site + group")
    found = flatten(TWICE.get(call, CALLS[call])(world))
    own = re.compile(r"\b(age|copy|Intercept|total|residual|rows)\b")
    rest = {key: value for key, value in found.items() if not own.search(str(key))}
    rest = {key: value for key, value in rest.items() if key[-1] != "formula"}
    assert rest
    assert not differences(rest, {key: expected[key] for key in rest})
    numbers = ("estimate", "p_value", "pseudo_f")
    copies = {key: value for key, value in found.items() if "copy" in str(key)}
    assert all(pd.isna(value) for key, value in copies.items() if key[-1] in numbers)
    notes = [str(value) for key, value in copies.items() if key[-1] == "note"]
    assert all("collinear" in note for note in notes)


TWICE = {
    "cluster_robust.fit_clustered_model": lambda w: (
        fit_clustered_model(w.outcome, w.people, "sex + age + copy + site").table
    ),
    "epidemiology.ratios.fit_logistic": lambda w: epidemiology.fit_logistic(
        w.ill, w.people[["age", "bmi", "copy"]]
    ),
    "epidemiology.ratios.conditional_logit": lambda w: epidemiology.conditional_logit(
        w.ill, w.people[["age", "bmi", "copy"]], w.people["site"] + w.people["sex"]
    ),
    "paired.fit_paired_model": lambda w: paired.fit_paired_model(
        w.values, w.people, "sex + age + copy"
    ),
}
