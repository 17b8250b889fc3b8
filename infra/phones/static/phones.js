// Keeps every phone on the page as the server knows it, and sends what a person presses or types.
import { collect, renderBlocks } from "./blocks.js";
import { clock, drawCall, mailNode, textNode, voiceNode } from "./calls.js";
import { element, mrkdwn } from "./mrkdwn.js";

const live = document.getElementById("live");
const phones = new Map([...document.querySelectorAll(".phone")].map((card) => [card.dataset.person, card]));
const shown = new Map(); // what each message node shows, by person and message, so that only changes are drawn again
const shortcuts = JSON.parse(document.body.dataset.shortcuts);
const threads = new Map(); // the thread in which somebody is writing, by person
let loading = false;
let again = false;

async function send(person, verb, body) {
  const answer = await fetch(`/control/people/${encodeURIComponent(person)}/${verb}`, {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
  });
  const result = await answer.json();
  return answer.ok ? result : { ok: false, error: result.detail ?? `error ${answer.status}` };
}

async function refresh() {
  if (loading) { again = true; return; }
  loading = true;
  try {
    const screens = await (await fetch("/control/people?last=60")).json();
    for (const screen of screens) draw(phones.get(screen.name), screen);
  } finally {
    loading = false;
    if (again) { again = false; refresh(); }
  }
}

function draw(card, screen) {
  if (!card) return;
  drawMessages(card, screen);
  drawHome(card, screen);
  drawCall(card, screen, (body) => send(screen.name, "telephone", body));
  drawSheet(card, screen);
  const count = document.querySelector(`[data-count="${CSS.escape(screen.name)}"]`);
  const received = screen.messages.filter((m) => m.from === "app" || m.direction === "received").length;
  count.textContent = received;
  count.hidden = !received;
}

function drawMessages(card, screen) {
  const list = card.querySelector(".messages");
  const follow = list.scrollHeight - list.scrollTop - list.clientHeight < 60;
  const nodes = screen.messages.map((message) => node(screen, message));
  if (!nodes.length) nodes.push(element("p", { class: "quiet" }, "No messages yet"));
  const same = nodes.length === list.children.length && nodes.every((one, n) => one === list.children[n]);
  if (same) return;
  list.replaceChildren(...nodes);
  if (follow) list.scrollTop = list.scrollHeight;
}

function node(screen, message) {
  const key = `${screen.name}/${message.via}/${message.channel ?? ""}/${message.ts ?? message.sid}`;
  const text = JSON.stringify(message);
  const known = shown.get(key);
  if (known?.text === text) return known.node;
  const make = { slack: slackNode, voice: voiceNode, email: mailNode }[message.via] ?? textNode;
  const fresh = make(screen.name, message, (verb, body) => send(screen.name, verb, body));
  fresh.classList.add(`via-${message.via}`);
  shown.set(key, { text, node: fresh });
  return fresh;
}

function slackNode(person, message) {
  const mine = message.from === person;
  const act = { press: (block_id, action_id, option, root) => pressed(person, message, block_id, action_id, option, root) };
  const body = message.blocks.length ? renderBlocks(message.blocks, act) : [element("p", { class: "b-section" }, mrkdwn(message.notification))];
  const where = message.kind === "channel" ? `#${message.channel_name}` : "Slack";
  const notes = [where, message.ephemeral ? "only you see this" : null, message.edited ? "edited" : null, message.thread_ts && message.thread_ts !== message.ts ? "in thread" : null, clock(message.at)];
  const by = element("p", { class: "meta" }, element("strong", {}, message.from === "app" ? "App" : message.from), ` ${notes.filter(Boolean).join(" · ")}`);
  const warning = message.warning ? element("p", { class: "warning", role: "alert" }, `⚠ That did not get through (${message.warning.replaceAll("_", " ")}). Try again.`) : null;
  const tools = message.ephemeral ? null : element("p", { class: "tools" },
    element("button", { type: "button", onclick: () => enterThread(person, message) }, "Thread"),
    shortcuts.filter((one) => one.type === "message").map((one) =>
      element("button", { type: "button", onclick: () => send(person, "shortcut", { callback_id: one.callback_id, ts: message.ts, channel: message.channel }) }, `⚡ ${one.name}`)));
  return element("div", { class: mine ? "slack mine" : "slack" }, by, body, warning, tools);
}

function enterThread(person, message) {
  const card = phones.get(person);
  threads.set(person, message && { thread_ts: message.ts, channel: message.channel });
  card.querySelector(".thread").hidden = !message;
  if (!message) return;
  card.querySelector(".thread span").textContent = `In the thread of “${message.text.slice(0, 40)}”`;
  card.querySelector("[name=via]").value = "dm";
  card.querySelector("[name=text]").focus();
}

