"use strict";
// The page of a run that waits or is computed: shows what the socket tells, and loads the result's page at the end.
document.addEventListener("DOMContentLoaded", () => {
  const live = document.getElementById("live");
  if (!live) return;
  const { run, name, detail } = live.dataset;
  const part = (key) => live.querySelector(`[data-part="${key}"]`);
  const write = (key, text) => { if (part(key) && part(key).textContent !== text) part(key).textContent = text; };
  const bar = live.querySelector("progress");
  const KEPT = `convergence ${run}`;
  let status = live.dataset.status;

  // The growing plot. Points outlive a reload: the server keeps only the newest
  const trace = structuredClone(JSON.parse(live.querySelector(".plot script").textContent).data[0]);
  const points = new Map(JSON.parse(sessionStorage.getItem(KEPT) || "[]"));
  trace.x.forEach((iterations, place) => points.set(iterations, trace.y[place] / 100));

  function grow(iterations, width) {
    if (width) points.set(iterations, width);
    if (!points.size) return;
    const known = [...points].sort(([one], [other]) => one - other).filter(([, half]) => half);
    sessionStorage.setItem(KEPT, JSON.stringify(known));
    const [, last] = known.at(-1);
    Object.assign(trace, {
      x: known.map(([done]) => done),
      y: known.map(([, half]) => 100 * half),
      customdata: known.map(([done, half]) => [progress.count(done), progress.precision(half)]),
    });
    plots.update("convergence", {
      data: [{ ...trace }],
      finding: `So far every mean probability is known within ${progress.precision(last)}`,
      rows: known.map(([done, half]) => [[done, progress.count(done)], [100 * half, (100 * half).toPrecision(3)]]),
    });
  }

  const GOES_ON = "You can close this page: the run goes on, and its result will be here.";

  function place(position) {
    if (position === 1) return "It is the next in the queue.";
    return position ? `It is number ${position} in the queue.` : "It will be taken up soon.";
  }

  function show({ status: now, position, completed, total, rate, eta_seconds: left, max_half_width: width }) {
    const runs = now === "running", stopping = live.dataset.stopping !== undefined;
    bar.max = total;
    bar.value = completed;
    write("completed", progress.count(completed));
    write("rate", rate ? progress.count(rate) : "–");
    write("left", runs && left !== null ? progress.duration(left) : "not known yet");
    write("precision", width ? progress.precision(width) : "–");
    const heading = stopping ? "is being cancelled" : runs ? "is running" : "is waiting for a worker";
    write("heading", `${name} ${heading}`);
    const done = `${Math.floor((100 * completed) / total)}\u202f% done`;
    write("sentence", `${runs ? `${done}${left === null ? "" : `, ${progress.duration(left)} left`}.` : place(position)} ${GOES_ON}`);
    if (runs) part("hint")?.remove();
    if (now !== status) write("spoken", `${name} ${heading}.`);
    status = now;
    grow(completed, width);
  }

  function message(found) {
    if (found.type === "progress") return show(found);
    if (found.type === "error" && found.seq === undefined) return connection("refused");
    sessionStorage.removeItem(KEPT);
    location.reload(); // the server says how it ended
  }

  const WORDS = {
    live: "Live: this page shows what happens as it happens.",
    refused: "You may no longer follow this run.",
    full: "You have many pages open that follow runs; this one waits for a place.",
  };

  function connection(state, seconds) {
    part("lamp").dataset.state = state;
    if (state === "signed-out") return location.reload(); // to the sign-in page, and back
    if (state === "waiting") {
      write("connection", `The connection was lost. The run goes on; trying again in ${Math.ceil(seconds)} s.`);
      return look();
    }
    write("connection", WORDS[state]);
  }

  async function look() { // without a socket, ask once at each try
    const answer = await fetch(detail, { headers: { Accept: "application/json" } }).catch(() => null);
    if (!answer?.ok) return;
    const found = await answer.json();
    if (!["queued", "running"].includes(found.status)) return location.reload();
    show({ ...found, position: found.queue_position, completed: found.iterations_completed, total: found.iterations_total });
  }

  grow(0, null);
  progress.follow([run], { message, state: connection });
});
