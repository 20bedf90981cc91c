"""Pictures as SVG text. Letters stay letters, so that the browser sets Chinese labels itself.

Every function returns one SVG document, the same for the same numbers. matplotlib is imported
when the first picture is drawn.
"""

from __future__ import annotations

import html
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from io import StringIO
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from classifier.report import words
from classifier.report.analysis import Bin, RiskCurve
from classifier.report.evidence import Scope
from classifier.risk import RiskPoint

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ALL_CLASSES = 30  # up to here the matrix shows every class
MOST_CONFUSED = 25  # beyond, it shows this many
LABEL_COLUMNS = 26  # longer labels are cut in pictures
CURVE_POINTS = 600  # more cannot be told apart in a picture this wide

# Okabe and Ito's colours, which people with any kind of colour blindness can tell apart.
BLUE, ORANGE, GREY, INK = "#0072b2", "#d55e00", "#8a929c", "#2b3138"
TAG = re.compile(r"<[^>]*>")  # what is not a tag is a label, and labels stay as they are
FONTS = (
    "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'PingFang SC', "
    "'Microsoft YaHei', 'Noto Sans CJK SC', sans-serif"
)
CENTRED: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": 8}
STYLE: dict[Any, Any] = {  # matplotlib names its keys as literals
    "svg.fonttype": "none",
    "svg.hashsalt": "frontdesk",  # names of shapes would differ from run to run
    "text.parse_math": False,  # a label with dollar signs is no formula
    "font.family": ["DejaVu Sans"],  # comes with matplotlib: only to measure with
    "font.size": 10,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": GREY,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "xtick.color": INK,
    "ytick.color": INK,
    "grid.color": "#e3e7eb",
    "legend.frameon": False,
}


@contextmanager
def _style() -> Iterator[None]:
    import matplotlib as mpl  # noqa: PLC0415 - half a second to load, training only

    with mpl.rc_context(STYLE), warnings.catch_warnings():
        # The measuring font has no Chinese letters; those who look at the picture have one.
        warnings.filterwarnings("ignore", message="Glyph .* missing from", category=UserWarning)
        yield


def most_confused(matrix: NDArray[np.int64]) -> list[int]:
    """Classes for the picture of `matrix` (classes, classes), in their own order.

    All of them, up to `ALL_CLASSES`; otherwise the `MOST_CONFUSED` ones that have part in most
    mistakes.
    """
    classes = len(matrix)
    if classes <= ALL_CLASSES:
        return list(range(classes))
    mistakes = matrix.sum(0) + matrix.sum(1) - 2 * matrix.diagonal()  # (classes,)
    return sorted(np.argsort(-mistakes, kind="stable")[:MOST_CONFUSED].tolist())


def confusion(matrix: NDArray[np.int64], labels: Sequence[str]) -> str:
    """Matrix (classes, classes) of gold by guess; blue is right, orange is wrong.

    Shares are of all texts of the row's class, also of those guessed as a class not shown.
    """
    shown = most_confused(matrix)
    totals = np.maximum(matrix.sum(axis=1, keepdims=True), 1)  # (classes, 1)
    shares = (matrix / totals)[np.ix_(shown, shown)]  # (shown, shown)
    names = [words.shortened(words.plain(labels[i]), LABEL_COLUMNS) for i in shown]
    with _style():
        figure, axes = _matrix_axes(names)
        _cells(axes, shares)
        return _svg(figure)


