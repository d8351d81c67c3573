// A time axis for what is drawn in SVG.
import { dateTimeFormat, type GrafanaTheme2, type TimeRange } from "@grafana/data";

const STEPS = [10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 604800];
const WIDE = 90;

export interface Plot {
  left: number;
  top: number;
  width: number;
  height: number;
}

export function position(plot: Plot, timeRange: TimeRange, time: number): number {
  const [from, to] = [timeRange.from.valueOf(), timeRange.to.valueOf()];
  return plot.left + (plot.width * Math.min(Math.max(time, from) - from, to - from)) / (to - from);
}

export function TimeAxis({ plot, timeRange, theme }: { plot: Plot; timeRange: TimeRange; theme: GrafanaTheme2 }) {
  const [from, to] = [timeRange.from.valueOf(), timeRange.to.valueOf()];
  const wanted = ((to - from) / 1000 / plot.width) * WIDE;
  const step = 1000 * (STEPS.find((one) => one >= wanted) ?? STEPS[STEPS.length - 1]);
  const format = step < 60_000 ? "HH:mm:ss" : to - from > 2 * 86_400_000 ? "MM/DD HH:mm" : "HH:mm";
  const ticks = [];
  for (let time = Math.ceil(from / step) * step; time <= to; time += step) {
    ticks.push(time);
  }
  return (
    <g fill={theme.colors.text.primary} fontSize={12} textAnchor="middle">
      {ticks.map((time) => (
        <text key={time} x={position(plot, timeRange, time)} y={plot.top + plot.height + 17}>
          {dateTimeFormat(time, { format, timeZone: "utc" })}
        </text>
      ))}
    </g>
  );
}
