"""Are verdicts right? Worlds drawn at random, judged before their truth is opened.

Each world draws its dials, its size, its tails, which taxa MS moves and by how much, and claims
about them that are right as often as a prior drawn for that world (0.3 to 0.9). Four analyses
judge the claims, the study's own model among them, each on the scale it estimates on. Promised:
of the verdicts "agrees" at least 90% are true, and "cannot tell" grows as power falls.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cohabit.data.cohort import Truth
from cohabit.experiments.arena.generators import (
    PATIENT_SPREAD,
    TAIL_DF,
    SimulatedWorld,
    draw_effects,
    fit_design,
)
from cohabit.experiments.arena.trial import PLANTED_FROM, Trial, TrialDesign
from cohabit.judge.claims import judge
from cohabit.judge.recovery import METHOD_SCALES, planted_values
from cohabit.simulate import StudyDesign
from cohabit.simulate.dice import stream
from cohabit.stats.abundance import compare_abundance
from cohabit.stats.composition import filter_features, prevalence
from cohabit.stats.inference import normal_cdf, normal_quantile

TITLE = "Sealed worlds"
N_WORLDS, BLOCK, SEED = 200, 10, 70_000
PROMISED, OWN = 0.9, "lmm_asin"

ANALYSES = ("lmm_asin", "lmm_clr", "paired_t_clr", "linda")
"""The study's own model and three others of `compare_abundance`."""

CONTRAST = "MS - control"
N_DIRECTIONS = 10
N_EQUAL = 5
"""Number of claims about direction, and of claims about equivalence, in one world."""

MARGINS = {"asin": (0.003, 0.015), "clr": (0.4, 1.2), "latent": (0.4, 1.2)}
"""Range of the random equivalence margin, in the unit of each scale."""

SEALED_COLUMNS = (
    *("world", "analysis", "claim_id", "kind", "verdict", "true_here", "planted", "power"),
    *("estimate", "low", "high", "region_low", "region_high", "n_pairs", "prior", "heavy"),
)

BINS = {
    "all": (-np.inf, np.inf),
    "power": (0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0),
    "n_pairs": (0, 50, 90, 160, 400),
    "prior": (0.0, 0.5, 0.7, 1.0),
    "heavy": (-0.5, 0.5, 1.5),
}
"""Column that claims are grouped by -> bounds of the groups (upper bounds are included)."""

SHARES = {
    "agrees_true": (lambda c: c["verdict"] == "agrees", lambda c: c["true_here"]),
    "disagrees_untrue": (lambda c: c["verdict"] == "disagrees", lambda c: ~c["true_here"]),
    "true_upheld": (lambda c: c["true_here"], lambda c: c["verdict"] == "agrees"),
    "true_undecided": (lambda c: c["true_here"], lambda c: c["verdict"] == "cannot tell"),
    "undecided": (lambda c: c["true_here"].notna(), lambda c: c["verdict"] == "cannot tell"),
}
"""Name of a share -> which claims form its denominator and its numerator."""


@dataclass(frozen=True)
class Envelope:
    """The truth that is hidden until the verdicts are reached."""

    truth: pd.DataFrame
    prior: float
    """Probability that a claim of this world is true."""

    heavy: bool
    n_pairs: int


@dataclass(frozen=True)
class SealedWorld:
    """The part of a world that an analysis receives."""

    counts: pd.DataFrame
    people: pd.DataFrame
    covariates: str
    claims: Mapping[str, pd.DataFrame]
    """Scale -> claims about taxa on that scale, with the columns of ``claims.tsv``."""


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


def draw_sealed(seed: int) -> tuple[SealedWorld, Envelope]:
    """Draw a world, a study of it and claims about it.

    Parameters
    ----------
    seed : int

    Returns
    -------
    SealedWorld, Envelope
        The dials, which taxa MS moves and how, the number of pairs and how trustworthy the claims
        are, all come from the seed.
    """
    rng = stream(seed, "arena/sealed")
    heavy = bool(rng.random() < 1 / 3)
    tails = {"tail_df": TAIL_DF, "patient_spread": PATIENT_SPREAD} if heavy else {}
    world = SimulatedWorld("sealed", design=_draw_design(rng), **tails)
    setting = _draw_setting(rng)
    trial = world.draw_planted(
        fit_design(world.design, setting), _draw_unequal_effects(setting, rng), seed
    )
    prior = float(rng.uniform(0.3, 0.9))
    claims = {scale: _write_claims(trial, scale, prior, rng) for scale in MARGINS}
    seen = SealedWorld(trial.counts, trial.people, trial.covariates, claims)
    return seen, Envelope(trial.truth, prior, heavy, setting.n_pairs)


