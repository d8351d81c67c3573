"""Pictures of the dashboards without a Grafana server: `python -m mixin.preview --help`.

A Prometheus answers the panels' queries, headless Chromium draws the answers. For developers only; it needs
npm and Chromium, and what it gets from npm goes to `.cache/preview`.

Grafana's own published code (@grafana/ui, @grafana/data) draws the frames of panels, time series with their
legends and thresholds, stats, bar gauges and tables, and does units, value mappings, overrides and
transformations. Grafana does not publish its gauge, state timeline, status history and heat map: these are
drawn here in SVG, close to its looks (`page/gauge.tsx`, `page/timeline.tsx`, `page/heatmap.tsx`). Rows, the
head of the page and the marks of annotations are ours too. A kind of panel that is not drawn says so in its
place. There are no links, tooltips and menus, times are UTC, and a panel with `repeat` is drawn once.
"""
