// Tabs. All are one tab stop; the arrow keys open the next and the previous one.

const tabs = [...document.querySelectorAll("[role=tab]")];

const panelOf = (tab) => tab.getAttribute("aria-controls");

export const openPanel = () => panelOf(tabs.find((tab) => tab.tabIndex === 0));

// opened(panel) is called with the id of a panel when it is opened.
export function startTabs(opened) {
  const open = (tab) => {
    for (const other of tabs) {
      const chosen = other === tab;
      other.setAttribute("aria-selected", chosen);
      other.tabIndex = chosen ? 0 : -1;
      document.getElementById(panelOf(other)).hidden = !chosen;
    }
    opened(panelOf(tab));
  };
  tabs.forEach((tab, index) => {
    tab.addEventListener("click", () => open(tab));
    tab.addEventListener("keydown", (event) => {
      const moves = { ArrowRight: index + 1, ArrowLeft: index - 1 + tabs.length, Home: 0, End: tabs.length - 1 };
      if (!(event.key in moves)) return;
      const next = tabs[moves[event.key] % tabs.length];
      event.preventDefault();
      open(next);
      next.focus();
    });
  });
}
