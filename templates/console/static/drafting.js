// The page of a draft: checks what is written after each pause, keeps it, plays scenarios. Without any library; where
// the built editor is there (window.mosEditor) it takes the place of the text field and is told the same.
"use strict";
(() => {
  const form = document.getElementById("draft");
  const field = document.getElementById("text");
  const PAUSE_MS = 450;
  let timer = 0, asked = 0, kept = field ? field.value : "", leaving = false;

  // What both the plain field and the built editor can do.
  const plain = {
    get: () => field.value,
    jump: (line, column) => jumpIn(field, line, column),
    told: () => {},
  };
  let editor = plain;

  function jumpIn(area, line, column) {
    const lines = area.value.split("\n");
    let at = 0;
    for (let number = 0; number < Math.min(line, lines.length + 1) - 1; number += 1) at += lines[number].length + 1;
    const end = at + (lines[line - 1] || "").length;
    area.focus();
    area.setSelectionRange(Math.min(at + Math.max(column - 1, 0), end), end);
    area.scrollTop = Math.max(0, (line - 5) * (area.scrollHeight / Math.max(lines.length, 1)));
  }

  // A press on a finding or on a step of the diagram leads to its line.
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-line]");
    if (!link) return;
    const area = document.getElementById(link.dataset.in || "text");
    if (!area) return;
    event.preventDefault();
    const line = Number(link.dataset.line), column = Number(link.dataset.column || 1);
    if (area === field) editor.jump(line, column);
    else jumpIn(area, line, column);
  });
  if (!form || !field) return;

  function body(extra) {
    const data = new URLSearchParams();
    data.set("csrf", form.elements.csrf.value);
    data.set("rev", form.elements.rev.value);
    data.set("text", editor.get());
    for (const [name, value] of Object.entries(extra)) data.set(name, value);
    return data;
  }

  async function part(path, extra) {
    const answer = await fetch(`/drafts/${form.dataset.draft}/${path}`, {
      method: "POST", body: body(extra), headers: { accept: "text/html" }, credentials: "same-origin" });
    if (answer.redirected || answer.status === 401 || answer.status === 403) throw new Error("you are signed out. Sign in in another tab, then go on here.");
    if (!answer.ok) throw new Error(answer.status === 413 ? "it is too long." : `the server said ${answer.status}.`);
    return new DOMParser().parseFromString(await answer.text(), "text/html");
  }

  function say(text) { document.getElementById("saved").textContent = text; }

  async function check() {
    const mine = asked += 1;
    try {
      const page = await part("check", {});
      if (mine === asked) showCheck(page.getElementById("check"));
    } catch (error) {
      if (mine === asked) say(`Not checked: ${error.message}`);
    }
  }

  // While the text can't be read, the diagram of the last one that could stays, dimmed.
  function showCheck(fresh) {
    const old = document.getElementById("check"), look = document.querySelector(".look");
    const scrolled = look.scrollTop, drawing = old.querySelector("#drawing");
    if (!fresh.querySelector("#drawing") && drawing) {
      drawing.classList.add("stale");
      fresh.append(drawing);
    }
    if (!fresh.querySelectorAll("#names li").length) fresh.querySelector("#names").replaceWith(old.querySelector("#names"));
    const lesser = fresh.querySelector(".lesser"), before = old.querySelector(".lesser");
    if (lesser && before) lesser.open = before.open;
    old.replaceWith(document.importNode(fresh, true));
    look.scrollTop = scrolled;
    editor.told(findings(), names());
  }

  const findings = () => [...document.querySelectorAll("#check .remarks > li")].map((item) => ({
    line: Number(item.dataset.line), column: Number(item.dataset.column), severity: item.dataset.severity, message: item.dataset.message }));
  const names = () => [...document.querySelectorAll("#names li")].map((item) => ({ path: item.textContent, type: item.dataset.type }));

  function changed() {
    clearTimeout(timer);
    timer = setTimeout(check, PAUSE_MS);
    say(editor.get() === kept ? "" : "Not saved yet.");
  }

  async function save() {
    const text = editor.get();
    const answer = await fetch(form.action, {
      method: "POST", body: body({ do: "save" }), headers: { accept: "application/json" }, credentials: "same-origin" });
    if (answer.status === 409) { submit("save"); return; } // the page shows who was quicker and what differs
    const told = await answer.json().catch(() => ({}));
    if (!answer.ok) { say(`Not saved: ${told.detail || "the server does not answer."}`); return; }
    form.elements.rev.value = told.rev;
    kept = text;
    document.getElementById("kept").textContent = `Revision ${told.rev}, saved by you`;
    say(editor.get() === kept ? `Saved as revision ${told.rev}.` : "Not saved yet.");
  }

  function submit(what) {
    const input = document.createElement("input");
    Object.assign(input, { type: "hidden", name: "do", value: what });
    form.append(input);
    field.value = editor.get();
    leaving = true;
    form.submit();
  }

  // A part of the page that takes a moment: pressed, waited for, shown.
  async function shown(button, place, path, id, extra) {
    button.disabled = true;
    place.textContent = "One moment.";
    try {
      const page = await part(path, extra);
      place.replaceChildren(document.importNode(page.getElementById(id), true));
    } catch (error) {
      place.textContent = `Not done: ${error.message}`;
    }
    button.disabled = false;
  }
  const at = (id) => document.getElementById(id);
  at("play").addEventListener("click", () => shown(at("play"), at("told"), "scenario", "trial", { scenario: at("scenario").value }));
  at("replay").addEventListener("click", () => shown(at("replay"), at("replayed"), "replay", "rehearsal", { days: at("days").value }));

  // A scenario being written stays in this browser: it is no part of the definition.
  const scenario = document.getElementById("scenario"), example = document.getElementById("example");
  const memory = `mos-scenario-${form.dataset.draft}`;
  try {
    scenario.value = localStorage.getItem(memory) || scenario.value;
    scenario.addEventListener("input", () => localStorage.setItem(memory, scenario.value));
  } catch { /* a browser that keeps nothing */ }
  example.addEventListener("change", () => {
    scenario.value = example.selectedOptions[0].dataset.text;
    scenario.dispatchEvent(new Event("input"));
  });

  field.addEventListener("input", changed);
  document.getElementById("save").addEventListener("click", (event) => { event.preventDefault(); save(); });
  addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key === "s") { event.preventDefault(); save(); }
  });
  form.addEventListener("submit", () => { field.value = editor.get(); leaving = true; });
  addEventListener("beforeunload", (event) => {
    if (!leaving && editor.get() !== kept) event.preventDefault();
  });
  addEventListener("DOMContentLoaded", () => {
    if (!window.mosEditor) return;
    editor = window.mosEditor.replace(field, { schema: "/schemas/definition.json", changed, save });
    editor.told(findings(), names());
  });
  if (field.value !== field.defaultValue) check();
})();
