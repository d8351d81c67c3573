// A gauge, in SVG: Grafana publishes the declaration of its own, but not the code.
import type { FieldDisplay, GrafanaTheme2 } from "@grafana/data";
import { formattedValueToString } from "@grafana/data";

const START = (-7 * Math.PI) / 6;
const END = Math.PI / 6;

interface Props {
  value: FieldDisplay;
  width: number;
  height: number;
  theme: GrafanaTheme2;
  named: boolean;
  marked: boolean;
}

export function Gauge({ value, width, height, theme, named, marked }: Props) {
  const { thresholds } = value.field;
  const [min, max] = [value.field.min ?? 0, value.field.max ?? 100];
  const room = named ? 22 : 0;
  const outer = Math.max(10, Math.min(width / 2 - 4, (height - room - 4) / (1 + Math.sin(END))));
  const deep = outer * (1 + Math.sin(END)) + room;
  const [x, y] = [width / 2, (height - deep) / 2 + outer];
  const ring = marked ? outer * 0.06 : 0;
  const inside = outer - ring * 1.6;
  const bar = outer * 0.24;
  const angle = (number: number) =>
    START + ((END - START) * (Math.min(Math.max(number, min), max) - min)) / (max - min || 1);
  const steps = thresholds?.steps ?? [];
  const text = formattedValueToString(value.display);
  const size = Math.min(outer * 0.42, (inside * 1.3) / (text.length * 0.56));
  return (
    <svg width={width} height={height}>
      {marked &&
        steps.map((step, i) => (
          <path
            key={i}
            d={arc(x, y, outer, ring, angle(step.value), angle(steps[i + 1]?.value ?? max))}
            fill={theme.visualization.getColorByName(step.color)}
          />
        ))}
      <path d={arc(x, y, inside, bar, START, END)} fill={theme.colors.background.secondary} />
      <path d={arc(x, y, inside, bar, START, angle(value.display.numeric))} fill={value.display.color} />
      <text x={x} y={y} textAnchor="middle" dominantBaseline="central" fontSize={size} fontWeight={500} fill={value.display.color}>
        {text}
      </text>
      {named && (
        <text x={x} y={(height + deep) / 2 - 4} textAnchor="middle" fontSize={14} fill={theme.colors.text.primary}>
          {value.display.title}
        </text>
      )}
    </svg>
  );
}

// A piece of a ring, clockwise.
function arc(x: number, y: number, outer: number, thick: number, from: number, to: number): string {
  const inner = outer - thick;
  const large = to - from > Math.PI ? 1 : 0;
  const at = (radius: number, angle: number) => `${x + radius * Math.cos(angle)} ${y + radius * Math.sin(angle)}`;
  return `M ${at(outer, from)} A ${outer} ${outer} 0 ${large} 1 ${at(outer, to)} L ${at(inner, to)} A ${inner} ${inner} 0 ${large} 0 ${at(inner, from)} Z`;
}
