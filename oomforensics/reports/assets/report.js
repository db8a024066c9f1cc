"use strict";

const root = document.documentElement;
const systemDark = matchMedia("(prefers-color-scheme: dark)");
const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : systemDark.matches);
const embedded = (id) => JSON.parse(document.getElementById(id).textContent);

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

// -- figures for people; the same rules as the terminal report --------------------------------------------------------

const UNKNOWN = "?";
const grouped = new Intl.NumberFormat("en-US");

function size(bytes) {
  if (bytes === null) return UNKNOWN;
  let value = Math.abs(bytes);
  const sign = bytes < 0 ? "-" : "";
  if (value < 1024) return `${sign}${value} B`;
  for (const unit of ["KiB", "MiB", "GiB", "TiB"]) {
    value /= 1024;
    if (value < 999.5 || unit === "TiB") {
      const digits = value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
      const text = value.toFixed(digits);
      return `${sign}${digits ? text.replace(/\.?0+$/, "") : text} ${unit}`;
    }
  }
}

function shown(value, kind, pageSize) {
  if (value === null) return UNKNOWN;
  if (kind === "pages") return pageSize === null ? grouped.format(value) : size(value * pageSize);
  if (kind === "bytes") return size(value);
  if (kind === "share") return `${(value / 10).toFixed(1)} %`;
  return kind === "number" ? grouped.format(value) : String(value);
}

// -- chart ------------------------------------------------------------------------------------------------------------

const style = (name) => getComputedStyle(root).getPropertyValue(name).trim();

