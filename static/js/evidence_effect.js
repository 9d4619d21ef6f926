// Tells, while the scores of an item are edited, what they would do. The server computes; this asks and shows.
(() => {
  const DELAY = 300; // ms after the last change
  const panel = document.querySelector("[data-effect-url]");
  const form = panel?.closest("form");
  if (!form) return;
  const [note, facts, table] = ["note", "facts", "posteriors"].map((name) => panel.querySelector(`[data-${name}]`));
  let timer, running;

  function row(posterior) {
    const line = document.createElement("tr");
    for (const name of ["hypothesis", "before", "after", "change"]) {
      const cell = document.createElement(name === "hypothesis" ? "th" : "td");
      if (name === "hypothesis") cell.scope = "row";
      cell.dataset.label = { before: "Now", after: "If approved so", change: "Change" }[name] ?? "";
      cell.textContent = posterior[name];
      line.append(cell);
    }
    return line;
  }

  function show(answer) {
    const known = answer.missing.length === 0;
    note.textContent = known ? answer.left_out : `To see it, fill in or correct: ${answer.missing.join(", ")}.`;
    note.hidden = note.textContent === "";
    facts.hidden = !known || answer.left_out !== "";
    table.hidden = !known;
    if (!known) return;
    for (const fact of facts.querySelectorAll("[data-fact]")) fact.textContent = answer[fact.dataset.fact] ?? "";
    table.tBodies[0].replaceChildren(...answer.posteriors.map(row));
  }

  async function ask() {
    running?.abort();
    running = new AbortController();
    const body = new FormData(form);
    body.set("item", panel.dataset.item);
    try {
      const answer = await fetch(panel.dataset.effectUrl, { method: "POST", body, signal: running.signal });
      if (!answer.ok || answer.redirected) throw new Error(answer.statusText);
      show(await answer.json());
    } catch (error) {
      if (error.name === "AbortError") return;
      show({ missing: [], left_out: "The effect could not be computed now. What you have typed is still here.", posteriors: [] });
      table.hidden = true;
    }
  }

  function schedule() {
    clearTimeout(timer);
    timer = setTimeout(ask, DELAY);
  }

  form.addEventListener("input", schedule);
  window.django.jQuery(form).on("change", schedule); // also from the search boxes, whose events only jQuery hears
  ask();
})();
