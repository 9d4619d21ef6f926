"use strict";
// The form of a new run: finds sources, and ticks "another number" when one is written. htmx keeps the plan up to date.
document.addEventListener("DOMContentLoaded", () => {
  const other = document.querySelector("[name='iterations_other']");
  other.addEventListener("input", () => { other.closest("label").querySelector("[type='radio']").checked = true; });

  const search = document.querySelector("[data-search]");
  const sources = [...document.querySelectorAll(".sources .choice")];
  search.hidden = false;
  search.querySelector("input").addEventListener("input", ({ target }) => {
    const words = target.value.toLocaleLowerCase().split(/\s+/);
    for (const source of sources) source.hidden = !words.every((word) => source.textContent.toLocaleLowerCase().includes(word));
  });

  // What is unfolded in the plan stays so when it is renewed
  const unfolded = () => [...document.querySelectorAll("#plan details[open]")].map((each) => each.id);
  let open = [];
  document.body.addEventListener("htmx:beforeSwap", () => { open = unfolded(); });
  document.body.addEventListener("htmx:afterSwap", () => open.forEach((id) => document.getElementById(id)?.setAttribute("open", "")));

  document.getElementById("faults")?.focus();
  document.addEventListener("click", ({ target }) => { // a link to a field that is folded away opens what hides it
    const field = target.closest("a[href^='#']") && document.getElementById(target.closest("a").hash.slice(1));
    for (let each = field; each; each = each.parentElement) if (each instanceof HTMLDetailsElement) each.open = true;
    field?.focus();
  });
});
