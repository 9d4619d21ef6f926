"use strict";
// Opens the report as soon as the page says that it is there.
document.addEventListener("htmx:afterSettle", () => {
  const link = document.querySelector("[data-open]");
  if (link) window.location.assign(link.href);
});
