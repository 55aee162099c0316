"""Side by side with peers, in one run on one machine: ``make bench``.

Each module measures one room and exposes ``measure() -> list[dict]``. A row has `name`,
`ours_seconds`, and may have `peer`, `n`, `n_features`, `peer_seconds`, `ratio`, `target` (what
was promised: a ratio, or words), `agrees` (largest difference) and `note`; further keys become
further columns. A name that ends in ", by n" or ", by features" is drawn as a curve.
"""
