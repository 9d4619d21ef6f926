"use strict";
// The map of scenarios by arrow keys, one field of it in the order of the Tab key; the year beside its slider.
document.addEventListener("DOMContentLoaded", prepare);
document.addEventListener("htmx:afterSettle", prepare);
document.addEventListener("input", (event) => {
  if (event.target.type === "range") event.target.closest(".year").querySelector("output").value = event.target.value;
});

const STEPS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
const fields = () => [...document.querySelectorAll(".map tbody tr")].map((row) => [...row.querySelectorAll(".place")]);

function prepare() {
  const all = fields().flat();
  const kept = all.find((field) => field === document.activeElement) || all[0];
  for (const field of all) field.tabIndex = field === kept ? 0 : -1;
}

document.addEventListener("keydown", (event) => {
  const step = STEPS[event.key], field = event.target.closest(".place");
  if (!step || !field || event.altKey || event.ctrlKey || event.metaKey) return;
  const rows = fields(), row = rows.findIndex((each) => each.includes(field)), column = rows[row].indexOf(field);
  const next = rows[row + step[0]]?.[column + step[1]];
  event.preventDefault();
  if (!next) return;
  field.tabIndex = -1;
  next.tabIndex = 0;
  next.focus();
});
