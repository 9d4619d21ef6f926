"use strict";
// The what-if explorer: its controls make a question, the address holds it, POST /what-if answers it. One request is
// under way at a time; what is moved meanwhile is asked as soon as it is back, so the newest question wins.
document.addEventListener("DOMContentLoaded", () => {
  const form = document.getElementById("question");
  if (!form) return;
  const PATIENCE = 400; // milliseconds until waiting is mentioned
  const PAUSE = 1200; // of rest, before a screen reader is told what follows
  const TOGETHER = 2000; // moves of one control closer than this are one step for the back button
  const RETRIES = 30; // seconds that are waited without being asked, at most
  const element = (id) => document.getElementById(id);
  const page = answers.page();
  const start = { asked: "What if things were otherwise?", effect: element("effect").textContent };
  const sliders = [...form.querySelectorAll("input[type=range]")];
  const suppositions = [...form.querySelectorAll(".suppose")].map((box) => {
    const [outcome, year] = box.querySelectorAll("select");
    return { outcome, year, words: box.dataset.words };
  });

  // The question

  const isChanged = (control) => control.value !== control.dataset.base;
  const isSupposed = ({ outcome, year }) => isChanged(outcome) || (outcome.value && isChanged(year));
  const shown = (slider, value = slider.value) => ("percent" in slider.dataset ? `${Math.round(100 * value)}\u202f%` : value);

  function query() {
    const params = new URLSearchParams();
    const run = new URLSearchParams(location.search).get("run");
    if (run) params.set("run", run);
    for (const control of form.elements) {
      if (control.type === "range" && isChanged(control)) params.set(control.name, control.value);
      const pair = suppositions.find(({ outcome }) => outcome === control);
      if (!pair || !isSupposed(pair)) continue;
      params.set(control.name, control.value);
      if (control.value) params.set(pair.year.name, pair.year.value);
    }
    return params.toString();
  }

  function changes() { // in words, in the order of the page
    const said = [...form.elements].map((control) => {
      if (control.type === "range") return isChanged(control) && control.dataset.words.replace("{}", shown(control));
      const pair = suppositions.find(({ outcome }) => outcome === control);
      if (!pair || !isSupposed(pair)) return false;
      const outcome = [...control.options].find(({ value }) => value === (control.value || control.dataset.base));
      if (!control.value) return `“${outcome.textContent}” were no longer supposed`;
      return `${pair.words.replace("{}", outcome.textContent)} from ${pair.year.value}`;
    });
    return said.filter(Boolean);
  }

  function body() {
    const overrides = {}, by = { posterior: "posteriors", strength: "strengths", midpoint: "midpoints" };
    for (const slider of sliders.filter(isChanged)) {
      const [kind, name] = slider.name.split(".");
      if (kind === "multiplier") overrides.strength_multiplier = Number(slider.value);
      else (overrides[by[kind]] ??= {})[name.replace("-", ">")] = Number(slider.value);
    }
    const supposed = (kind) => suppositions
      .filter(({ outcome }) => outcome.name.startsWith(`${kind}.`) && outcome.value)
      .map(({ outcome, year }) => ({ hypothesis: outcome.name.split(".")[1], outcome: outcome.value, from_year: Number(year.value) }));
    return { run: page.run, overrides, observations: supposed("observe"), interventions: supposed("set") };
  }

  const chosen = () => new Set([...sliders.filter(isChanged), ...suppositions.filter(isSupposed).map(({ outcome }) => outcome)]
    .filter(({ name }) => /^(posterior|observe|set)\./.test(name)).map(({ name }) => name.split(".")[1]));

  // What the controls say of themselves

  function describe(slider) {
    const text = shown(slider);
    form.querySelector(`output[for="${CSS.escape(slider.name)}"]`).textContent = text;
    slider.setAttribute("aria-valuetext", `${text}, in the model ${shown(slider, slider.dataset.base)}`);
    slider.style.setProperty("--at", (slider.value - slider.min) / (slider.max - slider.min));
    slider.style.setProperty("--base", (slider.dataset.base - slider.min) / (slider.max - slider.min));
    slider.classList.toggle("changed", isChanged(slider));
  }

  function describeAll() {
    sliders.forEach(describe);
    for (const { outcome, year } of suppositions) {
      year.disabled = !outcome.value;
      outcome.closest(".suppose").classList.toggle("chosen", Boolean(outcome.value));
    }
    const said = changes();
    element("asked").textContent = said.length ? `What if ${few(said)}?` : start.asked;
    for (const id of ["reset", "save-open", "full"]) element(id).disabled = !said.length;
    for (const input of document.querySelectorAll("input[name=query]")) input.value = query();
    return said;
  }

  const few = (said) => (said.length > 3 ? `${said.slice(0, 2).join(", ")} and ${said.length - 2} more changes` : said.join(" and "));

  // Asking

  let asking = null, wanted = false, waiting = 0, resting = 0;

  function ask() {
    clearTimeout(waiting);
    wanted = true;
    if (!asking) asking = answered().finally(() => { asking = null; });
  }

  async function answered() {
    while (wanted) {
      wanted = false;
      if (!describeAll().length) { rest(); continue; }
      const slow = setTimeout(() => state("Computing.", true), PATIENCE);
      try {
        await once();
      } finally {
        clearTimeout(slow);
      }
    }
  }

  function rest() { // nothing is changed: the baseline
    answers.show(null);
    element("effect").textContent = start.effect;
    state("");
    say(start.effect);
  }

  async function once() {
    let response;
    const token = document.querySelector("[name=csrfmiddlewaretoken]").value;
    const of = chosen();
    try {
      const headers = { "Content-Type": "application/json", "X-CSRFToken": token, Accept: "application/json" };
      response = await fetch(page.url, { method: "POST", headers, body: JSON.stringify(body()) });
    } catch {
      return trouble("The server cannot be reached. Your changes are kept.", 5);
    }
    const found = await response.json().catch(() => ({}));
    if (response.ok) {
      element("effect").textContent = answers.show(found, of);
      state("");
      say(`${element("asked").textContent} ${element("effect").textContent}`);
    } else if (!wanted) refused(response, found);
  }

  function refused({ status, headers }, { detail = "", errors = [] }) {
    const wait = Number(headers.get("Retry-After")) || 5;
    if (status === 409) trouble("You ask something in another window, which goes first.", 1);
    else if (status === 429) trouble(`You have asked as often as you may for now. There is room again in ${wait} s; your changes are kept.`, wait);
    else if (status === 503) trouble(`${detail} Your changes are kept.`, wait);
    else if (status === 422) trouble(`This cannot be: ${detail}`);
    else if (status === 401 || status === 403) trouble("You are signed out, or may no longer ask. Sign in again in another window, then try again.");
    else if (errors.length) trouble(`This cannot be asked. ${errors.map(({ path, message }) => `${path}: ${message}`).join(" ")}`);
    else trouble("The answer did not come, through no fault of yours. Your changes are kept.", wait);
  }

  function trouble(words, seconds = 0) { // tried again by itself after some seconds, where time can help
    state(words);
    element("state").className = "error";
    element("again").hidden = false;
    element("said").textContent = words;
    clearTimeout(resting);
    if (seconds && seconds <= RETRIES) waiting = setTimeout(ask, 1000 * seconds);
  }

  function state(words, isBusy = false) {
    element("state").textContent = words;
    element("state").className = isBusy ? "loading" : "";
    element("answer").setAttribute("aria-busy", isBusy);
    element("again").hidden = true;
  }

  function say(words) { // to a screen reader, once the controls rest
    clearTimeout(resting);
    resting = setTimeout(() => { if (element("said").textContent !== words) element("said").textContent = words; }, PAUSE);
  }

  // The address

  let last = { name: "", at: 0 };

  function keep(control) {
    const text = query(), address = location.pathname + (text && `?${text}`);
    if (address === location.pathname + location.search) return;
    const again = control.name === last.name && performance.now() - last.at < TOGETHER;
    history[again ? "replaceState" : "pushState"](null, "", address);
    last = { name: control.name, at: performance.now() };
  }

  function read() { // the address was read and checked by the server when it was opened; this is for back and forward
    const params = new URLSearchParams(location.search);
    for (const control of form.elements) {
      if (control.dataset.base !== undefined) control.value = params.get(control.name) ?? control.dataset.base;
    }
    last = { name: "", at: 0 };
    ask();
  }

  function reset() {
    for (const control of form.elements) if (control.dataset.base !== undefined) control.value = control.dataset.base;
    keep({ name: "" });
    ask();
  }

  async function copy() {
    const button = element("copy");
    try {
      await navigator.clipboard.writeText(location.href);
      button.textContent = "Link copied";
    } catch {
      button.textContent = "Copy it from the address bar";
    }
    element("said").textContent = button.textContent;
    setTimeout(() => { button.textContent = "Copy link"; }, 3000);
  }

  form.addEventListener("input", ({ target }) => {
    if (target.type === "range") describe(target);
    ask();
  });
  form.addEventListener("change", ({ target }) => {
    describeAll();
    keep(target);
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  window.addEventListener("popstate", read);
  element("reset").addEventListener("click", reset);
  element("copy").addEventListener("click", copy);
  element("again").addEventListener("click", ask);
  const wide = window.matchMedia("(min-width: 900px)"); // there the controls have a column of their own, and no button
  if (wide.matches) element("assumptions").open = true;
  wide.addEventListener("change", () => { element("assumptions").open ||= wide.matches; });
  sliders.forEach(describe);
  answers.show(null);
  if (describeAll().length) ask();
});
