// Start everything; mark in the contents which section is being read.
function setUpContents() {
  const links = new Map(Array.from(document.querySelectorAll(".contents a"), (link) => [link.hash.slice(1), link]));
  const headings = Array.from(document.querySelectorAll(".part > h2, .part > h3")).filter((heading) => links.has(heading.id));
  let waiting = false;
  const mark = () => {
    waiting = false;
    const passed = headings.filter((heading) => heading.getBoundingClientRect().top < window.innerHeight * 0.3);
    const current = passed.length ? passed[passed.length - 1].id : null;
    links.forEach((link, id) => (id === current ? link.setAttribute("aria-current", "true") : link.removeAttribute("aria-current")));
  };
  window.addEventListener("scroll", () => {
    if (!waiting) { waiting = true; window.requestAnimationFrame(mark); }
  }, { passive: true });
  mark();
}

setUpTheme(redrawAll);
setUpCharts();
setUpPrinting();
setUpDownloads();
setUpTables();
setUpContents();
root.dataset.ready = "true";
