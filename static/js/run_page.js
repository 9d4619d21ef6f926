"use strict";
// Every page of a run: what begins a computation is sent once, and the tab that is open stands in sight.
document.addEventListener("submit", ({ target }) => {
  if (target.dataset.once === undefined) return;
  for (const button of target.querySelectorAll("button")) button.disabled = true;
});
window.addEventListener("pageshow", () => { // going back finds the page as it was left
  for (const button of document.querySelectorAll("[data-once] button")) button.disabled = false;
});
document.addEventListener("DOMContentLoaded", () => {
  const tabs = document.querySelector(".tabs"), open = tabs?.querySelector("[aria-current]");
  if (!open) return;
  const [bar, tab] = [tabs, open].map((each) => each.getBoundingClientRect());
  tabs.scrollLeft += tab.left + tab.width / 2 - bar.left - bar.width / 2;
});
