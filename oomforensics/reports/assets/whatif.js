"use strict";

// -- the kernel's selection with other inputs -------------------------------------------------------------------------
// The rules of kernel/badness.py and kernel/selection.py again; tests/browser/test_whatif_model.py holds the two together.
// All sums are BigInt: pages times 1000 can pass 2^53, and one range of kernels overflows at 32 bits.

const ADJ_MIN = -1000;
const ADJ_MAX = 1000;
const most = (a, b) => (a > b ? a : b);
const least = (a, b) => (a < b ? a : b);

// Rounds down for a negative dividend, where BigInt's own division rounds toward zero as C does.
function floorDiv(dividend, divisor) {
  const quotient = dividend / divisor;
  return dividend < 0n && quotient * divisor !== dividend ? quotient - 1n : quotient;
}

function permilleScorer(overflows, totalpages, root) {
  return (charge, adj, hasRoot) => {
    let share = floorDiv(charge * 1000n, totalpages);
    if (overflows) {
      const times1000 = BigInt.asIntN(32, BigInt.asIntN(32, charge) * 1000n);
      share = BigInt.asIntN(32, BigInt.asUintN(64, times1000) / totalpages);
    }
    if (hasRoot && root === "PERMILLE_30") share -= 30n;
    else if (hasRoot && root === "PERMILLE_3_PERCENT") share -= (share * 3n) / 100n;
    return least(most(share + adj, 1n), 1000n);
  };
}

function pagesScorer(clamped, totalpages, root) {
  const unit = floorDiv(totalpages, 1000n);
  return (charge, adj, hasRoot) => {
    let points = charge + adj * unit;
    if (hasRoot && root === "OWN_3_PERCENT") points -= floorDiv(charge * 3n, 100n);
    else if (hasRoot && root === "ADJ_30") points -= 30n * unit;
    return clamped ? most(points, 1n) : points;
  };
}

const inPermille = (model) => model.score === "PERMILLE" || model.score === "PERMILLE_INT";
const totalOf = (model) => most(BigInt(model.totalpages), 1n);

// oom_badness() of one kernel: (pages charged, oom_score_adj, has CAP_SYS_ADMIN) -> badness.
function scorer(model) {
  if (inPermille(model)) return permilleScorer(model.score === "PERMILLE_INT", totalOf(model), model.root);
  return pagesScorer(model.score === "PAGES_CLAMPED", BigInt(model.totalpages), model.root);
}

const noChanges = () => ({ adj: new Map(), gone: new Set() });
const adjOf = (model, changes, at) => changes.adj.get(model.pid[at]) ?? model.adj[at];

// `changes`: `adj` from pid to oom_score_adj, `gone` pids. For each row `reason` says why it cannot be chosen, or null,
// and `badness` is null where there is a reason. `order` holds the other rows, the kernel's first choice first.
function selection(model, changes) {
  const score = scorer(model);
  const reason = model.pid.map((pid, at) => {
    if (changes.gone.has(pid)) return "gone";
    return adjOf(model, changes, at) === ADJ_MIN ? "oom_score_adj_min" : model.barred[at];
  });
  const badness = reason.map((why, at) =>
    why === null ? score(BigInt(model.charge[at]), BigInt(adjOf(model, changes, at)), model.uid0[at]) : null,
  );
  const order = [...badness.keys()].filter((at) => badness[at] !== null);
  order.sort((a, b) => (precedes(model, badness[a], a, badness[b], b) ? -1 : 1));
  return { reason, badness, order };
}

// A table holds one row a process, its leader's: that leaders win ties changes nothing then.
function precedes(model, badness, at, otherBadness, otherAt) {
  if (badness !== otherBadness) return badness > otherBadness;
  return model.tie === "LAST" ? at > otherAt : at < otherAt;
}

// The share of totalpages in permille.
function pointsOf(model, badness) {
  return inPermille(model) ? badness : (badness * 1000n) / totalOf(model);
}

// The highest oom_score_adj below its own with which the first choice would not be chosen; null: nobody is chosen.
function savingAdj(model, changes, { badness, order }) {
  const [first, next] = order;
  if (first === undefined) return null;
  const score = scorer(model);
  const spared = (adj) => {
    const value = score(BigInt(model.charge[first]), BigInt(adj), model.uid0[first]);
    return next !== undefined && precedes(model, badness[next], next, value, first);
  };
  let adj = adjOf(model, changes, first) - 1;
  while (adj > ADJ_MIN && !spared(adj)) adj -= 1;
  return adj;
}

