"""Draws the plots in the browser, in the page's colours and fitted to its width."""

from __future__ import annotations

SCRIPT = """
const coloured = spec => {
  const style = getComputedStyle(document.documentElement);
  return spec.replace(/var\\((--[a-z-]+)\\)/g, (whole, name) => style.getPropertyValue(name).trim());
};
const draw = holder => {
  const spec = JSON.parse(coloured(holder.dataset.spec));
  return Plotly.react(holder, spec.data, spec.layout, {displayModeBar: false});
};
const fit = new ResizeObserver(changes => changes.forEach(change => Plotly.Plots.resize(change.target)));
const holders = document.querySelectorAll(".plot");
holders.forEach(holder => draw(holder).then(() => fit.observe(holder)));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => holders.forEach(draw));
"""
