"""Exercises of part 4, beyond the study: notebooks 13 to 16."""

import numpy as np

from cohabit.course.registry import Context, exercise, is_name, is_near


@exercise("13.1")
def _untrue_claims(answer: object, context: Context) -> bool | str:
    """Check the number of published claims that are untrue in this world."""
    table = context.scorecard("claims")
    untrue = int(table["true_here"].astype("string").eq("False").sum())
    return is_near(answer, untrue, relative=0) or (
        "Count the claims whose column true_here is False; empty means that nobody knows."
    )


@exercise("13.2")
def _wrong_verdicts(answer: object, context: Context) -> bool | str:
    """Check the number of decided verdicts that are wrong."""
    table = context.scorecard("claims")
    wrong = int(table["right"].astype("string").eq("False").sum())
    return is_near(answer, wrong, relative=0) or (
        "Count the claims whose verdict was decided and does not fit what was planted."
    )


@exercise("13.3")
def _most_sensitive_method(answer: object, context: Context) -> bool | str:
    """Check the name of the method that calls the largest share of the planted species."""
    table = context.scorecard("recovery")
    best = table.loc[table["sensitivity"].idxmax(), "method"]
    return is_name(answer, best) or (
        "Sort the methods by sensitivity; then ask what its false discoveries cost."
    )


@exercise("13.4")
def _missed_claims(answer: object, context: Context) -> bool | str:
    """Check the share of true claims whose verdict was undecided."""
    table = context.scorecard("claims")
    true = table[table["true_here"].astype("string").eq("True")]
    true = true[true["verdict"] != "not estimated"]
    return is_near(answer, (true["verdict"] == "cannot tell").mean(), absolute=0.01) or (
        "Of the claims that are true here and were estimated, what share got the verdict "
        "'cannot tell'? This is what more pairs would buy."
    )


@exercise("14.1")
def _touched_by_therapy(answer: object, context: Context) -> bool | str:
    """Check the number of species affected by therapy itself, before closure."""
    from cohabit.experiments import two_worlds

    world = two_worlds.recall_world(context.cohort)
    untreated = two_worlds.stop_therapy(world)
    touched = int((two_worlds.differ(untreated, world) != 0).any().sum())
    return is_near(answer, touched, relative=0) or (
        "Count the species that have a difference other than 0 in anybody, on the scale 'latent', "
        "between the world without therapy and this one."
    )


@exercise("14.2")
def _site_between_treated_and_untreated(answer: object, context: Context) -> bool | str:
    """Check the site's contribution to the difference in one species by treatment."""
    from cohabit.experiments import two_worlds

    world = two_worlds.recall_world(context.cohort)
    untreated = world.people["treatment"] == "untreated"
    split = two_worlds.split_difference(
        world, world.patients & ~untreated, world.patients & untreated
    )
    site = split.loc["Faecalibacterium prausnitzii", "site"]
    return is_near(answer, site, absolute=0.001) or (
        "Each difference was split into its terms: look for the species' row and the term's column."
    )


@exercise("14.3")
def _people_for_twice_the_effect(answer: object, _: Context) -> bool | str:
    """Check the change in sample size when a weak first step of a path doubles."""
    return is_near(answer, 0.25, relative=0.05) or (
        "The weak step decides. Its statistic grows with the effect and with the square root of "
        "the people."
    )


@exercise("14.4")
def _found_with_spillover(answer: object, context: Context) -> bool | str:
    """Check the share of the effect of MS found with partners, which depends on the world."""
    caught = context.cohort.provenance["design"]["spillover"]
    return is_near(answer, 1 - caught, absolute=0.005) or (
        "Patients have the whole effect. What do their partners have, in this world? Subtract."
    )


@exercise("15.1")
def _lenient_false_discovery(answer: object, context: Context) -> bool | str:
    """Check the lenient rule's false discovery rate over 5% when nothing is planted."""
    return is_near(answer, 1 / 0.05, relative=0.05) or (
        "Where nothing is planted, which of the calls are false? Divide their share by 0.05."
    )


