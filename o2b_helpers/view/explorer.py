"""Explore one run: pick model, layer and target; see the filters, what a filter answers to, what classes weigh."""

from __future__ import annotations

import html

import ipywidgets as widgets
import plotly.graph_objects as go

from o2b_helpers.errors import InputError
from o2b_helpers.view.filters import FilterTables
from o2b_helpers.view.results import Results
from o2b_helpers.view.style import (
    FONT,
    RULE,
    SIZE_HEADING,
    SIZE_SMALL,
    SIZE_TEXT,
    TEXT,
    ZERO,
    number,
    safe,
    significant_figures,
)

MOST_FILTERS = 40
MOST_CLASSES = 20
BLUE, ORANGE, CHOSEN = "#0072B2", "#D08700", "#222222"


def explorer(results: Results, architecture: str | None = None) -> Explorer:
    """Build the explorer of a results folder.

    Parameters
    ----------
    results : Results
        Needs object_weights.csv and, for every model in it, filter_scores_<model>.nc and lesion_effects_<model>.nc.
    architecture : str, optional
        The model to start with; the first of the results where not given.

    Returns
    -------
    Explorer
        A widget: show it as the last line of a notebook cell.

    Raises
    ------
    InputError
        When the results hold no scored filters, or not of this model.
    """
    return Explorer(results, architecture)


