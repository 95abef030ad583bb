// What several parts of the page say in the same words.

export const words = {
  unreachable: "The sidecar cannot be reached.",
};

const units = ["KiB", "MiB", "GiB", "TiB"];

// bytes writes a size for people.
export function bytes(n) {
  if (n < 1024) return n === 1 ? "1 byte" : `${n} bytes`;
  let unit = -1;
  do {
    n /= 1024;
    unit++;
  } while (n >= 1023.95 && unit < units.length - 1);
  return `${n < 10 ? n.toFixed(1).replace(/\.0$/, "") : Math.round(n)} ${units[unit]}`;
}

// put sets a text, and only if it is another: a screen reader would say the same again.
export function put(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
