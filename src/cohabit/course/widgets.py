"""Interactive explorers: a figure that follows dials in JupyterLab, static elsewhere.

A figure is drawn by a plain function of the values of the dials. In a front end, sliders call it
again and replace the picture; under papermill and in tests it is drawn once, with the dials at
their defaults.
"""

import io
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

FRONT_ENDS = ("JPY_SESSION_NAME", "VSCODE_PID", "COLAB_RELEASE_TAG")
"""Environment variables set by interactive front ends, not by papermill or nbval."""

WIDTH = "330px"


@dataclass(frozen=True)
class Slider:
    """A numeric dial."""

    label: str
    low: float
    high: float
    step: float
    start: float


@dataclass(frozen=True)
class Choice:
    """A dial with a few options."""

    label: str
    options: Mapping[str, str]
    """Label -> value; the first is the default."""

    @property
    def start(self) -> str:
        """The default value."""
        return next(iter(self.options.values()))


def is_live() -> bool:
    """Return True when a front end shows dials; ``COHABIT_LIVE`` 1 or 0 overrides it."""
    asked = os.environ.get("COHABIT_LIVE")
    if asked is not None:
        return asked == "1"
    return any(name in os.environ for name in FRONT_ENDS)


def explore(
    draw: Callable[..., str],
    dials: Mapping[str, Slider | Choice],
    *,
    figsize: Sequence[float] = (9.2, 3.8),
    live: bool | None = None,
) -> Figure:
    """Draw a figure with dials and return it with the dials at their defaults.

    ``draw(figure, **values)`` draws on an empty figure and returns one sentence; `dials` maps
    its arguments. Dials are shown when `live`, by default as `is_live` says.
    """
    figure = plt.figure(figsize=figsize)
    said = draw(figure, **{name: dial.start for name, dial in dials.items()})
    if is_live() if live is None else live:
        _show(draw, dials, figure, said)
        plt.close(figure)
    else:
        print(said)
    return figure


def _show(draw, dials, figure: Figure, said: str) -> None:
    import ipywidgets
    from IPython.display import display

    controls = {name: _control(dial) for name, dial in dials.items()}
    image = ipywidgets.Image(value=_picture(figure), format="png")
    words = ipywidgets.HTML(said)
    size = tuple(figure.get_size_inches())

    def redraw(_change) -> None:
        fresh = Figure(figsize=size, layout="constrained")
        try:
            words.value = draw(fresh, **{name: each.value for name, each in controls.items()})
            image.value = _picture(fresh)
        except ValueError as error:
            words.value = f"<b>{error}</b>"

    for control in controls.values():
        control.observe(redraw, names="value")
    rows = ipywidgets.Box(list(controls.values()), layout=ipywidgets.Layout(flex_flow="row wrap"))
    display(ipywidgets.VBox([rows, image, words]))


def _control(dial: Slider | Choice):
    import ipywidgets

    wide, style = ipywidgets.Layout(width=WIDTH), {"description_width": "initial"}
    shape = {"description": dial.label, "style": style, "layout": wide}
    if isinstance(dial, Choice):
        return ipywidgets.Dropdown(options=list(dial.options.items()), value=dial.start, **shape)
    whole = all(isinstance(value, int) for value in (dial.low, dial.high, dial.step, dial.start))
    kind = ipywidgets.IntSlider if whole else ipywidgets.FloatSlider
    ends = {"min": dial.low, "max": dial.high, "step": dial.step, "value": dial.start}
    return kind(**ends, continuous_update=False, **shape)


def _picture(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=100, metadata={"Software": None})
    return buffer.getvalue()
