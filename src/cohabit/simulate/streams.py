"""Random streams by name: one component's draws never move another's."""

import hashlib

import numpy as np


def stream(seed: int, name: str) -> np.random.Generator:
    """Return the generator of the component called `name`.

    The same seed and name always give the same draws, whatever else is drawn and in
    whatever order; another name gives independent draws. So a dial that is turned in
    one component leaves the random numbers of all others where they were.

    Parameters
    ----------
    seed : int
        Seed of the whole study, not negative.
    name : str
        Path-like name of the component, for example ``"community/household"``.

    Returns
    -------
    numpy.random.Generator
        A generator of its own.
    """
    key = int.from_bytes(hashlib.sha256(name.encode("utf-8")).digest()[:8], "big")
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(key,)))
