// The console's YAML editor, in the place of a text field. The page stays the master: it checks, keeps and submits;
// what is written goes into the field at each change. It lives in a shadow root, because there the browser takes style
// sheets from scripts as objects: the page's content security policy allows no style that is written into it.
import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { yaml } from "@codemirror/lang-yaml";
import { bracketMatching, foldGutter, foldKeymap, indentUnit } from "@codemirror/language";
import { lintGutter, lintKeymap, setDiagnostics } from "@codemirror/lint";
import { highlightSelectionMatches, searchKeymap } from "@codemirror/search";
import { EditorState } from "@codemirror/state";
import { EditorView, drawSelection, highlightActiveLine, highlightActiveLineGutter, keymap, lineNumbers } from "@codemirror/view";
import { completions } from "./complete.js";
import { look } from "./look.js";
import { Schema } from "./schema.js";

const LEAVING = "To leave the editor with the keyboard, press Escape and then Tab.";

function extensions(field, options, known) {
  return [
    lineNumbers(), highlightActiveLineGutter(), foldGutter(), history(), drawSelection(), bracketMatching(), closeBrackets(),
    highlightActiveLine(), highlightSelectionMatches(), lintGutter(), yaml(), indentUnit.of("  "), EditorState.tabSize.of(2),
    autocompletion({ override: [completions(() => known.schema, () => known.names)], icons: false }),
    keymap.of([
      { key: "Mod-s", preventDefault: true, run: () => { options.save(); return true; } },
      ...closeBracketsKeymap, ...completionKeymap, ...defaultKeymap, ...searchKeymap, ...historyKeymap, ...foldKeymap, ...lintKeymap, indentWithTab,
    ]),
    EditorView.contentAttributes.of({ "aria-label": `${field.labels?.[0]?.textContent || "Text"}. ${LEAVING}` }),
    EditorView.updateListener.of((update) => {
      if (!update.docChanged) return;
      field.value = update.state.doc.toString();
      options.changed();
    }),
    look,
  ];
}

// {get, jump(line, column), told(findings, names)}. `options`: schema (its address), changed(), save().
function replace(field, options) {
  const known = { schema: null, names: [] };
  const host = document.createElement("div");
  host.className = "editor";
  field.before(host);
  field.hidden = true;
  const root = host.attachShadow({ mode: "open" });
  const view = new EditorView({ doc: field.value, extensions: extensions(field, options, known), parent: root, root });
  fetch(options.schema).then((answer) => answer.json()).then((found) => { known.schema = new Schema(found); }).catch(() => {});
  return {
    get: () => view.state.doc.toString(),
    jump: (line, column) => {
      const at = offset(view.state.doc, line, column);
      view.dispatch({ selection: { anchor: at }, effects: EditorView.scrollIntoView(at, { y: "center" }) });
      view.focus();
    },
    told: (findings, names) => {
      if (names.length) known.names = names;
      view.dispatch(setDiagnostics(view.state, findings.map((one) => diagnostic(view.state.doc, one))));
    },
  };
}

function offset(doc, line, column) {
  const at = doc.line(Math.min(Math.max(line, 1), doc.lines));
  return Math.min(at.from + Math.max(column - 1, 0), at.to);
}

// From the place of the finding to the end of the word there, or of the line.
function diagnostic(doc, { line, column, severity, message }) {
  const from = offset(doc, line, column), end = doc.lineAt(from).to;
  const word = /^[\w.-]+/.exec(doc.sliceString(from, end));
  return { from, to: word ? from + word[0].length : end, severity: severity === "note" ? "info" : severity, message };
}

window.mosEditor = { replace };
