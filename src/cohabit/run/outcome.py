"""How one notebook of a run ended."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Outcome:
    """How one notebook ended, and what those after it need to know."""

    status: str
    """`done`, `skipped` (the cohort lacks its input), `failed`, or `blocked` by a failure."""

    seconds: float = 0.0
    memory_mb: float = 0.0
    """Peak memory of its kernel."""

    cells: Sequence[tuple[float, float]] = ()
    """Of each code cell: seconds, and peak memory of the kernel until its end in MB."""

    reason: str = ""
    error: Mapping[str, object] = field(default_factory=dict)
    """Of a failure: message, and cell, source and traceback where known."""

    kept: str = ""
    """Where the notebook of a failure lies."""

    digest: str = ""
    """One hash over what it left for others."""

    reused: bool = False

    @property
    def good(self) -> bool:
        """Whether notebooks after it may run."""
        return self.status in ("done", "skipped")

    @property
    def label(self) -> str:
        """The status for people: what was taken as it was is `unchanged`."""
        return "unchanged" if self.reused and self.status == "done" else self.status
