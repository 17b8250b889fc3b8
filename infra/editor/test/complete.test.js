// Where the cursor is in half a document, and what may be written there. Run with: node --test
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { placeAt } from "../src/place.js";
import { Schema } from "../src/schema.js";

// A language with the traits of ours: steps by their own key, nested sequences, references, enums.
const LANGUAGE = process.env.MOS_SCHEMA ? JSON.parse(readFileSync(process.env.MOS_SCHEMA, "utf8")) : {
  $ref: "#/$defs/Definition",
  $defs: {
    Definition: { type: "object", properties: { definition: { type: "string" }, opens: { anyOf: [{ $ref: "#/$defs/Opens" }, { type: "null" }] }, steps: { type: "array", items: { oneOf: [{ $ref: "#/$defs/Task" }, { $ref: "#/$defs/Parallel" }] } } } },
    Opens: { type: "object", properties: { on: { type: "array", items: { enum: ["machine.state", "order.late"] } }, when: { type: "string" } } },
    Task: { title: "task", type: "object", required: ["task", "to"], properties: { task: { type: "string" }, to: { $ref: "#/$defs/To" }, offer: { enum: ["assigned", "everyone"] }, ladder: { type: "array", items: { $ref: "#/$defs/Rung" } } } },
    Rung: { type: "object", properties: { to: { $ref: "#/$defs/To" }, after: { type: "string" } } },
    Parallel: { title: "parallel", type: "object", properties: { parallel: { type: "object", additionalProperties: { type: "array", items: { oneOf: [{ $ref: "#/$defs/Task" }, { $ref: "#/$defs/Parallel" }] } } } } },
    To: { type: "object", properties: { role: { type: "string" }, shift: { type: "string" } } },
  },
};
const schema = new Schema(LANGUAGE);

// `|` is the cursor.
function at(text) {
  const position = text.indexOf("|");
  return placeAt(text.replace("|", ""), position);
}
function offered(text) {
  const place = at(text);
  const parts = schema.at(place.path, place.keys);
  const keys = place.within === "key" ? schema.keys(parts, place.keys.at(-1)).map((key) => key.name) : [];
  return keys.length ? keys : schema.values(parts);
}
const has = (text, ...names) => names.forEach((name) => assert.ok(offered(text).includes(name), `${name} in ${offered(text)}`));
const lacks = (text, ...names) => names.forEach((name) => assert.ok(!offered(text).includes(name), `${name} in ${offered(text)}`));

test("keys at the top, without those that are there", () => {
  has("definition: x\nst|", "steps", "opens");
  lacks("definition: x\nst|", "definition", "task");
});
test("a step begins with its kind, then has the fields of that kind", () => {
  has("steps:\n  - |", "task", "parallel");
  lacks("steps:\n  - |", "to", "offer");
  has("steps:\n  - task: repair\n    |", "to", "offer", "ladder");
  lacks("steps:\n  - task: repair\n    |", "task", "parallel");
  has("steps:\n- task: a\n- task: b\n  o|", "offer");
});
test("within braces, also nested and over lines", () => {
  has("steps:\n  - task: repair\n    to: {|", "role", "shift");
  lacks("steps:\n  - task: repair\n    to: {role: x, |", "role");
  has("steps:\n  - task: repair\n    ladder:\n      - {to: {role: a}, |", "after");
  has("steps:\n  - task: repair\n    ladder: [{to: {role: a}, after: 5m}, {|", "to", "after");
  has("steps:\n  - task: repair\n    to: {role: x,\n      |", "shift");
});
test("values from enums", () => {
  has("steps:\n  - task: repair\n    offer: |", "assigned", "everyone");
  has("opens:\n  on: [|", "machine.state");
  has("opens:\n  on:\n    - |", "machine.state");
});
test("branches of steps, and back out again", () => {
  has("steps:\n  - parallel:\n      one:\n        - task: a\n          |", "to");
  has("steps:\n  - parallel:\n      one:\n        - task: a\n      two:\n        - |", "task");
  has("steps:\n  - parallel:\n      one:\n        - task: a\n  - |", "parallel");
  has("steps:\n  - task: a\no|", "opens");
});
test("not in comments and long texts", () => {
  assert.equal(at("# wh|"), null);
  assert.equal(placeAt("title: >\n  wh", 13).within, "text");
});
