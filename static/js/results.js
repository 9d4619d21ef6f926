"use strict";
// Parts of a page that come later have figures and tables, too.
document.addEventListener("htmx:load", ({ detail: { elt } }) => {
  if (elt === document.body) return;
  elt.querySelectorAll("figure.plot").forEach(plots.draw);
  elt.querySelectorAll("table.sortable").forEach(sortable);
});
