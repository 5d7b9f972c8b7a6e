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
  if (spec.kind === "heatmap" && !isScale(spec.rows)) return Math.min(640, Math.max(180, spec.rows.length * 24));
  if (rows) return rows.length * (spec.values ? 38 : rows.length > 12 ? 19 : 32) + 16;
  if (spec.square || spec.kind === "heatmap") return Math.min(420, Math.max(220, width - 70));
  return Math.min(320, Math.max(210, width * 0.55));
}

// Rows that are steps of a scale, not names: nobody looks one of them up.
function isScale(rows) {
  return rows.length > 20 && rows.every((row) => typeof row === "number");
}

function layoutOf(spec, width, colours) {
  const narrow = width < NARROW;
  const rows = spec.horizontal ? rowNames(spec) : null;
  const plotHeight = plotHeightOf(spec, width, rows);
  const layout = {
    width, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", dragmode: false, hovermode: "closest",
    font: { family: colours.font, size: 12, color: colours.ink }, barmode: "group", bargap: 0.25,
    hoverlabel: { bgcolor: colours.paper, bordercolor: colours.rule, font: { family: colours.font, size: 12, color: colours.ink }, align: "left" },
    legend: { orientation: "h", xref: "container", x: 0, yref: "container", y: 1, yanchor: "top", font: { size: 12, color: colours.ink }, itemclick: false, itemdoubleclick: false, bgcolor: "rgba(0,0,0,0)", traceorder: "normal", maxheight: 2000 },
    margin: { l: 48, r: 14, t: 8, b: 42, pad: 2 },
  };
  if (spec.kind === "heatmap") {
    layout.xaxis = axis(colours, spec.x, { showgrid: false, type: "category" });
    layout.yaxis = axis(colours, spec.y, { showgrid: false, type: "category", autorange: "reversed" });
    labelCategories(layout.xaxis, spec.columns, spec.columns.length > 30 ? roundStep(spec.columns.length, (width - 150) / 54) : 1, 14);
    labelCategories(layout.yaxis, spec.rows, isScale(spec.rows) ? roundStep(spec.rows.length, 12) : spec.rows.length > 40 ? roundStep(spec.rows.length, 25) : 1, 18);
    return { layout, plotHeight, above: 0 };
  }
  const range = valueRange(spec);
  const cross = crossLines(spec, colours);
  const beside = rows ? flagsAbove(spec, range, { width: width * 0.6, height: plotHeight }, colours) : labelsBeside(spec, range, plotHeight, width, colours);
  layout.shapes = [...beside.shapes, ...cross.shapes];
  layout.annotations = [...beside.annotations, ...cross.annotations];
  layout.margin.r += beside.width;
  if (rows) {
    layoutRows(layout, spec, rows, narrow, range, colours);
  } else {
    layout.xaxis = axis(colours, spec.x, spec.x_range ? { range: padded(spec.x_range, spec), tickformat: tickFormat(spec.x_range) } : {});
    layout.yaxis = axis(colours, spec.y, { range: spec.y_range ? padded(range, spec) : range, tickformat: tickFormat(range) });
    wholeEpochs(layout.xaxis, spec);
  }
  return { layout, plotHeight, above: beside.height };
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

// Every how many categories one is named, so that at most so many are: a round number.
function roundStep(count, most) {
  const steps = [1, 2, 5, 10, 20, 25, 50, 100, 200, 250, 500, 1000];
  return steps.find((step) => count / step <= most) || Math.ceil(count / most);
}

function labelCategories(target, names, step, limit) {
  target.tickvals = names.map((_, index) => index).filter((index) => index % step === 0);
  target.ticktext = target.tickvals.map((index) => literal(shorten(written(names[index]), limit)));
  target.type = "linear";
  if (target.autorange === "reversed") { delete target.autorange; target.range = [names.length - 0.5, -0.5]; } else target.range = [-0.5, names.length - 0.5];
}

function layoutRows(layout, spec, rows, narrow, range, colours) {
  const longest = Math.max(...rows.map((name) => Array.from(name).length));
  const above = narrow && spec.values && longest > 10;
  layout.xaxis = axis(colours, spec.y, { range, nticks: narrow ? 5 : 9, tickformat: tickFormat(range) });
  layout.yaxis = axis(colours, "", {
    range: [rows.length - 0.4, -0.6], tickvals: rows.map((_, index) => index), showgrid: true,
    ticktext: rows.map((name) => (above ? "" : literal(shorten(name, narrow ? 16 : 40)))), tickfont: { size: 12, color: colours.ink },
  });
  if (above) {
    layout.margin.l = 8;
    rows.forEach((name, index) => layout.annotations.push({
      x: 0, xref: "paper", xanchor: "left", y: index - 0.36, yref: "y", yanchor: "middle", showarrow: false, align: "left", text: literal(shorten(name, Math.floor(layout.width / 6.8))), font: { size: 11.5, color: colours.ink }, bgcolor: withAlpha(colours.paper, 0.75), borderpad: 0,
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
  if (spec.kind === "logo") return assembleLogo(spec, width, colours);
  const { layout, plotHeight, above } = layoutOf(spec, width, colours);
  const data = spec.kind === "heatmap" ? heatmapOf(spec, colours) : tracesOf(spec, colours);
  layout.showlegend = spec.kind !== "heatmap" && data.filter((trace) => trace.showlegend !== false).length > 1;
  layout.margin.t += above;
  layout.height = plotHeight + layout.margin.t + layout.margin.b;
  return { data, layout };
}

// The legend's height is known once it is drawn; the plot moves down by as much.
function fitLegend(plot, layout) {
  const box = plot.querySelector(".legend .bg");
  const needed = layout.showlegend && box ? Math.ceil(box.getBBox().height) + 4 : 0;
  if (!needed) return null;
  if (layout.xaxis.visible === false) return { height: needed };
  return { "margin.t": layout.margin.t + needed, height: layout.height + needed };
}

// Draw into an element as wide as it is; a view box lets the drawing scale on paper.
function drawInto(plot, data, layout) {
  Plotly.react(plot, data, layout, CONFIG);
  const fitted = fitLegend(plot, layout);
  if (fitted) Plotly.relayout(plot, fitted);
  const height = fitted ? fitted.height : layout.height;
  plot.style.setProperty("--plot-ratio", layout.width + " / " + height);
  plot.querySelectorAll(".main-svg").forEach((svg) => svg.setAttribute("viewBox", "0 0 " + layout.width + " " + height));
  plot.dataset.width = String(layout.width);
  plot.classList.add("drawn");
}

function specOf(figure) {
  return drawings[figure.id][Number(figure.dataset.view || 0)];
}

function drawChart(figure, colours) {
  const plot = figure.querySelector(".plot");
  const width = Math.floor(plot.clientWidth);
  if (!width) return;
  const { data, layout } = assemble(specOf(figure), width, colours || readColours(false));
  if (sharedLegend(figure.closest(".gallery"))) layout.showlegend = false;
  drawInto(plot, data, layout);
}

// Charts side by side that draw the same things share one legend above them all.
function sharedLegend(gallery) {
  const specs = Array.from(gallery.querySelectorAll("figure.chart"), specOf).filter((spec) => spec.kind === "xy" && !spec.no_legend);
  if (specs.length < 2) return null;
  const names = specs.map((spec) => spec.traces.filter((trace) => trace.role !== "guide").map((trace) => trace.name.split(spec.grouped ? "," : "\n")[0] + trace.kind));
  return names.every((own) => own.some((name) => names[0].includes(name))) ? specs : null;
}

function drawLegend(gallery, colours) {
  const place = gallery.querySelector(".legend-plot");
  const specs = place && sharedLegend(gallery);
  if (!place) return;
  place.hidden = !specs;
  if (!specs) return;
  const width = Math.floor(place.clientWidth);
  const seen = new Map();
  specs.forEach((spec) => tracesOf(spec, colours).filter((trace) => trace.showlegend !== false).forEach((trace) => {
    if (!seen.has(trace.name)) seen.set(trace.name, Object.assign({}, trace, { x: [null], y: [null], showlegend: true, error_x: undefined, error_y: undefined }));
  }));
  const hidden = { visible: false, fixedrange: true };
  const base = layoutOf(specs[0], width, colours).layout;
  const layout = { width, height: 400 + seen.size * 24, margin: { l: 0, r: 0, t: 0, b: 0 }, showlegend: true, legend: base.legend, font: base.font, paper_bgcolor: base.paper_bgcolor, plot_bgcolor: base.plot_bgcolor, xaxis: hidden, yaxis: hidden };
  drawInto(place, Array.from(seen.values()), layout);
}

function allCharts() {
  return Array.from(document.querySelectorAll("figure.chart"));
}

function redrawAll(onPaper) {
  const colours = readColours(onPaper === true);
  document.querySelectorAll(".gallery").forEach((gallery) => drawLegend(gallery, colours));
  allCharts().forEach((figure) => drawChart(figure, colours));
}

function showView(figure, index) {
  figure.dataset.view = String(index);
  const spec = specOf(figure);
  figure.querySelector(".title .name").textContent = spec.title;
  figure.querySelector("figcaption").textContent = spec.description;
  figure.querySelector(".plot").setAttribute("aria-label", spec.title + ". " + spec.description);
  drawChart(figure);
}

function setUpCharts() {
  redrawAll();
  document.querySelectorAll("select[data-charts]").forEach((menu) => menu.addEventListener("change", () => {
    menu.dataset.charts.trim().split(" ").forEach((id) => showView(document.getElementById(id), Number(menu.value)));
    drawLegend(menu.closest(".gallery"), readColours(false));
  }));
  const observer = new ResizeObserver((entries) => window.requestAnimationFrame(() => entries.forEach((entry) => {
    const plot = entry.target;
    if (printing || !plot.clientWidth || Math.abs(plot.clientWidth - Number(plot.dataset.width)) <= 1) return;
    if (plot.classList.contains("legend-plot")) drawLegend(plot.closest(".gallery"), readColours(false));
    else drawChart(plot.closest("figure"));
  })));
  document.querySelectorAll(".plot, .legend-plot").forEach((plot) => observer.observe(plot));
}

let printing = false;
function setUpPrinting() {
  window.addEventListener("beforeprint", () => { printing = true; redrawAll(true); });
  window.addEventListener("afterprint", () => { printing = false; redrawAll(); });
}
