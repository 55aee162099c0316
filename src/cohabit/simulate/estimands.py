"""Estimands: the planted effects after closure and carriage, before sequencing.

Each contrast changes only a label of the same patients and is averaged over the patients of a large
reference population before sequencing. See docs/methods.md.
"""

import json
from functools import lru_cache

import numpy as np
import pandas as pd

from cohabit.data import schema
from cohabit.simulate.community import Community
from cohabit.simulate.design import StudyDesign
from cohabit.simulate.effects import DRUGS
from cohabit.simulate.template import Template
from cohabit.simulate.world import World, draw_recorded_world

REFERENCE_SEED = 20_220_915
REFERENCE_PAIRS = 1500
HALF_READ = {"shotgun": 0.5 / 500_000, "16s": 0.5 / 20_000}  # share that stands in for none
ESTIMATED_ASSAYS = (*schema.ASSAYS, "pathways", "metabolites")
ESTIMAND_COLUMNS = ["assay", "contrast", "scale", "feature", "value"]


def find_estimands(design: StudyDesign) -> pd.DataFrame:
    """Return the estimands of a design: assay, contrast, scale, feature, value.

    They depend only on the design, not on a study's seed or size.

    Parameters
    ----------
    design : StudyDesign

    Returns
    -------
    DataFrame
        Species of the shotgun template and genera of the 16S template; effects of each
        label on five scales: ``latent`` and ``carried`` (log share among carriers) in
        natural logs, ``clr`` (half a read added), ``asin`` (arcsine square root of the
        share), ``prevalence`` (share of carriers). Pathways have the scales ``latent``,
        ``asin`` and ``prevalence`` (share of people with detection), metabolites ``latent``.
    """
    return _find(json.dumps(design.to_dict(), sort_keys=True)).copy()


def find_community_estimands(template: Template, design: StudyDesign, assay: str) -> pd.DataFrame:
    """Return the estimands of one community under a design, as in `find_estimands`.

    Parameters
    ----------
    template : Template
        Of a community of one's own.
    design : StudyDesign
    assay : str
        ``"shotgun"`` or ``"16s"``: what half a read is.
    """
    large = _enlarge(design)
    world = draw_recorded_world(large, REFERENCE_SEED, template, group="MS")
    community = world.species
    worlds = {
        name: _Seen.of(community.expose(exposures), HALF_READ[assay])
        for name, exposures in _label(community.exposures).items()
    }
    return _contrast(worlds, world.people).assign(assay=assay)[ESTIMAND_COLUMNS]


@lru_cache(maxsize=8)
def _find(text: str) -> pd.DataFrame:
    design = StudyDesign(**json.loads(text))
    world = draw_recorded_world(_enlarge(design), REFERENCE_SEED, group="MS")
    seen = {assay: {} for assay in ESTIMATED_ASSAYS}
    for name, exposures in _label(world.species.exposures).items():
        for assay, view in _see(world.expose(exposures)).items():
            seen[assay][name] = view
    parts = [_contrast(worlds, world.people).assign(assay=assay) for assay, worlds in seen.items()]
    return pd.concat(parts, ignore_index=True)[ESTIMAND_COLUMNS]


def _see(world: World) -> dict:
    """Return each assay's values of the people of a world."""
    pathways, metabolites = world.pathways, world.metabolites
    return {
        "shotgun": _Seen.of(world.species, HALF_READ["shotgun"]),
        "16s": _Seen.of(world.genera, HALF_READ["16s"]),
        "pathways": _SeenMolecules(pathways.scales(), pathways.levels.features),
        "metabolites": _SeenMolecules(metabolites.scales(), metabolites.levels.features),
    }


def _enlarge(design: StudyDesign) -> StudyDesign:
    """Return the study with many more pairs and no missing partners."""
    factor = REFERENCE_PAIRS / design.n_pairs
    pairs = {site: int(np.ceil(n * factor)) for site, n in design.pairs_per_site.items()}
    return design.replace(pairs_per_site=pairs, missing_partners=0.0, strangers=False)


