// Lay figures out for the width they have, draw them, and draw them again when width, theme or view change.
const drawings = JSON.parse(document.getElementById("drawings").textContent);
const CONFIG = { displayModeBar: false, responsive: false, scrollZoom: false, doubleClick: false, showTips: false, displaylogo: false };

function axis(colours, title, extra) {
  return Object.assign({
    title: { text: literal(title), font: { size: 12, color: colours.soft }, standoff: 8 }, fixedrange: true, zeroline: false, showline: false,
    gridcolor: colours.faint, tickfont: { size: 11, color: colours.soft }, automargin: true, ticks: "",
  }, extra);
}

function plotHeightOf(spec, width, rows) {
  if (spec.kind === "heatmap") return Math.min(640, Math.max(180, spec.rows.length * 24));
  if (rows) return rows.length * (spec.values ? 38 : rows.length > 12 ? 19 : 32) + 16;
  if (spec.square) return Math.min(420, Math.max(220, width - 70));
  return Math.min(320, Math.max(210, width * 0.55));
}

function layoutOf(spec, width, colours) {
  const narrow = width < NARROW;
  const rows = spec.horizontal ? rowNames(spec) : null;
  const plotHeight = plotHeightOf(spec, width, rows);
  const layout = {
    width, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", dragmode: false, hovermode: "closest",
    font: { family: colours.font, size: 12, color: colours.ink }, barmode: "group", bargap: 0.25,
    hoverlabel: { bgcolor: colours.paper, bordercolor: colours.rule, font: { family: colours.font, size: 12, color: colours.ink }, align: "left" },
    legend: { orientation: "h", xref: "container", x: 0, yref: "container", y: 1, yanchor: "top", font: { size: 12, color: colours.ink }, itemclick: false, itemdoubleclick: false, bgcolor: "rgba(0,0,0,0)" },
    margin: { l: 48, r: 14, t: 8, b: 46, pad: 2 },
  };
  if (spec.kind === "heatmap") {
    layout.xaxis = axis(colours, spec.x, { showgrid: false, type: "category" });
    layout.yaxis = axis(colours, spec.y, { showgrid: false, type: "category", autorange: "reversed" });
    labelCategories(layout.xaxis, spec.columns, spec.columns.length > 30 ? Math.ceil(spec.columns.length / 15) : 1, 14);
    labelCategories(layout.yaxis, spec.rows, spec.rows.length > 40 ? Math.ceil(spec.rows.length / 25) : 1, 18);
    return { layout, plotHeight, keys: [], above: 0 };
  }
  const range = valueRange(spec);
  const cross = crossLines(spec, colours);
  const beside = rows ? flagsAbove(spec, range, plotHeight, colours) : labelsBeside(spec, range, plotHeight, narrow || width < 680, colours);
  layout.shapes = [...beside.shapes, ...cross.shapes];
  layout.annotations = [...beside.annotations, ...cross.annotations];
  layout.margin.r += beside.width;
  if (rows) {
    layoutRows(layout, spec, rows, narrow, range, colours);
  } else {
    layout.xaxis = axis(colours, spec.x, spec.x_range ? { range: padded(spec.x_range, spec) } : {});
    layout.yaxis = axis(colours, spec.y, { range: spec.y_range ? padded(range, spec) : range });
    wholeEpochs(layout.xaxis, spec);
  }
  return { layout, plotHeight, keys: beside.keys, above: beside.height };
}

// A curve that runs along the frame must not be cut in half.
function padded(range, spec) {
  const room = spec.square ? (range[1] - range[0]) * 0.015 : 0;
  return [range[0] - room, range[1] + room];
}

function wholeEpochs(xaxis, spec) {
  const values = spec.traces.flatMap((trace) => trace.x);
  const whole = values.length > 0 && values.every((value) => Number.isInteger(value));
  if (whole && Math.max(...values) - Math.min(...values) <= 12) xaxis.dtick = 1;
}

function labelCategories(target, names, step, limit) {
  target.tickvals = names.map((_, index) => index).filter((index) => index % step === 0);
  target.ticktext = target.tickvals.map((index) => literal(shorten(names[index], limit)));
  target.type = "linear";
  if (target.autorange === "reversed") { delete target.autorange; target.range = [names.length - 0.5, -0.5]; } else target.range = [-0.5, names.length - 0.5];
}

