"use strict";
// Every page of a run: what begins a computation is sent once, lists fold away, and the open tab stands in sight.
document.addEventListener("submit", ({ target }) => {
  if (target.dataset.once === undefined) return;
  for (const button of target.querySelectorAll("button")) button.disabled = true;
});
window.addEventListener("pageshow", () => { // going back finds the page as it was left
  for (const button of document.querySelectorAll("[data-once] button")) button.disabled = false;
});
// What a button has unfolded goes when something else is pressed, or Escape
function fold(except) {
  for (const each of document.querySelectorAll(".drop[open]")) if (!each.contains(except)) each.open = false;
}
document.addEventListener("click", ({ target }) => fold(target));
document.addEventListener("keydown", ({ key }) => {
  const open = document.querySelector(".drop[open]");
  if (key !== "Escape" || !open) return;
  fold(null);
  open.querySelector("summary").focus();
});
document.addEventListener("DOMContentLoaded", () => {
  const tabs = document.querySelector(".tabs"), open = tabs?.querySelector("[aria-current]");
  if (!open) return;
  const [bar, tab] = [tabs, open].map((each) => each.getBoundingClientRect());
  tabs.scrollLeft += tab.left + tab.width / 2 - bar.left - bar.width / 2;
});
