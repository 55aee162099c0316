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
from cohabit.simulate.world import draw_recorded_world

REFERENCE_SEED = 20_220_915
REFERENCE_PAIRS = 1500
HALF_READ = {"shotgun": 0.5 / 500_000, "16s": 0.5 / 20_000}  # share that stands in for none
ESTIMAND_COLUMNS = ["assay", "contrast", "scale", "feature", "value"]

Scales = dict[str, np.ndarray]
"""Scale -> people x features, or one value per feature."""


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
    """Return the estimands of one's own community under a design, as in `find_estimands`.

    The assay, ``"shotgun"`` or ``"16s"``, says what half a read is.
    """
    world = draw_recorded_world(_enlarge(design), REFERENCE_SEED, template, group="MS")
    community = world.species
    seen = {
        name: _see_taxa(community.expose(exposures), assay)
        for name, exposures in _label(community.exposures).items()
    }
    return _contrast(seen, _real_taxa(community), world.people, assay)


@lru_cache(maxsize=8)
def _find(text: str) -> pd.DataFrame:
    design = StudyDesign(**json.loads(text))
    world = draw_recorded_world(_enlarge(design), REFERENCE_SEED, group="MS")
    features = {
        "shotgun": _real_taxa(world.species),
        "16s": _real_taxa(world.genera),
        "pathways": world.pathways.levels.features,
        "metabolites": world.metabolites.levels.features,
    }
    seen = {assay: {} for assay in features}
    for name, exposures in _label(world.species.exposures).items():
        labelled = world.expose(exposures)
        seen["shotgun"][name] = _see_taxa(labelled.species, "shotgun")
        seen["16s"][name] = _see_taxa(labelled.genera, "16s")
        seen["pathways"][name] = labelled.pathways.scales()
        seen["metabolites"][name] = labelled.metabolites.scales()
    parts = [_contrast(seen[assay], features[assay], world.people, assay) for assay in features]
    return pd.concat(parts, ignore_index=True)


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


def _real_taxa(community: Community) -> pd.Index:
    return community.taxa[community.template.column("tail") == 0]


def _see_taxa(community: Community, assay: str) -> Scales:
    """Return people x taxa on every scale; ``carried`` is the log share of those who carry it."""
    real = community.template.column("tail") == 0
    share = community.composition[:, real]
    logs = np.log(share + HALF_READ[assay])
    return {
        "latent": community.log_abundance[:, real],
        "clr": logs - logs.mean(axis=1, keepdims=True),
        "asin": np.arcsin(np.sqrt(share)),
        "prevalence": community.carried[:, real].astype(float),
        "carried": community.log_composition[:, real],
    }


def _subtract(one: Scales, other: Scales, rows: slice | np.ndarray = slice(None)) -> Scales:
    """Return the mean differences over people on each scale, one value per feature.

    On the scale ``carried`` over those who carry the taxon in both worlds.
    """
    plain = [scale for scale in one if scale != "carried"]
    means = {scale: (one[scale] - other[scale])[rows].mean(axis=0) for scale in plain}
    if "carried" in one:
        both = (one["prevalence"][rows] > 0) & (other["prevalence"][rows] > 0)
        change = np.zeros(both.shape)
        np.subtract(one["carried"][rows], other["carried"][rows], out=change, where=both)
        means["carried"] = change.sum(axis=0) / np.maximum(both.sum(axis=0), 1)
    return means


def _contrast(
    seen: dict[str, Scales], features: pd.Index, patients: pd.DataFrame, assay: str
) -> pd.DataFrame:
    """Return the estimands of one assay from its values under every label."""
    control, untreated = seen["control"], seen["untreated"]
    contrasts = {"untreated MS - control": _subtract(untreated, control)}
    for drug in DRUGS:
        contrasts[f"{drug} MS - control"] = _subtract(seen[drug], control)
        contrasts[f"{drug} - untreated"] = _subtract(seen[drug], untreated)
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
    contrasts["per MSSS point (untreated)"] = _subtract(seen["severer"], untreated)
    for course in schema.COURSES:
        rows = np.flatnonzero(patients["course"] == course)
        if len(rows):
            contrasts[f"{course} - control"] = _subtract(seen["as they are"], control, rows)
    return _tabulate(contrasts, features, assay)


def _scaled(values: Scales, weight: float) -> Scales:
    return {scale: weight * value for scale, value in values.items()}


def _added(*parts: Scales) -> Scales:
    return {scale: sum(part[scale] for part in parts) for scale in parts[0]}


def _tabulate(contrasts: dict[str, Scales], features: pd.Index, assay: str) -> pd.DataFrame:
    rows = [
        pd.DataFrame({"contrast": name, "scale": scale, "feature": features, "value": values})
        for name, scales in contrasts.items()
        for scale, values in scales.items()
    ]
    table = pd.concat(rows, ignore_index=True)
    table["value"] = table["value"].map(lambda value: float(f"{value:.6g}"))
    return table.assign(assay=assay)[ESTIMAND_COLUMNS]
