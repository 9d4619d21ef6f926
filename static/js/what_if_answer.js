"use strict";
// Puts an answer of POST /what-if into the page: figures, tables, the line under each hypothesis, and the sentence.
//   answers.show(answer, chosen)  gives what follows, in words; without an answer, the baseline's numbers
//                                 `chosen`: hypotheses that are themselves changed; what happens to the others is news
//   answers.page()                what the page was given
window.answers = (() => {
  const { percent, percentRange, points } = window.wording;
  const NOTHING = 0.0005; // a smaller difference is told as no change
  const STEPS = [5, 10, 15, 20, 25, 30, 40, 50, 60, 80, 100]; // right ends of the ranking's axis, in percent
  const LABEL_APART = 6; // least distance of two labels at the right edge, in percent of the axis
  const FIGURES = ["what-if-ranking", "what-if-clusters", "what-if-hypotheses"];
  const element = (id) => document.getElementById(id);

  const PAUSE = 300; // milliseconds of rest before the tables are written anew: their hundreds of cells take longer than the figures
  let page, base, figures, resting = 0;

  document.addEventListener("DOMContentLoaded", () => {
    if (!element("what-if-data")) return;
    page = JSON.parse(element("what-if-data").textContent);
    base = page.answer;
    figures = FIGURES.map((key) => JSON.parse(element(key).querySelector("script[type='application/json']").textContent));
  });

  // One estimate as {mean, low, high}, of an answer's ranking or of one of its years

  const scenario = (answer, code) => spread(answer.scenario_probabilities[code], answer.scenario_intervals[code]);
  const inYear = (entry, part, name) =>
    part === "clusters" ? spread(entry.clusters[name], entry.cluster_intervals[name]) : spread(entry.hypotheses[name].mean, entry.hypotheses[name]);
  const overTime = (answer, part, name) => answer.temporal_evolution.map((entry) => inYear(entry, part, name));
  const atTarget = (answer) => answer.temporal_evolution.find((entry) => entry.year === page.year);
  const spread = (mean, { q05, q95 }) => ({ mean, low: q05, high: q95 });
  const words = ({ mean, low, high }) => [percent(mean), percentRange(low, high)];

  // Figures

  function ranking(answer, { data }) {
    return data.map((trace) => {
      const codes = trace.y.map((place) => page.order[place]);
      if (trace.meta?.shows === "ghost") return { ...trace, x: codes.map((code) => 100 * base.scenario_probabilities[code]) };
      const found = codes.map((code) => scenario(answer, code));
      return {
        ...trace,
        cliponaxis: false,
        x: found.map(({ mean }) => 100 * mean),
        error_x: {
          ...trace.error_x,
          array: found.map(({ mean, high }) => 100 * Math.max(high - mean, 0)),
          arrayminus: found.map(({ mean, low }) => 100 * Math.max(mean - low, 0)),
        },
        customdata: codes.map((code, row) => [
          plots.literal(`${page.titles[code] || code} (${code})`), percent(found[row].mean),
          `${percentRange(found[row].low, found[row].high)}; baseline ${percent(base.scenario_probabilities[code])}`,
        ]),
      };
    });
  }

  let reach = 0; // of the ranking's axis: it grows where it has to, and does not shrink under the reader's eyes

  function reaching(answer) {
    const highest = Math.max(...page.order.slice(0, page.shown).flatMap((code) =>
      [base, answer].map((each) => 100 * Math.max(each.scenario_intervals[code].q95, each.scenario_probabilities[code]))));
    reach = Math.max(reach, STEPS.find((step) => step >= Math.min(highest * 1.02, 100)));
    return { xaxis: { range: [0, reach], autorange: false } };
  }

  function timeline(answer, { data }) {
    return data.map((trace) => {
      const { shows, part, name } = trace.meta;
      if (shows === "ghost") return { ...trace, y: overTime(base, part, name).map(({ mean }) => 100 * mean) };
      const found = overTime(answer, part, name);
      if (shows === "band") {
        return { ...trace, y: [...found.map(({ high }) => 100 * high), ...found.map(({ low }) => 100 * low).reverse()] };
      }
      const before = overTime(base, part, name), title = part === "clusters" ? name : page.hypotheses[name][0];
      return {
        ...trace,
        y: found.map(({ mean }) => 100 * mean),
        customdata: found.map((each, year) => [plots.literal(title), ...words(each), percent(before[year].mean)]),
      };
    });
  }

  function labels(answer, { data }) { // the clusters' names at the right edge, none on top of another
    const last = answer.temporal_evolution.at(-1);
    const named = data.filter(({ meta }) => meta.shows === "line").map(({ meta: { name } }) => ({ name, share: 100 * last.clusters[name] }));
    let below = -Infinity;
    return named.sort((one, other) => one.share - other.share).map(({ name, share }) => {
      below = Math.max(share, below + LABEL_APART);
      return {
        text: plots.literal(`${name} ${percent(share / 100)}`), x: 1, xref: "paper", y: below, xanchor: "left", xshift: 8,
        showarrow: false,
      };
    });
  }

  // Tables

  function scenarioRows(answer) {
    return page.order.map((code) => {
      const before = base.scenario_probabilities[code], { mean, low, high } = scenario(answer, code);
      const change = mean - before;
      return [
        [page.titles[code] || code, page.titles[code] || code], [code, code], [page.clusters[code], page.clusters[code] || ""],
        ...[before, mean, low, high].map((value) => [value, percent(value)]), [change, points(change)],
      ];
    });
  }

  function timelineRows(answer, { data }) {
    return data.filter(({ meta }) => meta.shows === "line").flatMap(({ meta: { part, name } }) => {
      const before = overTime(base, part, name), title = part === "clusters" ? name : page.hypotheses[name][0];
      return overTime(answer, part, name).map(({ mean, low, high }, index) => {
        const { year } = answer.temporal_evolution[index];
        return [[title, title], [year, String(year)], ...[before[index].mean, mean, low, high].map((value) => [value, percent(value)])];
      });
    });
  }

  // Words

  function hypotheses(answer) {
    for (const block of document.querySelectorAll(".hypothesis")) {
      const { code } = block.dataset, outcome = page.hypotheses[code]?.[0];
      if (!outcome) continue; // the run does not report it
      const now = inYear(atTarget(answer), "hypotheses", code), before = inYear(atTarget(base), "hypotheses", code);
      const was = answer === base ? "" : `, baseline ${percent(before.mean)}`;
      block.querySelector(".outcome").textContent = `${page.year}: ${percent(now.mean)} (${percentRange(now.low, now.high)})${was}`;
    }
  }

  function newcomers(answer) {
    const listed = new Set(page.order.slice(0, page.shown)), probability = answer.scenario_probabilities;
    const likeliest = [...page.order].sort((one, other) => probability[other] - probability[one]).slice(0, page.shown);
    const named = likeliest.filter((code) => !listed.has(code)).slice(0, 3);
    const told = named.map((code) => `${page.titles[code] || code} (${percent(probability[code])})`);
    element("newcomers").textContent = told.length ? `Not listed, and likelier now than some that are: ${told.join("; ")}.` : "";
    return likeliest[0];
  }

  function largest(changes) { // the name whose probability changes most, and by how much
    return Object.entries(changes).reduce((most, each) => (Math.abs(each[1]) > Math.abs(most[1]) ? each : most), ["", 0]);
  }

  function moved(title, difference, estimate) {
    const [mean, range] = words(estimate);
    const by = points(Math.abs(difference)).replace("+", "");
    return `“${title}” ${by} ${difference > 0 ? "likelier" : "less likely"} (${mean}, 90\u202f% interval ${range})`;
  }

  const unchosen = (answer, chosen) => // what happens to the hypotheses that are not themselves changed
    Object.fromEntries(Object.entries(answer.change?.hypotheses || {}).filter(([code]) => !chosen.has(code)));

  function effect(answer, likeliest, chosen) {
    const then = atTarget(answer), before = atTarget(base), parts = [];
    const [code, byCode] = largest(unchosen(answer, chosen));
    if (Math.abs(byCode) >= NOTHING) {
      const estimate = inYear(then, "hypotheses", code), [a, b] = page.hypotheses[code];
      const other = { mean: 1 - estimate.mean, low: 1 - estimate.high, high: 1 - estimate.low };
      parts.push(byCode > 0 ? moved(a, byCode, estimate) : moved(b, -byCode, other));
    }
    const [cluster, byCluster] = largest(answer.change.clusters);
    if (Math.abs(byCluster) >= NOTHING) parts.push(moved(cluster, byCluster, inYear(then, "clusters", cluster)));
    const old = largest(before.scenarios || base.scenario_probabilities)[0];
    const [mean, range] = words(scenario(answer, likeliest));
    const first = `The likeliest scenario ${likeliest === old ? "stays" : "becomes"} “${page.titles[likeliest] || likeliest}” at ${mean} (${range}).`;
    const rest = parts.length ? `In ${page.year} the model then finds ${parts.join(" and ")}.` : `In ${page.year} all else stays within 0.05 points.`;
    return `${rest} ${first}`;
  }

  function findings(answer, likeliest, chosen) {
    const [cluster, share] = largest(atTarget(answer).clusters), [code, by] = largest(unchosen(answer, chosen));
    const outcome = code && page.hypotheses[code][0];
    return [
      `Likeliest in ${page.year}: ${page.titles[likeliest] || likeliest}, ${percent(answer.scenario_probabilities[likeliest])}`,
      `Likeliest family in ${page.year}: ${cluster}, ${percent(share)}`,
      Math.abs(by) >= NOTHING ? `Most moved by ${page.year}: ${outcome}, ${points(by)}` : "The questions behind them, year by year",
    ];
  }

  function show(answer, chosen = new Set()) {
    const found = answer || base;
    hypotheses(found);
    const likeliest = newcomers(found);
    const [first, second, third] = figures, [ofScenarios, ofClusters, ofHypotheses] = findings(found, likeliest, chosen);
    plots.update(FIGURES[0], { data: ranking(found, first), layout: reaching(found), finding: ofScenarios });
    plots.update(FIGURES[1], { data: timeline(found, second), layout: { annotations: labels(found, second) }, finding: ofClusters });
    plots.update(FIGURES[2], { data: timeline(found, third), finding: ofHypotheses });
    clearTimeout(resting);
    resting = setTimeout(() => {
      const rows = [scenarioRows(found), timelineRows(found, second), timelineRows(found, third)];
      FIGURES.forEach((key, place) => plots.update(key, { rows: rows[place] }));
    }, PAUSE);
    return answer ? effect(answer, likeliest, chosen) : "";
  }

  return { show, page: () => page };
})();
