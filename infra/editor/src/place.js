// Where in a YAML document the cursor is: the path of keys and indices to it, and what it is about to write.
// Reads text that is only half written, so it does not parse: it follows indentation and open brackets.

const ENTRY = /^("[^"]*"|'[^']*'|[^\s#'"{}[\],&*!|>%@`][^:#]*?)\s*:(?=\s|$)\s*/;

// {path, keys, within, from, written}: `keys[i]` are those already in the mapping that `path[i]` stands in, the last ones
// where the cursor is; `within`: "key", "value" or "text"; `written`: what stands from `from` up to the cursor. Or null.
export function placeAt(text, position) {
  const reader = new Reader();
  const before = text.slice(0, position).split("\n");
  const last = before.pop();
  for (const line of before) reader.line(line);
  return reader.here(last, position - last.length);
}

class Reader {
  frames = []; // {indent, key, keys}: the open mappings and lists, the outermost first
  block = null; // a text after | or >, as long as lines are indented more than this
  flow = null; // brackets that are open at the end of a line
  top = new Set();

  line(text) {
    if (this.flow) { this.flow.read(text); if (!this.flow.open) this.flow = null; return; }
    const indent = text.search(/\S/);
    if (indent < 0 || text.trimStart().startsWith("#")) return;
    if (this.block !== null && indent > this.block) return;
    this.block = null;
    const { rest, indent: at } = this.enter(text, indent);
    const entry = ENTRY.exec(rest);
    if (!entry) { this.openFlow(rest); return; }
    this.push(at, unquoted(entry[1]));
    const value = rest.slice(entry[0].length);
    if (/^[|>][-+\d]*\s*(#.*)?$/.test(value)) this.block = at;
    else this.openFlow(value);
  }

  openFlow(value) {
    if (!/^[[{]/.test(value)) return;
    const flow = new Flow();
    flow.read(value);
    if (flow.open) this.flow = flow;
  }

  // Leave what is indented as much or more, enter the list items that begin on this line.
  enter(text, indent) {
    let rest = text.slice(indent), at = indent;
    this.leave(at, rest.startsWith("- ") || rest === "-");
    while (/^-(\s|$)/.test(rest)) {
      this.item(at);
      const gap = /^-\s*/.exec(rest)[0].length;
      rest = rest.slice(gap);
      at += gap;
    }
    return { rest, indent: at };
  }

  // A list may stand as far left as the key that it belongs to.
  leave(indent, isItem) {
    const over = (frame) => frame.indent > indent || (frame.indent === indent && !isItem);
    while (this.frames.length && over(this.frames.at(-1))) this.frames.pop();
  }

  item(indent) {
    const frame = this.frames.at(-1);
    if (frame && frame.item && frame.indent === indent) { frame.key += 1; frame.keys = new Set(); }
    else this.frames.push({ indent, key: 0, item: true, keys: new Set() });
  }

  get keys() { return this.frames.length ? this.frames.at(-1).keys : this.top; }

  push(indent, key) {
    this.keys.add(key);
    this.frames.push({ indent, key, keys: new Set() });
  }

  here(text, start) {
    if (this.flow) return this.inFlow(this.flow, text, start);
    const indent = text.search(/\S/);
    const blank = indent < 0;
    if (!blank && text.trimStart().startsWith("#")) return null;
    if (this.block !== null && (blank ? text.length : indent) > this.block) return this.found("text", text.trimStart(), start + text.length - text.trimStart().length);
    const { rest, indent: at } = this.enter(text, blank ? text.length : indent);
    const entry = ENTRY.exec(rest);
    if (!entry) return rest.startsWith("{") || rest.startsWith("[") ? this.inFlow(new Flow(), rest, start + at) : this.found("key", rest, start + at);
    this.push(at, unquoted(entry[1]));
    const value = rest.slice(entry[0].length), from = start + at + entry[0].length;
    if (/^[[{]/.test(value)) return this.inFlow(new Flow(), value, from);
    return this.found("value", value, from);
  }

  inFlow(flow, text, start) {
    flow.read(text);
    if (!flow.open) return null;
    const told = flow.here();
    const written = text.slice(Math.max(0, told.from));
    const place = this.found(told.within, written.trimStart(), start + text.length - written.trimStart().length);
    const keys = [...place.keys.slice(0, -1), ...told.keys, ...(told.within === "value" ? [new Set()] : [])];
    return { ...place, path: [...place.path, ...told.path], keys };
  }

  found(within, written, from) {
    return { within, written, from, path: this.frames.map((frame) => frame.key), keys: [this.top, ...this.frames.map((frame) => frame.keys)] };
  }
}

// {...} and [...] with everything in them, also over several lines.
class Flow {
  stack = [];
  quote = "";
  from = 0;

  get open() { return this.stack.length > 0; }

  read(text) {
    this.from = 0;
    for (let at = 0; at < text.length; at += 1) {
      const sign = text[at];
      if (this.quote) { if (sign === this.quote) this.quote = ""; continue; }
      if ((sign === '"' || sign === "'") && /^\s*$/.test(text.slice(this.from, at))) this.quote = sign;
      else if (sign === "{" || sign === "[") { this.stack.push({ map: sign === "{", key: sign === "{" ? null : 0, keys: new Set() }); this.from = at + 1; }
      else if (sign === "}" || sign === "]") { this.stack.pop(); this.from = at + 1; if (!this.stack.length) return; }
      else if (sign === ",") this.next(at);
      else if (sign === ":" && /\s|$/.test(text[at + 1] ?? " ")) this.named(text, at);
    }
  }

  next(at) {
    const top = this.stack.at(-1);
    if (top.map) top.key = null; else top.key += 1;
    this.from = at + 1;
  }

  named(text, at) {
    const top = this.stack.at(-1);
    if (!top.map || top.key !== null) return;
    top.key = unquoted(text.slice(this.from, at).trim());
    top.keys.add(top.key);
    this.from = at + 1;
  }

  here() {
    const top = this.stack.at(-1);
    const path = this.stack.map((one) => one.key).filter((key) => key !== null);
    const within = top.map && top.key === null ? "key" : "value";
    return { within, path, keys: this.stack.map((one) => one.keys), from: this.from };
  }
}

function unquoted(text) { return text.replace(/^(["'])(.*)\1$/, "$2"); }