function drawHome(card, screen) {
  const home = card.querySelector(".home");
  const view = screen.home[0];
  const key = view ? view.hash : "";
  if (home.dataset.key === key) return;
  home.dataset.key = key;
  const act = { press: (block_id, action_id, option) => send(screen.name, "press", { view_id: view.view_id, block_id, action_id, option, inputs: collect(home) }) };
  const quick = shortcuts.filter((one) => one.type === "global").map((one) =>
    element("button", { type: "button", class: "press", onclick: () => send(screen.name, "shortcut", { callback_id: one.callback_id }) }, `⚡ ${one.name}`));
  home.replaceChildren(...(view ? renderBlocks(view.blocks, act) : [element("p", { class: "quiet" }, "The app has published nothing here yet")]), element("p", { class: "tools" }, quick));
}

function openApp(card, app) {
  for (const tab of card.querySelectorAll(".apps button")) tab.setAttribute("aria-pressed", String(tab.dataset.app === app));
  const list = card.querySelector(".messages");
  list.dataset.app = app;
  list.hidden = app === "home";
  card.querySelector(".home").hidden = app !== "home";
  const way = { slack: "dm", sms: "sms", whatsapp: "whatsapp" }[app];
  const via = card.querySelector("[name=via]");
  if (way && [...via.options].some((one) => one.value === way)) via.value = way;
  if (app === "home") send(card.dataset.person, "home", {});
  if (app === "whatsapp") send(card.dataset.person, "read", {});
  list.scrollTop = list.scrollHeight;
}

async function pressed(person, message, block_id, action_id, option, root) {
  const inside = root.closest(".slack");
  inside.setAttribute("aria-busy", "true");
  try {
    await send(person, "press", { ts: message.ts, channel: message.channel, block_id, action_id, option, inputs: collect(inside) });
  } finally {
    inside.removeAttribute("aria-busy");
  }
}

function drawSheet(card, screen) {
  const sheet = card.querySelector(".sheet");
  const view = screen.modals.at(-1);
  const key = view ? JSON.stringify([view.view_id, view.hash, view.errors, view.warning]) : "";
  if (sheet.dataset.key === key) return;
  sheet.dataset.key = key;
  sheet.hidden = !view;
  sheet.replaceChildren(...(view ? [viewForm(screen.name, view)] : []));
  if (view) sheet.querySelector("input, textarea, select, button")?.focus({ preventScroll: true });
}

function viewForm(person, view) {
  const kept = {};
  for (const one of view.inputs) (kept[one.block_id] ??= {})[one.action_id] = one.entered;
  const act = {
    errors: view.errors, kept,
    press: (block_id, action_id, option, root) => send(person, "press", { view_id: view.view_id, block_id, action_id, option, inputs: collect(root.closest("form")) }),
  };
  const submitted = async (event) => {
    event.preventDefault();
    const form = event.currentTarget;
    form.setAttribute("aria-busy", "true");
    try {
      await send(person, "submit", { view_id: view.view_id, inputs: collect(form) });
    } finally {
      form.removeAttribute("aria-busy");
    }
  };
  return element("form", { class: "view", novalidate: true, onsubmit: submitted },
    element("header", {}, element("h3", {}, view.title)),
    element("div", { class: "view-body" }, renderBlocks(view.blocks, act)),
    view.warning ? element("p", { class: "warning", role: "alert" }, view.warning) : null,
    element("footer", {},
      element("button", { type: "button", class: "press", onclick: () => send(person, "close", { view_id: view.view_id }) }, view.close || "Cancel"),
      view.submit ? element("button", { type: "submit", class: "press primary" }, view.submit) : null));
}

async function reply(event) {
  event.preventDefault();
  const form = event.currentTarget;
  const card = form.closest(".phone");
  const said = form.querySelector(".said");
  const text = form.elements.text.value;
  const slash = text.match(/^(\/\S+)\s*(.*)$/);
  form.elements.text.value = "";
  const via = form.elements.via.value;
  const thread = threads.get(card.dataset.person) ?? {};
  const body = via !== "dm" ? { body: text } : slash ? { command: slash[1], text: slash[2] } : { text, ...thread };
  const result = await send(card.dataset.person, via === "dm" && slash ? "command" : via, body);
  said.hidden = result.ok;
  said.textContent = result.ok ? "" : `Not delivered to the app: ${String(result.error).replaceAll("_", " ")}`;
}

for (const card of phones.values()) {
  card.querySelector(".reply").addEventListener("submit", reply);
  card.querySelector(".leave").addEventListener("click", () => enterThread(card.dataset.person, null));
  for (const tab of card.querySelectorAll(".apps button")) tab.addEventListener("click", () => openApp(card, tab.dataset.app));
}
const events = new EventSource("/events");
events.onopen = () => { live.textContent = "live"; live.className = "live on"; };
events.onerror = () => { live.textContent = "reconnecting"; live.className = "live"; };
events.onmessage = refresh;
