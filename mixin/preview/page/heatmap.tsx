// A heat map of a histogram's buckets, in SVG: Grafana's own is not published.
import { type DataFrame, formattedValueToString, getValueFormat, type TimeRange } from "@grafana/data";
import { useTheme2 } from "@grafana/ui";
import * as chromatic from "d3-scale-chromatic";
import { position, TimeAxis } from "./axis";
import { bound } from "./frames";

const AXIS = 24;
const LEFT = 70;
const LEGEND = 24;

interface Props {
  panel: any;
  frames: DataFrame[];
  width: number;
  height: number;
  timeRange: TimeRange;
}

export function Heatmap({ panel, frames, width, height, timeRange }: Props) {
  const theme = useTheme2();
  const { color = {}, yAxis = {}, filterValues = { le: 1e-9 }, legend = { show: true } } = panel.options ?? {};
  const plot = { left: LEFT, top: 4, width: width - LEFT - 8, height: height - AXIS - 4 - (legend.show ? LEGEND : 0) };
  const shown = frames.flatMap((frame) => frame.fields[1].values).filter((value) => value > (filterValues.le ?? 0));
  const most = color.max ?? Math.max(...shown, 0);
  const least = color.min ?? Math.min(...shown, most);
  const paint = scheme(color, theme.isDark);
  const shade = (value: number) => paint(most > least ? (value - least) / (most - least) : 1);
  const format = (value: number) => formattedValueToString(getValueFormat(yAxis.unit ?? "short")(value, yAxis.decimals));
  const high = plot.height / frames.length;
  const every = Math.ceil(18 / high);
  return (
    <svg width={width} height={height}>
      {frames.map((frame, i) => {
        const y = plot.top + plot.height - (i + 1) * high;
        const [times, values] = frame.fields;
        const step = times.config.interval ?? 60_000;
        const le = bound(values.labels?.le ?? "");
        return (
          <g key={i}>
            {values.values.map((value, j) => {
              const x = position(plot, timeRange, times.values[j] - step);
              const end = position(plot, timeRange, times.values[j]);
              const empty = !(value > (filterValues.le ?? 0)) || end <= x;
              return empty ? null : (
                <rect key={j} x={x} y={y} width={Math.max(1, end - x - 1)} height={Math.max(1, high - 1)} fill={shade(value)} />
              );
            })}
            {i % every === 0 && (
              <text x={LEFT - 8} y={y} textAnchor="end" dominantBaseline="central" fontSize={12} fill={theme.colors.text.primary}>
                {le === Infinity ? "+Inf" : format(le)}
              </text>
            )}
          </g>
        );
      })}
      <TimeAxis plot={plot} timeRange={timeRange} theme={theme} />
      {legend.show && most > 0 && (
        <g transform={`translate(${LEFT}, ${height - 16})`} fontSize={12} fill={theme.colors.text.primary}>
          {Array.from({ length: 40 }, (_, i) => (
            <rect key={i} x={i * 5} width={5} height={8} fill={paint(i / 39)} />
          ))}
          <text x={-8} y={4} textAnchor="end" dominantBaseline="central">
            {formattedValueToString(getValueFormat("short")(least))}
          </text>
          <text x={208} y={4} dominantBaseline="central">
            {formattedValueToString(getValueFormat("short")(most))}
          </text>
        </g>
      )}
    </svg>
  );
}

// On a dark page Grafana turns a scheme of one hue, so that little is dark.
function scheme(color: any, dark: boolean): (part: number) => string {
  const name = color.scheme ?? "Oranges";
  const found = (chromatic as any)[`interpolate${name}`] ?? chromatic.interpolateOranges;
  const hue = ["Blues", "Greens", "Greys", "Oranges", "Purples", "Reds"].includes(name);
  const turned = hue === dark ? !color.reverse : Boolean(color.reverse);
  return (part) => found(turned ? 1 - part : part);
}
