// Texts, mail and telephone calls as DOM nodes; a mail without plain text is read by an inert parser, never shown as HTML.
import { element } from "./mrkdwn.js";

const NAMES = { sms: "SMS", whatsapp: "WhatsApp" };
const KEYS = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "*", "0", "#"];
const FAILED = ["undelivered", "failed"];

export function clock(seconds) {
  return new Date(Number(seconds) * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
}

export function textNode(person, message, act) {
  const status = message.direction === "received" ? (message.by_twilio ? "by Twilio" : message.status) : "sent";
  const failed = message.error_code ? ` · error ${message.error_code}` : "";
  const replies = (message.actions ?? []).map((one) =>
    element("button", { type: "button", class: "press", onclick: () => act("quick-reply", { sid: message.sid, payload: one.id }) }, one.title));
  return element("div", { class: `sms ${message.direction} ${FAILED.includes(message.status) ? "unreached" : ""}` },
    (message.files ?? []).map((file) => element("img", { src: file, alt: "Attached picture", loading: "lazy" })),
    message.text ? element("p", { class: "bubble" }, linked(message.text)) : null,
    replies.length && !FAILED.includes(message.status) ? element("p", { class: "quick" }, replies) : null,
    element("p", { class: "meta" }, `${NAMES[message.via]} ${status}${failed} · ${clock(message.at)}`));
}

export function mailNode(person, message) {
  const again = message.times > 1 ? ` · came ${message.times} times` : "";
  return element("details", { class: "mail", open: true },
    element("summary", {}, message.subject),
    element("p", { class: "bubble" }, linked((message.text || withoutMarkup(message.html)).trim())),
    element("p", { class: again ? "meta unreached" : "meta" }, `Mail from ${message.from}${again} · ${clock(message.at)}`));
}

export function voiceNode(person, message) {
  return element("div", { class: "voice" },
    transcript(message.said),
    element("p", { class: "meta" }, `Call ${message.status.replace("-", " ")} · ${clock(message.at)}`));
}

export function drawCall(card, screen, act) {
  const place = card.querySelector(".call");
  const call = screen.call;
  const key = call ? JSON.stringify([call.sid, call.status, call.said.length]) : "";
  if (place.dataset.key === key) return;
  place.dataset.key = key;
  place.hidden = !call;
  place.replaceChildren(...(!call ? [] : call.status === "ringing" ? ringing(call, act) : speaking(call, act)));
}

function ringing(call, act) {
  return [
    element("p", {}, element("strong", {}, "☎ Ringing"), ` · ${call.from}`),
    element("p", { class: "b-actions" },
      element("button", { type: "button", class: "press primary", onclick: () => act({ act: "answer" }) }, "Answer"),
      element("button", { type: "button", class: "press danger", onclick: () => act({ act: "decline" }) }, "Decline")),
  ];
}

function speaking(call, act) {
  const keys = KEYS.map((digits) => element("button", { type: "button", class: "press", "aria-label": `Key ${digits}`, onclick: () => act({ act: "press", digits }) }, digits));
  return [
    element("p", {}, element("strong", {}, "☎ Speaking"), ` · ${call.from}`),
    transcript(call.said),
    element("div", { class: "keypad" }, keys),
    element("button", { type: "button", class: "press danger", onclick: () => act({ act: "hang_up" }) }, "Hang up"),
  ];
}

function transcript(said) {
  return element("ul", { class: "said-so" }, said.map((line) => element("li", { class: line.who }, line.text)));
}

function withoutMarkup(html) {
  return new DOMParser().parseFromString(html, "text/html").body.textContent;
}

function linked(text) {
  return text.split(/(https?:\/\/[^\s]+)/).map((part, n) =>
    n % 2 ? element("a", { href: part, target: "_blank", rel: "noopener noreferrer" }, part) : part);
}
