// Labelled straight lines (published scores, no difference): their labels must never cover one another.
const FLAG = 15; // pixels between labels
const ROOMY = 680; // figures narrower than this drop what follows the comma in a label
const TINY = 400;

function valueLines(spec) {
  return (spec.lines || []).filter((line) => line.axis === "y");
}

// Lowest and highest value that has to be seen, with a little room.
function valueRange(spec) {
  if (spec.y_range) return spec.y_range.slice();
  const seen = valueLines(spec).map((line) => line.value);
  spec.traces.forEach((trace) => seen.push(...trace.y, ...(trace.low || []), ...(trace.high || [])));
  if (spec.traces.some((trace) => trace.kind === "bars")) seen.push(0);
  const known = seen.filter((value) => typeof value === "number");
  if (!known.length) return [0, 1];
  const low = Math.min(...known), high = Math.max(...known);
  const room = (high - low || Math.abs(high) || 1) * 0.06;
  return [low - room, high + room];
}

function flagStyle(colours) {
  return { showarrow: false, font: { size: 11, color: colours.soft }, align: "left" };
}

function lineStyle(colours, index) {
  return { type: "line", layer: "below", line: { color: colours.soft, width: 1.2, dash: DASHES[(index % 4) + 1] } };
}

// Horizontal figures: labels above the rows, one step higher each, every line reaching up to its own label.
function flagsAbove(spec, range, plotHeight, colours) {
  const lines = valueLines(spec).slice().sort((a, b) => a.value - b.value);
  const shapes = [], annotations = [];
  lines.forEach((line, index) => {
    const lift = (lines.length - index) * FLAG;
    const far = (line.value - range[0]) / (range[1] - range[0]) > 0.5;
    shapes.push(Object.assign(lineStyle(colours, index), { xref: "x", yref: "paper", x0: line.value, x1: line.value, y0: 0, y1: 1 + lift / plotHeight }));
    annotations.push(Object.assign(flagStyle(colours), {
      x: line.value, y: 1, xref: "x", yref: "paper", yanchor: "middle", yshift: lift - 6, xanchor: far ? "right" : "left", xshift: far ? -3 : 3, text: literal(line.label + (line.value ? " " + written(line.value) : "")),
    }));
  });
  return { shapes, annotations, height: lines.length ? lines.length * FLAG + 6 : 0, width: 0 };
}

// Other figures: labels beside the plot (inside it on a phone), pushed apart where lines lie close.
function labelsBeside(spec, range, plotHeight, width, colours) {
  const lines = valueLines(spec).slice().sort((a, b) => b.value - a.value);
  const inside = width < TINY;
  const labels = lines.map((line) => shorten(width < ROOMY ? line.label.split(",")[0] : line.label, 30) + " " + written(line.value));
  const shapes = [], annotations = [];
  let last = -Infinity;
  lines.forEach((line, index) => {
    const pixel = plotHeight * (1 - (line.value - range[0]) / (range[1] - range[0]));
    const place = Math.max(pixel, last + FLAG);
    last = place;
    shapes.push(Object.assign(lineStyle(colours, index), { xref: "paper", yref: "y", x0: 0, x1: 1, y0: line.value, y1: line.value }));
    annotations.push(Object.assign(flagStyle(colours), {
      x: 1, y: line.value, xref: "paper", yref: "y", xanchor: inside ? "right" : "left", yanchor: "middle", xshift: inside ? -2 : 5, yshift: pixel - place,
      text: literal(labels[index]), bgcolor: inside ? withAlpha(colours.paper, 0.8) : undefined, borderpad: 0,
    }));
  });
  const longest = Math.max(0, ...labels.map((label) => Array.from(label).length));
  return { shapes, annotations, height: 0, width: lines.length && !inside ? longest * 6.3 + 6 : 0 };
}

function crossLines(spec, colours) {
  const lines = (spec.lines || []).filter((line) => line.axis === "x");
  return {
    shapes: lines.map((line) => Object.assign(lineStyle(colours, 1), { xref: "x", yref: "paper", x0: line.value, x1: line.value, y0: 0, y1: 1 })),
    annotations: lines.map((line, index) => Object.assign(flagStyle(colours), { x: line.value, y: 1, xref: "x", yref: "paper", xanchor: "left", yanchor: "top", xshift: 4, yshift: -index * FLAG, text: literal(line.label) })),
  };
}
