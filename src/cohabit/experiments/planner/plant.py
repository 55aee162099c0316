"""Effects for a template of your own: `calibrate.fit_template` plants none."""

import numpy as np
import pandas as pd


def plant_effects(
    template: pd.DataFrame,
    effects: int | dict[str, float] = 20,
    *,
    size: float = 0.4,
    min_prevalence: float = 0.2,
    rng: int | np.random.Generator = 1,
) -> pd.DataFrame:
    """Return a template in which some taxa differ between patients and controls.

    Parameters
    ----------
    template : DataFrame, one row a taxon
        As from `calibrate.fit_template`.
    effects : int or mapping
        How many taxa change, drawn at random among those carried often enough, half of them
        up; or name -> effect on log abundance, natural log.
    size : float
        Effect of each drawn taxon, in standard deviations of its log abundance.
    min_prevalence : float
        Least prevalence of a drawn taxon.
    rng : int or Generator

    Raises
    ------
    ValueError
        When a name is not in the template, or fewer taxa qualify than are to change.
    """
    planted = pd.Series(0.0, index=template.index)
    if isinstance(effects, int):
        common = template.index[template["prevalence"] >= min_prevalence]
        if effects > len(common):
            raise ValueError(
                f"effects: {effects} taxa are to change, {len(common)} have a prevalence of "
                f"{min_prevalence:g} or more; plant fewer or lower min_prevalence"
            )
        chosen = np.random.default_rng(rng).choice(common, effects, replace=False)
        signs = np.resize([1.0, -1.0], effects)
        effects = dict(zip(chosen, signs * size * template.loc[chosen, "spread"], strict=True))
    unknown = [name for name in effects if name not in template.index]
    if unknown:
        raise ValueError(f"effects: not in the template: {', '.join(unknown[:5])}")
    planted[list(effects)] = list(effects.values())
    return template.assign(ms=planted)
