"""Seconds against size, ours and the peer's: one panel for each name that ends in ", by ..."."""

from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import pandas as pd

from cohabit.figures import use_style

AXES = {"by n": ("n", "samples"), "by features": ("n_features", "features")}


def draw(found: dict[str, list[dict]], path: Path) -> bool:
    """Draw the curves into `path`; return whether there were any."""
    rows = pd.DataFrame([row for rows in found.values() for row in rows])
    names = [name for name in rows["name"].unique() if name.rpartition(", ")[2] in AXES]
    if not names:
        return False
    matplotlib.use("agg")
    use_style()
    width = 3.2 * len(names)
    figure, axes = plt.subplots(1, len(names), figsize=(width, 3), squeeze=False, sharey=True)
    for ax, name in zip(axes[0], names, strict=True):
        draw_one(rows[rows["name"] == name], name, ax)
    axes[0, 0].set_ylabel("seconds")
    figure.savefig(path, metadata={"Software": None})
    plt.close(figure)
    return True


def draw_one(rows: pd.DataFrame, name: str, ax: plt.Axes) -> None:
    column, label = AXES[name.rpartition(", ")[2]]
    ours = rows.drop_duplicates(column).sort_values(column)
    ax.plot(ours[column], ours["ours_seconds"], marker="o", label="cohabit")
    for peer, part in rows.dropna(subset=["peer_seconds"]).groupby("peer"):
        part = part.sort_values(column)
        ax.plot(part[column], part["peer_seconds"], marker="s", linestyle="--", label=peer)
    ax.set(xscale="log", yscale="log", xlabel=label, title=name.rpartition(", ")[0])
    ax.set_xticks(ours[column], labels=[f"{size:,.0f}" for size in ours[column]])
    ax.tick_params(axis="x", which="minor", bottom=False, labelbottom=False)
    ax.legend()
