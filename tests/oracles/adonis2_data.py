"""Make two small cohorts of made-up counts for adonis2.R and betadisper.R.

pairs: 20 complete pairs. uneven: pairs, singletons, one household of three and one of four.
Run from this folder: python adonis2_data.py && Rscript adonis2.R && Rscript betadisper.R
"""

import numpy as np
import pandas as pd
from scipy.spatial.distance import pdist, squareform

SITES = ("Boston", "Edinburgh", "San Francisco", "San Sebastian")
COUNTRY = dict(zip(SITES, ("US", "UK", "US", "Spain"), strict=True))


def make_cohort(sizes: list[int], rng: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame]:
    household = np.repeat(np.arange(len(sizes)), sizes)
    place = np.array([SITES[i] for i in rng.integers(len(SITES), size=len(sizes))])[household]
    first = np.r_[True, np.diff(household) > 0]
    n = len(household)
    metadata = pd.DataFrame(
        {
            "household_id": [f"H{code:02d}" for code in household],
            "site": place,
            "country": [COUNTRY[site] for site in place],
            "group": np.where(first, "MS", "control"),
            "sex": rng.choice(["male", "female"], n),
            "age": np.round(rng.normal(50, 12, n), 1),
            "bmi": np.round(rng.normal(26, 4, n), 1),
        },
        index=pd.Index([f"s{i:02d}" for i in rng.permutation(n)], name="sample_id"),
    )
    metadata["age_months"] = 12 * metadata["age"]
    latent = rng.normal(size=(len(sizes), 30))[household] + rng.normal(size=(n, 30))
    latent[first, :3] += 0.7
    counts = rng.poisson(np.exp(2 + latent))
    distances = squareform(pdist(counts, "braycurtis"))
    return metadata, pd.DataFrame(distances, metadata.index, metadata.index)


def main() -> None:
    rng = np.random.default_rng(20240301)
    cohorts = {"pairs": [2] * 20, "uneven": [2] * 12 + [1] * 9 + [3, 4]}
    for name, sizes in cohorts.items():
        metadata, distances = make_cohort(sizes, rng)
        metadata.to_csv(f"adonis2_{name}_metadata.tsv", sep="\t")
        distances.to_csv(f"adonis2_{name}_distances.tsv", sep="\t")


if __name__ == "__main__":
    main()
