"""A cohort in memory: people, samples and feature tables."""

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import biom
import numpy as np
import pandas as pd
from scipy import sparse

from cohabit.data import counting, schema
from cohabit.data.lineage import lineage_table
from cohabit.data.people import USUAL, concerned, why_not_held
from cohabit.data.resolution import Resolution, find_main_rank

TABLES_OF_PEOPLE = ("diet", "metabolites", "pathways", "blood", "visits")
"""Optional tables of a cohort besides counts, whose rows belong to single people."""


@dataclass(frozen=True)
class Truth:
    """The planted effects and parameters of a simulated cohort.

    Only recovery, exercises and tests read it.
    """

    effects: pd.DataFrame
    """One row per planted effect: factor, level, property, feature, coefficient, scale."""

    find_estimands: Callable[[], pd.DataFrame] = field(repr=False)
    """Function that computes `estimands`, called once when they are first needed."""

    design: Mapping[str, object] = field(default_factory=dict, repr=False)
    """Parameters of the simulation as in ``cohort.json``; empty when unknown."""

    @cached_property
    def estimands(self) -> pd.DataFrame:
        """The true values to be estimated: contrast, scale, feature, value."""
        return self.find_estimands()


@dataclass(frozen=True)
class Cohort:
    """People in households, their samples and their measurements."""

    participants: pd.DataFrame
    """One row per person; index participant_id; household_id links a case to a control."""

    samples: pd.DataFrame
    """One row per library; index sample_id."""

    features: Mapping[str, biom.Table]
    """Assay -> counts (features x samples) with lineages as observation metadata `taxonomy`."""

    provenance: Mapping[str, object]
    """Design, seed, versions and `simulated`, as in `cohort.json`."""

    later: Mapping[str, biom.Table] = field(default_factory=dict)
    """Assay -> counts of the samples of later visits, in the form of `features`."""

    diet: pd.DataFrame | None = None
    metabolites: pd.DataFrame | None = None
    pathways: pd.DataFrame | None = None
    blood: pd.DataFrame | None = None
    visits: pd.DataFrame | None = None
    tree: str | None = None
    """Newick tree of the features of the 16S table."""

    truth: Truth | None = None
    """The planted truth; None for cohorts that are real or read from disk."""

    def table(
        self,
        assay: str,
        rank: str | None = None,
        level: str = "participant",
        visit: int | None = 0,
    ) -> pd.DataFrame:
        """Return a table of counts, rows x features.

        Parameters
        ----------
        assay : str
            ``"shotgun"`` or ``"16s"``.
        rank : str, optional
            Sum features to the taxa of this rank, for example ``"genus"``, labelled as by
            `find_taxa`; by default the features as they are.
        level : str
            ``"participant"``: the libraries of one person at `visit` summed; rows in the
            order of `participants`, people without a library left out.
            ``"sample"``: one row per library.
        visit : int, optional
            Month of the visit, 0 for baseline. None: every visit; for
            ``level="participant"`` the index is then (participant_id, visit). Samples of
            later visits have the features of all visits.

        Returns
        -------
        DataFrame of int64

        Raises
        ------
        MissingInput
            When the cohort was not measured by this assay.
        ValueError
            When there is no such assay, rank or level; names the nearest.
        """
        if level not in ("participant", "sample"):
            raise ValueError(f"level: expected participant or sample, got {level!r}")
        counts, names, samples = self._count(assay, rank, visit)
        if level == "participant":
            counts, index = counting.sum_libraries(counts, samples, self.participants.index, visit)
        else:
            index = samples.index
        return pd.DataFrame(counts.toarray().astype(np.int64), index=index, columns=names)

    @property
    def simulated(self) -> bool:
        """True for simulated people; False for imported cohorts and plain tables."""
        return bool(self.provenance.get("simulated"))

    @property
    def main_assay(self) -> str:
        """The assay of highest resolution: shotgun if measured, otherwise 16S."""
        return next(assay for assay in schema.ASSAYS if assay in self.features)

    @cached_property
    def resolution(self) -> Resolution:
        """The counts of highest resolution: shotgun species, 16S genera or 16S features."""
        assay = self.main_assay
        rank, lineage = find_main_rank(assay, self.taxonomy(assay))
        return Resolution(self.table(assay, rank), assay, rank, lineage)

    def has(self, need: str) -> bool:
        """Return True when the cohort meets a need, which is given as for `require`."""
        return not self._lacks(need)

    def require(self, *needs: str) -> "Cohort":
        """Return the cohort, or raise an error that names the need it does not meet.

        Parameters
        ----------
        *needs : str
            ``"pairs"``: households of exactly one case and one control; ``"cases"``: cases
            and controls; ``"untreated"`` and ``"treated"`` cases; any other word is a column
            that must be known of some case.

        Raises
        ------
        MissingInput
            With everything that is lacking; a notebook is then skipped.
        """
        lacking = [why for need in needs if (why := self._lacks(need))]
        if lacking:
            raise schema.MissingInput("the cohort has " + ", ".join(lacking))
        return self

    def _lacks(self, need: str) -> str:
        people = self.participants
        of_group = pd.crosstab(people["household_id"], people["group"].astype(str))
        of_group = of_group.reindex(columns=list(schema.GROUPS), fill_value=0)
        if need == "pairs":
            enough = of_group.eq(1).all(axis=1).any()
            return "" if enough else "no household of exactly one case and one control"
        if need == "cases":
            return "" if of_group.any().all() else "not both cases and controls"
        patients = people[people["group"] == "MS"]
        if need in ("untreated", "treated"):
            drugs = patients.get("treatment", pd.Series(dtype=object)).dropna()
            return (
                "" if ((drugs == "untreated") == (need == "untreated")).any() else f"no {need} case"
            )
        known = need in patients and patients[need].notna().any()
        return "" if known else f"no {need} of any case"

    @property
    def case(self) -> str:
        """What the level ``MS`` of `group` stands for."""
        return str(self.provenance.get("case", "MS"))

    @property
    def sites(self) -> pd.Series:
        """Each person's site, with a name for those whose site is not recorded."""
        absent = pd.Series(None, self.participants.index, dtype=object)
        sites = self.participants.get("site", absent).astype(object)
        return sites.fillna("site not recorded").rename("site")

    @property
    def wanted_covariates(self) -> tuple[str, ...]:
        """Columns that models should hold fixed: those of the mapping's ``[model]``, or `USUAL`."""
        declared = self.provenance.get("model") or {}
        return tuple(declared.get("covariates", USUAL))

    @property
    def covariates(self) -> tuple[str, ...]:
        """The wanted covariates that can be held fixed: known, and not the same for all."""
        return self.usable(*self.wanted_covariates)

    def usable(self, *columns: str) -> tuple[str, ...]:
        """Return the columns that a model of these people can hold fixed; see `why_not_held`."""
        people = self.participants
        return tuple(name for name in columns if not why_not_held(concerned(people, name), name))

    def complete(self, *more: str) -> "Cohort":
        """Return a copy of the people whose covariates are known, and say what this took.

        A covariate that is absent, unknown for more than a fifth, or the same for all, leaves the
        model; then people leave who lack a value of the others. One warning names both.

        Parameters
        ----------
        *more : str
            Columns to be known besides the covariates. Columns of patients concern cases alone.
        """
        people, wanted = self.participants, dict.fromkeys((*self.wanted_covariates, *more))
        reasons = {name: why_not_held(concerned(people, name), name) for name in wanted}
        held = [name for name, why in reasons.items() if not why]
        unknown = pd.DataFrame(False, people.index, held)
        for name in held:
            rows = concerned(people, name)
            unknown.loc[rows.index, name] = rows[name].isna()
        left_out = unknown.any(axis=1)
        dropped = [f"{name} ({why})" for name, why in reasons.items() if why]
        told = [f"models do not hold fixed: {', '.join(dropped)}"] if dropped else []
        if left_out.any():
            counts = ", ".join(f"{name} of {n}" for name, n in unknown.sum().items() if n)
            told += [f"{left_out.sum()} of {len(people)} people are left out: unknown are {counts}"]
        if told:
            warnings.warn("; ".join(told), stacklevel=2)
        return self._keep(people.index[~left_out]) if left_out.any() else self

    def _keep(self, ids: pd.Index) -> "Cohort":
        """Return a copy with some of the people and their data."""
        samples = self.samples[self.samples["participant_id"].isin(ids)]
        kept = {"participants": self.participants.loc[ids], "samples": samples}
        for name in TABLES_OF_PEOPLE:
            if (table := getattr(self, name)) is not None:
                kept[name] = table[table.get("participant_id", table.index).isin(ids)]
        theirs = set(samples.index)
        features = {
            assay: table.filter(theirs.intersection(table.ids()), axis="sample", inplace=False)
            for assay, table in self.features.items()
        }
        return replace(self, features=features, **kept)

    def without(self, *parts: str) -> "Cohort":
        """Return a copy without some parts: an assay with its samples, a table or the truth.

        Raises
        ------
        ValueError
            When there is no such part; names the nearest.
        """
        optional = (*TABLES_OF_PEOPLE, "tree", "truth")
        known = [*self.features, *optional]
        for part in parts:
            if part not in known:
                raise ValueError(f"no part {part!r}: {schema.nearest(part, known)}")
        features = {assay: table for assay, table in self.features.items() if assay not in parts}
        later = {assay: self.later[assay] for assay in self.later if assay in features}
        samples = self.samples[self.samples["assay"].isin(features)]
        left_out = dict.fromkeys(set(parts).intersection(optional))
        return replace(self, features=features, later=later, samples=samples, **left_out)

    def taxonomy(self, assay: str) -> pd.DataFrame:
        """Return the lineage of each feature, features x ranks; ``unclassified`` if unknown."""
        return lineage_table(self._features(assay))

    def _features(self, assay: str) -> biom.Table:
        if assay in self.features:
            return self.features[assay]
        if assay in schema.ASSAYS:
            raise schema.MissingInput(f"the cohort has no {assay}.biom, the counts by {assay}")
        raise ValueError(f"no feature table {assay!r}: {schema.nearest(assay, schema.ASSAYS)}")

    def _count(
        self, assay: str, rank: str | None, visit: int | None
    ) -> tuple[sparse.csr_matrix, pd.Index, pd.DataFrame]:
        """Return counts (samples x features at the rank), feature names and the samples."""
        tables = [self._features(assay)]
        if visit != 0 and assay in self.later:
            tables.append(self.later[assay])
        counts, names, ids = counting.gather_counts(tables, rank, assay)
        here = np.flatnonzero(ids.isin(self.samples.index))
        return counts[here], names, self.samples.loc[ids[here]]


