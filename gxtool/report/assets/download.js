// Save what is shown: a figure as SVG, its data or a table as CSV, the text of a listing to the clipboard.
const EXPORT_WIDTH = 900;

function say(text) {
  document.getElementById("said").textContent = text;
}

function fileName(kind, number, title, suffix) {
  const words = title.toLowerCase().normalize("NFKD").replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "").slice(0, 60);
  return kind + "-" + String(number).padStart(2, "0") + (words ? "-" + words : "") + "." + suffix;
}

function save(content, type, name) {
  const address = URL.createObjectURL(new Blob([content], { type }));
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  document.body.appendChild(link);
  link.click();
  link.remove();
  window.setTimeout(() => URL.revokeObjectURL(address), 10000);
  say("Saved " + name);
}

// A spreadsheet must not take a name for a formula, so such a text gets an apostrophe in front.
function csvCell(value) {
  if (value == null || (typeof value === "number" && !Number.isFinite(value))) return "";
  let text = String(value);
  if (typeof value !== "number" && /^[=+\-@\t\r]/.test(text) && !/^[+-]?[\d.,]+(e[+-]?\d+)?$/i.test(text)) text = "'" + text;
  return /[",\n\r]/.test(text) ? '"' + text.replace(/"/g, '""') + '"' : text;
}

function csvText(rows) {
  return rows.map((row) => row.map(csvCell).join(",")).join("\r\n") + "\r\n";
}

// One row per point: series, x, y, then the interval and the remark where there are any.
function figureRows(spec) {
  if (spec.kind === "heatmap") {
    const rows = [[spec.y || "row", spec.x || "column", spec.z_title || "value"]];
    spec.z.forEach((line, i) => line.forEach((value, j) => rows.push([spec.rows[i], spec.columns[j], value])));
    return rows;
  }
  if (spec.kind === "logo") {
    const rows = [[spec.x || "position", "letter", spec.y || "height"]];
    spec.heights.forEach((line, i) => line.forEach((value, j) => { if (value) rows.push([spec.columns[i], spec.letters[j], value]); }));
    return rows;
  }
  const interval = spec.traces.some((trace) => trace.low);
  const remark = spec.traces.some((trace) => trace.text);
  const rows = [["series", spec.x || "x", spec.y || "y", ...(interval ? ["low", "high"] : []), ...(remark ? ["text"] : [])]];
  const at = (list, index) => (list ? list[index] : null);
  spec.traces.forEach((trace) => trace.x.forEach((x, index) => rows.push([
    trace.name, x, trace.y[index], ...(interval ? [at(trace.low, index), at(trace.high, index)] : []), ...(remark ? [at(trace.text, index)] : []),
  ])));
  (spec.lines || []).forEach((line) => rows.push([line.label, line.axis === "x" ? line.value : null, line.axis === "y" ? line.value : null, ...(interval ? [null, null] : []), ...(remark ? ["reference line"] : [])]));
  return rows;
}

function tableRows(table) {
  const head = Array.from(table.tHead.rows[0].cells, (cell) => cell.textContent.trim() + (cell.dataset.unit ? " (" + cell.dataset.unit + ")" : ""));
  const body = Array.from(table.tBodies[0].rows).filter((row) => !row.hidden).map((row) => Array.from(row.cells, (cell) => {
    const text = cell.textContent.trim();
    if (cell.dataset.v === "") return null;
    return cell.dataset.v !== undefined && !text.includes("(") ? Number(cell.dataset.v) : text;
  }));
  return [head, ...body];
}

// Saved figures are for paper: light colours, a fixed width, the title inside.
async function saveSvg(figure) {
  const spec = specOf(figure);
  const colours = readColours(true);
  const width = spec.square ? 620 : EXPORT_WIDTH;
  const { data, layout } = assemble(spec, width, colours);
  const stage = document.createElement("div");
  stage.className = "unseen";
  document.body.appendChild(stage);
  await Plotly.newPlot(stage, data, layout, CONFIG);
  const fitted = fitLegend(stage, layout);
  Plotly.purge(stage);
  stage.remove();
  const titleHeight = 34;
  layout.margin.t = (fitted ? fitted["margin.t"] : layout.margin.t) + titleHeight;
  layout.height = (fitted ? fitted.height : layout.height) + titleHeight;
  layout.legend.y = 1 - titleHeight / layout.height;
  layout.title = { text: literal(shorten(spec.title, 100)), x: 0, xref: "container", xanchor: "left", pad: { l: 6 }, y: 1 - 18 / layout.height, yref: "container", font: { size: 15, color: colours.ink } };
  layout.paper_bgcolor = colours.paper;
  const address = await Plotly.toImage({ data, layout, config: CONFIG }, { format: "svg", width, height: layout.height });
  const svg = decodeURIComponent(address.slice(address.indexOf(",") + 1));
  save(svg, "image/svg+xml", fileName("figure", figure.dataset.number, spec.title, "svg"));
}

function setUpDownloads() {
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-save], button[data-copy]");
    if (!button) return;
    if (button.dataset.save === "svg") saveSvg(button.closest("figure"));
    if (button.dataset.save === "csv") {
      const figure = button.closest("figure");
      const spec = specOf(figure);
      save(csvText(figureRows(spec)), "text/csv", fileName("figure", figure.dataset.number, spec.title, "csv"));
    }
    if (button.dataset.save === "table") {
      const block = button.closest(".table");
      save(csvText(tableRows(block.querySelector("table"))), "text/csv", fileName("table", block.dataset.number, block.querySelector(".name").textContent, "csv"));
    }
    if (button.hasAttribute("data-copy")) copyText(button);
  });
}

async function copyText(button) {
  const text = button.closest(".listing").querySelector("pre").textContent;
  try {
    await navigator.clipboard.writeText(text);
  } catch (error) {
    const field = document.createElement("textarea");
    field.value = text;
    field.className = "unseen";
    document.body.appendChild(field);
    field.select();
    document.execCommand("copy");
    field.remove();
  }
  button.focus();
  say("Copied");
  button.textContent = "Copied";
  window.setTimeout(() => { button.textContent = "Copy"; }, 2000);
}
