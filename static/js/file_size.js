/* Says that a file is too large before it is sent, where the server could only break off. */
"use strict";

for (const field of document.querySelectorAll("input[type=file][data-max-bytes]")) {
  field.addEventListener("change", () => {
    const most = Number(field.dataset.maxBytes);
    const isLarge = [...field.files].some((file) => file.size > most);
    field.setCustomValidity(isLarge ? `The file is larger than ${most / 1e6} MB. Split it, or leave out what is no table.` : "");
    field.reportValidity();
  });
}
