// Light or dark: the reader's choice, else the system's. Colours live in the style sheet and are read from there.
const root = document.documentElement;
const systemDark = window.matchMedia("(prefers-color-scheme: dark)");

function storedTheme() {
  try { return window.localStorage.getItem("gxtool-theme"); } catch (error) { return null; }
}

function storeTheme(name) {
  try { window.localStorage.setItem("gxtool-theme", name); } catch (error) { /* private mode: the choice lasts as long as the page */ }
}

function isDark() {
  return root.dataset.theme ? root.dataset.theme === "dark" : systemDark.matches;
}

// Colours of the page as it is now, or those of paper for printing and for saved figures.
function readColours(onPaper) {
  const probe = document.createElement("i");
  if (onPaper) probe.className = "on-paper";
  document.body.appendChild(probe);
  const style = window.getComputedStyle(probe);
  const value = (name) => style.getPropertyValue(name).trim();
  const colours = {
    paper: value("--paper"), ink: value("--ink"), soft: value("--soft"), rule: value("--rule"), faint: value("--faint"),
    series: Array.from({ length: 7 }, (_, index) => value("--s" + index)), font: value("--sans"),
    dark: !onPaper && isDark(),
  };
  probe.remove();
  return colours;
}

function setUpTheme(redraw) {
  const button = document.getElementById("theme");
  const show = () => button.setAttribute("aria-pressed", String(isDark()));
  const saved = storedTheme();
  if (saved === "dark" || saved === "light") root.dataset.theme = saved;
  button.hidden = false;
  show();
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    storeTheme(root.dataset.theme);
    show();
    redraw();
  });
  systemDark.addEventListener("change", () => { show(); redraw(); });
}
