"""The style sheet of the report: the pages' colours, two schemes, and what a printer needs."""

from __future__ import annotations

STYLE = """
:root{color-scheme:light dark;--paper:light-dark(#fbfaf7,#14171a);--card:light-dark(#fff,#1b1f23);
--ink:light-dark(#1d2226,#e7e5df);--soft:light-dark(#5c666d,#9aa5ab);--line:light-dark(#e3e0d8,#2c3237);
--c0:light-dark(#0f6e63,#5cc8b8);--c1:light-dark(#c2571a,#f0a65a);--c2:light-dark(#2b5fa8,#7fb0f0);
--c3:light-dark(#7a3e9d,#cf9ae8);--c4:light-dark(#b3261e,#f28b82);--c5:light-dark(#5c666d,#9aa5ab)}
*{box-sizing:border-box}
body{font:16px/1.55 system-ui,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;max-width:62rem;margin:0 auto;
padding:2rem 1rem 4rem;background:var(--paper);color:var(--ink)}
h1{font-size:1.7rem;line-height:1.2;margin:0 0 .6rem;overflow-wrap:anywhere}
h2{font-size:1.2rem;margin:2.4rem 0 .6rem;padding-top:.6rem;border-top:1px solid var(--line)}
h3{font-size:1rem;margin:1.3rem 0 .4rem}
.kind,.note,summary{color:var(--soft);font-size:.875rem;margin:.2rem 0}
.lead{font-size:1.2rem;line-height:1.45;font-weight:600;margin:.4rem 0 1rem;overflow-wrap:anywhere}
.equation{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:.8rem 1.2rem;
text-align:center;overflow-x:auto;margin:1rem 0}
.equation math{font-size:1.5rem;padding:.3rem 0}.equation p{margin:.2rem 0}
.remarks{padding-left:1.2rem}.remarks li{margin:.2rem 0}
code,pre{font-family:ui-monospace,"Cascadia Mono","DejaVu Sans Mono",Menlo,monospace;font-size:.86em}
code{overflow-wrap:anywhere}
pre{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:.8rem 1rem;overflow:auto;
max-height:26rem}
.scroll{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:.94rem}
th,td{padding:.35rem .7rem .35rem 0;text-align:left;vertical-align:top}
thead th{border-bottom:2px solid var(--ink);font-size:.82rem;font-weight:600;color:var(--soft);
white-space:nowrap}tbody tr{border-bottom:1px solid var(--line)}
td:first-child:not(:has(code)){white-space:nowrap}
.num{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}
.bar{display:inline-block;height:.7em;margin-right:.4em;background:var(--c0);opacity:.5;
border-radius:2px}td:has(.bar){min-width:9rem;white-space:nowrap}
dl{display:grid;grid-template-columns:max-content minmax(0,1fr);gap:.25rem 1.2rem;margin:.5rem 0}
dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}
figure{margin:1rem 0}figcaption{font-size:.9rem;font-weight:600;overflow-wrap:anywhere}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,26rem),1fr));gap:1.2rem}
svg{width:100%;height:auto;display:block}svg text{font:11px system-ui,sans-serif;fill:var(--soft)}
.grid{stroke:var(--line);fill:none}.axis,.zero{stroke:var(--soft);fill:none}.zero{stroke-dasharray:2 3}
.line{fill:none;stroke:currentColor;stroke-width:2}.line.faint{stroke-dasharray:6 4;stroke-width:1.5}
.dot{fill:currentColor}.band{fill:currentColor;opacity:.15}
.c0{color:var(--c0)}.c1{color:var(--c1)}.c2{color:var(--c2)}.c3{color:var(--c3)}.c4{color:var(--c4)}
.c5{color:var(--c5)}
.legend{list-style:none;padding:0;margin:.3rem 0;display:flex;flex-wrap:wrap;gap:.15rem 1.2rem;
font-size:.85rem}
.legend svg{display:inline-block;width:24px;height:8px;vertical-align:middle}
@media(max-width:40rem){dl{grid-template-columns:minmax(0,1fr)}dt{margin-top:.4rem}}
@media print{:root{color-scheme:light}body{padding:0;max-width:none;font-size:11pt}
h2,h3,figcaption{break-after:avoid}figure,tr,.equation{break-inside:avoid}
pre{max-height:none;white-space:pre-wrap;overflow:visible}.scroll{overflow:visible}}
"""
