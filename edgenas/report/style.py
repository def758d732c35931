"""How the page looks. The plots take their colours from here, so that each means one thing everywhere."""

from __future__ import annotations

COLOURS = """
:root {
  color-scheme: light dark;
  --page: #f4f6f8; --card: #ffffff; --ink: #1a1f26; --soft: #5a6572; --rule: #dde2e8; --sunk: #eef1f4;
  --measured: #0b66c3; --predicted: #9cc4ee; --limit: #c2450c; --random: #8a95a3; --handmade: #39424e;
  --held: #14763a; --held-tint: #e3f4e9; --missed: #b91c2b; --missed-tint: #fde8ea;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #101317; --card: #191e24; --ink: #e7eaee; --soft: #9ba6b2; --rule: #2d343c; --sunk: #222830;
    --measured: #58a8f7; --predicted: #2c5f95; --limit: #f28d4a; --random: #7d8894; --handmade: #cfd6de;
    --held: #56c983; --held-tint: #16301f; --missed: #ff7f88; --missed-tint: #3a1a1e;
  }
}
"""

LAYOUT = """
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--page); color: var(--ink);
       font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
main { max-width: 1080px; margin: 0 auto; padding: 28px 20px 48px; }
header, section { background: var(--card); border: 1px solid var(--rule); border-radius: 10px;
                  padding: 22px 24px; margin-bottom: 18px; min-width: 0; }
h1 { font-size: 24px; line-height: 1.25; margin: 0 0 2px; overflow-wrap: anywhere; }
h2 { font-size: 18px; margin: 0 0 10px; }
h3 { font-size: 15px; margin: 22px 0 8px; }
h4 { font-size: 13.5px; font-weight: 600; margin: 10px 0 2px; }
p { margin: 8px 0; overflow-wrap: anywhere; }
code, pre { font: 13px/1.45 ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; }
code { background: var(--sunk); border-radius: 4px; padding: 1px 5px; overflow-wrap: anywhere; }
pre { background: var(--sunk); border-radius: 6px; padding: 12px; margin: 8px 0; overflow: auto;
      max-height: 480px; }
pre.command { white-space: pre-wrap; overflow-wrap: anywhere; }
.note, .about { color: var(--soft); font-size: 13.5px; max-width: 100ch; }
p.missing { background: var(--sunk); border-left: 3px solid var(--soft); border-radius: 4px;
            padding: 8px 12px; }
p.missing code { background: var(--card); }
.held { color: var(--held); font-weight: 600; }
.missed { color: var(--missed); font-weight: 600; }
data { font-variant-numeric: tabular-nums; white-space: nowrap; }
summary { cursor: pointer; font-weight: 600; padding: 4px 0; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; min-width: 100%; font-size: 14px; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: 6px 18px 6px 0; border-bottom: 1px solid var(--rule);
         white-space: nowrap; vertical-align: top; }
td:last-child { white-space: normal; min-width: 16ch; padding-right: 0; }
th { color: var(--soft); font-weight: 500; font-size: 13px; }
tbody tr:last-child td { border-bottom: 0; }
dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(240px, 1fr)); gap: 10px 24px;
     margin: 10px 0; }
dl div { min-width: 0; }
dt { color: var(--soft); font-size: 13px; }
dd { margin: 0; overflow-wrap: anywhere; }
.key { display: inline-block; width: 11px; height: 11px; border-radius: 3px; margin-right: 6px; }
.key.measured { background: var(--measured); } .key.predicted { background: var(--predicted); }
.key.limit { width: 3px; height: 13px; border-radius: 0; background: var(--limit); vertical-align: -2px; }
.key.circle { border-radius: 50%; } .key.diamond { border-radius: 0; transform: rotate(45deg) scale(0.85); }
.legend { display: flex; flex-wrap: wrap; gap: 4px 18px; color: var(--soft); font-size: 13px; margin: 8px 0; }
@media (max-width: 600px) {
  main { padding: 10px 8px 24px; }
  header, section { padding: 16px 14px; border-radius: 8px; margin-bottom: 10px; }
  h1 { font-size: 20px; }
  td:last-child { white-space: nowrap; }
}
"""