def _draw_design(rng: np.random.Generator) -> StudyDesign:
    """Draw all dials that affect a study except those of therapy and severity."""
    return StudyDesign(
        geography=float(rng.uniform(0, 2)),
        diet=float(rng.uniform(0, 2)),
        lifestyle=float(rng.uniform(0, 2)),
        covariates=float(rng.uniform(0, 2)),
        batch=float(rng.uniform(0, 2)),
        treatment=0.0,
        severity=0.0,
    )


def _draw_setting(rng: np.random.Generator) -> TrialDesign:
    return TrialDesign(
        n_pairs=int(np.exp(rng.uniform(np.log(30), np.log(300)))),
        effect=float(rng.uniform(0.2, 1.2)),
        changed=float(rng.uniform(0.05, 0.3)),
        pull=float(rng.uniform(0, 1)),
        household_sharing=float(rng.uniform(0, 2)),
        missing_partners=float(rng.uniform(0, 0.3)),
        depth=float(np.exp(rng.uniform(np.log(2e4), np.log(1e6)))),
        spillover=float(rng.choice([0.0, rng.uniform(0, 0.4)])),
    )


def _draw_unequal_effects(setting: TrialDesign, rng: np.random.Generator) -> np.ndarray:
    """Draw effects of unequal size around that of the setting."""
    effects = draw_effects(setting, rng)
    return effects * rng.lognormal(0.0, 0.5, len(effects))


def _write_claims(trial: Trial, scale: str, prior: float, rng: np.random.Generator) -> pd.DataFrame:
    """Return claims of direction, true with probability `prior`, and of equivalence."""
    tested = filter_features(trial.counts).columns
    common = tested[prevalence(trial.counts[tested]) >= PLANTED_FROM]
    latent = trial.truth.loc[common, "latent"]
    moved, still = common[latent != 0], common[latent == 0]
    rows = []
    for number in range(N_DIRECTIONS):
        right = rng.random() < prior
        taxon = rng.choice(moved if right or rng.random() < 0.5 else still)
        up = rng.random() < 0.5 if latent[taxon] == 0 else (latent[taxon] > 0) == right
        region = (0.0, np.inf) if up else (-np.inf, 0.0)
        rows.append(_claim(f"way{number}", taxon, scale, region))
    for number in range(N_EQUAL):
        taxon = rng.choice(moved if rng.random() < 0.5 else still)
        margin = float(rng.uniform(*MARGINS[scale]))
        rows.append(_claim(f"same{number}", taxon, scale, (-margin, margin)))
    return pd.DataFrame(rows)


def _claim(claim_id: str, taxon: str, scale: str, region: tuple[float, float]) -> dict:
    empty = dict.fromkeys(("notebook", "quantity", "unit", "published", "source", "mark"), "")
    where = {"truth_contrast": CONTRAST, "truth_scale": scale, "truth_feature": taxon}
    ends = dict(zip(("region_low", "region_high"), region, strict=True))
    return {"claim_id": claim_id, "statement": taxon} | empty | ends | where


def decide(world: SealedWorld, analysis: str) -> pd.DataFrame:
    """Return one analysis's verdicts on the claims of a world, without its truth.

    Parameters
    ----------
    world : SealedWorld
    analysis : str
        One of `ANALYSES`.

    Returns
    -------
    DataFrame
        As `claims.judge`: one row per claim about the scale that the analysis estimates on.
    """
    claims = world.claims[METHOD_SCALES[analysis]]
    table = compare_abundance(
        world.counts, world.people, "group", world.covariates, analysis
    ).set_index("feature")
    found = table.loc[claims["truth_feature"], ["estimate", "low", "high", "p_value"]]
    estimates = found.reset_index(drop=True).assign(claim_id=claims["claim_id"], n=0, note="")
    return judge(estimates, claims)


def open_envelope(world: SealedWorld, envelope: Envelope, analysis: str) -> pd.DataFrame:
    """Return the verdicts and then the truth of each claim.

    Returns
    -------
    DataFrame, one row per claim
        `SEALED_COLUMNS` but world: `true_here` by the rule of notebook 13; `power`: the chance
        that an interval of this width, around the true value, lies inside the region.
    """
    decided = decide(world, analysis)
    scale = METHOD_SCALES[analysis]
    claims = world.claims[scale]
    tested = filter_features(world.counts).columns
    truth = planted_values(_tell(envelope.truth, scale, tested), claims)
    table = decided.merge(truth, on="claim_id").merge(
        claims[["claim_id", "region_low", "region_high"]], on="claim_id"
    )
    half = (table["high"] - table["low"]) / 2
    return table.assign(
        analysis=analysis,
        kind=np.where(table["claim_id"].str.startswith("way"), "direction", "no difference"),
        power=_expect(table, half),
        n_pairs=envelope.n_pairs,
        prior=envelope.prior,
        heavy=envelope.heavy,
    )[[name for name in SEALED_COLUMNS if name != "world"]]


