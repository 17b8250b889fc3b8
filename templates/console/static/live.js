// Keeps a page as it is on the server: on each change it fetches itself and exchanges the parts marked data-live.
"use strict";
if ("serviceWorker" in navigator) navigator.serviceWorker.register("/worker.js").catch(() => {});
(() => {
  const main = document.querySelector("main[data-watch]");
  const sign = document.getElementById("live");
  const watched = main ? main.dataset.watch : "";
  const POLL_MS = 10000, CALM_MS = 250, PENDING_MS = 1000, PENDING_TRIES = 40;
  let timer = 0, poll = 0, running = false, again = false, tries = 0;

  const units = [[86400, "d"], [3600, "h"], [60, "min"]];
  function span(seconds) {
    if (seconds < 10) return `${seconds.toFixed(1)} s`;
    let rest = Math.round(seconds);
    const parts = [];
    for (const [size, unit] of units) {
      if (rest >= size) { parts.push(`${Math.floor(rest / size)} ${unit}`); rest %= size; }
    }
    if (rest && parts.length < 2) parts.push(`${rest} s`);
    return parts.slice(0, 2).join(" ");
  }

  const offset = main && main.dataset.now ? Date.parse(main.dataset.now) - Date.now() : 0;
  function tick() {
    for (const item of document.querySelectorAll("time[data-age]")) {
      const seconds = (Date.now() + offset - Date.parse(item.dateTime)) / 1000;
      if (seconds >= 0) item.textContent = span(seconds);
    }
  }

  function tell(text) {
    if (sign) { sign.textContent = text; sign.hidden = !text; }
  }

  // What a part says, without what differs in every answer: running ages and the number of a form.
  function gist(part) {
    const copy = part.cloneNode(true);
    for (const item of copy.querySelectorAll("time[data-age]")) item.textContent = "";
    for (const item of copy.querySelectorAll("input[name=press_id]")) item.setAttribute("value", "");
    for (const item of copy.querySelectorAll("details")) item.removeAttribute("open");
    return copy.outerHTML;
  }

  function inUse(part) {
    if (part.contains(document.activeElement) && document.activeElement.matches("input, textarea, select")) return true;
    if ([...part.querySelectorAll("select")].some((field) => field.selectedIndex > 0)) return true;
    return [...part.querySelectorAll("input, textarea")].some(
      (field) => field.type !== "hidden" && (field.value !== field.defaultValue || field.checked !== field.defaultChecked));
  }

  function keepOpen(part, fresh) {
    const open = [...part.querySelectorAll("details")].map((item) => item.open);
    fresh.querySelectorAll("details").forEach((item, index) => { item.open = Boolean(open[index]); });
  }

  function exchange(page) {
    let held = false;
    for (const part of document.querySelectorAll("[data-live][id]")) {
      const fresh = page.getElementById(part.id);
      if (!fresh || gist(part) === gist(fresh)) continue;
      if (inUse(part)) { held = true; continue; }
      keepOpen(part, fresh);
      part.replaceWith(document.importNode(fresh, true));
    }
    tell(held ? "This changed while you were writing. Load the page again." : "");
    tick();
  }

  async function refresh() {
    if (running) { again = true; return; }
    running = true;
    try {
      const answer = await fetch(location.href, { headers: { accept: "text/html" }, credentials: "same-origin" });
      if (answer.redirected && new URL(answer.url).pathname === "/login") location.assign(answer.url);
      else if (answer.ok) exchange(new DOMParser().parseFromString(await answer.text(), "text/html"));
      else tell("Not up to date: the server does not answer.");
    } catch {
      tell("Not up to date: no connection.");
    }
    running = false;
    if (again) { again = false; soon(); }
    else if (document.querySelector("[data-pending]") && tries < PENDING_TRIES) { tries += 1; setTimeout(soon, PENDING_MS); }
  }

  function soon() {
    clearTimeout(timer);
    timer = setTimeout(refresh, CALM_MS);
  }

  function polling(on) {
    if (on && !poll) poll = setInterval(refresh, POLL_MS);
    if (!on && poll) { clearInterval(poll); poll = 0; }
  }

  function listen() {
    const events = new EventSource("/events");
    events.onopen = () => polling(false);
    events.onmessage = (event) => {
      if (watched === "*" || event.data === "*" || event.data === watched) soon();
    };
    events.onerror = () => {
      polling(true);
      if (events.readyState === EventSource.CLOSED) setTimeout(listen, 30000);
    };
    addEventListener("pagehide", () => events.close(), { once: true });
  }

  // One press is enough: a second one while the first is on its way would only wait.
  // A form that answers with a file (data-file) leaves the page as it is: it may be pressed again.
  addEventListener("submit", (event) => {
    if (event.target.matches("[data-file]")) return;
    if (event.target.dataset.sent) event.preventDefault();
    else event.target.dataset.sent = "yes";
  });
  addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });

  setInterval(tick, 5000);
  if (watched) listen();
  if (document.querySelector("[data-pending]")) setTimeout(soon, PENDING_MS);
})();
