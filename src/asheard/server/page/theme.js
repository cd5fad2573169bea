// Dark or light: the system's, until the switch says otherwise.

const root = document.documentElement;
const systemIsDark = matchMedia("(prefers-color-scheme: dark)");

// changed() is called whenever the colours are others.
export function startTheme(button, changed) {
  const kept = localStorage.getItem("theme");
  if (kept) root.dataset.theme = kept;
  systemIsDark.addEventListener("change", changed);
  button.addEventListener("click", () => {
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : systemIsDark.matches;
    root.dataset.theme = dark ? "light" : "dark";
    localStorage.setItem("theme", root.dataset.theme);
    changed();
  });
}
