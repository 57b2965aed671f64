"""Explore one run: pick model, layer and target; see the filters, what each answers to, and rho without them, live."""

from __future__ import annotations

import time

import ipywidgets as widgets

from o2b_helpers.core.errors import InputError, Object2BrainError
from o2b_helpers.core.params import Params
from o2b_helpers.report.pictures.markup import paragraph
from o2b_helpers.report.results import Results
from o2b_helpers.report.style import number, safe, significant_figures
from o2b_helpers.studies.object2brain.explorer.dots import dots
from o2b_helpers.studies.object2brain.explorer.filter_pictures import FilterPictures
from o2b_helpers.studies.object2brain.explorer.filter_tables import FilterTables, filter_models
from o2b_helpers.studies.object2brain.explorer.live_network import LiveNetwork
from o2b_helpers.studies.object2brain.explorer.plots import (
    BLUE,
    CHOSEN,
    ORANGE,
    chance_lines,
    defined,
    effects_figure,
    horizontal,
    profile_figure,
    weights_figure,
)
from o2b_helpers.studies.object2brain.explorer.words import (
    Answer,
    answers_table,
    pictures_row,
    through_filters,
    whole_model,
)

MOST_FILTERS = 40
MOST_CLASSES = 20
MOST_THROUGH = 6  # filters through which an object works
MOST_NAMED = 12  # filters of a set that are listed by number
NO_PROFILE = "Rho without filters, and pictures, need the profile of the run: explorer(results, params=params)."
IN_NUMBERS = "The class profile sums up the same scores in numbers."


def explorer(results: Results, architecture: str | None = None, *, params: Params | None = None) -> Explorer:
    """Build the explorer of a results folder.

    Parameters
    ----------
    results : Results
        Needs targets.csv, object_weights_mean.csv and, for a model in it, filter_scores_<model>.nc and
        lesion_effects_<model>.nc.
    architecture : str, optional
        The model to start with; the first of the results where not given.
    params : Params, optional
        The profile that made the results; without it, nothing is computed and no picture shown.

    Returns
    -------
    Explorer
        A widget: show it as the last line of a notebook cell.

    Raises
    ------
    InputError
        When the results hold no scored filters, or not of this model.
    """
    return Explorer(results, architecture, params)