def _tell(truth: pd.DataFrame, scale: str, tested: pd.Index) -> Truth:
    """Return the truth of a trial as estimands; CLR is taken among the tested taxa."""
    clr = truth["log_share"] - truth.loc[tested, "log_share"].mean()
    values = {"latent": truth["latent"], "asin": truth["asin"], "clr": clr}
    parts = [
        pd.DataFrame({"feature": truth.index, "value": values[name].to_numpy(), "scale": name})
        for name in dict.fromkeys([scale, "latent"])
    ]
    table = pd.concat(parts).assign(contrast=CONTRAST, assay="shotgun")
    return Truth(pd.DataFrame(), lambda: table)


def _expect(table: pd.DataFrame, half: pd.Series) -> np.ndarray:
    """Return the power to uphold a true claim, given the half-width of its interval."""
    error = half / normal_quantile(0.975)
    low = (table["region_low"] + half - table["planted"]) / error
    high = (table["region_high"] - half - table["planted"]) / error
    return np.clip(normal_cdf(high) - normal_cdf(low), 0, 1)


def run_sealed(seed: int) -> pd.DataFrame:
    """Draw a world, judge its claims by every analysis and add the truth.

    Returns
    -------
    DataFrame
        Columns `SEALED_COLUMNS`, one row per analysis and claim.
    """
    world, envelope = draw_sealed(seed)
    parts = [open_envelope(world, envelope, analysis) for analysis in ANALYSES]
    return pd.concat(parts, ignore_index=True).assign(world=seed)[list(SEALED_COLUMNS)]


def calibrate_verdicts(
    claims: pd.DataFrame, *, n_bootstrap: int = 999, seed: int = 1
) -> pd.DataFrame:
    """Tabulate how often verdicts were right.

    Parameters
    ----------
    claims : DataFrame
        One row per world, analysis and claim, from `run_sealed`.
    n_bootstrap : int
        Resamples of whole worlds, for the 95% intervals: the claims of one world share a study.
    seed : int

    Returns
    -------
    DataFrame, one row per analysis, kind of claim, sorting (`by`) and bin
        n_claims, mean (of what they are sorted by), and for each of `SHARES` its value, ``_low``,
        ``_high`` and ``_n``, the claims it is a share of: agrees_true (of the verdicts "agrees",
        how many are true), disagrees_untrue, true_upheld and true_undecided (of the true claims,
        how many "agrees" and "cannot tell"), undecided (of all).
    """
    decided = claims[claims["verdict"] != "not estimated"].astype({"true_here": bool})
    both = pd.concat([decided, decided.assign(kind="both")], ignore_index=True)
    rows = []
    for (analysis, kind), found in both.groupby(["analysis", "kind"], sort=False):
        for by, ends in BINS.items():
            values = found[by].astype(float) if by in found else pd.Series(0.0, found.index)
            place = pd.cut(values, ends, include_lowest=True, labels=False)
            for number, chosen in found.groupby(place):
                named = {"analysis": analysis, "kind": kind, "by": by, "bin": int(number)}
                more = {"n_claims": len(chosen), "mean": values[chosen.index].mean()}
                rows.append(named | more | _measure(chosen, n_bootstrap, seed))
    return pd.DataFrame(rows)


def _measure(claims: pd.DataFrame, n_bootstrap: int, seed: int) -> dict[str, float]:
    world, codes = np.unique(claims["world"], return_inverse=True)
    rng = np.random.default_rng(seed)
    weights = rng.multinomial(len(world), np.full(len(world), 1 / len(world)), n_bootstrap)
    found = {}
    for name, (of_these, count) in SHARES.items():
        found |= _share(name, claims, codes, weights, of_these, count)
    return found


def _share(
    name: str,
    claims: pd.DataFrame,
    codes: np.ndarray,
    weights: np.ndarray,
    of_these: Callable[[pd.DataFrame], pd.Series],
    count: Callable[[pd.DataFrame], pd.Series],
) -> dict[str, float]:
    """Return a share with its interval; missing if the denominator is empty."""
    of = of_these(claims).to_numpy(bool)
    hits = of & count(claims).to_numpy(bool)
    n_worlds = weights.shape[1]
    per_world = [np.bincount(codes, which, n_worlds) for which in (hits, of)]
    with np.errstate(invalid="ignore"):
        drawn = (weights @ per_world[0]) / (weights @ per_world[1])
    known = drawn[np.isfinite(drawn)]
    low, high = np.quantile(known, [0.025, 0.975]) if len(known) else (np.nan, np.nan)
    value = hits.sum() / of.sum() if of.any() else np.nan
    return {name: value, f"{name}_low": low, f"{name}_high": high, f"{name}_n": int(of.sum())}
