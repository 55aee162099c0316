"""What a figure says to its reader, for tests of figures."""


def labels(axis) -> list[str]:
    """Return the tick labels of an axis."""
    return [label.get_text() for label in axis.get_ticklabels()]


def legend(ax) -> list[str]:
    """Return the entries of the legend."""
    return [text.get_text() for text in ax.get_legend().get_texts()]
