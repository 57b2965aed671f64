"use strict";
// Pick a cell of figure 6, by a click or in lists: the pictures behind it, with map and boxes.
(async () => {
  const section = document.getElementById("behind");
  if (!section || !document.getElementById("behind-data")) return;
  const note = section.querySelector("[data-note]");
  if (typeof DecompressionStream === "undefined") {
    note.textContent = "This browser cannot unpack the pictures; a newer one can.";
    return;
  }
  const {cells, pictures, classes, first} = JSON.parse(new TextDecoder().decode(await Page.unpack("behind-data")));
  const SVG = "http://www.w3.org/2000/svg", PARTS = 1000, FAINT = "4 3";
  const words = section.querySelector("[data-words]"), place = section.querySelector("[data-pictures]");
  const pick = Object.fromEntries(["network", "label", "class"].map(
    name => [name, section.querySelector(`select[name=${name}]`)]));
  const cut = (text, length) => text.length > length ? text.slice(0, length - 1) + "…" : text;
  const apart = name => `\u2068${name}\u2069`; // a name that runs from right to left keeps to itself

  function fill(select, values, texts) {
    const before = select.value;
    select.replaceChildren(...values.map((value, row) => {
      const option = document.createElement("option");
      option.value = value;
      option.textContent = cut(texts ? texts[row] : value, 60);
      option.title = value;
      return option;
    }));
    if (values.includes(before)) select.value = before;
  }

  const distinct = (of, key) => [...new Set(of.map(cell => cell[key]))];
  const ofNetwork = () => cells.filter(cell => cell.network === pick.network.value);

  function networkChanged() {
    fill(pick.label, distinct(ofNetwork(), "label"));
    labelChanged();
  }

  // The list of classes says how many pictures there are, so that nobody has to try.
  function labelChanged() {
    const own = ofNetwork().filter(cell => cell.label === pick.label.value);
    fill(pick.class, own.map(cell => cell.class),
      own.map(cell => `${cut(cell.class, 40)} (${cell.pictures.length + cell.left})`));
    show();
  }

  function rectangle(box, height, stroke, width, dashes) {
    const shape = document.createElementNS(SVG, "rect");
    const [x0, y0, x1, y1] = box.map((value, edge) => edge % 2 ? value * height / PARTS : value);
    const looks = {x: x0, y: y0, width: Math.max(x1 - x0, 0), height: Math.max(y1 - y0, 0), fill: "none", stroke,
      "stroke-width": width, "stroke-dasharray": dashes, "vector-effect": "non-scaling-stroke"};
    for (const [name, value] of Object.entries(looks)) if (value !== "") shape.setAttribute(name, value);
    return shape;
  }

  function number(box, height, text) {
    const group = document.createElementNS(SVG, "g");
    const [x, y] = [box[0], box[1] * height / PARTS];
    const ground = document.createElementNS(SVG, "rect"), digit = document.createElementNS(SVG, "text");
    for (const [name, value] of Object.entries({x, y, width: 75, height: 85, fill: "#111"})) ground.setAttribute(name, value);
    for (const [name, value] of Object.entries({x: x + 18, y: y + 66, "font-size": 68, fill: "#fff"})) digit.setAttribute(name, value);
    digit.textContent = text;
    group.append(ground, digit);
    return group;
  }

  function drawn(picture, cell) {
    const height = PARTS * picture.shape, svg = document.createElementNS(SVG, "svg");
    svg.setAttribute("viewBox", `0 0 ${PARTS} ${height}`);
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", `Picture ${picture.name}, named ${cell.label}, with its map and the boxes of ${cell.class}`);
    const image = document.createElementNS(SVG, "image");
    for (const [name, value] of Object.entries({href: picture.src, width: PARTS, height})) image.setAttribute(name, value);
    svg.append(image);
    const own = picture.boxes.filter(box => classes[box[4]] === cell.class);
    for (const box of picture.boxes.filter(box => classes[box[4]] !== cell.class).reverse()) {
      svg.append(rectangle(box.slice(0, 4), height, "#fff", 2.5, ""), rectangle(box.slice(0, 4), height, "#111", 1, FAINT));
    }
    const said = [];
    [...own.keys()].reverse().forEach(row => {
      const box = own[row], [edge, line] = box[6] ? [5.5, 3] : [3.5, 1.5];
      svg.append(rectangle(box.slice(0, 4), height, "#fff", edge, ""), rectangle(box.slice(0, 4), height, "#111", line, ""),
        number(box, height, String(row + 1)));
      said.unshift(`${row + 1}: ${(box[5] / 100).toFixed(2)}${box[6] ? ", important" : ""}`);
    });
    const figure = document.createElement("figure"), caption = document.createElement("figcaption");
    const name = document.createElement("bdi");
    name.textContent = cut(picture.name, 40);
    caption.append(name, document.createElement("br"), said.join("; "));
    figure.append(svg, caption);
    return figure;
  }

  function show() {
    const cell = ofNetwork().find(one => one.label === pick.label.value && one.class === pick.class.value);
    const behind = cell.pictures.length + cell.left;
    const held = !behind ? "No picture is behind this cell." : !cell.pictures.length ?
      `The ${behind === 1 ? "picture" : `${behind} pictures`} behind it would make this file too large; notebook 10 shows them.` :
      cell.left ? `Shown: ${cell.pictures.length} of ${behind} pictures.` : "";
    words.textContent = `${apart(cell.network)}. ${cell.words} ${held}`;
    place.replaceChildren(...cell.pictures.map(row => drawn(pictures[row], cell)));
  }

  function choose(cell) {
    pick.network.value = cell.network;
    networkChanged();
    pick.label.value = cell.label;
    labelChanged();
    pick.class.value = cell.class;
    show();
  }

  fill(pick.network, distinct(cells, "network"));
  pick.network.addEventListener("change", networkChanged);
  pick.label.addEventListener("change", labelChanged);
  pick.class.addEventListener("change", show);
  section.querySelector("[data-controls]").hidden = false;
  note.hidden = true;
  choose(cells[first]);
  Page.whenDrawn(() => {
    const figure = document.querySelector("[data-figure=figure-6]");
    figure.on("plotly_click", ({points: [point]}) => {
      choose(cells[point.data.meta.cells[point.y][point.x]]);
      section.scrollIntoView({block: "nearest"});
    });
    section.dataset.ready = "yes";
  });
})();
