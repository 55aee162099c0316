"""How lineages are read, and at which rank a cohort can be analysed."""

from dataclasses import replace

import pandas as pd
import pytest

from cohabit.data.lineage import lineage_of, parse_lineage
from cohabit.data.schema import UNCLASSIFIED

ESTIMATES = pd.DataFrame(
    {"claim_id": ["07.restoration"], "estimate": 0.2, "low": 0.1, "high": 0.3, "p_value": 0.01}
).assign(n=9, note="")
SPECIES = ["Blautia obeum", "[Dorea] longicatena", "Blautia sp", "Roseburia hominis"]


@pytest.fixture
def only_16s(small_cohort):
    samples = small_cohort.samples.assign(assay="16s")
    return replace(
        small_cohort, samples=samples, features={"16s": small_cohort.features["shotgun"]}
    )


@pytest.fixture
def without_lineages(only_16s):
    table = only_16s.features["16s"].copy()
    for record in table.metadata(axis="observation"):
        record["taxonomy"] = [UNCLASSIFIED] * len(record["taxonomy"])
    return replace(only_16s, features={"16s": table})


def test_resolution__of_shotgun_is_species_and_every_claim_stays(small_cohort):
    main = small_cohort.resolution
    assert main.rank == "species"
    assert main.counts.equals(small_cohort.table("shotgun"))
    assert main.species_only(ESTIMATES).equals(ESTIMATES)
    assert main.find(SPECIES) == ["Blautia obeum", "Blautia sp"]
    assert main.describe() == "Features here: 4 species of shotgun.biom."


def test_resolution__of_16s_is_genera_and_species_stay_open(only_16s):
    main = only_16s.resolution
    assert main.rank == "genus"
    assert main.counts.equals(only_16s.table("16s", rank="genus"))
    assert main.find(SPECIES) == ["Blautia", "Dorea"]
    assert main.find(SPECIES, among=["Dorea"]) == ["Dorea"]
    said = main.describe()
    assert "no shotgun counts" in said
    assert "read genera" in said
    assert "not testable on genera" in said
    blank = main.species_only(ESTIMATES)
    assert blank[["estimate", "low", "high", "p_value"]].isna().all(axis=None)
    assert blank["note"].tolist() == ["species: not testable on genera"]
    assert blank["n"].tolist() == [0]
    assert list(blank) == list(ESTIMATES)


def test_resolution__keeps_the_family_that_all_of_a_genus_share(only_16s):
    lineage = only_16s.resolution.lineage
    assert lineage.loc["Dorea", "family"] == "Lachnospiraceae"
    table = only_16s.features["16s"].copy()
    table.metadata("Blautia sp", "observation")["taxonomy"][3] = "Elsewhere"
    two = replace(only_16s, features={"16s": table}).resolution.lineage
    assert two.loc["Blautia", "family"] == UNCLASSIFIED


def test_resolution__without_lineages_is_the_features_as_they_are(without_lineages):
    main = without_lineages.resolution
    assert main.rank is None
    assert main.counts.equals(without_lineages.table("16s"))
    assert "features without a lineage" in main.describe()
    assert main.species_only(ESTIMATES)["estimate"].isna().all()


def test_resolution__prefers_shotgun_where_both_were_measured(small_cohort):
    table = small_cohort.features["shotgun"]
    both = replace(small_cohort, features={"16s": table, "shotgun": table})
    assert both.resolution.assay == "shotgun"


@pytest.mark.parametrize(
    ("written", "genus", "species"),
    [
        ("k__B; p__F; c__; o__; f__; g__Dorea; s__longicatena", "Dorea", "Dorea longicatena"),
        ("D_0__Bacteria;D_1__F;D_2__C;D_3__O;D_4__Fa;D_5__Dorea;D_6__x", "Dorea", "Dorea x"),
        ("d__Bacteria;p__F;c__C;o__O;f__Fa;g__Dorea", "Dorea", "unclassified"),
        ("k__B|p__F|c__C|o__O|f__Fa|g__Dorea|s__Dorea_formicigenerans", "Dorea",
         "Dorea formicigenerans"),
        ("Bacteria;F;C;O;Fa;Dorea", "Dorea", "unclassified"),
        (["Bacteria", "F", "C", "O", "Fa", "Dorea", ""], "Dorea", "unclassified"),
        ("k__B; p__F; c__; o__; f__; g__[Ruminococcus]; s__", "Ruminococcus", "unclassified"),
        ("Unassigned", "unclassified", "unclassified"),
        ("", "unclassified", "unclassified"),
    ],
)  # fmt: skip
def test_parse_lineage__knows_the_dialects(written, genus, species):
    assert parse_lineage(written)[4:] == [genus, species]


def test_lineage_of__reads_what_cohabit_itself_writes():
    own = ["Firmicutes", "Clostridia", "Clostridiales", "Lachnospiraceae", "Dorea", "", "asv1"]
    assert lineage_of("asv1", own, "16s") == [*own[:5], "unclassified", "asv1"]
