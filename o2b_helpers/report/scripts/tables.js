"use strict";
// Tables that sort by a click or by Enter on a heading, and files that are saved from within the page.
(() => {
  const told = document.getElementById("told");
  const tell = text => { if (told) told.textContent = text; };

  function valueOf(row, column, isNumber) {
    const cell = row.cells[column];
    if (!isNumber) return cell.textContent;
    return cell.dataset.value === undefined || cell.dataset.value === "" ? NaN : Number(cell.dataset.value);
  }

  function compare(a, b, isNumber) {
    return isNumber ? a - b : a.localeCompare(b, "en", {numeric: true});
  }

  function sort(table, heading) {
    const column = heading.cellIndex;
    const isNumber = heading.classList.contains("number");
    const descending = heading.getAttribute("aria-sort") === "ascending";
    const body = table.tBodies[0];
    const rows = [...body.rows].map(row => [valueOf(row, column, isNumber), row]);
    const missing = rows.filter(([value]) => Number.isNaN(value)); // without a value: last, whichever way
    const present = rows.filter(([value]) => !Number.isNaN(value));
    present.sort(([a], [b]) => (descending ? -1 : 1) * compare(a, b, isNumber));
    body.append(...present.concat(missing).map(([, row]) => row));
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", descending ? "descending" : "ascending");
    tell(`Sorted by ${heading.textContent.trim()}, ${descending ? "descending" : "ascending"}`);
  }

  for (const table of document.querySelectorAll("table[data-sortable]")) {
    for (const heading of table.tHead.rows[0].cells) {
      heading.querySelector("button").addEventListener("click", () => sort(table, heading));
    }
  }

  for (const button of document.querySelectorAll("button[data-file]")) {
    if (typeof DecompressionStream === "undefined") {
      button.disabled = true;
      button.textContent += " (this browser cannot unpack it)";
      continue;
    }
    button.addEventListener("click", async () => {
      const name = button.dataset.name;
      const url = URL.createObjectURL(new Blob([await Page.unpack(button.dataset.file)], {type: "text/csv"}));
      const link = document.createElement("a");
      link.href = url;
      link.download = name;
      link.click();
      window.setTimeout(() => URL.revokeObjectURL(url), 60_000);
      tell(`Saved ${name}`);
    });
  }
})();
