"use strict";
// What every page needs: figures that follow the page's light or dark colours, and that print on white.
const Page = (() => {
  const CONFIG = {displaylogo: false, showSendToCloud: false, plotlyServerURL: "",
    modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"]};
  const COLOUR_KEY = /color$|^colors$/i;
  const block = document.getElementById("colours");
  const dark = block ? JSON.parse(block.textContent) : {};
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  const paper = window.matchMedia("print");
  const shown = new Map(); // the element of a figure -> the figure in its light colours
  let printing = paper.matches;

  function isDark() {
    const chosen = document.documentElement.dataset.theme;
    return !printing && (chosen ? chosen === "dark" : system.matches);
  }

  // Known colours have a dark partner; another grey is turned over; any other colour stays.
  function darkColour(colour) {
    const known = dark[colour.toLowerCase()];
    if (known) return known;
    let parts = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(colour);
    let alpha = 1;
    if (parts) {
      parts = parts.slice(1).map(part => parseInt(part, 16));
    } else {
      parts = /^rgba?\(([^)]*)\)$/i.exec(colour);
      if (!parts) return colour;
      parts = parts[1].split(",").map(Number);
      alpha = parts.length > 3 ? parts[3] : 1;
      parts = parts.slice(0, 3);
      const hex = "#" + parts.map(part => Math.round(part).toString(16).padStart(2, "0")).join("");
      if (dark[hex]) {
        const partner = dark[hex].slice(1).match(/../g).map(part => parseInt(part, 16));
        return `rgba(${partner.join(",")},${alpha})`;
      }
    }
    if (Math.max(...parts) - Math.min(...parts) > 24) return colour;
    const mean = (parts[0] + parts[1] + parts[2]) / 3; // light turns dark, and what tint there is stays
    const turned = parts.map(part => Math.max(0, Math.min(255, Math.round(245 - 0.93 * mean + (part - mean)))));
    return `rgba(${turned.join(",")},${alpha})`;
  }

  // Only values that stand where Plotly expects a colour are changed: a class may be called "white".
  function recoloured(value, isColour) {
    if (typeof value === "string") return isColour ? darkColour(value) : value;
    if (Array.isArray(value)) return isColour ? value.map(part => recoloured(part, true)) : value.map(recolouredPart);
    if (value === null || typeof value !== "object" || ArrayBuffer.isView(value)) return value;
    const copy = {};
    for (const [key, part] of Object.entries(value)) copy[key] = recoloured(part, COLOUR_KEY.test(key));
    return copy;
  }
  const recolouredPart = value => recoloured(value, false);

  function draw(place) {
    // Plotly keeps and changes what it is given, so it gets a copy.
    const figure = isDark() ? recoloured(shown.get(place), false) : JSON.parse(JSON.stringify(shown.get(place)));
    const config = figure.layout.autosize ? {...CONFIG, responsive: true} : CONFIG;
    Plotly.react(place, figure.data, figure.layout, config);
  }

  function show(place, figure) {
    shown.set(place, figure);
    draw(place);
  }

  function redraw() {
    for (const place of shown.keys()) draw(place);
  }

  // The figures in the page, one after the other, so that the first can be seen before the last is drawn.
  // This script may stand right behind the first figure, so the rest of the page may still be on its way.
  function drawNext() {
    const place = document.querySelector("[data-figure]:not([data-drawn])");
    const data = place && document.getElementById(place.dataset.figure);
    if (!data) return false;
    place.dataset.drawn = "yes";
    show(place, JSON.parse(data.textContent));
    return true;
  }
  function drawRest() {
    if (document.readyState === "loading") {
      drawNext();
      document.addEventListener("DOMContentLoaded", drawRest, {once: true});
    } else if (drawNext()) {
      window.setTimeout(drawRest, 0);
    } else {
      document.documentElement.dataset.drawn = "all";
    }
  }

  // Call back once all figures are drawn; only then can a part listen to clicks on one of them.
  function whenDrawn(then) {
    const root = document.documentElement;
    if (root.dataset.drawn === "all") {
      then();
      return;
    }
    const seen = new MutationObserver(() => {
      if (root.dataset.drawn !== "all") return;
      seen.disconnect();
      then();
    });
    seen.observe(root, {attributes: true, attributeFilter: ["data-drawn"]});
  }

  function setPrinting(yes) {
    if (yes) while (drawNext());
    if (printing === yes) return;
    const before = isDark();
    printing = yes;
    if (isDark() !== before) redraw();
  }
  window.addEventListener("beforeprint", () => setPrinting(true));
  window.addEventListener("afterprint", () => setPrinting(false));
  paper.addEventListener("change", event => setPrinting(event.matches));
  system.addEventListener("change", () => { name(); redraw(); });

  const button = document.getElementById("theme");
  function name() {
    if (button) button.textContent = isDark() ? "Light colours" : "Dark colours";
  }
  if (button) {
    try { // a browser may keep no storage for pages opened from a file
      const kept = window.localStorage.getItem("object2brain-theme");
      if (kept === "dark" || kept === "light") document.documentElement.dataset.theme = kept;
    } catch (error) { /* then the choice lasts as long as the page */ }
    button.hidden = false;
    name();
    button.addEventListener("click", () => {
      const theme = isDark() ? "light" : "dark";
      document.documentElement.dataset.theme = theme;
      try { window.localStorage.setItem("object2brain-theme", theme); } catch (error) { /* as above */ }
      name();
      redraw();
    });
  }

  // Names are data: Plotly reads markup in texts, so it gets them escaped.
  function safe(text, length) {
    let plain = String(text).replace(/\s+/g, " ").trim();
    if (length && plain.length > length) plain = plain.slice(0, length - 1) + "…";
    const entities = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;", "$": "&#36;"};
    return plain.replace(/[&<>"'$]/g, character => entities[character]);
  }

  // Unpack what the page carries in compressed form; the result is the file's own bytes.
  async function unpack(id) {
    const packed = Uint8Array.from(atob(document.getElementById(id).textContent.trim()), c => c.charCodeAt(0));
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  }

  drawRest();
  return {show, safe, unpack, whenDrawn};
})();