// Black or white, whichever has the greater contrast to a colour `#rrggbb` (WCAG 2.2, relative luminance): 4.58 to 1 at least.
function inkOn(colour) {
  const [red, green, blue] = [1, 3, 5].map((at) => {
    const share = parseInt(colour.slice(at, at + 2), 16) / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.179 ? "#000000" : "#ffffff";
}

function themed(figure) {
  const ink = style("--ink");
  for (const trace of figure.data) {
    if (trace.meta.parts) {
      const colors = trace.meta.parts.map((part) => style(`--part-${part}`));
      trace.marker = { colors, line: { color: style("--paper"), width: 1 } };
      trace.textfont = { ...trace.textfont, color: colors.map(inkOn) };
      continue;
    }
    const colour = trace.meta.part === "badness" ? ink : style(`--part-${trace.meta.part}`);
    if (trace.mode === "lines") {
      trace.line.color = colour;
      continue;
    }
    trace.marker.color = colour;
    if (trace.mode === "markers") trace.marker.line.color = colour;
  }
  const layout = figure.layout;
  layout.font = { ...layout.font, color: ink, family: style("--sans") };
  for (const name of Object.keys(layout).filter((key) => /^[xy]axis/.test(key))) {
    const tickfont = { color: style("--muted"), size: 12 };
    layout[name] = { ...layout[name], gridcolor: style("--rule"), zerolinecolor: style("--muted"), tickfont };
  }
  for (const line of layout.shapes ?? []) line.line.color = style("--killed");
  for (const label of layout.annotations ?? []) label.bgcolor = style("--paper");
  layout.hoverlabel = { bgcolor: style("--card"), bordercolor: style("--rule"), font: { color: ink }, align: "left" };
  return figure;
}

const NARROW_PX = 500;
const LEGEND_LINE_PX = 18;

function drawChart(holder) {
  const { data, layout } = themed(embedded(holder.dataset.figure));
  holder.dataset.drawn = "yes";
  // On a phone the legend has one entry a line.
  if (layout.showlegend && holder.clientWidth < NARROW_PX) layout.height += LEGEND_LINE_PX * data.length;
  return Plotly.react(holder, data, layout, { responsive: true, displayModeBar: false, showTips: false });
}

const charts = [...document.querySelectorAll("[data-figure]")];
const redraw = () => charts.filter((holder) => holder.dataset.drawn).forEach(drawChart);
const approaching = new IntersectionObserver(
  (entries) => {
    for (const entry of entries.filter((seen) => seen.isIntersecting)) {
      approaching.unobserve(entry.target);
      drawChart(entry.target);
    }
  },
  { rootMargin: "600px" },
);
charts.forEach((holder) => approaching.observe(holder));

// -- task table -------------------------------------------------------------------------------------------------------

const CHUNK = 200;

class TaskTable {
  constructor(holder) {
    const data = embedded(holder.dataset.table);
    Object.assign(this, data);
    this.section = holder.dataset.section;
    this.order = this.rows.map((_, index) => index);
    this.sorted = { column: null, descending: false };
    this.limit = CHUNK;
    const name = this.columns.findIndex((column) => column.key === "comm");
    const pid = this.columns.findIndex((column) => column.key === "pid");
    this.haystack = this.rows.map((row, index) => `${row[name]} ${row[pid]} ${this.notes[index].join(" ")}`.toLowerCase());
    this.build(holder);
    this.refresh();
  }

  build(holder) {
    const searchId = `${this.section}-search`;
    this.search = element("input", { type: "search", id: searchId, autocomplete: "off", spellcheck: false });
    this.search.addEventListener("input", () => {
      this.limit = CHUNK;
      this.refresh();
    });
    this.count = element("output", { className: "count" });
    this.count.setAttribute("for", searchId);
    this.heads = this.columns.map((column, index) => this.head(column, index));
    this.body = element("tbody");
    const table = element("table", { className: "tasks" }, element("thead", {}, element("tr", {}, ...this.heads)), this.body);
    const scroller = element("div", { className: "scroll tall", tabIndex: 0 }, table);
    scroller.setAttribute("role", "group");
    scroller.setAttribute("aria-label", "Task table");
    this.more = element("button", { type: "button", className: "more" });
    this.more.addEventListener("click", () => {
      this.limit += 5 * CHUNK;
      this.refresh();
    });
    const label = element("label", { htmlFor: searchId }, "Search name, pid or mark");
    holder.replaceChildren(element("div", { className: "tools" }, label, this.search, this.count), scroller, this.more);
  }

  head(column, index) {
    const button = element("button", { type: "button", title: column.help }, column.title);
    button.addEventListener("click", () => this.sortBy(index));
    const cell = element("th", { scope: "col", className: column.kind === "text" ? "text" : "figure" }, button);
    cell.setAttribute("aria-sort", column.key === "rank" ? "ascending" : "none");
    return cell;
  }

  sortBy(index) {
    const { kind, key } = this.columns[index];
    const again = this.sorted.column === index;
    // Names, ranks and ids are looked up from the smallest; amounts from the largest.
    const natural = ["pages", "bytes", "share"].includes(kind) || key === "badness_pages";
    const descending = again ? !this.sorted.descending : natural;
    this.sorted = { column: index, descending };
    const sign = descending ? -1 : 1;
    const compare = kind === "text" ? (a, b) => (a < b ? -1 : a > b ? 1 : 0) : (a, b) => a - b;
    this.order.sort((left, right) => {
      const a = this.rows[left][index];
      const b = this.rows[right][index];
      // Unknown is neither small nor large: it stays at the end either way.
      if (a === null || b === null) return (a === null) - (b === null) || left - right;
      return sign * compare(a, b) || left - right;
    });
    this.heads.forEach((cell, at) => cell.setAttribute("aria-sort", at !== index ? "none" : descending ? "descending" : "ascending"));
    this.refresh();
  }

  refresh() {
    const wanted = this.search.value.trim().toLowerCase();
    const found = wanted ? this.order.filter((index) => this.haystack[index].includes(wanted)) : this.order;
    const visible = found.slice(0, this.limit);
    this.body.replaceChildren(...visible.map((index) => this.row(index)));
    const all = grouped.format(this.rows.length);
    this.count.textContent = wanted ? `${grouped.format(found.length)} of ${all} processes` : `${all} processes`;
    this.more.hidden = found.length <= this.limit;
    this.more.textContent = `Show more (${grouped.format(found.length - visible.length)} not shown)`;
  }

  row(index) {
    const notes = this.notes[index];
    const made = element("tr", { className: notes.includes("killed") ? "victim" : "" });
    this.rows[index].forEach((value, at) => {
      const column = this.columns[at];
      const cell = element("td", { className: column.kind === "text" ? "text" : "figure" });
      if (column.key === "comm") this.fillName(cell, index, value);
      else if (column.key === "badness_pages" && index in this.intervals) cell.textContent = this.intervals[index];
      else cell.textContent = column.key === "rank" && value === null ? "–" : shown(value, column.kind, this.pageSize);
      made.append(cell);
    });
    return made;
  }

  fillName(cell, index, name) {
    const text = name === null ? UNKNOWN : name;
    if (this.arithmetic[index] === null) {
      cell.append(element("span", { className: "comm" }, text));
    } else {
      const button = element("button", { type: "button", className: "comm" }, text);
      button.setAttribute("aria-expanded", "false");
      button.addEventListener("click", () => this.toggle(button, index));
      cell.append(button);
    }
    for (const note of this.notes[index]) cell.append(" ", element("span", { className: note === "killed" ? "mark killed" : "mark" }, note));
  }

  toggle(button, index) {
    const row = button.closest("tr");
    const open = button.getAttribute("aria-expanded") === "true";
    button.setAttribute("aria-expanded", String(!open));
    if (open) {
      row.nextElementSibling.remove();
      return;
    }
    const cell = element("td", { colSpan: this.columns.length }, element("code", {}, this.arithmetic[index]));
    const line = this.lines[index];
    if (line !== null) cell.append(" ", element("a", { href: `#${this.section}-L${line}` }, `line ${line}`));
    row.after(element("tr", { className: "detail" }, cell));
  }

  showForPrint() {
    this.limit = Math.max(this.limit, 500);
    this.refresh();
  }
}

const tables = [...document.querySelectorAll("[data-table]")].map((holder) => new TaskTable(holder));

// -- raw lines: many of a kind are packed until they are wanted -------------------------------------------------------

async function unpack(fold) {
  if (!fold.dataset.packed) return;
  const packed = document.getElementById(fold.dataset.packed).textContent;
  delete fold.dataset.packed;
  const bytes = Uint8Array.from(atob(packed), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const list = element("ol", { className: "raw" });
  const anchored = new Set();
  for (const [line, text] of JSON.parse(await new Response(stream).text())) {
    const parts = [element("span", { className: "n" }, line), element("span", { className: "t" }, text)];
    // A source may hold several records on one line; the number is an anchor only once.
    list.append(element("li", anchored.has(line) ? {} : { id: `${fold.dataset.section}-L${line}` }, ...parts));
    anchored.add(line);
  }
  fold.append(list);
}

const folds = [...document.querySelectorAll("[data-packed]")];
for (const fold of folds) fold.addEventListener("toggle", () => fold.open && unpack(fold));

async function reveal() {
  const id = decodeURIComponent(location.hash.slice(1));
  const [, section, line] = id.match(/^(i\d+)-L(\d+)$/) ?? [];
  const holds = (fold) => fold.dataset.section === section && +fold.dataset.first <= +line && +line <= +fold.dataset.last;
  if (!document.getElementById(id)) await Promise.all(folds.filter(holds).map(unpack));
  const target = document.getElementById(id);
  if (!target) return;
  for (let fold = target.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
  target.scrollIntoView({ block: "center" });
}
addEventListener("hashchange", reveal);
if (location.hash) reveal();

// -- theme and print --------------------------------------------------------------------------------------------------

const toggle = document.getElementById("theme");
function labelToggle() {
  toggle.textContent = isDark() ? "Light" : "Dark";
  toggle.setAttribute("aria-label", isDark() ? "Switch to light colours" : "Switch to dark colours");
}
toggle.hidden = false;
toggle.addEventListener("click", () => {
  wear(isDark() ? "light" : "dark");
  try {
    localStorage.setItem("oomforensics-theme", root.dataset.theme);
  } catch {
    // The choice then lasts as long as the page.
  }
  labelToggle();
  redraw();
});
systemDark.addEventListener("change", () => {
  labelToggle();
  redraw();
});
labelToggle();

let themeBeforePrint;
let openedForPrint = [];
addEventListener("beforeprint", () => {
  themeBeforePrint = root.dataset.theme;
  wear("light");
  openedForPrint = [...document.querySelectorAll("details.moments:not([open]), details.finding:not([open])")];
  for (const list of openedForPrint) list.open = true;
  charts.forEach(drawChart);
  tables.forEach((table) => table.showForPrint());
});
addEventListener("afterprint", () => {
  wear(themeBeforePrint);
  for (const list of openedForPrint) list.open = false;
  redraw();
});
