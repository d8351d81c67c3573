// A time series panel with the marks of annotations.
import { type DataFrame, FieldType, type TimeRange } from "@grafana/data";
import { TimeSeries, useTheme2 } from "@grafana/ui";
import { type Answer, series } from "./frames";

export interface Annotation extends Answer {
  name: string;
  color: string;
}

interface Props {
  panel: any;
  frames: DataFrame[];
  width: number;
  height: number;
  timeRange: TimeRange;
  annotations: Annotation[];
}

export function Series({ panel, frames, width, height, timeRange, annotations }: Props) {
  const theme = useTheme2();
  const drawn = frames.filter((frame) => frame.fields.some((field) => field.type === FieldType.number));
  const options = panel.options ?? {};
  const legend = { showLegend: true, displayMode: "list", placement: "bottom", calcs: [], ...options.legend };
  return (
    <TimeSeries
      frames={drawn}
      structureRev={1}
      timeRange={timeRange}
      timeZone="utc"
      width={width}
      height={height}
      legend={legend}
      options={options}
    >
      {(builder) => {
        builder.addHook("draw", (plot) => marks(plot, annotations, theme.visualization.getColorByName));
        return null;
      }}
    </TimeSeries>
  );
}

function marks(plot: uPlot, annotations: Annotation[], colour: (name: string) => string) {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  for (const annotation of annotations) {
    ctx.strokeStyle = ctx.fillStyle = colour(annotation.color);
    for (const [from, to] of regions(annotation)) {
      const [left, right] = [plot.valToPos(from, "x", true), plot.valToPos(to, "x", true)];
      ctx.globalAlpha = 0.1;
      ctx.fillRect(left, bbox.top, right - left, bbox.height);
      ctx.globalAlpha = 0.8;
      ctx.setLineDash([5, 5]);
      for (const x of new Set([left, right])) {
        ctx.beginPath();
        ctx.moveTo(x, bbox.top);
        ctx.lineTo(x, bbox.top + bbox.height);
        ctx.stroke();
      }
    }
  }
  ctx.restore();
}

// The times at which a series is there and not 0, without a gap.
export function regions(annotation: Annotation): [number, number][] {
  const found = new Map<string, [number, number]>();
  for (const { points } of series(annotation)) {
    let open: [number, number] | undefined;
    for (const [time, value] of points) {
      if (Number(value) === 0) {
        continue;
      }
      if (open && time - open[1] / 1000 <= annotation.step * 1.01) {
        open[1] = time * 1000;
      } else {
        open = [time * 1000, time * 1000];
        found.set(`${found.size}`, open);
      }
    }
  }
  return [...new Map([...found.values()].map((region) => [region.join(), region])).values()];
}
