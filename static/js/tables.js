"use strict";
// Sorts a <table class="sortable"> by the column whose heading is pressed: numbers by the value of their <data>.
document.addEventListener("DOMContentLoaded", () => document.querySelectorAll("table.sortable").forEach(sortable));

function sortable(table) {
  for (const heading of table.tHead.rows[0].cells) {
    if (!heading.textContent.trim() || heading.classList.contains("picture")) continue;
    const button = Object.assign(document.createElement("button"), { type: "button", className: "sort" });
    button.append(...heading.childNodes);
    heading.append(button);
    button.addEventListener("click", () => sort(table, heading));
  }
}

function sort(table, heading) {
  const down = heading.getAttribute("aria-sort") === "ascending" || (!heading.ariaSort && heading.classList.contains("number"));
  for (const each of heading.parentElement.cells) each.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", down ? "descending" : "ascending");
  const value = (row) => {
    const cell = row.cells[heading.cellIndex], number = cell.querySelector("data");
    return number ? (number.value === "" ? -Infinity : Number(number.value)) : cell.textContent.trim();
  };
  const order = (a, b) => (typeof a === "number" ? a - b : a.localeCompare(b, undefined, { numeric: true }));
  const rows = [...table.tBodies[0].rows].sort((a, b) => (down ? -1 : 1) * order(value(a), value(b)));
  table.tBodies[0].append(...rows);
}
