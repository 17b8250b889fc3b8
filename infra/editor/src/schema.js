// What a JSON Schema allows at a place of a document that is half written.

export class Schema {
  constructor(root) { this.root = root; }

  resolve(part) {
    if (!part || !part.$ref) return part;
    const found = part.$ref.split("/").slice(1).reduce((at, name) => at[name], this.root);
    const { $ref, ...more } = part;
    return this.resolve({ ...found, ...more });
  }

  // The plain alternatives behind $ref, oneOf and anyOf. Of step kinds only the one whose key is there already.
  plain(part, keys = new Set()) {
    const found = this.resolve(part);
    if (!found) return [];
    const inner = found.oneOf || found.anyOf;
    if (!inner) return [found];
    const all = inner.flatMap((one) => this.plain(one, keys));
    const fitting = all.filter((one) => one.title && one.properties && one.title in one.properties && keys.has(one.title));
    return fitting.length ? fitting : all;
  }

  // The alternatives at the end of a path (see place.js).
  at(path, keys) {
    let found = this.plain(this.root, keys[0]);
    path.forEach((step, index) => {
      found = found.flatMap((part) => {
        const next = typeof step === "number" ? part.items : part.properties?.[step] ?? named(part, step);
        return next ? this.plain(next, keys[index + 1]) : [];
      });
    });
    return found;
  }

  // [{name, about, part}]: the keys that may be written in one of these mappings. A step without its kind has the kinds.
  keys(parts, written) {
    const found = new Map();
    for (const part of parts) {
      const kind = part.title && part.properties && part.title in part.properties ? part.title : "";
      for (const [name, value] of Object.entries(part.properties || {})) {
        if (written.has(name) || (kind && !written.has(kind) && name !== kind)) continue;
        const inner = this.resolve(value);
        if (!found.has(name)) found.set(name, { name, about: (kind === name ? part.description : inner.description) || "", part: inner, needed: (part.required || []).includes(name) });
      }
    }
    return [...found.values()];
  }

  values(parts) {
    return [...new Set(parts.flatMap((part) => [
      ...(part.enum || []), ...(part.const === undefined ? [] : [part.const]), ...(part.examples || []),
      ...(part.type === "boolean" ? [true, false] : []),
      ...(part.type === "array" ? this.values(this.plain(part.items)) : []),
    ]))].map(String);
  }

  kinds(part) {
    const inner = this.resolve(part);
    const types = [inner.type, ...(inner.anyOf || inner.oneOf || []).map((one) => this.resolve(one).type)].filter(Boolean);
    return inner.enum ? inner.enum.slice(0, 3).join(" | ") : [...new Set(types)].join(" | ");
  }
}

// The part for a key of the author's own choice.
function named(part, key) {
  const fitting = Object.entries(part.patternProperties || {}).find(([pattern]) => new RegExp(pattern, "u").test(key));
  return fitting ? fitting[1] : typeof part.additionalProperties === "object" ? part.additionalProperties : undefined;
}
