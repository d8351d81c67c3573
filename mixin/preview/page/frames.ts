// Prometheus's answers as Grafana's data frames, as its Prometheus data source makes them.
import { type DataFrame, type Field, FieldType } from "@grafana/data";

export interface Answer {
  refId: string;
  step: number;
  asked: string;
  format?: string;
  legendFormat?: string;
  error?: string;
  resultType?: "vector" | "matrix" | "scalar";
  result?: any;
}

interface Series {
  metric: Record<string, string>;
  points: [number, string][];
}

export function toFrames(answers: Answer[]): DataFrame[] {
  const tables = answers.filter((answer) => answer.format === "table");
  return answers.flatMap((answer) => {
    const found = series(answer);
    if (answer.format === "table") {
      return found.length ? [table(answer, found, tables.length > 1)] : [];
    }
    return answer.format === "heatmap" ? buckets(answer, found) : found.map((one) => line(answer, one));
  });
}

export function series(answer: Answer): Series[] {
  if (answer.resultType === "scalar") {
    return [{ metric: {}, points: [answer.result] }];
  }
  return (answer.result ?? []).map((one: any) => ({ metric: one.metric, points: one.values ?? [one.value] }));
}

function line(answer: Answer, { metric, points }: Series): DataFrame {
  const { __name__, ...labels } = metric;
  const legend = answer.legendFormat ?? "__auto";
  const config = legend === "__auto" || !legend ? {} : { displayNameFromDS: named(legend, metric) };
  const value = { name: "Value", type: FieldType.number, labels, config, values: points.map(([, v]) => number(v)) };
  return frame(answer, [times(answer, points), value]);
}

// A bucket counts all below it; the heat map wants each one's own.
function buckets(answer: Answer, found: Series[]): DataFrame[] {
  const sorted = [...found].sort((a, b) => bound(a.metric.le) - bound(b.metric.le));
  const frames = sorted.map((one) => line(answer, one));
  for (let i = frames.length - 1; i > 0; i--) {
    const below = new Map(frames[i - 1].fields[0].values.map((t, j) => [t, frames[i - 1].fields[1].values[j] ?? 0]));
    const own = frames[i].fields[1];
    own.values = own.values.map((v, j) => Math.max(0, (v ?? 0) - (below.get(frames[i].fields[0].values[j]) ?? 0)));
  }
  return frames;
}

function table(answer: Answer, found: Series[], several: boolean): DataFrame {
  const names = [...new Set(found.flatMap((one) => Object.keys(one.metric).sort()))];
  const rows = found.flatMap(({ metric, points }) => points.map(([time, value]) => ({ metric, time, value })));
  const labels = names.map((name) => ({
    name,
    type: FieldType.string,
    config: { filterable: true },
    values: rows.map((row) => row.metric[name] ?? ""),
  }));
  const value = {
    name: several ? `Value #${answer.refId}` : "Value",
    type: FieldType.number,
    config: {},
    values: rows.map((row) => number(row.value)),
  };
  return frame(answer, [times(answer, rows.map((row) => [row.time, row.value])), ...labels, value]);
}

function times(answer: Answer, points: [number, string][]): Field {
  const config = { interval: answer.step * 1000 };
  return { name: "Time", type: FieldType.time, config, values: points.map(([time]) => time * 1000) };
}

function frame(answer: Answer, fields: Field[]): DataFrame {
  return { refId: answer.refId, fields, length: fields[0].values.length };
}

function named(legend: string, labels: Record<string, string>): string {
  return legend.replace(/\{\{\s*(.+?)\s*\}\}/g, (_, name) => labels[name] ?? "").trim();
}

export function bound(le: string): number {
  return le === "+Inf" ? Infinity : Number(le);
}

function number(text: string): number | null {
  const value = /^[+-]?Inf$/.test(text) ? (text[0] === "-" ? -Infinity : Infinity) : Number(text);
  return Number.isNaN(value) ? null : value;
}
