// Builds the partial plotly.js that the pages carry, with the licences of all that is in it at its end.
// `node bundle.mjs` writes it into oomforensics/reports/assets; `--check` fails where what lies there is another.
import { readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const assets = join(here, "..", "oomforensics", "reports", "assets");
const packageOf = (folder) => JSON.parse(readFileSync(join(here, folder, "package.json"), "utf8"));
const { version } = packageOf(join("node_modules", "plotly.js"));
const name = `plotly-oom-${version}.min.js`;

async function bundled() {
  return build({
    absWorkingDir: here,
    entryPoints: ["plotly.js"],
    bundle: true,
    minify: true,
    write: false,
    metafile: true,
    format: "iife",
    globalName: "Plotly",
    target: "es2018",
    charset: "ascii",
    legalComments: "none", // the whole licences follow
    define: { global: "window", "define.amd": "false" },
    alias: { stream: "stream-browserify" },
    loader: { ".css": "empty" }, // of maps, which are not in it
    banner: { js: `/* plotly.js ${version}, partial: scatter, bar, icicle. The licences stand at the end. */` },
  });
}

function licences(metafile) {
  const inputs = Object.values(metafile.outputs)[0].inputs;
  const used = Object.keys(inputs).filter((path) => inputs[path].bytesInOutput > 0 && path.startsWith("node_modules/"));
  const folders = new Set(used.map((path) => path.match(/^.*node_modules\/(?:@[^/]+\/)?[^/]+/)[0]));
  return [...folders].sort().map((folder) => {
    const { name: of, version: release, license, author } = packageOf(folder);
    const file = readdirSync(join(here, folder)).find((entry) => /^licen[cs]e/i.test(entry));
    const text = file ? readFileSync(join(here, folder, file), "utf8") : `${license}, ${author?.name ?? author ?? ""}`;
    return `${of} ${release}\n${text.replace(/\r/g, "").replaceAll("*/", "* /").trim()}\n`;
  });
}

const { outputFiles, metafile } = await bundled();
const made = `${outputFiles[0].text}/*\n${licences(metafile).join("\n")}*/\n`;
const there = readdirSync(assets).filter((entry) => entry.startsWith("plotly-"));
if (process.argv.includes("--check")) {
  if (there.join() !== name || readFileSync(join(assets, name), "utf8") !== made) {
    console.error(`${there.join(", ")} is not what js/bundle.mjs builds: make plotly`);
    process.exitCode = 1;
  }
} else {
  for (const old of there) rmSync(join(assets, old));
  writeFileSync(join(assets, name), made);
}
