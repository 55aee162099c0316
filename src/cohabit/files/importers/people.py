"""From one row a sample to people in households and the samples they gave."""

import numpy as np
import pandas as pd

from cohabit.data import schema
from cohabit.files.importers.log import ImportLog
from cohabit.files.importers.mapping import SAMPLES, VISIT_MONTHS, Mapping

FIRM = ("household_id", "group", "site", "country", "sex", "diagnosis")
"""What a person has once: two values are a mistake, not a change over time."""


def split_people(table: pd.DataFrame, mapping: Mapping, log: ImportLog) -> tuple:
    """Return participants and samples.

    Parameters
    ----------
    table : DataFrame, one row a sample
        As from `translate`.
    mapping : Mapping
    log : ImportLog

    Returns
    -------
    participants : DataFrame
        Index participant_id.
    samples : DataFrame
        Index sample_id; participant_id, visit, kit, replicate and batch where it is known.
    """
    _check_sample_ids(table, log)
    table = table.dropna(subset=["participant_id"])
    samples = _make_samples(table, mapping, log)
    table = table.assign(_visit=samples["visit"].to_numpy()).sort_values("_visit", kind="stable")
    columns = [name for name in table if name not in {*SAMPLES, "_visit"}]
    for column in columns:
        _check_agreement(table, column, log)
    first = table.groupby("participant_id", sort=False)[columns].first()
    order = pd.unique(samples["participant_id"])
    return _arrange(first.loc[order]), samples


def _check_sample_ids(table: pd.DataFrame, log: ImportLog) -> None:
    ids = table["sample_id"]
    for what, wrong, remedy in (
        ("empty sample id(s)", ids.eq(""), "name the sample or delete the line"),
        (
            "sample id(s) repeat",
            ids.duplicated(keep=False) & ids.ne(""),
            "one row a sample; a person's several samples need `participant_id`",
        ),
    ):
        if wrong.any():
            rows = [f"line {line}: {ids[line]}" for line in table.index[wrong]]
            log.error("sample_id", f"{wrong.sum()} {what}", rows, remedy)
    nobody = table["participant_id"].isna()
    if nobody.any():
        log.error(
            "participant_id",
            f"{nobody.sum()} sample(s) belong to nobody",
            ids[nobody],
            "fill it in or leave the samples out",
        )


def _make_samples(table: pd.DataFrame, mapping: Mapping, log: ImportLog) -> pd.DataFrame:
    samples = table[["participant_id"]].set_axis(pd.Index(table["sample_id"], name="sample_id"))
    samples["visit"] = _months(table, mapping, log)
    samples["kit"] = _given(table, "kit", "unknown")
    again = samples.groupby(["participant_id", "visit"]).cumcount() + 1
    if "replicate" in table:
        replicate = table["replicate"].fillna(1).to_numpy()
    else:
        replicate = again.to_numpy()
    samples["replicate"] = replicate.astype(int)
    if "batch" in table:
        samples["batch"] = _given(table, "batch", "unknown")
    several = samples.loc[(again > 1).to_numpy(), "participant_id"].unique()
    if len(several):
        log.warn(
            "sample_id",
            f"{len(several)} participant(s) gave several samples at one visit",
            several,
            "they are summed"
            + ("" if "visit" in table else "; name a column as visit if they are visits"),
        )
    return samples


def _given(table: pd.DataFrame, column: str, otherwise: str) -> np.ndarray:
    if column not in table:
        return np.full(len(table), otherwise, dtype=object)
    return table[column].fillna(otherwise).to_numpy()


def _months(table: pd.DataFrame, mapping: Mapping, log: ImportLog) -> np.ndarray:
    """Return the month of each visit, 0 for baseline."""
    if "visit" not in table:
        return np.zeros(len(table), dtype=int)
    time = table["visit"]
    if time.isna().any():
        log.error(
            "visit",
            f"{time.isna().sum()} sample(s) have no visit",
            table.loc[time.isna(), "sample_id"],
            "fill it in or leave them out",
        )
    if mapping.visit_from == "first":
        time = time - time.groupby(table["participant_id"]).transform("min")
    months = (time * VISIT_MONTHS[mapping.visit_unit]).round().fillna(0).astype(int)
    if not (months == 0).any():
        log.error(
            "visit",
            "no sample has visit 0, the baseline",
            [],
            'write from = "first" under [visits] to count from each person\'s first',
        )
    return months.to_numpy()


def _check_agreement(table: pd.DataFrame, column: str, log: ImportLog) -> None:
    """Compare a person's rows: firm facts must agree, of others the earliest is taken."""
    different = table.groupby("participant_id")[column].nunique()
    people = different.index[different > 1]
    if len(people) and column in FIRM:
        log.error(
            column,
            f"{len(people)} participant(s) have two values",
            people,
            "correct the metadata: one value a person",
        )
    elif len(people):
        log.change(
            column,
            f"{len(people)} participant(s) have several values; the first visit's, "
            "or the first row's, was taken",
            people,
        )


def _arrange(participants: pd.DataFrame) -> pd.DataFrame:
    """Put the columns of every cohort first, in their order."""
    first = [name for name in schema.PARTICIPANT_COLUMNS if name in participants]
    rest = [name for name in participants if name not in first]
    return participants[first + rest]


def add_columns(participants: pd.DataFrame, log: ImportLog) -> pd.DataFrame:
    """Add, empty, the columns that the notebooks name and these people lack.

    Without a `site` everyone is at one: terms that do not vary leave every model.
    """
    names = [*schema.PARTICIPANT_COLUMNS, "course", "treatment", "edss", "msss"]
    absent = [name for name in names if name not in participants]
    if not absent:
        return participants
    log.change("participants", f"{len(absent)} column(s) added without values", absent)
    constant = {"site": "one site", "country": "unknown"}
    return _arrange(participants.assign(**{name: constant.get(name) for name in absent}))


def check_households(participants: pd.DataFrame, log: ImportLog) -> None:
    """Write down what is legal but decides which method can be used."""
    sizes = participants.groupby("household_id").size()
    cases = participants["group"].eq("MS").groupby(participants["household_id"]).sum()
    alone = sizes.index[sizes == 1]
    if len(alone):
        log.warn(
            "household_id",
            f"{len(alone)} household(s) have one member",
            alone,
            "legal: paired methods leave them out, mixed models keep them",
        )
    two = cases.index[cases > 1]
    if len(two):
        log.warn(
            "household_id",
            f"{len(two)} household(s) have two or more cases",
            two,
            "legal: paired methods leave them out and say so",
        )
    unmatched = sizes.index[(sizes > 1) & ((cases == 0) | (cases == sizes))]
    if len(unmatched) and cases.sum():
        log.warn(
            "household_id",
            f"{len(unmatched)} household(s) have no case beside a control",
            unmatched,
            "legal: they say nothing of case against control",
        )
    if not cases.sum():
        log.warn("group", "nobody is a case: comparisons of cases with controls will be skipped")
    large = sizes.index[sizes > 2]
    if len(large):
        log.note(
            "household_id",
            f"{len(large)} household(s) have more than two members, {sizes.max()} at most",
        )
    log.note(
        "participants",
        f"{len(participants)} people in {len(sizes)} households, {int(cases.sum())} cases",
    )
