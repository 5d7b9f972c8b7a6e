// Sequence logos: letters as outlines, stretched to the height of their value, in as many rows as the width asks for.
const LETTER_WIDTH = 9; // pixels that a letter needs to be told from its neighbours
const LOGO_ROW = 128, LOGO_GAP = 34; // height of a row, and of the positions' names between two

// Outlines in a box from (0, 0) to (1, 1), upwards; a second outline is a hole.
const OUTLINES = {
  A: [["M", 0, 0], ["L", 0.38, 1], ["L", 0.62, 1], ["L", 1, 0], ["L", 0.79, 0], ["L", 0.71, 0.24], ["L", 0.29, 0.24], ["L", 0.21, 0], ["Z"], ["M", 0.345, 0.4], ["L", 0.655, 0.4], ["L", 0.5, 0.84], ["Z"]],
  C: [["M", 1, 0.3], ["C", 0.93, 0.1, 0.75, 0, 0.52, 0], ["C", 0.2, 0, 0, 0.19, 0, 0.5], ["C", 0, 0.81, 0.2, 1, 0.52, 1], ["C", 0.75, 1, 0.93, 0.9, 1, 0.7], ["L", 0.79, 0.64], ["C", 0.75, 0.77, 0.66, 0.84, 0.52, 0.84], ["C", 0.31, 0.84, 0.21, 0.72, 0.21, 0.5], ["C", 0.21, 0.28, 0.31, 0.16, 0.52, 0.16], ["C", 0.66, 0.16, 0.75, 0.23, 0.79, 0.36], ["Z"]],
  G: [["M", 1, 0.7], ["L", 0.79, 0.64], ["C", 0.75, 0.77, 0.66, 0.84, 0.52, 0.84], ["C", 0.31, 0.84, 0.21, 0.72, 0.21, 0.5], ["C", 0.21, 0.28, 0.31, 0.16, 0.53, 0.16], ["C", 0.64, 0.16, 0.73, 0.19, 0.79, 0.24], ["L", 0.79, 0.37], ["L", 0.54, 0.37], ["L", 0.54, 0.53], ["L", 1, 0.53], ["L", 1, 0.15], ["C", 0.87, 0.05, 0.71, 0, 0.53, 0], ["C", 0.2, 0, 0, 0.19, 0, 0.5], ["C", 0, 0.81, 0.2, 1, 0.52, 1], ["C", 0.75, 1, 0.93, 0.9, 1, 0.7], ["Z"]],
  T: [["M", 0, 1], ["L", 1, 1], ["L", 1, 0.83], ["L", 0.61, 0.83], ["L", 0.61, 0], ["L", 0.39, 0], ["L", 0.39, 0.83], ["L", 0, 0.83], ["Z"]],
};
const BLOCK = [["M", 0, 0], ["L", 0, 1], ["L", 1, 1], ["L", 1, 0], ["Z"]];
const LETTER_SLOTS = { A: 2, C: 0, G: 1, T: 3 };

// An outline stretched to a box, as a path in the axes' own numbers.
function outline(letter, left, bottom, width, height) {
  const scale = (value, index) => (index % 2 ? left + value * width : bottom + value * height);
  return (OUTLINES[letter] || BLOCK).map((step) => step[0] + step.slice(1).map((value, index) => scale(value, index + 1).toPrecision(6)).join(",")).join(" ");
}

// Letters of one position, the small ones next to the line at 0; every letter stands upright.
function stackOf(spec, index) {
  const letters = spec.letters.map((letter, j) => ({ letter, height: spec.heights[index][j] || 0 })).filter((one) => one.height);
  letters.sort((a, b) => Math.abs(a.height) - Math.abs(b.height));
  let up = 0, down = 0;
  return letters.map(({ letter, height }) => {
    const bottom = height > 0 ? up : down + height;
    if (height > 0) up += height; else down += height;
    return { letter, height, bottom };
  });
}

function logoRange(spec) {
  let low = 0, high = 0;
  spec.heights.forEach((line) => {
    low = Math.min(low, line.reduce((sum, value) => sum + Math.min(0, value || 0), 0));
    high = Math.max(high, line.reduce((sum, value) => sum + Math.max(0, value || 0), 0));
  });
  const room = (high - low || 1) * 0.06;
  return [low - (low < 0 ? room : 0), high + room];
}

function logoAxes(layout, spec, rows, colours) {
  const plotHeight = rows.count * LOGO_ROW + (rows.count - 1) * LOGO_GAP;
  const range = logoRange(spec);
  for (let row = 0; row < rows.count; row += 1) {
    const top = 1 - (row * (LOGO_ROW + LOGO_GAP)) / plotHeight, name = row ? String(row + 1) : "";
    const first = row * rows.size, named = [];
    for (let index = first; index < Math.min(first + rows.size, spec.columns.length); index += 1) if (Number(spec.columns[index]) % 10 === 0) named.push(index);
    layout["xaxis" + name] = axis(colours, row === rows.count - 1 ? spec.x : "", {
      range: [first - 0.6, first + rows.size - 0.4], anchor: "y" + name, showgrid: false, tickvals: named, ticktext: named.map((index) => literal(spec.columns[index])),
    });
    layout["yaxis" + name] = axis(colours, row === 0 ? spec.y : "", {
      range, anchor: "x" + name, domain: [Math.max(0, top - LOGO_ROW / plotHeight), top], nticks: 5, tickformat: tickFormat(range), zeroline: true, zerolinecolor: colours.soft, zerolinewidth: 1,
    });
  }
  return plotHeight;
}

function assembleLogo(spec, width, colours) {
  const count = Math.max(1, Math.ceil((spec.columns.length * LETTER_WIDTH) / Math.max(90, width - 66)));
  const rows = { count, size: Math.ceil(spec.columns.length / count) };
  const layout = {
    width, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", dragmode: false, hovermode: "closest", showlegend: false, legend: {}, shapes: [],
    font: { family: colours.font, size: 12, color: colours.ink }, margin: { l: 48, r: 14, t: 8, b: 42, pad: 2 },
    hoverlabel: { bgcolor: colours.paper, bordercolor: colours.rule, font: { family: colours.font, size: 12, color: colours.ink }, align: "left" },
  };
  layout.height = logoAxes(layout, spec, rows, colours) + layout.margin.t + layout.margin.b;
  const data = Array.from({ length: count }, (_, row) => ({
    type: "scatter", mode: "markers", x: [], y: [], hovertext: [], hoverinfo: "text", marker: { size: LETTER_WIDTH, opacity: 0 }, xaxis: "x" + (row ? row + 1 : ""), yaxis: "y" + (row ? row + 1 : ""),
  }));
  spec.columns.forEach((position, index) => stackOf(spec, index).forEach(({ letter, height, bottom }) => {
    const trace = data[Math.floor(index / rows.size)];
    trace.x.push(index);
    trace.y.push(bottom + Math.max(0, height));
    trace.hovertext.push([spec.x + ": " + position + " " + letter, spec.y + ": " + written(height)].map(literal).join("<br>"));
    layout.shapes.push({
      type: "path", path: outline(letter, index - 0.46, bottom, 0.92, Math.abs(height)), xref: trace.xaxis, yref: trace.yaxis,
      fillcolor: letter in LETTER_SLOTS ? colours.series[LETTER_SLOTS[letter]] : colours.soft, line: { width: 0 }, layer: "above",
    });
  }));
  return { data, layout };
}
