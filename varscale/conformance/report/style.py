"""The page's style: two palettes, three widths; no fonts and pictures from elsewhere."""

from __future__ import annotations

__all__ = ["STYLE", "labels"]


#: Cells that need no label: the row's name and verdict, and its text.
_PLAIN = frozenset({"subject", "check", "verdict", "what"})


def labels(name: str, heads: tuple[str, ...]) -> str:
    """Style that labels the cells of a table whose rows are blocks on a narrow page."""
    rules = "".join(
        f'.{name} td:nth-child({place})::before{{content:"{head} "}}'
        for place, head in enumerate(heads, 1)
        if head not in _PLAIN
    )
    return f"@media (max-width:700px){{{rules}}}"


STYLE = """
:root { color-scheme: light dark;
  --paper: #fff; --raised: #f6f7f9; --ink: #1b1f24; --soft: #59616b; --line: #dfe3e8;
  --accent: #0b57c2; --bars: #a9bfdd; --law: #0b3d91;
  --passed: #116329; --passed-on: #e3f5e7; --failed: #a40e26; --failed-on: #fde4e6;
  --known: #7a4a00; --known-on: #fdf0d2; --unexpected: #6b2fb3; --unexpected-on: #f0e6fc;
  --idle: #59616b; --idle-on: #eef0f3 }
@media (prefers-color-scheme: dark) { :root {
  --paper: #14171b; --raised: #1c2026; --ink: #e4e7eb; --soft: #a0a8b3; --line: #333a43;
  --accent: #86b4ff; --bars: #40597d; --law: #b9d3ff;
  --passed: #7ee29a; --passed-on: #16321f; --failed: #ff9aa6; --failed-on: #451a20;
  --known: #f3c46b; --known-on: #3a2c0e; --unexpected: #d0b0ff; --unexpected-on: #33214d;
  --idle: #a0a8b3; --idle-on: #262b32 } }
* { box-sizing: border-box }
html { -webkit-text-size-adjust: 100%; scroll-padding-top: 1rem }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 15px/1.55 ui-sans-serif, system-ui, -apple-system, "Segoe UI", Roboto, sans-serif;
  font-variant-numeric: tabular-nums }
main { max-width: 76rem; margin: 0 auto; padding: 3rem 2rem 5rem }
h1, h2, h3 { line-height: 1.25; text-wrap: balance; letter-spacing: -.01em }
h1 { font-size: 2rem; font-weight: 650; margin: 0 0 .6rem }
h2 { font-size: 1.3rem; font-weight: 650; margin: 3.2rem 0 .8rem }
h3 { font-size: 1rem; font-weight: 650; margin: 2rem 0 .6rem }
p { margin: .5rem 0; max-width: 46rem }
a { color: var(--accent); text-underline-offset: .15em }
.soft { color: var(--soft) }
.lead { font-size: 1.1rem; max-width: 46rem }
code, .mono { font: .87em/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace;
  overflow-wrap: anywhere }
pre { margin: .6rem 0; padding: .6rem .8rem; background: var(--raised); border-radius: 6px;
  white-space: pre-wrap; overflow-wrap: anywhere }
.badge { display: inline-block; padding: .05em .55em; border-radius: 1em; font-size: .87rem;
  font-weight: 600; white-space: nowrap }
.is-passed { color: var(--passed); background: var(--passed-on) }
.is-failed { color: var(--failed); background: var(--failed-on) }
.is-known { color: var(--known); background: var(--known-on) }
.is-unexpected { color: var(--unexpected); background: var(--unexpected-on) }
.is-not-run { color: var(--idle); background: var(--idle-on) }
.legend { display: flex; flex-wrap: wrap; gap: .4rem 1.4rem; padding: 0; margin: .8rem 0;
  list-style: none; font-size: .87rem; color: var(--soft) }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%);
  white-space: nowrap }

table { border-collapse: collapse; font-size: .9rem }
th { font-weight: 600; text-align: left; color: var(--soft) }
.flow { width: 100% }
.flow th, .flow td { padding: .4rem 1.1rem .4rem 0; border-bottom: 1px solid var(--line);
  vertical-align: baseline; text-align: left }
.flow th, .findings td:not(:last-child), .checks td:not(:last-child) { white-space: nowrap }

.scroll { overflow-x: auto; max-width: 100%; width: fit-content; position: relative;
  border: 1px solid var(--line); border-radius: 8px }
.scroll:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px }
.matrix th, .matrix td { padding: 3px; text-align: center }
.matrix thead th { vertical-align: bottom; font-size: .8rem; line-height: 1.2 }
.matrix .turned { writing-mode: vertical-rl; rotate: 180deg; padding: 6px 0;
  text-align: left; white-space: nowrap; margin: auto }
.matrix .first { border-left: 1px solid var(--line) }
.matrix tbody th { position: sticky; left: 0; z-index: 1; background: var(--paper);
  padding: 3px 1rem 3px .9rem; text-align: left; white-space: nowrap; color: var(--ink) }
.matrix thead .corner { position: sticky; left: 0; z-index: 1; background: var(--paper) }
.matrix tbody th .soft { font-weight: 400 }
.matrix .cell { display: block; min-width: 2.1rem; padding: .2rem .3rem; border-radius: 5px;
  font-weight: 600; text-decoration: none; white-space: nowrap }
.matrix a.cell:hover, .matrix a.cell:focus-visible { outline: 2px solid currentColor }
.matrix tbody tr:hover th { color: var(--accent) }
.kills tbody th { font-weight: 400 }
.tall { max-height: 85vh; overflow-y: auto }
.tall .matrix thead > tr > * { position: sticky; top: 0; z-index: 2; background: var(--paper) }
.tall .matrix thead .corner { z-index: 3 }

details { border: 1px solid var(--line); border-radius: 8px; margin: .5rem 0 }
summary { cursor: pointer; padding: .5rem .8rem; border-radius: 8px; overflow-wrap: anywhere }
summary:hover { background: var(--raised) }
summary:focus-visible { outline: 2px solid var(--accent) }
details > .inner { padding: .2rem .9rem 1rem }
.subject { margin: 1rem 0 }
.subject > summary { font-size: 1.1rem; padding: .8rem 1rem }
.subject > summary h2 { display: inline; font-size: inherit; margin: 0 .6rem 0 0 }
.subject > summary .soft { font-size: .9rem; margin-left: .4rem }
.case > summary .soft { font-size: .87rem; margin-left: .3rem }
.nowrap { white-space: nowrap }
.subject > .inner { padding: .2rem 1.2rem 1.4rem }
.facts { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1.2rem; margin: .8rem 0 }
.facts dt { color: var(--soft) }
.facts dd { margin: 0; min-width: 0; overflow-wrap: anywhere }
.faults { border-left: 4px solid var(--failed); padding: .3rem 1rem; margin: 1rem 0;
  background: var(--failed-on); color: var(--failed); border-radius: 0 6px 6px 0 }
.bad-row td:first-child { color: var(--failed); font-weight: 600 }

.figures { display: flex; flex-wrap: wrap; gap: 1rem 2rem; align-items: flex-start;
  margin: 1rem 0 }
figure { margin: 0; flex: 1 1 20rem; max-width: 26rem; min-width: 0 }
figure.square { flex: 0 1 14rem }
figcaption { font-size: .84rem; color: var(--soft); margin-top: .2rem }
svg { display: block; width: 100%; height: auto; overflow: visible }
svg text { font-size: 12px; fill: var(--soft) }
.bars { fill: var(--bars) }
.law { fill: none; stroke: var(--law); stroke-width: 1.5; vector-effect: non-scaling-stroke }
.axis { fill: none; stroke: var(--soft); stroke-width: 1 }
.band { fill: var(--idle-on) }
.errors { fill: var(--accent); opacity: .8 }
.dots { fill: none; stroke: var(--accent); stroke-width: 4; stroke-linecap: round }
.whisker { stroke: var(--accent); stroke-width: 3 }
.dot { stroke: var(--accent); stroke-width: 11; stroke-linecap: round }
.case-failed .errors { fill: var(--failed) }
.case-failed .dots, .case-failed .whisker, .case-failed .dot { stroke: var(--failed) }
.key-bars, .key-law, .key-errors { display: inline-block; width: 1.1em; height: .7em }
.key-bars { background: var(--bars) }
.key-law { height: 0; border-top: 2px solid var(--law); vertical-align: .25em }
.key-errors { background: var(--accent); opacity: .8 }
.case-failed .key-errors { background: var(--failed) }
.case-known .errors { fill: var(--known) }
.case-known .dots, .case-known .whisker, .case-known .dot { stroke: var(--known) }
.case-known .key-errors { background: var(--known) }

.scales { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem;
  align-items: center; font-size: .87rem; margin: .8rem 0 }
.scales .name { white-space: nowrap }
.track { position: relative; min-width: 0; background:
  linear-gradient(var(--law), var(--law)) 50% 0 / 1.5px 100% no-repeat }
.track i { position: absolute; top: 0; bottom: 0; width: 1px; background: var(--line) }
.thin { fill: none; stroke: var(--accent); stroke-width: 1.5; opacity: .55;
  vector-effect: non-scaling-stroke }
.point { fill: none; stroke: var(--accent); stroke-width: 4; stroke-linecap: round;
  vector-effect: non-scaling-stroke }
.thin.failed, .point.failed { stroke: var(--failed); opacity: 1 }
.point.failed { stroke-width: 7 }
.ends { position: relative; height: 1.5em; color: var(--soft); font-size: .8rem }
.ends span { position: absolute; translate: -50% 0; white-space: nowrap }

@media (max-width: 700px) {
  main { padding: 1.6rem 1rem 3rem }
  h1 { font-size: 1.6rem }
  .subject > .inner { padding: .2rem .8rem 1rem }
  .facts { grid-template-columns: 1fr; gap: 0 }
  .facts dd { margin-bottom: .5rem }
  .flow thead { display: none }
  .flow, .flow tbody, .flow tr { display: block }
  .flow tr { display: flex; flex-wrap: wrap; gap: .1rem 1rem; padding: .6rem 0;
    border-bottom: 1px solid var(--line) }
  .flow td { padding: 0; border: 0; overflow-wrap: anywhere }
  .flow td::before { color: var(--soft) }
  .flow td:first-child { font-weight: 600; flex: 1 0 40% }
  .flow td:empty { display: none }
  .findings td:last-child, .subjects td:nth-child(4) { flex-basis: 100% }
  .findings td:last-child { color: var(--soft) }
  svg text { font-size: 14px }
  .scales { grid-template-columns: 1fr }
  .scales .corner { display: none }
  .scales .name { margin-top: .4rem }
  .wide-only { display: none }
}
@media print { .scroll { overflow: visible; max-height: none } }
"""
