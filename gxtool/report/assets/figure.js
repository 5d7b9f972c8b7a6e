// From a figure as data to what plotly draws. Nothing here is measured: positions, colours and words only.
const DASHES = ["solid", "dash", "dot", "dashdot", "longdash", "longdashdot"];
const SYMBOLS = ["circle", "square", "diamond", "triangle-up", "triangle-down", "pentagon", "star"];
const MANY_POINTS = 30;
const NARROW = 560;

// Plotly reads some HTML and some templates in its texts; names from data must come out as they are.
function literal(text) {
  return String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;").replace(/%\{/g, "%\u200b{");
}

function shorten(text, limit) {
  const characters = Array.from(String(text));
  return characters.length > limit ? characters.slice(0, limit - 1).join("") + "…" : String(text);
}

// Break a long label between words.
function inLines(text, limit) {
  const lines = [""];
  text.split(" ").forEach((word) => {
    const last = lines[lines.length - 1];
    if (last && last.length + word.length >= limit) lines.push(word); else lines[lines.length - 1] = last ? last + " " + word : word;
  });
  return lines.map(literal).join("<br>");
}

// Numbers as the rest of the page writes them: rounded half away from zero, as a reader of the decimals would.
function written(value) {
  if (typeof value !== "number") return String(value);
  if (value !== 0 && Math.abs(value) < 0.0005) return value.toExponential(1).replace("+", "").replace(/-/g, "−");
  const digits = Number.isInteger(value) ? 0 : Math.abs(value) >= 1000 ? 1 : 3;
  const rounded = Number(Math.round(Number(Math.abs(value) + "e" + digits)) + "e-" + digits) * Math.sign(value);
  const [whole, decimals] = rounded.toFixed(digits).split(".");
  return (whole.replace(/\B(?=(\d{3})+$)/g, ",") + (decimals ? "." + decimals : "")).replace("-", "−");
}

// As many decimals as neighbouring ticks need, the same on every tick.
function tickFormat(range) {
  const step = Math.abs(range[1] - range[0]) / 6;
  const decimals = step > 0 ? Math.min(4, Math.max(0, Math.ceil(-Math.log10(step)))) : 0;
  return ",." + decimals + "f";
}

function withAlpha(hex, alpha) {
  const part = (start) => parseInt(hex.slice(start, start + 2), 16);
  return "rgba(" + part(1) + "," + part(3) + "," + part(5) + "," + alpha + ")";
}

// Rows of a horizontal figure from top to bottom.
function rowNames(spec) {
  if (spec.order) return spec.order;
  const names = new Set();
  (spec.traces || []).forEach((trace) => trace.x.forEach((name) => names.add(String(name))));
  return Array.from(names);
}

// A trace's colour: its slot, else its place; names that agree before the first comma share a colour.
function slotsOf(spec) {
  const stems = [];
  return spec.traces.map((trace) => {
    if (trace.slot !== undefined) return trace.slot;
    const stem = trace.name.split(",")[0];
    if (!stems.includes(stem)) stems.push(stem);
    return stems.indexOf(stem);
  });
}

// Dashes and markers say the same as colours, for readers who cannot tell those apart.
function styleOf(trace, slot, index, spec, colours) {
  const colour = colours.series[slot % 7];
  const anyDashed = spec.traces.some((other) => other.dashed && other.role !== "guide");
  const style = {
    colour, width: 2, size: 8, opacity: 1, dash: anyDashed ? (trace.dashed ? "dash" : "solid") : DASHES[slot % DASHES.length],
    symbol: SYMBOLS[(slot + Math.floor(slot / 7)) % SYMBOLS.length],
  };
  if (trace.role === "model") Object.assign(style, { width: spec.grouped ? 1.8 : 2.4, size: 10, dash: slot === 0 || spec.grouped ? "solid" : style.dash });
  if (trace.role === "baseline") Object.assign(style, { width: 1.7, symbol: style.symbol + "-open", dash: slot === 0 ? "dash" : style.dash });
  if (trace.role === "seed") Object.assign(style, { size: 5, symbol: "circle-open", opacity: 0.75 });
  if (trace.role === "train") Object.assign(style, { width: 1.7, dash: "dot", symbol: "square-open" });
  if (trace.role === "chosen") Object.assign(style, { size: 13, symbol: "circle-open" });
  if (trace.role === "guide") Object.assign(style, { colour: colours.soft, width: 1.2, dash: "dot" });
  return style;
}

function intervalOf(trace, style, horizontal) {
  if (!trace.low || !trace.high) return {};
  const up = trace.y.map((y, i) => (y == null || trace.high[i] == null ? 0 : trace.high[i] - y));
  const down = trace.y.map((y, i) => (y == null || trace.low[i] == null ? 0 : y - trace.low[i]));
  const bars = { type: "data", symmetric: false, array: up, arrayminus: down, color: style.colour, thickness: 1.6, width: 0 };
  return horizontal ? { error_x: bars } : { error_y: bars };
}

function hoverOf(trace, spec, names) {
  return trace.y.map((y, i) => {
    const lines = [names ? trace.x[i] : spec.x + ": " + written(trace.x[i])];
    if (spec.traces.length > 1) lines.push(trace.name);
    lines.push(spec.y + ": " + (names && trace.text ? trace.text[i] : y == null ? "–" : written(y)));
    if (!names && trace.low && trace.low[i] != null) lines.push("interval " + written(trace.low[i]) + " to " + written(trace.high[i]));
    if (!names && trace.text) lines.push(trace.text[i]);
    return lines.map(literal).join("<br>");
  });
}

// An interval around a line of many points reads better as a band than as a hundred bars.
function bandOf(trace, style) {
  const edge = (values, extra) => Object.assign({
    type: "scatter", mode: "lines", x: trace.x, y: values, line: { width: 0 }, hoverinfo: "skip", showlegend: false,
  }, extra);
  return [edge(trace.low, {}), edge(trace.high, { fill: "tonexty", fillcolor: withAlpha(style.colour, 0.18) })];
}

// What lies outside of a given axis stands at its edge, as an arrow that points to where it is; without its interval.
// Small marks are left out there.
function atEdge(trace, range) {
  const inset = (range[1] - range[0]) * 0.03;
  const side = trace.y.map((y) => (y == null ? 0 : y < range[0] ? -1 : y > range[1] ? 1 : 0));
  if (!side.some(Boolean)) return null;
  const inside = (values) => values && values.map((value, i) => (side[i] ? null : value));
  const y = trace.y.map((value, i) => (!side[i] ? value : trace.role === "seed" ? null : side[i] < 0 ? range[0] + inset : range[1] - inset));
  return { side, trace: Object.assign({}, trace, { y, low: inside(trace.low), high: inside(trace.high) }) };
}

function tracesOf(spec, colours) {
  const rows = spec.horizontal ? rowNames(spec) : null;
  const slots = slotsOf(spec);
  const shown = new Set();
  const withInterval = spec.traces.filter((trace) => trace.low && trace.role !== "seed");
  const overlapping = spec.horizontal && !spec.values && withInterval.length > 1;
  return spec.traces.flatMap((trace, index) => {
    const style = styleOf(trace, slots[index], index, spec, colours);
    const name = spec.grouped ? trace.name.split(",")[0] : trace.name;
    const drawn = { type: "scatter", name: literal(name), opacity: style.opacity, hoverinfo: "text", hovertext: hoverOf(trace, spec, rows) };
    drawn.showlegend = !spec.no_legend && !(spec.grouped && shown.has(name));
    if (spec.grouped) drawn.legendgroup = literal(name);
    shown.add(name);
    drawn.marker = { color: style.colour, size: style.size, symbol: style.symbol, line: { color: style.colour, width: 1.6 } };
    if (trace.role === "model") drawn.zorder = 2;
    if (rows) {
      const shift = overlapping ? (withInterval.indexOf(trace) - (withInterval.length - 1) / 2) * 0.22 : trace.role === "seed" ? 0.24 : 0;
      drawn.mode = "markers";
      const edge = spec.y_range && atEdge(trace, spec.y_range);
      if (edge) {
        trace = edge.trace;
        drawn.marker.symbol = edge.side.map((side) => (side < 0 ? "triangle-left" : side > 0 ? "triangle-right" : style.symbol));
      }
      drawn.x = trace.y;
      drawn.y = trace.x.map((row) => rows.indexOf(String(row)) + shift);
    } else if (trace.kind === "bars") {
      Object.assign(drawn, { type: "bar", x: trace.x, y: trace.y });
      drawn.marker = { color: style.colour, pattern: { shape: ["", "/", "x", ".", "\\", "+", "-"][slots[index] % 7], fillmode: "overlay", fgcolor: colours.paper, size: 7, solidity: 0.25 } };
    } else {
      const markers = trace.kind === "points" || (trace.y.length <= MANY_POINTS && trace.role !== "guide");
      Object.assign(drawn, { x: trace.x, y: trace.y, mode: trace.kind === "points" ? "markers" : markers ? "lines+markers" : "lines" });
      drawn.line = { color: style.colour, width: style.width, dash: style.dash };
      if (trace.kind !== "points") drawn.marker.size = Math.min(style.size, 6);
      if (trace.kind === "points" && trace.y.length > 400) Object.assign(drawn.marker, { size: 4, line: { width: 0 }, opacity: 0.45 });
    }
    const band = !rows && trace.kind === "line" && trace.low && trace.y.length > MANY_POINTS;
    if (!band) Object.assign(drawn, intervalOf(trace, style, Boolean(rows)));
    return band ? [...bandOf(trace, style), drawn] : [drawn];
  });
}

function heatmapOf(spec, colours) {
  const values = spec.z.flat().filter((value) => value != null);
  const widest = Math.max(...values.map(Math.abs), 0);
  const middle = colours.dark ? "#2a3037" : "#f7f6f3";
  const hover = spec.z.map((row, i) => row.map((value, j) =>
    [spec.y + ": " + spec.rows[i], spec.x + ": " + written(spec.columns[j]), (spec.z_title || "value") + ": " + (value == null ? "–" : written(value))].map(literal).join("<br>")));
  return [{
    type: "heatmap", z: spec.z, hoverinfo: "text", hovertext: hover, hoverongaps: false, xgap: spec.columns.length > 30 ? 0 : 1.5, ygap: 1.5,
    colorscale: spec.diverging ? [[0, colours.series[1]], [0.5, middle], [1, colours.series[0]]] : "Cividis",
    zmin: spec.diverging ? -widest : undefined, zmax: spec.diverging ? widest : undefined,
    colorbar: { title: { text: inLines(spec.z_title || "", Math.max(26, spec.rows.length * 24 / 6.5)), side: "right", font: { size: 12, color: colours.soft } }, outlinewidth: 0, thickness: 12, tickfont: { size: 11, color: colours.soft } },
  }];
}
