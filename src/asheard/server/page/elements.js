// Make elements without HTML text. What the service sends becomes text nodes, so it cannot become markup.

export function el(tag, properties = {}, ...children) {
  const { aria = {}, ...rest } = properties;
  const element = Object.assign(document.createElement(tag), rest);
  for (const [name, value] of Object.entries(aria)) element.setAttribute(name === "role" ? name : `aria-${name}`, value);
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

export const formatPercent = (share) => `${Math.round(share * 100)}%`;
export const formatSeconds = (seconds) => `${seconds.toFixed(2)} s`;
