"""Side by side with peers, in one run on one machine: ``make bench``.

Each module measures one room and exposes ``measure() -> list[dict]``. A row has `name`,
`peer`, `n`, `ours_seconds`, `peer_seconds` and `ratio`, and may have `n_features`,
`target` (the ratio promised), `agrees` (largest relative difference) and `note`.
"""
