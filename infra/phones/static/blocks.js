// Block Kit as DOM nodes: one function a block, one a kind of input.
import { element, mrkdwn, plain, textObject } from "./mrkdwn.js";

const TEXT_INPUTS = { number_input: "text", email_text_input: "email", url_text_input: "url", plain_text_input: "text" };
const CLOCKS = { datepicker: ["date", "initial_date"], timepicker: ["time", "initial_time"], datetimepicker: ["datetime-local", ""] };

// `act` has press(blockId, actionId, option, root) and errors {block_id: text}; `kept` = entered values by block and action.
export function renderBlocks(blocks, act) {
  return blocks.map((block) => (BLOCKS[block.type] ?? unknown)(block, act));
}

export function collect(root) {
  const values = {};
  for (const field of root.querySelectorAll("[data-action]")) {
    const value = read(field);
    if (value !== undefined) (values[field.dataset.block] ??= {})[field.dataset.action] = value;
  }
  return values;
}

function read(field) {
  const kind = field.dataset.kind;
  if (kind === "checkboxes") return [...field.querySelectorAll("input:checked")].map((box) => box.value);
  if (kind === "radio_buttons") return field.querySelector("input:checked")?.value;
  if (kind === "multi_static_select") return [...field.selectedOptions].map((option) => option.value);
  if (kind === "datetimepicker") return field.value ? Math.floor(new Date(field.value).getTime() / 1000) : undefined;
  if (kind in TEXT_INPUTS) return field.value;
  return field.value || undefined;
}

const BLOCKS = {
  header: (block) => element("h3", { class: "b-header" }, textObject(block.text)),
  divider: () => element("hr"),
  markdown: (block) => element("div", { class: "b-section" }, mrkdwn(block.text.replaceAll("**", "*"))),
  rich_text: (block) => element("div", { class: "b-section" }, leaves(block.elements)),
  image: (block) => element("figure", {}, picture(block), block.title ? element("figcaption", {}, textObject(block.title)) : null),
  context: (block) => element("div", { class: "b-context" }, block.elements.map((e) => (e.type === "image" ? picture(e) : element("span", {}, textObject(e))))),
  actions: (block, act) => element("div", { class: "b-actions" }, block.elements.map((e) => control(block, e, act, true))),
  section: section,
  input: input,
};

function section(block, act) {
  const text = block.text ? element("div", { class: "b-text" }, textObject(block.text)) : null;
  const fields = block.fields ? element("dl", { class: "b-fields" }, block.fields.map((f) => element("div", {}, textObject(f)))) : null;
  const beside = block.accessory ? element("div", { class: "b-accessory" }, block.accessory.type === "image" ? picture(block.accessory) : control(block, block.accessory, act, true)) : null;
  return element("div", { class: "b-section" }, element("div", { class: "b-body" }, text, fields), beside);
}

function input(block, act) {
  const error = act.errors?.[block.block_id];
  const optional = block.optional ? element("span", { class: "optional" }, " (optional)") : null;
  const group = ["checkboxes", "radio_buttons"].includes(block.element.type);
  return element(
    group ? "fieldset" : "label", { class: error ? "b-input wrong" : "b-input" },
    element(group ? "legend" : "span", { class: "label" }, plain(block.label.text), optional),
    control(block, block.element, act, Boolean(block.dispatch_action)),
    block.hint ? element("small", {}, plain(block.hint.text)) : null,
    error ? element("small", { class: "error", role: "alert" }, error) : null,
  );
}

function control(block, part, act, dispatches) {
  const kept = act.kept?.[block.block_id]?.[part.action_id];
  const press = (option, root) => act.press(block.block_id, part.action_id, option, root);
  const marks = { "data-block": block.block_id, "data-action": part.action_id, "data-kind": part.type };
  if (part.type === "button") return button(part, press);
  if (part.type === "overflow") return select({ ...part, placeholder: { text: "⋯" } }, { class: "overflow", "aria-label": "More" }, null, (e) => { press(e.target.value, e.target); e.target.value = ""; });
  const changed = dispatches ? (event) => press(read(event.currentTarget), event.currentTarget) : null;
  if (part.type === "checkboxes" || part.type === "radio_buttons") return choices(block, part, marks, kept, changed);
  if (part.options || part.option_groups) return select(part, marks, kept, changed);
  return field(part, marks, kept, changed);
}

