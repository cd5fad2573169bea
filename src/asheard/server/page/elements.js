// Elements without markup: whatever the service sends becomes text, never HTML.

export function el(tag, properties = {}, ...children) {
  const { aria = {}, data = {}, ...rest } = properties;
  const element = Object.assign(document.createElement(tag), rest);
  for (const [name, value] of Object.entries(aria)) element.setAttribute(name === "role" ? name : `aria-${name}`, value);
  Object.assign(element.dataset, data);
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

export const percent = (share) => `${Math.round(share * 100)}%`;
export const seconds = (ms) => `${(ms / 1000).toFixed(2)} s`;
