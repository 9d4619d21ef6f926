"use strict";
// Says below the drawing what the arrow that is pointed at, or has the focus, means; a box shows its own arrows.
document.addEventListener("DOMContentLoaded", () => {
  const readout = document.getElementById("readout");
  if (!readout) return;
  const invitation = readout.textContent;

  for (const drawing of document.querySelectorAll(".drawing")) {
    const arrows = [...drawing.querySelectorAll(".arrow")], marks = [...drawing.querySelectorAll(".mark")];
    const boxes = [...drawing.querySelectorAll(".box")];
    const titles = new Map(arrows.map((arrow) => [arrow, arrow.querySelector("title").textContent]));
    for (const arrow of arrows) { // what the readout says need not be said by a tooltip, too
      arrow.setAttribute("aria-label", titles.get(arrow));
      arrow.querySelector("title").remove();
    }

    const show = (chosen, words) => {
      const codes = new Set(chosen.flatMap((arrow) => [arrow.dataset.from, arrow.dataset.to]));
      drawing.classList.toggle("pointed", chosen.length > 0);
      arrows.forEach((arrow, place) => {
        arrow.classList.toggle("on", chosen.includes(arrow));
        marks[place].classList.toggle("on", chosen.includes(arrow));
      });
      for (const box of boxes) box.classList.toggle("on", codes.has(box.dataset.code));
      readout.textContent = words;
    };

    const look = (target) => {
      const arrow = target.closest?.(".arrow"), box = target.closest?.(".box");
      if (arrow) return show([arrow], `${titles.get(arrow)}.`);
      if (!box) return show([], invitation);
      const own = arrows.filter((each) => [each.dataset.from, each.dataset.to].includes(box.dataset.code));
      const out = own.filter((each) => each.dataset.from === box.dataset.code).length;
      show(own, `${box.querySelector(".label").textContent}: ${out} influences go out, ${own.length - out} come in.`);
    };

    drawing.addEventListener("pointerover", (event) => look(event.target));
    drawing.addEventListener("pointerleave", () => show([], invitation));
    drawing.addEventListener("focusin", (event) => look(event.target));
    drawing.addEventListener("focusout", () => show([], invitation));
  }
});
