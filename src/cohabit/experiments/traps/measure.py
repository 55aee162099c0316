"""Fall into a trap, a few times over, with the switch off and on."""

import pandas as pd

from cohabit.data.schema import nearest
from cohabit.experiments.traps.sample import draw_sample
from cohabit.experiments.traps.table import TRAPS, Trap


def measure(name: str, seed: int, *, n_repeats: int = 3) -> pd.DataFrame:
    """Measure one trap: wrong and right analysis of the same cohorts, switch off and on.

    Parameters
    ----------
    name : str
        One of `TRAPS`.
    seed : int
        Not negative; repeat r draws its cohort with seed + r, whatever the trap.
    n_repeats : int
        Cohorts, from 1.

    Returns
    -------
    DataFrame, one row a repeat, switch and analysis
        trap, switch (``"off"``, ``"on"``), analysis (``"wrong"``, ``"right"``), words (of the
        analysis), repeat, value (unit: the trap's quantity), truth.

    Raises
    ------
    ValueError
        When there is no such trap; names the nearest.
    """
    if name not in TRAPS:
        raise ValueError(f"no trap {name!r}: {nearest(name, TRAPS)}")
    trap = TRAPS[name]
    rows = [
        {"trap": name, "switch": "on" if on else "off", "repeat": repeat} | look
        for repeat in range(n_repeats)
        for on in (False, True)
        for look in _look(trap, seed + repeat, on)
    ]
    return pd.DataFrame(rows).assign(truth=trap.truth)


def _look(trap: Trap, seed: int, on: bool) -> list[dict]:
    sites = trap.sites_on if on and trap.sites_on else trap.sites
    dials = {**trap.dials, **(trap.on if on else trap.off)}
    sample = draw_sample(dials, sites, seed, on=on, alter=trap.alter if on else None)
    return [
        {"analysis": analysis, "words": words, "value": look(sample)}
        for analysis, (words, look) in {"wrong": trap.wrong, "right": trap.right}.items()
    ]


def summarise(measured: pd.DataFrame) -> pd.DataFrame:
    """Return the mean of each analysis with the switch off and on.

    Parameters
    ----------
    measured : DataFrame
        Tables of `measure`, one under the other.

    Returns
    -------
    DataFrame, one row a trap
        truth, wrong_off, wrong_on, right_off, right_on; each in the unit of the trap.
    """
    by = ["analysis", "switch"]
    means = measured.pivot_table("value", "trap", by, aggfunc="mean", sort=False)
    columns = {
        f"{analysis}_{switch}": means[analysis, switch]
        for analysis in ("wrong", "right")
        for switch in ("off", "on")
    }
    truth = measured.groupby("trap")["truth"].first().reindex(means.index)
    return pd.DataFrame({"truth": truth, **columns})
