"use strict";
// Every page of a run: what begins a computation is sent once, lists fold away, and the open tab stands in sight.
const PATIENCE = 10_000; // milliseconds
function allow(form) {
  for (const button of form.querySelectorAll("button")) button.disabled = false;
}
document.addEventListener("submit", ({ target }) => {
  if (target.dataset.once === undefined) return;
  for (const button of target.querySelectorAll("button")) button.disabled = true;
  if (target.elements.run_id) setTimeout(allow, PATIENCE, target); // no event tells of a stopped request; the id makes a second one harmless
});
window.addEventListener("pageshow", ({ persisted }) => { // going back finds the page as it was left
  document.querySelectorAll("[data-once]").forEach(allow);
  if (!persisted) return;
  // What was begun has the id that was sent. Browsers make ids on safe origins only; elsewhere the server does
  for (const id of document.querySelectorAll("[data-once] [name=run_id]")) id.value = crypto.randomUUID?.() ?? "";
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