@exercise("15.2")
def _same_as_pair_as_term(answer: object, context: Context) -> bool | str:
    """Check the name of the way that equals the pair as a fixed term."""
    return is_name(answer, "paired difference") or (
        "A constant for every household takes the pair's sum away. What is left of two numbers?"
    )


@exercise("15.3")
def _best_on_spike_in(answer: object, context: Context) -> bool | str:
    """Check the name of the most sensitive valid way on plain CLR for the spike-in."""
    table = context.table("which_test")
    table = table[(table["generator"] == "spike-in") & table["holds"].astype(bool)]
    table = table[table["way"].str.endswith("· CLR")]
    tied = table.loc[table["gain"] == table["gain"].max(), "way"]
    right = any(is_name(answer, way) or is_name(answer, way.split(" · ")[0]) for way in tied)
    return right or (
        "Keep the rows of the spike-in that hold and end with CLR; which has the highest gain?"
    )


@exercise("15b.1")
def _best_of_eight(answer: object, _: Context) -> bool | str:
    """Check the probability that the smallest of eight independent p-values is below 0.05."""
    return is_near(answer, 1 - 0.95**8) or (
        "The best of eight is above 0.05 only when all eight are. The answer is a share."
    )


@exercise("15b.2")
def _twice_as_deep(answer: object, _: Context) -> bool | str:
    """Check the ratio of two depths that differ by 0.7 on the natural log scale."""
    return is_near(answer, np.exp(0.7)) or "The dial is in natural logs of reads: turn it back."


@exercise("15b.3")
def _pull_of_a_bloom(answer: object, _: Context) -> bool | str:
    """Check the log change of all other shares when a species of 2% grows fiftyfold."""
    return is_near(answer, -np.log(0.98 + 0.02 * 50)) or (
        "Shares are divided by their sum. What is the sum afterwards, when it was 1 before? "
        "Every other share is divided by it; give the natural log, with its sign."
    )


@exercise("15b.4")
def _left_with_spillover(answer: object, context: Context) -> bool | str:
    """Check the share of the effect left when partners catch two fifths of it."""
    row = context.table("summary").loc["spillover"]
    return is_near(answer, row["wrong_on"] / row["wrong_off"]) or (
        "Divide, in the row spillover, what the wrong analysis finds with the switch on by what "
        "it finds with the switch off: two columns of the table."
    )


@exercise("16.1")
def _pairs_for_money(answer: object, _: Context) -> bool | str:
    """Check the pairs for 60,000 at 560 each: a home 100, people 2 x 50, samples 2 x 180."""
    return is_near(answer, 60_000 // 560, relative=1e-3) or (
        "A pair pays for one home, two people, two visits and two samples. Only whole pairs count."
    )


@exercise("16.2")
def _spillover_that_undoes_pairing(answer: object, _: Context) -> bool | str:
    """Check the spillover s that cancels the gain from pairing: (1 - s)² = 1 - r."""
    return is_near(answer, 1 - np.sqrt(1 - 0.3), absolute=0.003) or (
        "Power depends on effect² / variance. Partners have (1 - s)² / (1 - r) of what strangers "
        "have; when is that 1?"
    )


@exercise("16.3")
def _patients_for_power(answer: object, context: Context) -> bool | str:
    """Check the smallest size whose interval of PERMANOVA's power is above 0.5, or 0."""
    table = context.table("powers")
    sure = table[(table["question"] == "community") & (table["low"] > 0.5)]
    return is_near(answer, sure["n"].min() if len(sure) else 0) or (
        "Look at the lower ends of the intervals, not at the marks. If none is above one half, 0."
    )


@exercise("17.1")
def _column_of_refusal(answer: object, _: Context) -> bool | str:
    """Check which column the refused import names: age, in which 63 was typed as 630."""
    return is_name(answer, "age") or (
        "Read the one problem that the refusal lists: it begins with the name of a column."
    )


@exercise("17.2")
def _items_left_to_authors(answer: object, context: Context) -> bool | str:
    """Check how many items of the checklist the run leaves blank."""
    blank = (context.table("checklist")["said_by_the_run"] == "").sum()
    return is_near(answer, blank, relative=1e-6) or (
        "Count the rows of `checklist` in which `said_by_the_run` is an empty text."
    )