function layoutRows(layout, spec, rows, narrow, range, colours) {
  const longest = Math.max(...rows.map((name) => Array.from(name).length));
  const above = narrow && spec.values && longest > 10;
  layout.xaxis = axis(colours, spec.y, { range, nticks: narrow ? 5 : 9 });
  layout.yaxis = axis(colours, "", {
    range: [rows.length - 0.4, -0.6], tickvals: rows.map((_, index) => index), showgrid: true,
    ticktext: rows.map((name) => (above ? "" : literal(shorten(name, narrow ? 16 : 40)))), tickfont: { size: 12, color: colours.ink },
  });
  if (above) {
    layout.margin.l = 8;
    rows.forEach((name, index) => layout.annotations.push({
      x: 0, xref: "paper", xanchor: "left", y: index - 0.36, yref: "y", yanchor: "middle", showarrow: false, align: "left", text: literal(shorten(name, 34)), font: { size: 11.5, color: colours.ink },
    }));
  }
  if (spec.values) layoutValues(layout, spec, rows, narrow, colours);
}

// Each row ends with its numbers, as a forest plot in a paper does.
function layoutValues(layout, spec, rows, narrow, colours) {
  let longest = 0;
  spec.traces.filter((trace) => trace.text && trace.role !== "seed").forEach((trace) => trace.x.forEach((name, index) => {
    const text = narrow ? trace.text[index].split(" (")[0] : trace.text[index];
    longest = Math.max(longest, text.length);
    layout.annotations.push({
      x: 1, xref: "paper", xanchor: "left", xshift: 10, y: rows.indexOf(String(name)), yref: "y", yanchor: "middle", showarrow: false, align: "left", text: literal(text), font: { size: 12, color: colours.ink },
    });
  }));
  layout.margin.r += longest * 6.8 + 12;
}

function assemble(spec, width, colours) {
  const { layout, plotHeight, keys, above } = layoutOf(spec, width, colours);
  const data = spec.kind === "heatmap" ? heatmapOf(spec, colours) : [...tracesOf(spec, colours), ...keys];
  const legend = spec.kind !== "heatmap" && (keys.length > 0 || (!spec.no_legend && data.filter((trace) => trace.showlegend !== false).length > 1));
  layout.showlegend = legend;
  layout.margin.t += above;
  layout.height = plotHeight + layout.margin.t + layout.margin.b;
  return { data, layout, above };
}

// The legend's height is known once it is drawn; the plot moves down by as much.
function fitLegend(plot, layout) {
  const box = plot.querySelector(".legend .bg");
  const needed = layout.showlegend && box ? Math.ceil(box.getBBox().height) + 4 : 0;
  if (!needed) return null;
  return { "margin.t": layout.margin.t + needed, height: layout.height + needed };
}

function drawChart(figure, colours) {
  const plot = figure.querySelector(".plot");
  const width = Math.floor(plot.clientWidth);
  if (!width) return;
  const spec = drawings[figure.id][Number(figure.dataset.view || 0)];
  const { data, layout } = assemble(spec, width, colours || readColours(false));
  Plotly.react(plot, data, layout, CONFIG);
  const fitted = fitLegend(plot, layout);
  if (fitted) Plotly.relayout(plot, fitted);
  const height = fitted ? fitted.height : layout.height;
  plot.style.setProperty("--plot-ratio", width + " / " + height);
  plot.querySelectorAll(".main-svg").forEach((svg) => svg.setAttribute("viewBox", "0 0 " + width + " " + height));
  plot.dataset.width = String(width);
  plot.classList.add("drawn");
}

function allCharts() {
  return Array.from(document.querySelectorAll("figure.chart"));
}

function redrawAll(onPaper) {
  const colours = readColours(onPaper === true);
  allCharts().forEach((figure) => drawChart(figure, colours));
}

function showView(figure, index) {
  const spec = drawings[figure.id][index];
  figure.dataset.view = String(index);
  figure.querySelector(".title .name").textContent = spec.title;
  figure.querySelector("figcaption").textContent = spec.description;
  figure.querySelector(".plot").setAttribute("aria-label", spec.title + ". " + spec.description);
  drawChart(figure);
}

function setUpCharts() {
  redrawAll();
  document.querySelectorAll("select[data-charts]").forEach((menu) => menu.addEventListener("change", () => {
    menu.dataset.charts.trim().split(" ").forEach((id) => showView(document.getElementById(id), Number(menu.value)));
  }));
  const observer = new ResizeObserver((entries) => window.requestAnimationFrame(() => entries.forEach((entry) => {
    const plot = entry.target;
    if (!printing && plot.clientWidth && Math.abs(plot.clientWidth - Number(plot.dataset.width)) > 1) drawChart(plot.closest("figure"));
  })));
  allCharts().forEach((figure) => observer.observe(figure.querySelector(".plot")));
}

let printing = false;
function setUpPrinting() {
  window.addEventListener("beforeprint", () => { printing = true; redrawAll(true); });
  window.addEventListener("afterprint", () => { printing = false; redrawAll(); });
}
