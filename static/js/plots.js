"use strict";
// Draws the figures of a page from the JSON beside them, in the colours of tokens.css.
//   plots.draw(figure)            draw a <figure class="plot"> that was added to the page
//   plots.update(key, changes)    show new numbers in the figure of that id: axes stay as they are unless `layout` sets
//                                 them; changes: {data, layout, finding, rows} with rows as arrays of [value, words]
//   plots.colour("--accent")      what a token is now
//   plots.literal(text)           what somebody wrote, as a figure shows it letter by letter (`literal` of plots/plot.py)
window.plots = (() => {
  const PHONE = window.matchMedia("(max-width: 640px)");
  const DARK = window.matchMedia("(prefers-color-scheme: dark)");
  const CONFIG = { displayModeBar: false, responsive: true, doubleClick: false, scrollZoom: false };
  const AXIS = {
    automargin: true, fixedrange: true, gridcolor: "var(--line)", zerolinecolor: "var(--line)", linecolor: "var(--line)",
    ticks: "", tickfont: { color: "var(--muted)" }, title: { font: { color: "var(--muted)", size: 13 }, standoff: 8 },
  };
  const THEME = {
    layout: {
      font: { family: "var(--font)", size: 13, color: "var(--ink)" },
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      colorway: ["var(--accent)", "var(--grey)", "var(--outcome-b)", "var(--outcome-a)"],
      margin: { l: 8, r: 8, t: 8, b: 8, pad: 4 }, xaxis: AXIS, yaxis: AXIS,
      hoverlabel: { bgcolor: "var(--paper)", bordercolor: "var(--field-line)", font: { family: "var(--font)", size: 13, color: "var(--ink)" }, align: "left" },
      hovermode: "closest", dragmode: false, showlegend: false,
      title: { x: 0, xanchor: "left", xref: "paper", font: { size: 17 } },
    },
  };
  const figures = new Map(); // figure element -> {data, layout, phone, years}, as the page gave them, and the chosen year

  const colour = (token) => getComputedStyle(document.documentElement).getPropertyValue(token).trim();

  function resolved(value) {
    if (typeof value === "string") return value.replace(/var\((--[\w-]+)\)/g, (_, token) => colour(token));
    if (Array.isArray(value)) return value.map(resolved);
    if (value && typeof value === "object") return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, resolved(each)]));
    return value;
  }

  function merged(base, more) {
    const result = { ...base };
    for (const [key, value] of Object.entries(more || {})) {
      const both = value && result[key] && typeof value === "object" && !Array.isArray(value);
      result[key] = both ? merged(result[key], value) : value;
    }
    return result;
  }

  function inLight(make) { // tokens.css leaves dark out where this class is
    document.documentElement.classList.add("printing");
    try { return make(); } finally { document.documentElement.classList.remove("printing"); }
  }

  const escaped = (text) => text.replace(/[&<>"]/g, (each) => `&#${each.charCodeAt(0)};`);
  const literal = (text) => escaped(text).replaceAll("%{", "%&#123;");

  const place = (figure) => figure.querySelector(".plot-place");
  const PAPER = { width: 680, autosize: false }; // pixels that fit on A4 and Letter
  const layoutOf = (given, phone) => merged({ ...given.layout, template: THEME, uirevision: "kept" }, phone ? given.phone : {});

  function show(figure) {
    const given = figures.get(figure), drawn = place(figure);
    drawn.querySelector("noscript")?.remove();
    drawn.dataset.drawn = "";
    const printing = document.documentElement.classList.contains("printing");
    const layout = merged(merged(layoutOf(given, PHONE.matches && !printing), marked(given)), printing ? { ...PAPER, height: drawn.clientHeight } : { autosize: true, height: undefined });
    return Plotly.react(drawn, resolved(given.data), resolved(layout), CONFIG);
  }

  const near = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      if (!isIntersecting) continue;
      near.unobserve(target);
      show(target.closest(".plot"));
    }
  }, { rootMargin: "600px" });

  function draw(figure) {
    const { data, layout = {}, phone = {}, years } = JSON.parse(figure.querySelector("script[type='application/json']").textContent);
    figures.set(figure, { data, layout, phone, years });
    if (years) prepareYears(figure);
    for (const button of figure.querySelectorAll("[data-save]")) {
      button.hidden = false;
      button.addEventListener("click", () => save(figure, button.dataset.save));
    }
    near.observe(place(figure));
  }

  // Year by year: a slider that marks one and says what is known of it

  const marked = ({ layout, year }) => year ? { shapes: [...(layout.shapes || []), { type: "line", x0: year, x1: year, yref: "paper", y0: 0, y1: 1, line: { color: "var(--ink)", width: 1.5 } }] } : {};

  function prepareYears(figure) {
    const given = figures.get(figure), slider = figure.querySelector(".plot-year input"), said = figure.querySelector(".plot-year output");
    const tell = () => slider.setAttribute("aria-valuetext", `${slider.value}: ${given.years[slider.value].join(", ")}`);
    slider.addEventListener("input", () => {
      given.year = Number(slider.value);
      tell();
      said.firstElementChild.textContent = slider.value;
      said.querySelectorAll("span").forEach((part, place) => { part.textContent = given.years[slider.value][place]; });
      show(figure);
    });
    tell();
  }

  function frozen(drawn) { // the axes' ranges as they are now
    const axes = Object.entries(drawn._fullLayout || {}).filter(([name, axis]) => /^[xy]axis\d*$/.test(name) && axis.range);
    return Object.fromEntries(axes.map(([name, axis]) => [name, { range: [...axis.range], autorange: false }]));
  }

  function update(key, { data, layout, finding, rows }) {
    const figure = document.getElementById(key), given = figures.get(figure);
    given.layout = merged(merged(given.layout, frozen(place(figure))), layout);
    if (data) given.data = data;
    if (rows) refill(figure.querySelector("tbody"), rows);
    if (finding) {
      figure.querySelector(".plot-finding").textContent = finding;
      place(figure).setAttribute("aria-label", `${finding}. ${figure.querySelector(".plot-subtitle").textContent}`);
    }
    return "drawn" in place(figure).dataset ? show(figure) : Promise.resolve();
  }

  function refill(body, rows) {
    const model = body.rows[0];
    body.replaceChildren(...rows.map((row) => {
      const line = model.cloneNode(true);
      row.forEach(([value, words], column) => {
        const number = line.cells[column].querySelector("data");
        if (number) number.value = value ?? "";
        (number || line.cells[column]).textContent = words;
      });
      return line;
    }));
  }

  // What one can take away

  function save(figure, format) {
    if (format === "csv") return offer(figure, format, new Blob([csv(figure.querySelector("table"))], { type: "text/csv" }));
    return picture(figure).then((svg) => (format === "svg" ? offer(figure, format, svg.blob) : raster(figure, svg)));
  }

  function csv(table) {
    const text = (cell) => {
      const words = cell.textContent.trim();
      // a spreadsheet would take such words for a formula
      const value = cell.querySelector("data")?.value ?? (/^[=+\-@\t\r]/.test(words) ? `'${words}` : words);
      return /[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
    };
    return [...table.rows].map((row) => [...row.cells].map(text).join(",") + "\r\n").join("");
  }

  function wrapped(words, width) {
    const lines = [""];
    for (const word of words.split(/[ \n]+/)) {
      if (lines.at(-1).length + word.length >= width) lines.push("");
      lines[lines.length - 1] += lines.at(-1) ? ` ${word}` : word;
    }
    return lines;
  }

  async function picture(figure) { // with its words, on white paper
    const given = figures.get(figure), words = (part) => figure.querySelector(`.plot-${part}`).textContent.trim();
    const title = wrapped(words("finding"), 92), subtitle = wrapped(words("subtitle"), 130), source = wrapped(words("source"), 150);
    await show(figure);
    const base = layoutOf(given, false), { l, r, t, b } = place(figure)._fullLayout._size; // with room for the axes' labels
    const top = 20 + 22 * title.length + 17 * subtitle.length, bottom = 24 + 15 * source.length;
    const width = 1000, height = place(figure).clientHeight + top + bottom;
    const layout = inLight(() => resolved(merged(base, {
      paper_bgcolor: "var(--paper)", width, height,
      margin: { l: Math.max(l, 16), r: Math.max(r, 16), t: t + top, b: b + bottom },
    })));
    const data = inLight(() => resolved(given.data));
    const uri = await Plotly.toImage({ data, layout, config: CONFIG }, { format: "svg", width, height });
    const svg = decodeURIComponent(uri.slice(uri.indexOf(",") + 1)).replace(/<\/svg>\s*$/, ""); // as text: a parsed one would lose its styles to the policy
    const write = (lines, y, step, size, token, weight) => lines.map((line, row) =>
      `<text x="16" y="${y + row * step}" font-size="${size}" font-weight="${weight}" fill="${inLight(() => colour(token))}" font-family="${escaped(colour("--font"))}">${escaped(line)}</text>`).join("");
    const parts = [
      svg,
      write(title, 28, 22, 17, "--ink", 600),
      write(subtitle, 28 + 22 * title.length, 17, 13, "--muted", 400),
      write(source, height - 12 - 15 * (source.length - 1), 15, 12, "--muted", 400),
      "</svg>",
    ];
    return { width, height, blob: new Blob(parts, { type: "image/svg+xml" }) };
  }

  async function raster(figure, { width, height, blob }) { // data: is what the site's policy lets an image be
    const reader = new FileReader(), image = new Image(), canvas = document.createElement("canvas");
    await new Promise((done) => { reader.onload = done; reader.readAsDataURL(blob); });
    image.src = reader.result;
    await image.decode();
    const scale = Number(figure.dataset.dpi) / 96;
    Object.assign(canvas, { width: width * scale, height: height * scale });
    canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
    canvas.toBlob((png) => offer(figure, "png", png));
  }

  function offer(figure, format, blob) {
    const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: `${figure.id}.${format}` });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  }

  const redraw = () => [...figures.keys()].filter((figure) => figure.isConnected && "drawn" in place(figure).dataset).forEach(show);
  document.addEventListener("DOMContentLoaded", () => document.querySelectorAll(".plot").forEach(draw));
  for (const query of [PHONE, DARK]) query.addEventListener("change", redraw);
  window.addEventListener("beforeprint", () => {
    document.documentElement.classList.add("printing");
    [...figures.keys()].filter((figure) => figure.isConnected).forEach(show);
  });
  window.addEventListener("afterprint", () => {
    document.documentElement.classList.remove("printing");
    redraw();
  });
  return { draw, update, colour, literal };
})();
