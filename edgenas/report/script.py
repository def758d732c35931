"""Draws the plots in the browser, in the page's colours, anew when the reader changes to dark or light."""

from __future__ import annotations

SCRIPT = """
const settings = {responsive: true, displayModeBar: false};
const coloured = spec => {
  const style = getComputedStyle(document.documentElement);
  return JSON.parse(spec.replace(/var\\((--[a-z-]+)\\)/g, (whole, name) => style.getPropertyValue(name).trim()));
};
const draw = () => document.querySelectorAll(".plot").forEach(holder => {
  const spec = coloured(holder.dataset.spec);
  Plotly.react(holder, spec.data, spec.layout, settings);
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
draw();
"""