def pairs_where(participants: pd.DataFrame, **values: object) -> pd.DataFrame:
    """Return the whole households whose patient has the given values.

    ``pairs_where(people, treatment="untreated")`` keeps every untreated patient together
    with everyone who shares the household; a list of values keeps any of them.

    Parameters
    ----------
    participants : DataFrame, one row per person
    **values
        Column of the patient and the value, or list of values, to keep.

    Raises
    ------
    ValueError
        When a column is not there; names the nearest.
    """
    patients = participants[participants["group"] == "MS"]
    for column, wanted in values.items():
        if column not in participants:
            raise ValueError(f"no column {column!r}: {schema.nearest(column, participants)}")
        wanted = wanted if isinstance(wanted, list | tuple | set) else [wanted]
        patients = patients[patients[column].isin(wanted)]
    return participants[participants["household_id"].isin(patients["household_id"])]


def of_patient(participants: pd.DataFrame, column: str) -> pd.Series:
    """Return the patient's value of a column for every member of the household.

    ``of_patient(people, "treatment")`` gives a control the treatment of their partner.

    Parameters
    ----------
    participants : DataFrame, one row per person
    column : str
        Missing where no patient lives.

    Returns
    -------
    Series
        Index as `participants`; of the column's own type.

    Raises
    ------
    ValueError
        When the column is not there, or the patients of a household differ; names them.
    """
    if column not in participants:
        raise ValueError(f"no column {column!r}: {schema.nearest(column, participants)}")
    patients = participants.loc[participants["group"] == "MS", ["household_id", column]]
    patients = patients.drop_duplicates().set_index("household_id")[column]
    several = patients.index[patients.index.duplicated()]
    if len(several):
        raise ValueError(
            f"expected one {column} of the patients of a household; {several[:5].tolist()} have "
            "several patients with different values"
        )
    values = patients.reindex(participants["household_id"])
    return pd.Series(values.array, participants.index, name=column)
