/* Arrow keys move between the fields of the matrix of influences, as in a spreadsheet. */
"use strict";

(() => {
  const table = document.querySelector("table.matrix");
  const grid = [...table.querySelectorAll("tbody tr")].map((row) => {
    const cells = [];
    for (const cell of row.querySelectorAll("td")) {
      for (let column = 0; column < cell.colSpan; column += 1) cells.push(cell.querySelector("input"));
    }
    return cells;
  });
  const STEPS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], Enter: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

  function within(field, key) {
    if (key === "ArrowLeft") return field.selectionStart > 0 || field.selectionEnd > field.selectionStart;
    if (key === "ArrowRight") return field.selectionEnd < field.value.length || field.selectionEnd > field.selectionStart;
    return false;
  }

  table.addEventListener("keydown", (event) => {
    const step = STEPS[event.key];
    if (!step || event.ctrlKey || event.altKey || event.metaKey || event.shiftKey || within(event.target, event.key)) return;
    let row = grid.findIndex((cells) => cells.includes(event.target));
    let column = grid[row]?.indexOf(event.target) ?? -1;
    do {
      row += step[0];
      column += step[1];
    } while (grid[row] && column in grid[row] && !grid[row][column]);
    event.preventDefault();
    const next = grid[row]?.[column];
    if (next) {
      next.focus();
      next.select();
    }
  });
})();
