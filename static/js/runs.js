"use strict";
// The list of runs: shows how far those are that go on, and how many are ticked.
document.addEventListener("DOMContentLoaded", () => {
  const WORDS = { queued: "Queued", running: "Running", result: "Succeeded", error: "Failed", cancelled: "Cancelled" };
  const rows = new Map([...document.querySelectorAll("tr[data-run]")].map((row) => [row.dataset.run, row]));

  function message(found) {
    const row = rows.get(found.run_id), part = (key) => row.querySelector(`[data-part="${key}"]`);
    const bar = row.querySelector("progress"), chip = part("status");
    if (found.type === "progress") {
      if (chip.textContent !== "Stopping") chip.textContent = WORDS[found.status];
      bar.hidden = found.status !== "running";
      bar.value = found.completed;
      const waits = found.position ? `number ${found.position} in the queue` : "";
      const left = found.eta_seconds === null ? "" : `${progress.duration(found.eta_seconds)} left`;
      part("words").textContent = found.status === "queued" ? waits : left;
      return;
    }
    if (found.type === "error" && found.seq === undefined) return;
    chip.textContent = WORDS[found.type];
    chip.classList.toggle("good", found.type === "result");
    chip.classList.toggle("bad", found.type === "error");
    bar.hidden = true;
    part("words").textContent = "just now";
    row.querySelector(".row-actions").replaceChildren();
  }

  const followed = [...rows.keys()].slice(0, 32);
  if (followed.length) progress.follow(followed, { message, state: (name) => { if (name === "signed-out") location.reload(); } });

  const form = document.getElementById("compare");
  if (!form) return;
  const button = form.querySelector("button"), words = form.querySelector("[data-part='chosen']"), hint = words.textContent;
  function count() {
    const chosen = document.querySelectorAll("[form='compare']:checked").length;
    button.disabled = chosen < 2;
    words.textContent = chosen < 2 ? hint : `${chosen} runs ticked.`;
  }
  document.addEventListener("change", count);
  window.addEventListener("pageshow", count); // going back restores the ticks
});