function button(part, press) {
  const style = part.style ? `press ${part.style}` : "press";
  if (part.url) return element("a", { class: style, href: part.url, target: "_blank", rel: "noopener noreferrer", onclick: (e) => press(undefined, e.currentTarget) }, textObject(part.text));
  const send = async (event) => {
    const root = event.currentTarget;
    if (!part.confirm || (await confirmed(part.confirm))) press(undefined, root);
  };
  return element("button", { type: "button", class: style, onclick: send }, textObject(part.text));
}

function confirmed(ask) {
  const buttons = [["deny", ask.deny], ["confirm", ask.confirm]].map(([value, text]) => element("button", { value, class: value === "confirm" ? `press ${ask.style ?? "primary"}` : "press" }, textObject(text)));
  const dialog = element("dialog", {}, element("form", { method: "dialog" }, element("h3", {}, textObject(ask.title)), element("p", {}, textObject(ask.text)), element("div", { class: "b-actions" }, buttons)));
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((done) => dialog.addEventListener("close", () => { dialog.remove(); done(dialog.returnValue === "confirm"); }));
}

function select(part, marks, kept, changed) {
  const multiple = part.type.startsWith("multi_");
  const chosen = kept ? [kept.selected_option, ...(kept.selected_options ?? [])] : [part.initial_option, ...(part.initial_options ?? [])];
  const values = chosen.filter(Boolean).map((option) => option.value);
  const option = (o) => element("option", { value: o.value, selected: values.includes(o.value) }, o.text.text);
  const groups = (part.option_groups ?? []).map((g) => element("optgroup", { label: g.label.text }, g.options.map(option)));
  const first = multiple ? null : element("option", { value: "" }, part.placeholder?.text ?? "Choose");
  return element("select", { ...marks, multiple, onchange: changed ?? (() => {}) }, first, (part.options ?? []).map(option), groups);
}

function choices(block, part, marks, kept, changed) {
  const type = part.type === "checkboxes" ? "checkbox" : "radio";
  const chosen = kept ? [kept.selected_option, ...(kept.selected_options ?? [])] : [part.initial_option, ...(part.initial_options ?? [])];
  const values = chosen.filter(Boolean).map((option) => option.value);
  const one = (o) => element("label", { class: "choice" }, element("input", { type, name: `${block.block_id}/${part.action_id}`, value: o.value, checked: values.includes(o.value) }), element("span", {}, textObject(o.text), o.description ? element("small", {}, textObject(o.description)) : null));
  return element("div", { ...marks, class: "choices", onchange: changed ?? (() => {}) }, part.options.map(one));
}

function field(part, marks, kept, changed) {
  const placeholder = part.placeholder?.text;
  const limits = { maxlength: part.max_length, minlength: part.min_length };
  const common = { ...marks, placeholder, autocomplete: "off", onchange: changed ?? (() => {}) };
  if (part.type in TEXT_INPUTS) {
    const value = kept?.value ?? part.initial_value ?? "";
    if (part.multiline) return element("textarea", { ...common, ...limits, rows: 3 }, value);
    return element("input", { ...common, ...limits, type: TEXT_INPUTS[part.type], inputmode: part.type === "number_input" ? "decimal" : null, value });
  }
  const [type, initial] = CLOCKS[part.type] ?? ["text", ""];
  const value = kept?.selected_date ?? kept?.selected_time ?? localMoment(kept?.selected_date_time ?? part.initial_date_time) ?? part[initial];
  return element("input", { ...common, type, value });
}

function localMoment(seconds) {
  if (!seconds) return undefined;
  const moment = new Date(seconds * 1000);
  return new Date(moment.getTime() - moment.getTimezoneOffset() * 60000).toISOString().slice(0, 16);
}

function picture(part) {
  return element("img", { src: part.image_url, alt: part.alt_text, loading: "lazy", referrerpolicy: "no-referrer" });
}

function leaves(parts) {
  return parts.flatMap((part) => (part.elements ? [element("p", {}, leaves(part.elements))] : plain(part.text ?? part.url ?? "")));
}

function unknown(block) {
  return element("p", { class: "b-context" }, `(a ${block.type} block)`);
}
