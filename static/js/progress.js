"use strict";
// Follows runs over the site's WebSocket, through reloads, lost connections and closed laptops.
//   progress.follow(ids, { message, state })
//     message(found)        each message about one of the ids, none older than the last one
//     state(name, seconds)  "live"; "waiting" until the next try in so many seconds; "signed-out", "refused" or "full"
//   progress.count, progress.duration, progress.precision: numbers as wording.py writes them
window.progress = (() => {
  const PATH = "/ws/analysis/progress";
  const FIRST = 1, LONGEST = 30; // seconds between two tries
  const PING = 20, PONG = 8; // seconds of silence before asking, and then before giving up
  const SIGNED_OUT = 4401, REFUSED = 4403, FULL = 4429;
  const FINAL = new Set(["result", "error", "cancelled"]);

  const count = (number) => Math.round(number).toLocaleString("en-GB");

  function duration(seconds) {
    if (seconds < 0.5) return "less than a second";
    const [unit, size] = seconds < 90.5 ? ["second", 1] : seconds < 5430 ? ["minute", 60] : ["hour", 3600];
    const number = Math.max(1, Math.round(seconds / size));
    return `about ${count(number)} ${unit}${number > 1 ? "s" : ""}`;
  }

  function precision(halfWidth) {
    const value = Math.max(100 * halfWidth, 0.0001);
    return `±${value >= 99.5 ? Math.round(value) : Number(value.toPrecision(2))}\u202fpoints`;
  }

  function follow(ids, { message, state }) {
    const wanted = new Set(ids), seen = new Map();
    let socket, tries = 0, timer;

    function connect() {
      clearTimeout(timer);
      const mine = new WebSocket(`${location.protocol.replace("http", "ws")}//${location.host}${PATH}`);
      socket = mine;
      mine.onopen = () => wanted.forEach((id) => mine.send(JSON.stringify({ action: "subscribe", run_id: id })));
      mine.onmessage = ({ data }) => mine === socket && heard(JSON.parse(data));
      mine.onclose = ({ code }) => mine === socket && lost(code);
      timer = setTimeout(() => drop(mine), 1000 * PONG);
    }

    function drop(mine) { // close() alone may wait for ever for who is not there any more
      mine.onclose = null;
      mine.close();
      if (mine === socket) lost(0);
    }

    function heard(found) {
      tries = 0;
      state("live");
      watch();
      if (!wanted.has(found.run_id) || (found.seq ?? 0) < (seen.get(found.run_id) ?? 0)) return;
      seen.set(found.run_id, found.seq ?? 0);
      if (FINAL.has(found.type)) wanted.delete(found.run_id);
      message(found);
      if (wanted.size) return;
      clearTimeout(timer);
      const done = socket;
      socket = null;
      done.close();
    }

    function watch() {
      const mine = socket;
      clearTimeout(timer);
      timer = setTimeout(() => ask(mine), 1000 * PING);
    }

    function ask(mine) { // is anybody there?
      clearTimeout(timer);
      if (mine.readyState !== WebSocket.OPEN) return drop(mine);
      mine.send(JSON.stringify({ action: "ping" }));
      timer = setTimeout(() => drop(mine), 1000 * PONG);
    }

    function lost(code) {
      socket = null;
      clearTimeout(timer);
      if (code === SIGNED_OUT) return state("signed-out");
      if (code === REFUSED) return state("refused");
      const longest = Math.min(LONGEST, FIRST * 2 ** tries++);
      const seconds = code === FULL ? LONGEST : longest * (0.5 + 0.5 * Math.random()); // not all pages at once
      state(code === FULL ? "full" : "waiting", seconds);
      timer = setTimeout(connect, 1000 * seconds);
    }

    function wake() { // the laptop was opened, the network is back, or the reader came back to this page
      if (!wanted.size || document.hidden) return;
      if (!socket) connect();
      else if (socket.readyState !== WebSocket.CONNECTING) ask(socket);
    }

    connect();
    document.addEventListener("visibilitychange", wake);
    for (const name of ["online", "pageshow"]) window.addEventListener(name, wake);
  }

  return { follow, count, duration, precision };
})();
