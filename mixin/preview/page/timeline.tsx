// State timeline and status history, in SVG: Grafana's own are not published.
import { type DataFrame, FieldType, formattedValueToString, getFieldDisplayName, type TimeRange } from "@grafana/data";
import { useTheme2 } from "@grafana/ui";
import { type Plot, position, TimeAxis } from "./axis";

const AXIS = 24;
const LETTER = 6.6;

interface Props {
  panel: any;
  frames: DataFrame[];
  width: number;
  height: number;
  timeRange: TimeRange;
}

interface Span {
  from: number;
  to: number;
  value: any;
}

export function Timeline({ panel, frames, width, height, timeRange }: Props) {
  const theme = useTheme2();
  const rows = frames.flatMap((frame) =>
    frame.fields
      .filter((field) => field.type !== FieldType.time)
      .map((field) => ({ frame, field, name: getFieldDisplayName(field, frame, frames) })),
  );
  const left = Math.min(width / 3, 16 + LETTER * Math.max(...rows.map((row) => row.name.length)));
  const plot = { left, top: 0, width: width - left - 8, height: height - AXIS };
  const high = plot.height / rows.length;
  const bar = high * (panel.options?.rowHeight ?? 0.9);
  return (
    <svg width={width} height={height}>
      {rows.map(({ frame, field, name }, i) => (
        <g key={name + i} transform={`translate(0, ${i * high + (high - bar) / 2})`}>
          <text x={left - 8} y={bar / 2} textAnchor="end" dominantBaseline="central" fontSize={12} fill={theme.colors.text.primary}>
            {short(name, left)}
          </text>
          {spans(frame, field.values, panel.type === "state-timeline").map((span) =>
            box(plot, timeRange, span, field, bar, panel, theme),
          )}
        </g>
      ))}
      <TimeAxis plot={plot} timeRange={timeRange} theme={theme} />
    </svg>
  );
}

function box(plot: Plot, timeRange: TimeRange, span: Span, field: any, high: number, panel: any, theme: any) {
  const [x, end] = [position(plot, timeRange, span.from), position(plot, timeRange, span.to)];
  const shown = field.display(span.value);
  const text = formattedValueToString(shown);
  const opacity = (field.config.custom?.fillOpacity ?? 70) / 100;
  const fits = end - x > text.length * LETTER + 8 && (panel.options?.showValue ?? "auto") !== "never";
  return (
    <g key={span.from}>
      <rect x={x} width={Math.max(1, end - x)} height={high} fill={shown.color} fillOpacity={opacity} />
      {fits && (
        <text x={(x + end) / 2} y={high / 2} textAnchor="middle" dominantBaseline="central" fontSize={12} fill={theme.colors.text.primary}>
          {text}
        </text>
      )}
    </g>
  );
}

// A state lasts until the next point, for one step if none comes; equal ones are one, if `merged`.
function spans(frame: DataFrame, values: any[], merged: boolean): Span[] {
  const times = frame.fields.find((field) => field.type === FieldType.time)!;
  const step = times.config.interval ?? 60_000;
  const found: Span[] = [];
  values.forEach((value, i) => {
    const from = times.values[i];
    const last = found[found.length - 1];
    if (value == null) {
      return;
    }
    if (merged && last && last.value === value && from - last.to <= step * 0.01) {
      last.to = from + step;
    } else {
      found.push({ from, to: from + step, value });
    }
  });
  return found;
}

function short(name: string, left: number): string {
  const room = Math.floor((left - 16) / LETTER);
  return name.length > room ? `${name.slice(0, room - 1)}…` : name;
}
