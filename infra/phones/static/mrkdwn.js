// Slack's mrkdwn as DOM nodes. Nothing is ever parsed as HTML.

const EMOJI = {
  warning: "⚠️", rotating_light: "🚨", white_check_mark: "✅", x: "❌", wrench: "🔧", hammer_and_wrench: "🛠️", package: "📦",
  truck: "🚚", calendar: "📅", hourglass: "⌛", hourglass_flowing_sand: "⏳", red_circle: "🔴", large_green_circle: "🟢",
  large_yellow_circle: "🟡", large_blue_circle: "🔵", lock: "🔒", bell: "🔔", factory: "🏭", gear: "⚙️", bar_chart: "📊",
  information_source: "ℹ️", arrow_right: "➡️", question: "❓", raised_hand: "✋", eyes: "👀", tada: "🎉", clock3: "🕒",
};
const INLINE = /`([^`\n]+)`|<([^<>\n]+)>|(?<![\w*])\*(?=\S)([^*\n]*[^*\s])\*(?![\w*])|(?<![\w_])_(?=\S)([^_\n]*[^_\s])_(?![\w_])|(?<![\w~])~(?=\S)([^~\n]*[^~\s])~(?![\w~])|:([a-z0-9_+-]+):/;

export function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return node;
}

export function mrkdwn(text) {
  const parts = text.split(/```\n?([\s\S]*?)```/);
  return parts.flatMap((part, n) => (n % 2 ? [element("pre", {}, decode(part))] : lines(part)));
}

export function textObject(part) {
  if (!part) return [];
  return part.type === "mrkdwn" ? mrkdwn(part.text) : plain(part.text);
}

export function plain(text) {
  return breaks(text.replace(/:([a-z0-9_+-]+):/g, (all, name) => EMOJI[name] ?? all));
}

function lines(text) {
  const nodes = [];
  let quote = null;
  text.split("\n").forEach((line, n) => {
    const quoted = line.match(/^(?:>|&gt;) ?(.*)$/);
    if (quoted) {
      if (!quote) nodes.push((quote = element("blockquote")));
      else quote.append(element("br"));
      quote.append(...inline(quoted[1]));
      return;
    }
    if (n && !quote) nodes.push(element("br"));
    quote = null;
    nodes.push(...inline(line));
  });
  return nodes;
}

function inline(text) {
  const found = INLINE.exec(text);
  if (!found) return text ? [decode(text)] : [];
  const before = text.slice(0, found.index);
  const after = text.slice(found.index + found[0].length);
  return [...(before ? [decode(before)] : []), styled(found), ...inline(after)];
}

function styled([all, code, link, bold, italic, strike, emoji]) {
  if (code !== undefined) return element("code", {}, decode(code));
  if (link !== undefined) return reference(link);
  if (bold !== undefined) return element("strong", {}, ...inline(bold));
  if (italic !== undefined) return element("em", {}, ...inline(italic));
  if (strike !== undefined) return element("s", {}, ...inline(strike));
  return EMOJI[emoji] ?? all;
}

function reference(link) {
  const [target, label] = link.split("|", 2);
  if (/^(https?:|mailto:)/.test(target)) {
    return element("a", { href: decode(target), target: "_blank", rel: "noopener noreferrer" }, decode(label ?? target));
  }
  return element("span", { class: "mention" }, decode(label ?? target.replace(/^!/, "@")));
}

function breaks(text) {
  return text.split("\n").flatMap((line, n) => (n ? [element("br"), line] : [line]));
}

function decode(text) {
  return text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");
}