def _matrix_axes(names: list[str]) -> tuple[Figure, Axes]:
    """Axes of cells of a fixed size, with room for the longest name."""
    n, longest = len(names), 0.075 * max(map(words.width, names))  # inches
    side = n * (0.34 if n > 8 else 0.6)
    margins = {"left": 0.65 + longest, "bottom": 0.6 + 0.87 * longest, "right": 0.3, "top": 0.2}
    figure, axes = _sized(side, side, **margins)
    places = np.arange(n) + 0.5
    axes.set_xticks(places, names, rotation=60, ha="right", rotation_mode="anchor", fontsize=9)
    axes.set_yticks(places, names, fontsize=9)
    axes.set_xlim(0, n)
    axes.set_ylim(n, 0)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    wide, high = figure.get_size_inches()
    across, down = (margins["left"] + side / 2) / wide, (margins["bottom"] + side / 2) / high
    figure.text(across, 0.1 / high, "Guessed 模型判断", ha="center")
    figure.text(0.2 / wide, down, "Labelled 标注", va="center", ha="center", rotation=90)
    return figure, axes


def _cells(axes: Axes, shares: NDArray[np.float64]) -> None:
    from matplotlib.colors import LinearSegmentedColormap  # noqa: PLC0415

    blues = LinearSegmentedColormap.from_list("right", ["#f3f5f7", BLUE, "#00507e"])
    oranges = LinearSegmentedColormap.from_list("wrong", ["#f3f5f7", "#f2a878", ORANGE])
    right = np.eye(len(shares), dtype=bool)
    grid: dict[str, Any] = {"edgecolors": "white", "linewidth": 1.0, "vmin": 0.0}
    axes.pcolormesh(np.ma.masked_where(~right, shares), cmap=blues, vmax=1.4, **grid)
    # Mistakes are rarer: their colour is full at a third, or nobody would see them.
    axes.pcolormesh(np.ma.masked_where(right, shares), cmap=oranges, vmax=0.34, **grid)
    for row, column in np.argwhere(shares >= 0.005).tolist():
        share = shares[row, column]
        dark = share > (0.45 if row == column else 0.25)
        color = "white" if dark else INK
        axes.text(column + 0.5, row + 0.5, f"{share * 100:.0f}", color=color, **CENTRED)


def reliability(bins: Sequence[Bin]) -> str:
    """How often the model is right over how sure it is; an honest one follows the diagonal."""
    with _style():
        figure, axes = _sized(4.6, 3.6)
        axes.plot([0, 1], [0, 1], color=GREY, linestyle="--", label="honest 完全诚实")
        low, wide = [b.low for b in bins], [b.high - b.low for b in bins]
        total = sum(b.count for b in bins)
        counts = [b.count / total for b in bins]
        axes.bar(low, counts, wide, align="edge", color="#d9e2ea", label="texts 句子占比")
        x, y = [b.confidence for b in bins], [b.accuracy for b in bins]
        sizes = [12 + 90 * share for share in counts]
        axes.plot(x, y, color=BLUE, linewidth=1.5, zorder=3)
        axes.scatter(x, y, s=sizes, color=BLUE, zorder=4, label="measured 实测")
        axes.set_xlabel("How sure it is 置信度")
        axes.set_ylabel("How often it is right 正确率")
        _percent(axes.xaxis)
        _percent(axes.yaxis)
        axes.set(xlim=(0, 1.01), ylim=(0, 1.03))
        axes.grid(visible=True)
        axes.legend(loc="upper left", fontsize=9)
        return _svg(figure)


