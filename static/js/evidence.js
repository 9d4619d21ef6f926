"use strict";
// A click on a bar of the balance shows the findings of that hypothesis, as its chip does.
window.addEventListener("load", () => {
  const place = document.querySelector("#balance .plot-place");
  const listen = () => place.on("plotly_click", ({ points: [point] }) => {
    document.querySelector(`#questions [data-code="${CSS.escape(point.customdata)}"]`)?.click();
  });
  if (!place) return;
  if (place.on) return listen();
  const drawn = new MutationObserver(() => {
    if (!place.on) return;
    drawn.disconnect();
    listen();
  });
  drawn.observe(place, { childList: true, subtree: true });
});
