"""Exercises of notebook 15b."""

import numpy as np

from cohabit.course.registry import Context, exercise, is_near


@exercise("15b.1")
def _best_of_eight(answer: object, _: Context) -> bool | str:
    """Chance that the best of eight independent tests is below 0.05."""
    return is_near(answer, 1 - 0.95**8) or (
        "The best of eight is above 0.05 only when all eight are. The answer is a share."
    )


@exercise("15b.2")
def _twice_as_deep(answer: object, _: Context) -> bool | str:
    """Factor between two depths that are 0.7 apart on the natural log scale."""
    return is_near(answer, np.exp(0.7)) or "The dial is in natural logs of reads: turn it back."


@exercise("15b.3")
def _pull_of_a_bloom(answer: object, _: Context) -> bool | str:
    """Log change of every other share when a species of 2% grows fiftyfold."""
    return is_near(answer, -np.log(0.98 + 0.02 * 50)) or (
        "Shares are divided by their sum. What is the sum afterwards, when it was 1 before? "
        "Every other share is divided by it; give the natural log, with its sign."
    )


@exercise("15b.4")
def _found_with_spillover(answer: object, context: Context) -> bool | str:
    """Share of the effect that is left when partners catch two fifths of it, in the run's table."""
    row = context.table("summary").loc["spillover"]
    return is_near(answer, row["wrong_on"] / row["wrong_off"]) or (
        "Divide, in the row spillover, what the wrong analysis finds with the switch on by what "
        "it finds with the switch off: two columns of the table."
    )
