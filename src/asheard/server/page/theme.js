// Dark or light colours: those of the system, until the user switches.

const root = document.documentElement;
const systemIsDark = matchMedia("(prefers-color-scheme: dark)");

// changed() is called when the colours change.
export function startTheme(button, changed) {
  const stored = localStorage.getItem("theme");
  if (stored) root.dataset.theme = stored;
  systemIsDark.addEventListener("change", changed);
  button.addEventListener("click", () => {
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : systemIsDark.matches;
    root.dataset.theme = dark ? "light" : "dark";
    localStorage.setItem("theme", root.dataset.theme);
    changed();
  });
}
