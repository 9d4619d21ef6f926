"use strict";
// Numbers in the form that people read, as analysis/wording.py writes them.
window.wording = (() => {
  const THIN = "\u202f", MINUS = "\u2212", ROUNDING = 1e-6;

  function digits(probability) {
    if (probability === 0 || probability > 1 - ROUNDING) return (100 * probability).toFixed(0);
    const value = 100 * probability;
    if (value < 0.1) return "< 0.1";
    if (value > 99.9) return "> 99.9";
    return value.toFixed(value < 0.995 ? 2 : value < 9.95 || value >= 99.5 ? 1 : 0);
  }

  const percent = (probability) => `${digits(probability)}${THIN}%`;
  const percentRange = (low, high) => `${digits(low)}–${digits(high)}${THIN}%`;

  function points(difference) {
    const value = 100 * difference;
    if (Math.abs(value) < 0.05) return "no change";
    return `${value > 0 ? "+" : MINUS}${Math.abs(value).toFixed(Math.abs(value) < 9.95 ? 1 : 0)}${THIN}points`;
  }

  return { percent, percentRange, points };
})();