def _label(exposures: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return the patients' exposures under every label."""
    drugs = [f"treatment:{drug}" for drug in DRUGS]
    none = dict.fromkeys(drugs, 0.0)
    worlds = {
        "as they are": exposures,
        "control": exposures.assign(**none, **{"group:MS": 0.0, "msss": 0.0}),
        "untreated": exposures.assign(**none),
        "severer": exposures.assign(**none, msss=exposures["msss"] + 1),
    }
    for drug in DRUGS:
        worlds[drug] = exposures.assign(**none | {f"treatment:{drug}": 1.0})
    return worlds


class _SeenMolecules:
    """People x molecules in one counterfactual world, on the scales of the table."""

    def __init__(self, scales: dict[str, np.ndarray], features: pd.Index):
        self.scales, self.taxa = scales, features

    def minus(self, other: "_SeenMolecules", rows=slice(None)) -> dict[str, np.ndarray]:
        """Return the mean differences over people on each scale, one value per feature."""
        return {
            scale: (values - other.scales[scale])[rows].mean(axis=0)
            for scale, values in self.scales.items()
        }


class _Seen:
    """People x taxa in one counterfactual world, on the scales of the table."""

    def __init__(self, latent, carried, share, log_share, half_read):
        self.latent, self.carried, self.log_share = latent, carried, log_share
        self.prevalence = carried.astype(float)
        self.asin = np.arcsin(np.sqrt(share))
        logs = np.log(share + half_read)
        self.clr = logs - logs.mean(axis=1, keepdims=True)

    @classmethod
    def of(cls, community: Community, half_read: float) -> "_Seen":
        real = community.template.column("tail") == 0
        seen = cls(
            community.log_abundance[:, real],
            community.carried[:, real],
            community.composition[:, real],
            community.log_composition[:, real],
            half_read,
        )
        seen.taxa = community.taxa[real]
        return seen

    def minus(self, other: "_Seen", rows=slice(None)) -> dict[str, np.ndarray]:
        """Return the mean differences over people on each scale, one value per taxon."""
        plain = ("latent", "clr", "asin", "prevalence")
        result = {s: (getattr(self, s) - getattr(other, s))[rows].mean(axis=0) for s in plain}
        both = (self.carried & other.carried)[rows]
        change = np.zeros(both.shape)
        np.subtract(self.log_share[rows], other.log_share[rows], out=change, where=both)
        result["carried"] = change.sum(axis=0) / np.maximum(both.sum(axis=0), 1)
        return result


def _contrast(seen: dict[str, _Seen], patients: pd.DataFrame) -> pd.DataFrame:
    control, untreated = seen["control"], seen["untreated"]
    contrasts = {"untreated MS - control": untreated.minus(control)}
    for drug in DRUGS:
        contrasts[f"{drug} MS - control"] = seen[drug].minus(control)
        contrasts[f"{drug} - untreated"] = seen[drug].minus(untreated)
    share = patients["treatment"].value_counts(normalize=True)
    treated = share.reindex(list(DRUGS)).fillna(0.0)
    treated = treated / max(treated.sum(), 1e-12)
    for tail in ("MS - control", "- untreated"):
        parts = [_scaled(contrasts[f"{drug} {tail}"], treated[drug]) for drug in DRUGS]
        contrasts[f"treated {tail}"] = _added(*parts)
    given = share.get("untreated", 0.0)
    contrasts["MS - control"] = _added(
        _scaled(contrasts["untreated MS - control"], given),
        _scaled(contrasts["treated MS - control"], 1 - given),
    )
    contrasts["per MSSS point (untreated)"] = seen["severer"].minus(untreated)
    for course in schema.COURSES:
        rows = np.flatnonzero(patients["course"] == course)
        if len(rows):
            contrasts[f"{course} - control"] = seen["as they are"].minus(control, rows)
    return _tabulate(contrasts, control.taxa)


def _scaled(values: dict, weight: float) -> dict:
    return {scale: weight * value for scale, value in values.items()}


def _added(*parts: dict) -> dict:
    return {scale: sum(part[scale] for part in parts) for scale in parts[0]}


def _tabulate(contrasts: dict[str, dict], taxa: pd.Index) -> pd.DataFrame:
    rows = [
        pd.DataFrame({"contrast": name, "scale": scale, "feature": taxa, "value": values[scale]})
        for name, values in contrasts.items()
        for scale in values
    ]
    table = pd.concat(rows, ignore_index=True)
    table["value"] = table["value"].map(lambda value: float(f"{value:.6g}"))
    return table
