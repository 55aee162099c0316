"""The columns of every tidy table of tests, one row a feature and contrast."""

NUMBERS = ("estimate", "std_error", "low", "high", "statistic", "df", "p_value")
"""What a test says; missing where `note` says why there is none."""


def tidy_columns(count: str = "n_pairs") -> tuple[str, ...]:
    """Return the columns in order; `count` names how many were used: pairs, or samples ``n``."""
    who, end = ("feature", "contrast", "method"), ("n_nonzero", "converged", "note")
    return (*who, *NUMBERS, "q_value", count, *end)