class Explorer(widgets.VBox):
    """The explorer's widget. Its state is six choices: model, layer, target, filter, lesioned and object.

    Filters are named by their position on the long filter axis of the results; ``lesioned`` is the set of them that
    the network runs without, picked in the list or with the mouse in the ranked plot.
    """

    def __init__(self, results: Results, architecture: str | None = None, params: Params | None = None) -> None:
        names = filter_models(results)
        if architecture is not None and architecture not in names:
            raise InputError(
                "There are no filters of this model to explore",
                value=architecture,
                expected=f"one of {', '.join(names)}",
                remedy="choose one of these, or run notebooks 06, 07 and 08 with a profile that asks for this model",
            )
        self._results, self._params, self._count = results, params, 0
        self._began: float | None = None
        self._tables: dict[str, FilterTables] = {}
        self._networks: dict[str, LiveNetwork] = {}
        self._pictures: dict[str, FilterPictures] = {}
        wide = widgets.Layout(width="21rem")
        self.model = widgets.Dropdown(description="Model", options=names, value=architecture or names[0], layout=wide)
        self.layer, self.target, self.filter = (
            widgets.Dropdown(description=name, layout=wide) for name in ("Layer", "Target", "Filter")
        )
        self.object = widgets.Dropdown(description="Object", layout=wide)
        self.lesioned = widgets.SelectMultiple(description="Lesion", rows=9, layout=wide)
        self.words, self.dots, self.answers, self.seen, self.through, self.facts = (widgets.HTML() for _ in range(6))
        self.effects, self.profile, self.weights = effects_figure(), profile_figure(), weights_figure()
        self.effects.data[0].on_click(self._clicked)
        self.effects.data[0].on_selection(self._selected)
        wrapped = {"flex_flow": "row wrap"}
        hint = widgets.HTML(
            paragraph(
                "Click a bar to look at a filter. Draw a frame over bars, click several with Shift held, or pick them "
                "in the list (Ctrl or Shift), to run the network without all of them at once (orange)."
            )
        )
        controls = widgets.HBox([self.model, self.layer, self.target, self.filter, self.object], layout=wrapped)
        live = widgets.HBox([self.lesioned, self.dots], layout=wrapped)
        figures = widgets.HBox([self.profile, self.weights], layout=wrapped)
        words = [self.answers, self.facts, self.seen]
        super().__init__([controls, self.words, self.through, self.effects, hint, live, *words, figures])
        for choice, changed in self._reactions():
            choice.observe(changed, "value")
        self._model_changed()

    @property
    def tables(self) -> FilterTables:
        """The chosen model's filters."""
        if self.model.value not in self._tables:
            studies = self._results.studies if self._params is None else self._params.chosen_studies
            self._tables[self.model.value] = FilterTables(self._results, self.model.value, studies)
        return self._tables[self.model.value]

    @property
    def network(self) -> LiveNetwork | None:
        """The chosen model itself; None without a profile."""
        name = self.model.value
        if self._params is not None and name not in self._networks:
            self._networks[name] = LiveNetwork(self._params, name)
        return self._networks.get(name)

    def _reactions(self):
        return (
            (self.model, self._model_changed),
            (self.layer, self._ranking_changed),
            (self.target, self._ranking_changed),
            (self.filter, self._filter_changed),
            (self.lesioned, self._set_changed),
            (self.object, self._object_changed),
        )

    def _put(self, choice, options, value) -> None:
        """Change a choice without a reaction to it: whoever calls draws what follows from it, once."""
        changed = dict(self._reactions())[choice]
        choice.unobserve(changed, "value")
        choice.options = options
        choice.value = value
        choice.observe(changed, "value")

    def _model_changed(self, _=None) -> None:
        self._started()
        tables, layer, target = self.tables, self.layer.value, self.target.value
        # The last layer is what figure 4 shows, so the explorer starts there.
        self._put(self.layer, tables.layers, layer if layer in tables.layers else tables.layers[-1])
        self._put(self.target, tables.targets, target if target in tables.targets else tables.targets[0])
        classes = tables.hidden_classes
        name = self.object.value if self.object.value in classes else None
        self._put(self.object, [("any", None), *((name, name) for name in classes)], name)
        self._put(self.lesioned, [], ())  # filters of another model are others, whatever their number
        self._ranking_changed()

    def _ranking_changed(self, _=None) -> None:
        self._started()
        layer, target = self.layer.value, self.target.value
        ranked = self.tables.ranked_filters(layer, target)
        options = [
            (f"{place}. filter {row.channel} ({significant_figures(row.delta)})", row.filter)
            for place, row in enumerate(ranked.itertuples(), start=1)
        ]
        of_layer = set(ranked["filter"])
        kept = tuple(position for position in self.lesioned.value if position in of_layer)
        self._put(self.filter, options, int(ranked["filter"].iloc[0]))
        self._put(self.lesioned, options, kept)
        shown = ranked
        if len(ranked) > MOST_FILTERS:
            shown = ranked.iloc[[*range(MOST_FILTERS // 2), *range(len(ranked) - MOST_FILTERS // 2, len(ranked))]]
        chance = self.tables.chance_level(layer, target)
        with self.effects.batch_update():
            bars = self.effects.data[0]
            bars.x, bars.y = list(range(len(shown))), defined(shown["delta"])
            bars.error_y.array = shown["sd"].fillna(0).tolist()
            bars.customdata = [[int(row.filter), int(row.channel), number(row.sd, 4)] for row in shown.itertuples()]
            bars.selectedpoints = []  # places in the plot, which now hold other filters
            self.effects.layout.selections = []
            axis = self.effects.layout.xaxis
            axis.tickvals, axis.ticktext = list(range(len(shown))), [str(channel) for channel in shown["channel"]]
            cut = "" if len(shown) == len(ranked) else f", the {MOST_FILTERS // 2} at either end of {len(ranked)}"
            self.effects.layout.title.text = f"Filters of {safe(layer, 32)} by lesion effect on {safe(target, 32)}{cut}"
            chance_lines(self.effects, chance)
        weights = self.tables.class_weights(layer, target)
        if len(weights) > MOST_CLASSES:
            half = MOST_CLASSES // 2
            weights = weights.iloc[[*range(half), *range(len(weights) - half, len(weights))]]
        with self.weights.batch_update():
            horizontal(self.weights, weights["class"], weights["mean"], weights["sd"])
            self.weights.layout.title.text = f"Class weights in {safe(layer, 32)}"
        rho = self.tables.rho[:, self.tables.targets.index(target)]
        self.words.value = whole_model(target, rho, len(ranked), chance)
        self._object_changed()
        self._filter_changed()

    def _object_changed(self, _=None) -> None:
        """Say through which filters of the layer the chosen object works."""
        layer, target, name = self.layer.value, self.target.value, self.object.value
        self.through.value = ""
        if name is not None:
            ranked = self.tables.through(layer, target, name)
            first = [(int(row.channel), float(row.weight)) for row in ranked.head(MOST_THROUGH).itertuples()]
            self.through.value = through_filters(name, target, layer, first, float(ranked["weight"].sum()))

    def _filter_changed(self, _=None) -> None:
        self._started()
        position = self.filter.value
        facts, channel = self.tables.facts(position), self.tables.channel[position]
        self.facts.value = paragraph(f"Filter {channel}: {facts}") if facts else ""
        profile = self.tables.class_profile(position).head(MOST_CLASSES)
        with self.profile.batch_update():
            horizontal(self.profile, profile["class"], profile["score"], None)
            self.profile.data[1].x = defined(profile["layer_mean"])
            self.profile.data[1].y = list(range(len(profile)))
            self.profile.layout.title.text = f"What filter {channel} answers to"
        try:
            self.seen.value = self._pictures_of(position)
        except Object2BrainError as error:
            self.seen.value = paragraph(str(error))
        self._set_changed()

    def _set_changed(self, _=None) -> None:
        self._started()
        position, lesioned = self.filter.value, set(self.lesioned.value)
        with self.effects.batch_update():
            filters = [int(row[0]) for row in self.effects.data[0].customdata]
            colours = [ORANGE if name in lesioned else CHOSEN if name == position else BLUE for name in filters]
            self.effects.data[0].marker.color = colours
            self.effects.data[0].marker.line.color = CHOSEN
            self.effects.data[0].marker.line.width = [2 if name == position else 0 for name in filters]
        try:
            self._answer(position, sorted(lesioned))
        except Object2BrainError as error:
            self.dots.value, self.answers.value = "", paragraph(str(error))
        self._began = None

    def _answer(self, position: int, lesioned: list[int]) -> None:
        """Run the network without the filter and without the set, and show rho."""
        if self.network is None:
            self.answers.value = paragraph(NO_PROFILE)
            return
        layer, target, channel = self.layer.value, self.target.value, self.tables.channel
        asked = [("whole network", []), (f"without filter {channel[position]}", [position])]
        if lesioned and lesioned != [position]:
            named = ", ".join(str(channel[other]) for other in lesioned[:MOST_NAMED])
            more = f" and {len(lesioned) - MOST_NAMED} more" if len(lesioned) > MOST_NAMED else ""
            asked.append((f"without the {len(lesioned)} filters {named}{more}", lesioned))
        answers = [Answer(name, *self.network.rho(target, layer, channel[some])) for name, some in asked]
        alone = None
        if len(asked) > 2:
            effects = self.tables.delta[:, lesioned, self.tables.targets.index(target)]
            alone = float(effects.sum(axis=1).mean())
        short = ["whole network", f"without {channel[position]}", "without the set"]
        self.dots.value = dots(answers, short[: len(answers)])
        self._count += 1
        self.answers.value = answers_table(answers, alone, 1000 * (time.perf_counter() - self._started()), self._count)

    def _pictures_of(self, position: int) -> str:
        if self.network is None:
            return ""
        name, channel = self.model.value, int(self.tables.channel[position])
        if name not in self._pictures:
            self._pictures[name] = FilterPictures(self.network)
        of_filter = self._pictures[name]
        if not of_filter.may_be_shown.allowed:
            return paragraph(f"{of_filter.may_be_shown.reason} {IN_NUMBERS}")
        pictures = of_filter.top(self.layer.value, channel)
        return pictures_row(pictures, channel, len(of_filter.candidates), len(of_filter.corpus))

    def _clicked(self, _trace, points, state) -> None:
        """Show the filter whose bar was clicked; with Shift held, take it into the set, or out of it."""
        if not points.point_inds:
            return
        position = int(self.effects.data[0].customdata[points.point_inds[0]][0])
        if getattr(state, "shift", False):
            self._lesion({*self.lesioned.value} ^ {position})
        else:
            self.filter.value = position

    def _selected(self, _trace, points, _state) -> None:
        self._lesion({int(self.effects.data[0].customdata[place][0]) for place in points.point_inds})

    def _lesion(self, chosen: set[int]) -> None:
        self.lesioned.value = tuple(position for _, position in self.lesioned.options if position in chosen)

    def _started(self) -> float:
        """Note when the first of several reactions to one choice began: an answer's time is that of all of them."""
        if self._began is None:
            self._began = time.perf_counter()
        return self._began