def risk_coverage(curve: RiskCurve, points: Sequence[RiskPoint]) -> str:
    """Share of mistakes over the share of texts acted on; squares are what is promised."""
    n = len(curve.risk)
    rows = np.unique(np.linspace(0, n - 1, min(n, CURVE_POINTS)).round().astype(int))
    with _style():
        figure, axes = _sized(4.6, 3.6)
        axes.plot(curve.coverage[rows], curve.risk[rows], color=BLUE, label="measured 实测")
        promised = [p for p in points if p.threshold is not None]
        if promised:
            axes.scatter(
                [p.coverage for p in promised],
                [p.risk for p in promised],
                marker="s",
                s=28,
                color=ORANGE,
                zorder=4,
                label="promised 承诺",
            )
            axes.legend(loc="upper left", fontsize=9)
        axes.set_xlabel("Texts it acts on 处理的句子占比")
        axes.set_ylabel("Of these wrong 其中的错误率")
        top = max([0.02, *curve.risk[n // 50 :].tolist(), *(p.risk for p in promised)])
        axes.set(xlim=(0, 1.01), ylim=(0, min(1.0, top * 1.15)))
        _percent(axes.xaxis)
        _percent(axes.yaxis)
        axes.grid(visible=True)
        return _svg(figure)


def learning_curve(points: Sequence[tuple[int, float]]) -> str:
    """Accuracy over the number of training examples."""
    with _style():
        figure, axes = _sized(4.6, 3.6)
        axes.plot(*zip(*points, strict=True), color=BLUE, marker="o")
        axes.set_xlabel("Training examples 训练例句数")
        axes.set_ylabel("Accuracy 正确率")
        axes.set_xlim(0, points[-1][0] * 1.05)
        axes.xaxis.set_major_formatter("{x:,.0f}")
        axes.locator_params(axis="x", nbins=6)
        _percent(axes.yaxis)
        axes.grid(visible=True)
        return _svg(figure)


def scope(found: Scope) -> str:
    """How familiar the texts look, and where the line to "something else" lies."""
    both = np.concatenate([found.familiarity, found.outside])
    edges = np.linspace(float(both.min()), float(both.max()) + 1e-6, 41).tolist()
    with _style():
        figure, axes = _sized(4.6, 3.6)
        for values, color, name in (
            (found.familiarity, BLUE, "in scope 范围内"),
            (found.outside, ORANGE, "out of scope 范围外"),
        ):
            if len(values):
                weights = np.full(len(values), 1 / len(values))
                axes.hist(values, edges, weights=weights, color=color, alpha=0.55, label=name)
        axes.axvline(found.threshold, color=INK, linestyle="--", label="threshold 阈值")
        axes.set_xlabel("Familiarity 熟悉程度")
        axes.set_ylabel("Texts 句子占比")
        _percent(axes.yaxis)
        axes.legend(loc="best", fontsize=9)
        return _svg(figure)


def inline(svg: str, prefix: str, alt: str) -> str:
    """`svg` for use within a page: no prolog, ids of its own, a name for those who cannot see."""
    body = re.sub(r"<style.*?</style>", "", svg[svg.index("<svg") :], flags=re.DOTALL)

    def own(tag: re.Match[str]) -> str:
        return re.sub(r'( id="|"#|\(#)', rf"\1{prefix}-", tag[0])

    named = f'<svg role="img" aria-label="{html.escape(words.plain(alt))}"'
    return TAG.sub(own, body).replace("<svg", named, 1)


def _sized(
    wide: float,
    high: float,
    *,
    left: float = 0.8,
    bottom: float = 0.65,
    right: float = 0.3,
    top: float = 0.15,
) -> tuple[Figure, Axes]:
    """Axes of `wide` by `high` inches within margins; the page's font must not move them."""
    from matplotlib.figure import Figure  # noqa: PLC0415

    full, tall = left + wide + right, bottom + high + top
    figure = Figure(figsize=(full, tall))
    axes = figure.add_axes((left / full, bottom / tall, wide / full, high / tall))
    return figure, axes


def _percent(axis: Any) -> None:  # noqa: ANN401 - XAxis or YAxis, which share no useful type
    def shown(value: float, _place: int) -> str:
        return f"{value * 100:.3g} %"

    write: Callable[[float, int], str] = shown
    axis.set_major_formatter(write)


def _svg(figure: Figure) -> str:
    written = StringIO()
    figure.savefig(
        written, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type"))
    )
    svg = re.sub(r"<metadata>.*?</metadata>", "", written.getvalue(), flags=re.DOTALL)
    svg = re.sub(r"<!DOCTYPE.*?>", "", svg, flags=re.DOTALL)
    return TAG.sub(lambda tag: tag[0].replace("'DejaVu Sans'", FONTS), svg)
