"use strict";
// The form of a new run: finds sources, and ticks "another number" when one is written, and keeps the plan up to date.
document.addEventListener("DOMContentLoaded", () => {
  const PAUSE = 300; // milliseconds after the last change

  const other = document.querySelector("[name='iterations_other']");
  other.addEventListener("input", () => { other.closest("label").querySelector("[type='radio']").checked = true; });

  const search = document.querySelector("[data-search]");
  const sources = [...document.querySelectorAll(".sources .choice")];
  search.hidden = false;
  search.querySelector("input").addEventListener("input", ({ target }) => {
    const words = target.value.toLocaleLowerCase().split(/\s+/);
    for (const source of sources) source.hidden = !words.every((word) => source.textContent.toLocaleLowerCase().includes(word));
  });

  // What would run, renewed when the form changes: the newest question counts, and what was unfolded stays so
  const form = document.getElementById("run-new"), plan = document.getElementById("plan");
  let timer, asked;

  async function renew() {
    asked?.abort();
    asked = new AbortController();
    const body = new FormData(form);
    const answer = await fetch(plan.dataset.url, { method: "POST", body, signal: asked.signal }).catch(() => null);
    if (!answer?.ok || answer.redirected) return; // the plan stays as it was; the server checks again what is sent
    const html = await answer.text().catch(() => null);
    if (html === null) return;
    const open = [...plan.querySelectorAll("details[open]")].map((each) => each.id);
    plan.innerHTML = html;
    for (const id of open) document.getElementById(id)?.setAttribute("open", "");
  }

  form.addEventListener("input", ({ target }) => {
    clearTimeout(timer);
    if (target.name) timer = setTimeout(renew, PAUSE);
  });

  document.getElementById("faults")?.focus();
  document.addEventListener("click", ({ target }) => { // a link to a field that is folded away opens what hides it
    const field = target.closest("a[href^='#']") && document.getElementById(target.closest("a").hash.slice(1));
    for (let each = field; each; each = each.parentElement) if (each instanceof HTMLDetailsElement) each.open = true;
    field?.focus();
  });
});
