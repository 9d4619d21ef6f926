/* Gives the search boxes of the admin's forms the names of their fields, which they lack while nothing is chosen. */
"use strict";

window.django.jQuery(() => { // after those that make the boxes, which were asked earlier
  for (const container of document.querySelectorAll(".select2-container")) {
    const select = container.previousElementSibling;
    const label = document.querySelector(`label[for="${select?.id}"]`);
    const box = container.querySelector("[role=combobox]");
    if (!label || !box) continue;
    label.id ||= `${select.id}_label`;
    box.setAttribute("aria-labelledby", `${label.id} ${box.getAttribute("aria-labelledby") ?? ""}`.trim());
    box.querySelector("[role=textbox]")?.setAttribute("aria-labelledby", label.id);
  }
});
