// Before the first paint, so that a page set to dark does not flash white.
(() => {
  "use strict";
  let chosen = null;
  try {
    chosen = localStorage.getItem("oomforensics-theme");
  } catch {
    // Storage may be forbidden for local files; then the system's preference holds.
  }
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
})();