// -- the panel --------------------------------------------------------------------------------------------------------

const SHOWN = 50;
const FOLLOWING = 5;

class WhatIf {
  constructor(holder) {
    this.model = embedded(holder.dataset.whatif);
    this.section = holder.dataset.section;
    this.changes = noChanges();
    this.before = selection(this.model, this.changes);
    this.killed = new Set(this.model.killed);
    this.haystack = this.model.comm.map((comm, at) => `${comm} ${this.model.pid[at]}`.toLowerCase());
    this.rows = new Map();
    this.build(holder);
    this.refresh();
  }

  build(holder) {
    this.result = element("p", { className: "result" });
    this.result.setAttribute("role", "status");
    this.result.setAttribute("aria-live", "polite");
    this.saved = element("p");
    this.following = element("p");
    const searchId = `${this.section}-whatif-search`;
    this.search = element("input", { type: "search", id: searchId, autocomplete: "off", spellcheck: false });
    this.search.addEventListener("input", () => this.refresh());
    this.count = element("output", { className: "count" });
    this.count.setAttribute("for", searchId);
    this.reset = element("button", { type: "button", className: "reset" }, "Reset");
    this.reset.addEventListener("click", () => {
      this.changes = noChanges();
      this.refresh();
    });
    const label = element("label", { htmlFor: searchId }, "Search name or pid");
    const heads = ["rank", "name", "adj", "gone", "badness", "share", "pid"].map((title) =>
      element("th", { scope: "col", className: title === "name" ? "text" : "figure" }, title),
    );
    this.body = element("tbody");
    const table = element("table", { className: "ranks" }, element("thead", {}, element("tr", {}, ...heads)), this.body);
    const scroller = element("div", { className: "scroll tall", tabIndex: 0 }, table);
    scroller.setAttribute("role", "group");
    scroller.setAttribute("aria-label", "The order of choice with your changes");
    const tools = element("div", { className: "tools" }, label, this.search, this.count, this.reset);
    const panel = element("div", { className: "panel" }, this.result, this.saved, this.following, tools, scroller);
    holder.prepend(panel);
    holder.classList.add("live");
  }

  name(at) {
    const { comm, pid } = this.model;
    return comm[at] ? `${comm[at]} (pid ${pid[at]})` : `pid ${pid[at]}`;
  }

  refresh() {
    this.after = selection(this.model, this.changes);
    const { order, reason } = this.after;
    const ranks = new Map(order.map((at, place) => [at, place + 1]));
    const listed = [...order, ...[...reason.keys()].filter((at) => reason[at] !== null)];
    const wanted = this.search.value.trim().toLowerCase();
    const found = wanted ? listed.filter((at) => this.haystack[at].includes(wanted)) : listed;
    // What is being typed in, or was changed, is not taken away because its rank fell.
    const visible = found.filter((at, place) => place < SHOWN || this.isChanged(at) || this.holdsFocus(at));
    this.rows = new Map(visible.map((at) => [at, this.rows.get(at) ?? this.row(at)]));
    for (const [at, row] of this.rows) this.fill(row, at, ranks.get(at));
    this.place(visible.map((at) => this.rows.get(at).line));
    const all = grouped.format(listed.length);
    const matches = wanted ? `${grouped.format(found.length)} of ${all} processes` : `${all} processes`;
    this.count.textContent = visible.length < found.length ? `${matches}, ${grouped.format(visible.length)} shown` : matches;
    this.tell();
  }

  isChanged(at) {
    const pid = this.model.pid[at];
    return this.changes.adj.has(pid) || this.changes.gone.has(pid);
  }

  holdsFocus(at) {
    return this.rows.get(at)?.line.contains(document.activeElement) ?? false;
  }

  // A row that leaves the page loses focus and caret, so the row being typed in stays and the others move around it.
  place(lines) {
    const held = lines.findIndex((line) => line.contains(document.activeElement));
    if (held < 0) {
      this.body.replaceChildren(...lines);
      return;
    }
    for (const line of [...this.body.children]) if (line !== lines[held]) line.remove();
    lines[held].before(...lines.slice(0, held));
    lines[held].after(...lines.slice(held + 1));
    lines[held].scrollIntoView({ block: "nearest" });
  }

