"use strict";
// Plotly's core, which holds scatter, and the two other kinds of trace that the pages draw.
const Plotly = require("plotly.js/lib/core");
Plotly.register([require("plotly.js/lib/bar"), require("plotly.js/lib/icicle")]);
module.exports = Plotly;