HEADLINE = """
.says { font-size: 17px; padding: 10px 14px; border-radius: 6px; margin: 14px 0; }
.says.good { background: var(--held-tint); } .says.bad { background: var(--missed-tint); }
.says.open { background: var(--sunk); }
.says p { margin: 0 0 4px; }
.says code { background: none; padding: 0; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(200px, 1fr)); gap: 12px 28px;
         margin: 16px 0 4px; }
.card .what { color: var(--soft); font-size: 13px; }
.card .big { font-size: 32px; line-height: 1.2; font-weight: 650; overflow-wrap: anywhere; }
.card .big data { white-space: normal; }
.card .more { color: var(--soft); font-size: 13.5px; }
.phases { display: flex; flex-wrap: wrap; gap: 6px; list-style: none; padding: 0; margin: 14px 0 0; }
.phases li { border: 1px solid var(--rule); border-radius: 99px; padding: 1px 11px; font-size: 13px; }
.phases .open { color: var(--soft); border-style: dashed; }
"""

BARS = """
.bars { margin: 12px 0 4px; }
.bar { display: grid; grid-template-columns: 290px 1fr 170px; column-gap: 14px; align-items: center;
       min-height: 38px; }
.bar .name { font-size: 14px; line-height: 1.3; }
.bar .value { font-weight: 600; white-space: nowrap; }
.track { position: relative; align-self: stretch;
         background: linear-gradient(var(--sunk), var(--sunk)) center / 100% 18px no-repeat; }
.track .fill { position: absolute; top: 50%; left: 0; height: 18px; margin-top: -9px;
               border-radius: 0 3px 3px 0; }
.fill.measured { background: var(--measured); } .fill.predicted { background: var(--predicted); }
.track .line { position: absolute; top: 0; bottom: 0; width: 3px; margin-left: -1px;
               background: var(--limit); }
.bar.budget .track { background: none; }
.bar.budget .value { color: var(--limit); }
.bar .share { font-weight: 400; margin-left: 6px; }
.bar .share:not(.missed) { color: var(--soft); }
@media (max-width: 600px) {
  .bar { grid-template-columns: 1fr auto; padding-top: 6px; }
  .bar .track { grid-column: 1 / 3; order: 3; min-height: 28px; }
  .bar.budget .track { min-height: 10px; }
}
"""

NETWORK = """
.layers { list-style: none; padding: 0; margin: 14px 0 0; }
.layer { position: relative; margin-bottom: 12px; border: 1px solid var(--rule); border-radius: 6px;
         background: var(--card); }
.layer:not(:last-child)::after { content: ""; position: absolute; left: 26px; bottom: -13px; height: 12px;
                                 border-left: 2px solid var(--soft); }
.layer .share { position: absolute; inset: 0 auto 0 0; max-width: 100%; background: var(--predicted);
                border-radius: 5px 0 0 5px; }
.layer .text { position: relative; display: grid; gap: 0 14px; padding: 8px 14px;
               grid-template-columns: 1.3fr 1.3fr 1fr 130px 64px; align-items: baseline; font-size: 14px; }
.layer .place { font-weight: 600; overflow-wrap: anywhere; }
.layer .operator { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace;
                   font-size: 13px; overflow-wrap: anywhere; }
.layer .cost, .layer .part { text-align: right; white-space: nowrap; }
.layer .part { font-weight: 600; }
.layer.skipped { border-style: dashed; color: var(--soft); }
.layer.skipped .text { padding-top: 0; padding-bottom: 0; font-size: 12px; line-height: 18px; }
.layer.skipped .place, .layer.skipped .part { font-weight: 400; }
.layer.skipped .operator { font-size: 12px; }
.layer.overhead { border-style: dotted; margin-top: 20px; }
.layer:has(+ .overhead)::after { display: none; }
@media (max-width: 600px) {
  .layer .text { grid-template-columns: 1fr auto auto; gap: 0 12px; padding: 7px 10px; }
  .layer .operator { grid-row: 2; grid-column: 1; }
  .layer .shape { grid-row: 2; grid-column: 2 / 4; text-align: right; }
  .layer.skipped .operator { grid-row: 1; grid-column: 2; }
  .layer.skipped .shape, .layer.skipped .cost { display: none; }
}
"""

CELLS = """
.cell polyline { stroke: var(--soft); }
.cell .conv { fill: var(--measured); } .cell .pool { fill: var(--limit); } .cell .other { fill: var(--random); }
.cell .node { fill: var(--card); stroke: var(--ink); } .cell .name { fill: var(--ink); }
"""

PLOTS = """
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(300px, 1fr)); gap: 12px 20px; }
.plots > div { min-width: 0; }
.plot { width: 100%; min-width: 0; margin-bottom: 10px; }
"""

STYLE = COLOURS + LAYOUT + HEADLINE + BARS + NETWORK + CELLS + PLOTS