  row(at) {
    const pid = this.model.pid[at];
    const barred = this.model.barred[at] !== null;
    const adj = element("input", { type: "number", min: ADJ_MIN, max: ADJ_MAX, step: 1, disabled: barred });
    adj.setAttribute("aria-label", `oom_score_adj of ${this.name(at)}`);
    adj.addEventListener("input", () => this.setAdj(at, adj));
    adj.addEventListener("change", () => {
      // Left empty or out of range, it counts as no change and is shown as such.
      adj.value = adjOf(this.model, this.changes, at);
      adj.removeAttribute("aria-invalid");
    });
    const gone = element("input", { type: "checkbox", disabled: barred });
    gone.setAttribute("aria-label", `Without ${this.name(at)}`);
    gone.addEventListener("change", () => {
      if (gone.checked) this.changes.gone.add(pid);
      else this.changes.gone.delete(pid);
      this.refresh();
    });
    const cell = (key) => element("td", { className: key === "name" ? "text" : "figure" });
    const cells = Object.fromEntries(["rank", "name", "adj", "gone", "badness", "share", "pid"].map((key) => [key, cell(key)]));
    cells.adj.append(adj);
    cells.gone.append(gone);
    cells.pid.textContent = pid;
    return { line: element("tr", {}, ...Object.values(cells)), cells, adj, gone };
  }

  setAdj(at, input) {
    const value = input.valueAsNumber;
    const valid = Number.isInteger(value) && value >= ADJ_MIN && value <= ADJ_MAX;
    if (valid && value !== this.model.adj[at]) this.changes.adj.set(this.model.pid[at], value);
    else this.changes.adj.delete(this.model.pid[at]);
    if (valid) input.removeAttribute("aria-invalid");
    else input.setAttribute("aria-invalid", "true");
    this.refresh();
  }

  fill({ line, cells, adj, gone }, at, rank) {
    const { model, changes, after } = this;
    const badness = after.badness[at];
    line.classList.toggle("first", rank === 1);
    line.classList.toggle("changed", this.isChanged(at));
    cells.rank.textContent = rank ?? "–";
    cells.badness.textContent = badness === null ? "–" : grouped.format(badness);
    cells.share.textContent = badness === null ? "–" : shown(Number(pointsOf(model, badness)), "share");
    if (adj !== document.activeElement) adj.value = adjOf(model, changes, at);
    gone.checked = changes.gone.has(model.pid[at]);
    const marks = [];
    if (this.killed.has(model.pid[at])) marks.push("killed");
    if (after.reason[at] === "gone") marks.push("gone");
    else if (this.isChanged(at)) marks.push("changed");
    if (after.reason[at] in model.words) marks.push(model.words[after.reason[at]]);
    const spans = marks.map((mark) => element("span", { className: mark === "killed" ? "mark killed" : "mark" }, mark));
    cells.name.replaceChildren(element("span", { className: "comm" }, model.comm[at] || UNKNOWN), ...spans.flatMap((span) => [" ", span]));
  }

  tell() {
    const { order } = this.after;
    const was = this.before.order[0];
    const now = order[0];
    // Said anew only when it changes, so that a screen reader is not kept talking while digits are typed.
    const sentence = this.sentence(was, now);
    if (this.result.textContent !== sentence) this.result.textContent = sentence;
    const adj = savingAdj(this.model, this.changes, this.after);
    this.saved.hidden = adj === null;
    if (adj !== null) {
      const then = order.length > 1 ? `the first choice would then have been ${this.name(order[1])}` : "no process could then be chosen";
      this.saved.textContent = `${this.name(now)} would have been spared with oom_score_adj ${adj} or less; ${then}.`;
    }
    const next = order.slice(1, 1 + FOLLOWING).map((at) => this.name(at));
    const rest = order.length - 1 - next.length;
    this.following.hidden = next.length === 0;
    this.following.textContent = `After it, in order: ${next.join(", ")}${rest > 0 ? `, and ${grouped.format(rest)} more` : ""}.`;
  }

  sentence(was, now) {
    const changed = this.changes.adj.size + this.changes.gone.size > 0;
    if (!changed) return now === undefined ? "No process could be chosen." : `The kernel's first choice is ${this.name(now)}.`;
    if (now === undefined) return was === undefined ? "Still no process could have been chosen." : `No process could have been chosen, not even ${this.name(was)}.`;
    if (was === undefined) return `The kernel would have chosen ${this.name(now)}, where it found nobody.`;
    return now === was ? `The kernel would still have chosen ${this.name(now)}.` : `The kernel would have chosen ${this.name(now)} instead of ${this.name(was)}.`;
  }
}

document.querySelectorAll("[data-whatif]").forEach((holder) => new WhatIf(holder));
