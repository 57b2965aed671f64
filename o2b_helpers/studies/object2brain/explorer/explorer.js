"use strict";
// Pick a model, a layer, a target and a filter: the lesion effects of the layer's filters, and what one answers to.
(async () => {
  const section = document.getElementById("explore");
  if (!section) return;
  const note = section.querySelector("[data-note]");
  if (typeof DecompressionStream === "undefined") {
    note.textContent = "This browser cannot unpack the explorer's data; a newer one can.";
    return;
  }
  const models = JSON.parse(new TextDecoder().decode(await Page.unpack("explorer-data")));
  const EFFECT = 1e5, SCORE = 1e4, MOST_FILTERS = 40, MOST_CLASSES = 16;
  const BLUE = "#0072B2", ORANGE = "#D08700", CHOSEN = "#222222", TEXT = "#1f2328", RULE = "#e3e6ea", ZERO = "#8c959f";
  const FONT = "Helvetica, Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif";
  const pick = Object.fromEntries(["model", "layer", "target", "filter"].map(
    name => [name, section.querySelector(`select[name=${name}]`)]));
  const words = section.querySelector("[data-words]");
  const places = {effects: document.getElementById("explore-effects"), profile: document.getElementById("explore-profile")};

  const fixed = (value, digits) =>
    value === null || Number.isNaN(value) ? "undefined" : value.toFixed(digits).replace("-", "−");
  const apart = name => `\u2068${name}\u2069`; // a name that runs from right to left keeps to itself
  const cut = (text, length) => text.length > length ? text.slice(0, length - 1) + "…" : text;

  function fill(select, texts, kept) {
    const before = kept ? select.selectedOptions[0]?.textContent : undefined;
    select.replaceChildren(...texts.map(([text, value]) => {
      const option = document.createElement("option");
      option.textContent = cut(text, 60);
      option.title = text;
      option.value = value;
      return option;
    }));
    const same = [...select.options].findIndex(option => option.textContent === before);
    if (same >= 0) select.selectedIndex = same;
    return same >= 0;
  }

  const model = () => models[Number(pick.model.value)];

  function ranked() {
    const {layer, delta} = model();
    const effect = delta[Number(pick.target.value)];
    const filters = layer.map((of, filter) => filter).filter(filter => layer[filter] === Number(pick.layer.value));
    return filters.sort((a, b) => (effect[b] ?? -Infinity) - (effect[a] ?? -Infinity) || a - b);
  }

  function modelChanged() {
    const {layers, targets} = model();
    if (!fill(pick.layer, layers.map((name, place) => [name, place]), true)) {
      pick.layer.selectedIndex = layers.length - 1; // what figure 4 shows
    }
    fill(pick.target, targets.map((name, place) => [name, place]), true);
    rankingChanged();
  }

  function rankingChanged() {
    const effect = model().delta[Number(pick.target.value)];
    const texts = ranked().map((filter, place) => [
      `${place + 1}. filter ${model().channel[filter]} (${effect[filter] === null ? "undefined" : fixed(effect[filter] / EFFECT, 4)})`, filter]);
    fill(pick.filter, texts, false);
    draw();
  }

  function axis(title, more) {
    return {title: {text: title, font: {size: 12}}, gridcolor: RULE, zerolinecolor: ZERO, tickfont: {size: 11}, ...more};
  }

  function layout(height, more) {
    return {autosize: true, height, font: {family: FONT, size: 12, color: TEXT}, paper_bgcolor: "white",
      plot_bgcolor: "white", showlegend: false, hoverlabel: {namelength: -1, align: "left"}, ...more};
  }

  function drawEffects(chosen) {
    const {channel, delta, sd} = model();
    const target = Number(pick.target.value);
    let filters = ranked();
    const count = filters.length;
    if (count > MOST_FILTERS) {
      filters = filters.slice(0, MOST_FILTERS / 2).concat(filters.slice(-MOST_FILTERS / 2));
      if (!filters.includes(chosen)) filters.splice(MOST_FILTERS / 2, 0, chosen);
    }
    const of = values => filters.map(filter => values[target][filter] === null ? null : values[target][filter] / EFFECT);
    const spread = of(sd);
    const apartTicks = Math.max(1, Math.ceil(filters.length * 24 / Math.max(places.effects.clientWidth - 76, 100)));
    const ticks = filters.map((_, place) => place).filter(place => place % apartTicks === 0);
    Page.show(places.effects, {
      data: [{type: "bar", x: filters.map((_, place) => place), y: of(delta),
        error_y: {type: "data", array: spread.map(value => value ?? 0), thickness: 1, width: 2, color: "#57606a"},
        marker: {color: filters.map(filter => filter === chosen ? CHOSEN : BLUE)},
        customdata: filters.map((filter, place) => [filter, channel[filter], fixed(spread[place], 4)]),
        hovertemplate: "filter %{customdata[1]}<br>%{y:.4f}, sd %{customdata[2]} over runs<extra></extra>"}],
      layout: layout(300, {margin: {l: 64, r: 12, t: 12, b: 56},
        xaxis: axis("filter (channel), from supporting to weakening", {showgrid: false, zeroline: false,
          tickvals: ticks, ticktext: ticks.map(place => String(channel[filters[place]]))}),
        yaxis: axis("lesion effect (change of rho)", {})})});
    return count;
  }

  function drawProfile(chosen) {
    const {classes, boxes, score, layer} = model();
    const mates = layer.map((of, filter) => filter).filter(filter => layer[filter] === layer[chosen]);
    const rows = classes.map((name, place) => {
      const mean = mates.reduce((sum, filter) => sum + (score[place][filter] ?? 0), 0) / mates.length / SCORE;
      return {name, boxes: boxes[place], score: (score[place][chosen] ?? 0) / SCORE, mean};
    });
    rows.sort((a, b) => Math.abs(b.score - b.mean) - Math.abs(a.score - a.mean));
    const shown = rows.slice(0, MOST_CLASSES);
    const y = shown.map((_, place) => place);
    const texts = shown.map(row => [Page.safe(row.name, 80), row.boxes]);
    Page.show(places.profile, {
      data: [
        {type: "bar", orientation: "h", name: "this filter", x: shown.map(row => row.score), y, customdata: texts,
          marker: {color: BLUE}, hovertemplate: "%{customdata[0]} (%{customdata[1]} boxes)<br>score %{x:.3f}<extra></extra>"},
        {type: "scatter", mode: "markers", name: "mean of the layer", x: shown.map(row => row.mean), y,
          marker: {symbol: "line-ns-open", size: 12, color: ORANGE, line: {width: 3, color: ORANGE}},
          hovertemplate: "mean of the layer %{x:.3f}<extra></extra>"}],
      layout: layout(110 + 24 * shown.length, {margin: {l: 120, r: 12, t: 12, b: 84}, showlegend: true,
        legend: {orientation: "h", x: 0, y: -60 / (24 * shown.length + 14), yanchor: "top"},
        xaxis: axis("mean box score (0 to 1)", {rangemode: "tozero"}),
        yaxis: axis("", {showgrid: false, zeroline: false, range: [shown.length - 0.5, -0.5], tickvals: y,
          ticktext: shown.map(row => Page.safe(row.name, 16))})})});
    return rows;
  }

  function draw() {
    const {name, runs, rho, channel, delta, sd, targets, facts} = model();
    const chosen = Number(pick.filter.value), target = Number(pick.target.value);
    const count = drawEffects(chosen);
    const rows = drawProfile(chosen);
    const [effect, spread, whole] = [delta[target][chosen], sd[target][chosen], rho[target]]
      .map(value => value === null ? null : value / EFFECT);
    const strongest = [...rows].sort((a, b) => b.score - a.score).slice(0, 3).filter(row => row.score > 0);
    const most = strongest.map(row => `${apart(row.name)} (${fixed(row.score, 3)}; layer ${fixed(row.mean, 3)})`).join(", ");
    const answers = most ? `It answers most to ${most}.` :
      "Its box scores are zero for every class: wherever it responds, it pushes the predicted valence down or not at all.";
    const what = effect === null ? "has no defined effect on" : effect > 0 ? "supports" : effect < 0 ? "weakens" : "does not change";
    const cutNote = count > MOST_FILTERS ? ` Drawn: the ${MOST_FILTERS / 2} filters at either end of ${count}; the list holds all.` : "";
    words.textContent = `${apart(name)}, whole model on ${apart(targets[target])}: mean rho ${fixed(whole, 2)} over ${runs} ${runs === 1 ? "run" : "runs"}. ` +
      `Filter ${channel[chosen]} ${what} the agreement: without it rho changes by ` +
      `${effect === null ? "an undefined amount" : fixed(0 - effect, 4)} (sd ${fixed(spread, 4)} over runs). ` +
      `${answers}${facts[chosen] ? ` ${facts[chosen]}` : ""}${cutNote}`;
    places.effects.setAttribute("aria-label", `Lesion effects of ${count} filters on ${targets[target]}`);
    places.profile.setAttribute("aria-label", `Class profile of filter ${channel[chosen]}: ${answers}`);
  }

  fill(pick.model, models.map(({name}, place) => [name, place]), false);
  pick.model.addEventListener("change", modelChanged);
  pick.layer.addEventListener("change", rankingChanged);
  pick.target.addEventListener("change", rankingChanged);
  pick.filter.addEventListener("change", draw);
  section.querySelector("[data-controls]").hidden = false;
  note.hidden = true;
  modelChanged();
  places.effects.on("plotly_click", event => {
    pick.filter.value = String(event.points[0].customdata[0]);
    draw();
  });
  section.dataset.ready = "yes";
})();
