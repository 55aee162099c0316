"""Are verdicts right? Worlds drawn at random, judged before their truth is opened.

Each world draws its dials, its size, its tails, which taxa MS moves and by how much, and claims
about them that are right as often as a prior drawn for that world (0.3 to 0.9). Four analyses
judge the claims, the study's own model among them, each on the scale it estimates on. Promised:
of the verdicts "agrees" at least 90% are true, and "cannot tell" grows as power falls.
"""

import pandas as pd

from cohabit.experiments.arena import calibrate_verdicts, run_sealed

TITLE = "Sealed worlds"
N_WORLDS, BLOCK, SEED = 200, 10, 70_000
PROMISED, OWN = 0.9, "lmm_asin"


def parts() -> list[str]:
    """Return the names of the blocks of worlds."""
    return [f"worlds-{first:03d}" for first in range(0, N_WORLDS, BLOCK)]


def measure(part: str) -> pd.DataFrame:
    """Return the verdicts on one block of worlds, and what was true."""
    first = SEED + int(part.removeprefix("worlds-"))
    return pd.concat([run_sealed(first + number) for number in range(BLOCK)], ignore_index=True)


def tables(measured: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return what is kept: name in `data/reference/arena` -> table."""
    return {"sealed": calibrate_verdicts(measured)}


def summarise(measured: pd.DataFrame) -> pd.DataFrame:
    """Return one row an analysis and kind of claim, and of both kinds one a bin of power."""
    table = calibrate_verdicts(measured)
    by_power = (table["by"] == "power") & (table["kind"] == "both")
    table = table.assign(power=table["mean"].where(by_power))
    names = [name for name in table if name.startswith(("agrees", "true_undecided"))]
    columns = ["analysis", "kind", "power", "n_claims", *names, "undecided"]
    return table.loc[(table["by"] == "all") | by_power, columns]


def conclude(summary: pd.DataFrame) -> str:
    """Say of which analyses the promise holds, and how often the study's own cannot tell."""
    said, whole = [], summary[summary["power"].isna()]
    for kind in ("both", "direction"):
        rows = whole[whole["kind"] == kind].set_index("analysis")["agrees_true"]
        found = ", ".join(f"{name} {share:.1%}" for name, share in rows.items())
        kept = (rows >= PROMISED).sum()
        said.append(f"{kind}: {found} ({kept} of {len(rows)} keep {PROMISED:.0%})")
    own = summary[(summary["analysis"] == OWN) & summary["power"].notna()].sort_values("power")
    open_ = ", ".join(f"{share:.0%}" for share in own["true_undecided"])
    return (
        f'Share of the verdicts "agrees" that are true. {"; ".join(said)}. True claims on which '
        f"{OWN} cannot tell, from the lowest power to the highest: {open_}."
    )