class Explorer(widgets.VBox):
    """The explorer's widget. Its state is four choices: ``model``, ``layer``, ``target`` and ``filter``."""

    def __init__(self, results: Results, architecture: str | None = None) -> None:
        names = results.filter_models
        if not names or (architecture is not None and architecture not in names):
            raise InputError(
                "There are no filters to explore",
                value=architecture or results.folder,
                expected=f"one of {', '.join(names)}" if names else "filter scores and lesion effects of a model",
                remedy="run notebooks 06, 07 and 08 first: o2b run <profile>",
            )
        self._results, self._tables = results, {}
        wide = widgets.Layout(width="22rem")
        self.model = _choice("Model", names, architecture or names[0], wide)
        self.layer, self.target, self.filter = (_choice(name, [], None, wide) for name in ("Layer", "Target", "Filter"))
        self.words = widgets.HTML()
        self.effects, self.profile, self.weights = _figures()
        self.effects.data[0].on_click(self._clicked)
        controls = widgets.HBox([self.model, self.layer, self.target, self.filter], layout={"flex_flow": "row wrap"})
        figures = widgets.HBox([self.profile, self.weights], layout={"flex_flow": "row wrap"})
        super().__init__([controls, self.words, self.effects, figures])
        self.model.observe(self._model_changed, "value")
        self.layer.observe(self._ranking_changed, "value")
        self.target.observe(self._ranking_changed, "value")
        self.filter.observe(self._filter_changed, "value")
        self._model_changed()

    @property
    def tables(self) -> FilterTables:
        """The chosen model's filters."""
        if self.model.value not in self._tables:
            self._tables[self.model.value] = FilterTables(self._results, self.model.value)
        return self._tables[self.model.value]

    def _model_changed(self, _=None) -> None:
        tables = self.tables
        with self.hold_trait_notifications():
            for choice, options in ((self.layer, tables.layers), (self.target, tables.targets)):
                kept = choice.value if choice.value in options else None
                choice.unobserve(self._ranking_changed, "value")
                choice.options = options
                # The last layer is what figure 4 shows, so the explorer starts there.
                choice.value = kept or (options[-1] if choice is self.layer else options[0])
                choice.observe(self._ranking_changed, "value")
        self._ranking_changed()

    def _ranking_changed(self, _=None) -> None:
        layer, target = self.layer.value, self.target.value
        ranked = self.tables.ranked_filters(layer, target)
        self.filter.unobserve(self._filter_changed, "value")
        self.filter.options = [
            (f"{place}. filter {row.channel} ({significant_figures(row.delta)})", row.filter)
            for place, row in enumerate(ranked.itertuples(), start=1)
        ]
        self.filter.value = int(ranked["filter"].iloc[0])
        self.filter.observe(self._filter_changed, "value")
        shown = ranked
        if len(ranked) > MOST_FILTERS:
            shown = ranked.iloc[[*range(MOST_FILTERS // 2), *range(len(ranked) - MOST_FILTERS // 2, len(ranked))]]
        with self.effects.batch_update():
            bars = self.effects.data[0]
            bars.x, bars.y = list(range(len(shown))), shown["delta"].tolist()
            bars.error_y.array = shown["sd"].fillna(0).tolist()
            bars.customdata = shown[["filter", "channel", "sd"]].to_numpy().tolist()
            axis = self.effects.layout.xaxis
            axis.tickvals, axis.ticktext = list(range(len(shown))), [str(channel) for channel in shown["channel"]]
            cut = "" if len(shown) == len(ranked) else f", the {MOST_FILTERS // 2} at either end of {len(ranked)}"
            self.effects.layout.title.text = f"Filters of {safe(layer, 40)} by lesion effect on {safe(target, 40)}{cut}"
        weights = self.tables.class_weights(layer, target)
        if len(weights) > MOST_CLASSES:
            half = MOST_CLASSES // 2
            weights = weights.iloc[[*range(half), *range(len(weights) - half, len(weights))]]
        with self.weights.batch_update():
            _horizontal(self.weights, weights["class"], weights["mean"], weights["sd"].fillna(0))
            self.weights.layout.title.text = f"Class weights in {safe(layer, 40)}"
        self._words(target)
        self._filter_changed()

    def _filter_changed(self, _=None) -> None:
        position = self.filter.value
        profile = self.tables.class_profile(position).head(MOST_CLASSES)
        with self.effects.batch_update():
            chosen = [row[0] == position for row in self.effects.data[0].customdata]
            self.effects.data[0].marker.color = [CHOSEN if yes else BLUE for yes in chosen]
        with self.profile.batch_update():
            _horizontal(self.profile, profile["class"], profile["score"], None)
            self.profile.data[1].x = profile["layer_mean"].tolist()
            self.profile.data[1].y = list(range(len(profile)))
            channel = self.tables.channel[position]
            self.profile.layout.title.text = f"What filter {channel} answers to"

    def _clicked(self, _trace, points, _state) -> None:
        if points.point_inds:
            self.filter.value = int(self.effects.data[0].customdata[points.point_inds[0]][0])

    def _words(self, target: str) -> None:
        rho = self.tables.rho[:, self.tables.targets.index(target)]
        spread = number(rho.std(ddof=1)) if len(rho) > 1 else "undefined"
        text = (
            f"Whole model on {target}: rho {number(rho.mean())}, sd {spread} over {len(rho)} runs. A filter’s lesion "
            "effect is rho of the whole model minus rho without the filter: above zero, the filter supports the "
            "agreement. Pick a filter in the list or click its bar."
        )
        self.words.value = f"<p>{html.escape(text)}</p>"


def _choice(name: str, options: list[str], value: str | None, layout: widgets.Layout) -> widgets.Dropdown:
    return widgets.Dropdown(description=name, options=options, value=value, layout=layout)


def _figures() -> tuple[go.FigureWidget, go.FigureWidget, go.FigureWidget]:
    bar = {"type": "bar", "marker": {"color": BLUE}}
    error = {"color": "#57606a", "thickness": 1, "width": 2}
    effects = _figure(1040, 300, "filter (channel), from supporting to weakening", "lesion effect (change of rho)")
    hover = "filter %{customdata[1]}<br>%{y:.4f}, sd %{customdata[2]:.4f} over runs<extra></extra>"
    effects.add_trace(bar | {"error_y": error, "hovertemplate": hover})
    profile = _figure(510, 480, "mean box score (0 to 1)", "")
    profile.add_trace(bar | {"orientation": "h", "name": "this filter"})
    marker = {"symbol": "line-ns-open", "size": 12, "color": ORANGE, "line": {"width": 3}}
    profile.add_trace({"type": "scatter", "mode": "markers", "marker": marker, "name": "mean of the layer"})
    profile.update_layout(showlegend=True, legend={"orientation": "h", "y": -0.16, "x": 0})
    weights = _figure(510, 480, "weight (mean and sd over runs)", "")
    weights.add_trace(bar | {"orientation": "h", "error_x": error})
    for figure in (profile, weights):
        figure.update_layout(margin={"l": 150})
    profile.data[0].hovertemplate = "%{customdata}<br>score %{x:.3f}<extra></extra>"
    profile.data[1].hovertemplate = "mean of the layer %{x:.3f}<extra></extra>"
    weights.data[0].hovertemplate = "%{customdata}<br>weight %{x:.4g}<extra></extra>"
    return effects, profile, weights


def _figure(width: int, height: int, x: str, y: str) -> go.FigureWidget:
    looks = {"gridcolor": RULE, "zerolinecolor": ZERO, "tickfont": {"size": SIZE_SMALL}}
    names = looks | {"zeroline": False, "showgrid": False}  # the axis along which filters or classes stand
    upright = bool(y)
    title = {"font": {"size": SIZE_TEXT}}
    return go.FigureWidget(
        layout={
            "width": width, "height": height, "margin": {"l": 70, "r": 20, "t": 50, "b": 60}, "showlegend": False,
            "font": {"family": FONT, "size": SIZE_TEXT, "color": TEXT}, "plot_bgcolor": "white",
            "paper_bgcolor": "white", "title": {"text": "", "font": {"size": SIZE_HEADING}},
            "xaxis": (names if upright else looks) | {"title": title | {"text": x}},
            "yaxis": (looks if upright else names) | {"title": title | {"text": y}},
        }
    )  # fmt: skip


def _horizontal(figure: go.FigureWidget, names, values, sd) -> None:
    """Put classes into the first trace of a figure of horizontal bars, the first class on top."""
    bars = figure.data[0]
    bars.x, bars.y = values.tolist(), list(range(len(values)))
    bars.customdata = [safe(name) for name in names]
    if sd is not None:
        bars.error_x.array = sd.tolist()
    axis = figure.layout.yaxis
    axis.tickvals, axis.ticktext = list(range(len(values))), [safe(name, 20) for name in names]
    axis.range = [len(values) - 0.5, -0.5]
