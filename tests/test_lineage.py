"""How lineages are read, and at which rank a cohort can be analysed."""

from dataclasses import replace

import pandas as pd
import pytest

from cohabit.data.lineage import Lineage, find_taxa, lineage_of
from cohabit.data.schema import RANKS, UNCLASSIFIED

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


def test_resolution__genera_of_one_name_in_two_families_are_two(only_16s):
    assert only_16s.resolution.lineage.loc["Dorea", "family"] == "Lachnospiraceae"
    table = only_16s.features["16s"].copy()
    table.metadata("Blautia sp", "observation")["taxonomy"][3] = "Elsewhere"
    main = replace(only_16s, features={"16s": table}).resolution
    here, there = "Blautia (Lachnospiraceae)", "Blautia (Elsewhere)"
    assert main.lineage["family"].loc[[here, there]].tolist() == ["Lachnospiraceae", "Elsewhere"]
    assert main.find(["Blautia obeum"]) == [there, here]
    assert main.counts.sum(axis=1).equals(only_16s.resolution.counts.sum(axis=1))


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
        ("k__B; p__F; c__; o__; f__; g__[Ruminococcus]; s__", "[Ruminococcus]", "unclassified"),
        ("Unassigned", "unclassified", "unclassified"),
        ("", "unclassified", "unclassified"),
    ],
)  # fmt: skip
def test_lineage__knows_the_dialects(written, genus, species):
    assert Lineage.parse(written).names[4:] == (genus, species)


def test_lineage_of__reads_what_cohabit_itself_writes():
    own = ["Firmicutes", "Clostridia", "Clostridiales", "Lachnospiraceae", "Dorea", "", "asv1"]
    assert lineage_of("asv1", own, "16s") == [*own[:5], "unclassified", "asv1"]


@pytest.mark.parametrize(
    ("written", "names"),
    [
        ("Bacteria(100);Firmicutes(100);C(99);O(98);Lachnospiraceae(97);Dorea(87);",
         ("Firmicutes", "C", "O", "Lachnospiraceae", "Dorea", "unclassified")),
        ("Bacteria(100);F(100);C(99);O(98);Fa(97);Fa_unclassified(87);",
         ("F", "C", "O", "Fa", "unclassified", "unclassified")),
        ("Root;Bacteria;F;C;O;Fa;Dorea", ("F", "C", "O", "Fa", "Dorea", "unclassified")),
        ("Unassigned;__;__;__;__;__;__", ("unclassified",) * 6),
        ("d__Bacteria;p__F;c__C;__;__;__;__", ("F", "C", *["unclassified"] * 4)),
        ("d__Bacteria; p__F; c__C; o__O; f__Fa; g__uncultured; s__uncultured_bacterium",
         ("F", "C", "O", "Fa", "unclassified", "unclassified")),
        ("d__Bacteria; p__F; c__C; o__O; f__Fa; g__Incertae_Sedis; s__gut_metagenome",
         ("F", "C", "O", "Fa", "unclassified", "unclassified")),
        ("d__Bacteria; p__F; c__C; o__O; f__Fa; g__[Eubacterium]_hallii_group; s__",
         ("F", "C", "O", "Fa", "[Eubacterium]_hallii_group", "unclassified")),
        ("k__B|p__F|c__C|o__O|f__Fa|g__Fa_unclassified|s__Eubacterium_rectale",
         ("F", "C", "O", "Fa", "unclassified", "Eubacterium rectale")),
        ("k__B|p__F|c__C|o__O|f__Fa|g__Blautia|s__Ruminococcus_torques|t__SGB4608",
         ("F", "C", "O", "Fa", "Blautia", "Ruminococcus torques")),
        ("k__B|p__F|c__C|o__O|f__Fa|g__GGB3005|s__GGB3005_SGB3996",
         ("F", "C", "O", "Fa", "GGB3005", "GGB3005 SGB3996")),
        ("d__Bacteria;p__Bacillota_A;c__C;o__O;f__Fa;g__Bacillus_A;s__Bacillus_A cereus_B",
         ("Bacillota_A", "C", "O", "Fa", "Bacillus_A", "Bacillus_A cereus_B")),
        ("k__B; p__F; c__C; o__O; f__Fa; g__[Ruminococcus]; s__gnavus",
         ("F", "C", "O", "Fa", "[Ruminococcus]", "[Ruminococcus] gnavus")),
        ("Bacteria;F;C;O;Clostridiales_Incertae Sedis XI;Lachnospiracea_incertae_sedis",
         ("F", "C", "O", "Clostridiales_Incertae Sedis XI", "unclassified", "unclassified")),
        (None, ("unclassified",) * 6),
    ],
)  # fmt: skip
def test_lineage__of_other_programs(written, names):
    assert Lineage.parse(written).names == names


def lineages(*written):
    names = [Lineage.parse(text).names for text in written]
    return pd.DataFrame(names, columns=list(RANKS[:6]))


def test_taxa__are_labelled_by_their_name_or_the_last_one_above_it():
    bare = "k__B; p__F; c__C; o__O; f__{}; g__{}"
    table = lineages(*(bare.format(*pair) for pair in [
        ("Lachno", "Dorea"), ("Lachno", ""), ("Rumino", "uncultured"), ("", ""),
        ("Lachno", "Clostridium"), ("Rumino", "Clostridium"), ("", "Clostridium"),
        ("Lachno", "[Clostridium]"), ("Lachno", "Dorea"),
    ]), "Unassigned")  # fmt: skip
    taxa = find_taxa(table, "genus")
    assert taxa.lineage.index[taxa.codes].tolist() == [
        "Dorea", "Lachno unclassified", "Rumino unclassified", "O unclassified",
        "Clostridium (Lachno)", "Clostridium (Rumino)", "Clostridium (O unclassified)",
        "[Clostridium]", "Dorea", "unclassified",
    ]  # fmt: skip
    assert taxa.named
    assert not find_taxa(table, "species").named


def test_taxa__of_one_family_in_two_orders_are_told_apart_by_the_order():
    table = lineages("k__B; p__F; c__C; o__Old; f__Lachno", "k__B; p__F; c__C; o__New; f__Lachno")
    labels = find_taxa(table, "genus").lineage.index
    assert set(labels) == {"Lachno unclassified (Old)", "Lachno unclassified (New)"}


def test_taxa__are_those_of_simulated_cohorts_after_an_import(small_cohort):
    table = small_cohort.taxonomy("shotgun")
    again = pd.DataFrame([Lineage.parse(row).names for row in table.to_numpy().tolist()],
                         table.index, table.columns)  # fmt: skip
    for rank in ("family", "genus", "species"):
        assert find_taxa(again, rank).lineage.equals(find_taxa(table, rank).lineage)
