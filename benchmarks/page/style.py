"""The style sheet of the page: light or dark, as the reader's system has it."""

STYLE = """
:root { color-scheme: light dark; --ink: #1d2430; --soft: #667085; --line: #e3e6eb; --paper: #ffffff; --tint: #f6f7f9;
  --good: #17803d; --met: #4d7c0f; --bad: #b42318;
  --c0: #2f6fde; --c1: #d9742b; --c2: #2a9d6f; --c3: #a24bc4; --c4: #c23a5b; --c5: #7a7f87; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ef; --soft: #9aa4b2; --line: #333a45; --paper: #15181d;
  --tint: #1c2026; --good: #4ade80; --met: #a3e635; --bad: #f97066; --c0: #6ea1ff; --c1: #f0a060; --c2: #5cc99a;
  --c3: #cf8ae8; --c4: #f27a95; --c5: #a0a6b0; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1010px; padding: 24px; background: var(--paper); color: var(--ink);
  font: 14px/1.45 system-ui, sans-serif; }
h1 { font-size: 24px; margin: 0 0 4px; } h2 { font-size: 17px; margin: 30px 0 8px; }
h3 { font-size: 14px; margin: 0 0 6px; } p { margin: 4px 0 8px; max-width: 75ch; } .soft { color: var(--soft); }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th { text-align: left; color: var(--soft); font-weight: 500; }
td, th { padding: 4px 10px 4px 0; border-bottom: 1px solid var(--line); }
td.number, th.number { text-align: right; } td.interval { color: var(--soft); }
.verdict { display: inline-block; min-width: 52px; text-align: center; border-radius: 4px;
  padding: 0 8px; color: #fff; font-size: 12px; }
.goal { background: #17803d; } .met { background: #5b8a15; } .miss { background: #b42318; }
.stated { background: #7a7f87; }
.grid2 { display: grid; grid-template-columns: 1fr 1fr; gap: 20px 24px; }
@media (max-width: 900px) { .grid2 { grid-template-columns: 1fr; } }
figure { margin: 0; } figcaption { color: var(--soft); font-size: 12.5px; }
svg { max-width: 100%; height: auto; font: 11.5px system-ui, sans-serif; } svg text { fill: var(--ink); }
svg .title, svg .limit-text { fill: var(--soft); } svg .end { text-anchor: end; } svg .middle { text-anchor: middle; }
svg .grid { stroke: var(--line); fill: none; } svg .limit { stroke: var(--bad); stroke-dasharray: 5 4; fill: none; }
svg .line { fill: none; stroke-width: 2; } svg .whisker { stroke: var(--ink); stroke-width: 1.5; fill: none; }
svg .line.s0 { stroke: var(--c0); } svg .line.s1 { stroke: var(--c1); } svg .line.s2 { stroke: var(--c2); }
svg .line.s3 { stroke: var(--c3); } svg .line.s4 { stroke: var(--c4); } svg .line.s5 { stroke: var(--c5); }
svg .fill.s0 { fill: var(--c0); } svg .fill.s1 { fill: var(--c1); } svg .fill.s2 { fill: var(--c2); }
svg .fill.s3 { fill: var(--c3); } svg .fill.s4 { fill: var(--c4); } svg .fill.s5 { fill: var(--c5); }
svg.flame text { fill: #14181f; } svg.flame rect { stroke: var(--paper); stroke-width: .5; }
.f0 { fill: #f0a35e; background: #f0a35e; } .f1 { fill: #e7c65b; background: #e7c65b; }
.f2 { fill: #b9d977; background: #b9d977; } .f3 { fill: #a7adb7; background: #a7adb7; }
.f4 { fill: #8fd0c0; background: #8fd0c0; } .f5 { fill: #ef9a9a; background: #ef9a9a; }
.f6 { fill: #8fb6ef; background: #8fb6ef; } .f7 { fill: #d8a6e6; background: #d8a6e6; }
.f8 { fill: #c9ccd2; background: #c9ccd2; } .f9 { fill: #b4c7a0; background: #b4c7a0; }
.f10 { fill: #f3b8d0; background: #f3b8d0; } .f11 { fill: #dddddd; background: #dddddd; }
.key { display: inline-block; margin: 0 14px 4px 0; }
.key i { display: inline-block; width: 11px; height: 11px; margin-right: 5px;
  border-radius: 2px; vertical-align: -1px; }
details { border-bottom: 1px solid var(--line); padding: 6px 0; } summary { cursor: pointer; }
details table { margin: 6px 0 10px; }
.note { background: var(--tint); border-left: 3px solid var(--bad); padding: 6px 12px; margin: 8px 0; }
"""
