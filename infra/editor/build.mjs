// Bundles the editor into one file for the console, with the notices of everything that is in it beside it.
import { build } from "esbuild";
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const out = join(here, "../../templates/console/static/build");
mkdirSync(out, { recursive: true });

const told = await build({
  absWorkingDir: here,
  entryPoints: ["src/editor.js"],
  outfile: join(out, "editor.js"),
  bundle: true,
  minify: true,
  format: "iife",
  target: ["es2022"],
  charset: "utf8",
  legalComments: "none", // all notices are in editor.notices.txt
  banner: { js: "/* The console's editor. Notices of what is in it: editor.notices.txt */" },
  metafile: true,
});

const packages = new Set(Object.keys(told.metafile.inputs).map((path) => /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1]).filter(Boolean));
const notices = [...packages].sort().map((name) => {
  const folder = join(here, "node_modules", name);
  const { version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
  if (!file) throw new Error(`${name} has no licence file: look at it before it is bundled`);
  return `${name} ${version} (${license})\n\n${readFileSync(join(folder, file), "utf8").trim()}\n`;
});
writeFileSync(join(out, "editor.notices.txt"), notices.join(`\n${"-".repeat(80)}\n\n`));
