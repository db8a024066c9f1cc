"use strict";

/** Light or dark; neither: as the system prefers. */
function wear(theme) {
  const root = document.documentElement;
  if (theme) root.dataset.theme = theme;
  else delete root.dataset.theme;
  const worn = { dark: "all", light: "not all" };
  document.getElementById("dark").media = worn[theme] ?? "(prefers-color-scheme: dark)";
}

// Before the first paint, so that a page set to dark does not flash white.
try {
  const chosen = localStorage.getItem("oomforensics-theme");
  if (chosen === "light" || chosen === "dark") wear(chosen);
} catch {
  // Storage may be forbidden for local files; then the system's preference holds.
}
