// Keeps every phone on the page as the server knows it, and sends what a person presses or types.
import { collect, renderBlocks } from "./blocks.js";
import { element, mrkdwn } from "./mrkdwn.js";

const live = document.getElementById("live");
const phones = new Map([...document.querySelectorAll(".phone")].map((card) => [card.dataset.person, card]));
const shown = new Map(); // what each message node shows, by person and message, so that only changes are drawn again
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
  const fresh = message.via === "sms" ? smsNode(message) : slackNode(screen.name, message);
  shown.set(key, { text, node: fresh });
  return fresh;
}

function smsNode(message) {
  const status = message.direction === "received" ? (message.by_twilio ? "by Twilio" : message.status) : "sent";
  const failed = message.error_code ? ` · error ${message.error_code}` : "";
  const reached = ["undelivered", "failed"].includes(message.status) ? "unreached" : "";
  return element("div", { class: `sms ${message.direction} ${reached}` },
    element("p", { class: "bubble" }, linked(message.text)),
    element("p", { class: "meta" }, `SMS ${status}${failed} · ${clock(message.at)}`));
}

function linked(text) {
  return text.split(/(https?:\/\/[^\s]+)/).map((part, n) =>
    n % 2 ? element("a", { href: part, target: "_blank", rel: "noopener noreferrer" }, part) : part);
}

function slackNode(person, message) {
  const mine = message.from === person;
  const act = { press: (block_id, action_id, option, root) => pressed(person, message, block_id, action_id, option, root) };
  const body = message.blocks.length ? renderBlocks(message.blocks, act) : [element("p", { class: "b-section" }, mrkdwn(message.notification))];
  const where = message.kind === "channel" ? `#${message.channel_name}` : "Slack";
  const notes = [where, message.ephemeral ? "only you see this" : null, message.edited ? "edited" : null, message.thread_ts && message.thread_ts !== message.ts ? "in thread" : null, clock(message.at)];
  const by = element("p", { class: "meta" }, element("strong", {}, message.from === "app" ? "App" : message.from), ` ${notes.filter(Boolean).join(" · ")}`);
  const warning = message.warning ? element("p", { class: "warning", role: "alert" }, `⚠ That did not get through (${message.warning.replaceAll("_", " ")}). Try again.`) : null;
  return element("div", { class: mine ? "slack mine" : "slack" }, by, body, warning);
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

function clock(seconds) {
  return new Date(Number(seconds) * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
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
  const body = via === "sms" ? { body: text } : slash ? { command: slash[1], text: slash[2] } : { text };
  const result = await send(card.dataset.person, via === "dm" && slash ? "command" : via, body);
  said.hidden = result.ok;
  said.textContent = result.ok ? "" : `Not delivered to the app: ${String(result.error).replaceAll("_", " ")}`;
}

for (const card of phones.values()) card.querySelector(".reply").addEventListener("submit", reply);
const events = new EventSource("/events");
events.onopen = () => { live.textContent = "live"; live.className = "live on"; };
events.onerror = () => { live.textContent = "reconnecting"; live.className = "live"; };
events.onmessage = refresh;
