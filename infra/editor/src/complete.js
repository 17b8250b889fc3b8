// Completion: keys and values from the language's schema, names that an expression or a text may read.
import { placeAt } from "./place.js";

const CONDITIONS = new Set(["when", "if", "until", "only_if", "switch", "key", "one_per"]);
const MOST = 200;

export function completions(schema, names) {
  return (context) => {
    const text = context.state.doc.toString();
    const word = context.matchBefore(/[\w.]*/);
    const place = placeAt(text, context.pos);
    if (!place) return null;
    const expression = inExpression(place);
    if (expression) return word.from === word.to && !context.explicit ? null : reads(word, names());
    const parts = schema() ? schema().at(place.path, place.keys) : [];
    if (place.within === "key") return keysAt(schema(), place, parts, context);
    if (place.within === "value") return valuesAt(schema(), place, parts);
    return null;
  };
}

// Is the cursor in =expression, in a condition, or between {{ and }}?
function inExpression({ path, written, within }) {
  const open = written.lastIndexOf("{{"), close = written.lastIndexOf("}}");
  if (open > close) return true;
  if (/^["']?=/.test(written)) return true;
  const key = path.findLast((one) => typeof one === "string");
  return within !== "key" && CONDITIONS.has(key);
}

function reads(word, names) {
  const dot = word.text.lastIndexOf(".") + 1;
  const before = word.text.slice(0, dot);
  const options = names.filter((one) => (dot ? one.path.startsWith(before) && one.path !== before : !one.path.includes(".")))
    .map((one) => ({ label: one.path.slice(dot), detail: one.type, type: "variable" }));
  return options.length ? { from: word.from + dot, options: options.slice(0, MOST), validFor: /^\w*$/ } : null;
}

function keysAt(schema, place, parts, context) {
  if (!schema) return null;
  const lists = parts.filter((part) => part.items);
  const items = lists.flatMap((part) => schema.plain(part.items));
  const found = [
    ...schema.keys(parts, place.keys.at(-1)).map((key) => keyOption(schema, key, "")),
    ...(place.written === "" || place.written === "-" ? schema.keys(items, new Set()).map((key) => keyOption(schema, key, "- ")) : []),
  ];
  if (!found.length) return valuesAt(schema, place, parts); // an item of a list of plain values
  if (!context.explicit && place.written === "" && place.path.length === 0) return null;
  return { from: place.from, options: found, validFor: /^[-\w ]*$/ };
}

function keyOption(schema, key, lead) {
  return {
    label: lead + key.name,
    apply: `${lead}${key.name}: `,
    detail: schema.kinds(key.part),
    info: key.about || undefined,
    type: "property",
    boost: key.needed ? 1 : 0,
  };
}

function valuesAt(schema, place, parts) {
  if (!schema) return null;
  const options = schema.values(parts).map((label) => ({ label, type: "enum" }));
  if (!options.length) return null;
  return { from: place.from, options, validFor: /^[\w.]*$/ };
}
