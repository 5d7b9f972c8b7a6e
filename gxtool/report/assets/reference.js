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

// A line's label and, unless that is 0, its value; what follows the comma is left out where room is short.
function labelOf(line, brief) {
  return shorten(brief ? line.label.split(",")[0] : line.label, 40) + (line.value ? " " + written(line.value) : "");
}

// Horizontal figures: labels above the rows, one step apart, every line reaching up to its own label. A label stands
// right of its line, or left of it where there is no room; lines then reach up in the order that crosses no label.
function flagsAbove(spec, range, plot, colours) {
  const flags = valueLines(spec).map((line) => {
    const text = labelOf(line, plot.width < ROOMY * 0.6);
    const place = (line.value - range[0]) / (range[1] - range[0]);
    return { value: line.value, text, left: (1 - place) * plot.width < Array.from(text).length * 6.2 && place > 0.5 };
  });
  const ordered = [...flags.filter((flag) => flag.left).sort((a, b) => b.value - a.value), ...flags.filter((flag) => !flag.left).sort((a, b) => a.value - b.value)];
  const shapes = [], annotations = [];
  ordered.forEach((flag, index) => {
    const lift = (ordered.length - index) * FLAG;
    shapes.push(Object.assign(lineStyle(colours, index), { xref: "x", yref: "paper", x0: flag.value, x1: flag.value, y0: 0, y1: 1 + lift / plot.height }));
    annotations.push(Object.assign(flagStyle(colours), {
      x: flag.value, y: 1, xref: "x", yref: "paper", yanchor: "middle", yshift: lift - 6, xanchor: flag.left ? "right" : "left", xshift: flag.left ? -3 : 3, text: literal(flag.text),
    }));
  });
  return { shapes, annotations, height: flags.length ? flags.length * FLAG + 6 : 0, width: 0 };
}

// Other figures: labels beside the plot (inside it on a phone), pushed apart where lines lie close.
function labelsBeside(spec, range, plotHeight, width, colours) {
  const lines = valueLines(spec).slice().sort((a, b) => b.value - a.value);
  const inside = width < TINY;
  const labels = lines.map((line) => labelOf(line, width < ROOMY));
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
