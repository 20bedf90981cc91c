/* Colours from one accent: whatever a site chooses, text keeps a contrast of 4.5 or more. */

const DEFAULT_ACCENT = "#1f6f5c";
/** `--raised` of style.js, the harder of the two backgrounds of each theme. */
const SURFACES = { light: [243, 245, 246], dark: [42, 48, 55] };

function parseHex(text) {
  const hex = /^#([0-9a-f]{3}|[0-9a-f]{6})$/i.exec(text?.trim() ?? "")?.[1];
  if (!hex) return null;
  const full = hex.length === 3 ? hex.replace(/./g, "$&$&") : hex;
  return [0, 2, 4].map((at) => parseInt(full.slice(at, at + 2), 16));
}

/** Relative luminance as WCAG 2 defines it, 0 to 1. */
function luminance(rgb) {
  const [r, g, b] = rgb.map((byte) => {
    const part = byte / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(one, other) {
  const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
}

/** The accent, moved towards the text colour until it can be read on `surface`. */
function readable(accent, surface, target) {
  for (let share = 0; share < 1; share += 0.05) {
    const mixed = accent.map((byte, at) => Math.round(byte + (target[at] - byte) * share));
    if (contrast(mixed, surface) >= 4.7) return mixed;
  }
  return target;
}

const css = (rgb) => `rgb(${rgb.join(" ")})`;

export function accentColours(wanted, theme) {
  const accent = parseHex(wanted) ?? parseHex(DEFAULT_ACCENT);
  const white = [255, 255, 255];
  const black = [0, 0, 0];
  const onAccent = contrast(accent, white) >= 4.5 ? white : black;
  const ink = readable(accent, SURFACES[theme], theme === "dark" ? white : black);
  return { "--accent": css(accent), "--on-accent": css(onAccent), "--ink": css(ink) };
}
