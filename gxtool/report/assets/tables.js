// Tables sort by any column (click, or Enter and Space on its heading) and long ones filter as one types.
function sortValue(cell) {
  if (cell.dataset.v === undefined) return cell.textContent.trim();
  return cell.dataset.v === "" ? null : Number(cell.dataset.v);
}

// Missing values stay last in both directions; ties keep their order.
function sortTable(table, column, descending) {
  const body = table.tBodies[0];
  const rows = Array.from(body.rows, (row, place) => ({ row, place, value: sortValue(row.cells[column]) }));
  const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });
  rows.sort((a, b) => {
    if (a.value === null || b.value === null) return (a.value === null) - (b.value === null) || a.place - b.place;
    const order = typeof a.value === "number" && typeof b.value === "number" ? a.value - b.value : collator.compare(String(a.value), String(b.value));
    return (descending ? -order : order) || a.place - b.place;
  });
  body.append(...rows.map((entry) => entry.row));
}

function setUpSorting(table) {
  const headings = Array.from(table.tHead.rows[0].cells);
  headings.forEach((heading, column) => heading.querySelector("button").addEventListener("click", () => {
    const descending = heading.getAttribute("aria-sort") === "ascending";
    headings.forEach((other) => other.removeAttribute("aria-sort"));
    heading.setAttribute("aria-sort", descending ? "descending" : "ascending");
    sortTable(table, column, descending);
    say("Sorted by " + heading.textContent.trim() + ", " + (descending ? "descending" : "ascending"));
  }));
}

function setUpFilter(field) {
  const rows = Array.from(field.closest("details").querySelectorAll("tbody tr"));
  field.addEventListener("input", () => {
    const wanted = field.value.trim().toLowerCase();
    let left = 0;
    rows.forEach((row) => {
      row.hidden = wanted !== "" && !row.textContent.toLowerCase().includes(wanted);
      left += row.hidden ? 0 : 1;
    });
    say(left.toLocaleString("en-US") + " rows");
  });
}

// A box that cannot scroll need not be a stop for the Tab key.
function setUpBoxes() {
  const boxes = Array.from(document.querySelectorAll(".box, pre"));
  const check = (box) => {
    if (box.scrollWidth > box.clientWidth + 1 || box.scrollHeight > box.clientHeight + 1) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  };
  const observer = new ResizeObserver((entries) => entries.forEach((entry) => check(entry.target)));
  boxes.forEach((box) => observer.observe(box));
}

function setUpTables() {
  document.querySelectorAll(".box table").forEach(setUpSorting);
  document.querySelectorAll(".filter input").forEach(setUpFilter);
  setUpBoxes();
}
