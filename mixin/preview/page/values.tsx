// Stats, gauges and bar gauges: one number of each series.
import {
  type DataFrame,
  type FieldDisplay,
  getDisplayValueAlignmentFactors,
  getFieldDisplayValues,
  type TimeRange,
} from "@grafana/data";
import { BarGauge, BigValue, useTheme2, VizRepeater } from "@grafana/ui";
import { source } from "./fields";
import { Gauge } from "./gauge";

interface Props {
  panel: any;
  frames: DataFrame[];
  width: number;
  height: number;
  timeRange: TimeRange;
}

export function Values({ panel, frames, width, height, timeRange }: Props) {
  const theme = useTheme2();
  const options = panel.options ?? {};
  const values = () =>
    getFieldDisplayValues({
      fieldConfig: source(panel),
      reduceOptions: { calcs: ["lastNotNull"], values: false, ...options.reduceOptions },
      replaceVariables: (text) => text,
      theme,
      data: frames,
      sparkline: panel.type === "stat" && options.graphMode !== "none",
      percentChange: Boolean(options.showPercentChange),
      timeZone: "utc",
    });
  return (
    <VizRepeater
      getValues={values}
      getAlignmentFactors={(found) => getDisplayValueAlignmentFactors(found)}
      renderValue={(one) => draw(panel.type, options, one, theme, timeRange)}
      source={frames}
      width={width}
      height={height}
      itemSpacing={panel.type === "bargauge" ? 8 : 3}
      orientation={options.orientation ?? "auto"}
      autoGrid={panel.type !== "bargauge"}
      minVizHeight={panel.type === "bargauge" ? (options.minVizHeight ?? 16) : undefined}
      maxVizHeight={panel.type === "bargauge" ? (options.maxVizHeight ?? 300) : undefined}
      renderCounter={1}
    />
  );
}

function draw(type: string, options: any, one: any, theme: any, timeRange: TimeRange) {
  const { value, width, height, alignmentFactors, orientation, count } = one as { value: FieldDisplay } & any;
  if (type === "stat") {
    return (
      <BigValue
        value={value.display}
        count={count}
        sparkline={options.graphMode === "none" ? undefined : range(value.sparkline, timeRange)}
        colorMode={options.colorMode ?? "value"}
        graphMode={options.graphMode ?? "area"}
        justifyMode={options.justifyMode ?? "auto"}
        textMode={options.textMode ?? "auto"}
        alignmentFactors={alignmentFactors}
        text={options.text}
        width={width}
        height={height}
        theme={theme}
        disableWideLayout={!(options.wideLayout ?? true)}
      />
    );
  }
  if (type === "gauge") {
    return (
      <Gauge
        value={value}
        width={width}
        height={height}
        theme={theme}
        named={count > 1}
        marked={options.showThresholdMarkers ?? true}
      />
    );
  }
  return (
    <BarGauge
      value={value.display}
      field={value.field}
      display={value.view?.getFieldDisplayProcessor(value.colIndex ?? 0)}
      width={width}
      height={height}
      orientation={orientation}
      displayMode={options.displayMode ?? "gradient"}
      showUnfilled={options.showUnfilled ?? true}
      valueDisplayMode={options.valueMode ?? "color"}
      namePlacement={options.namePlacement ?? "auto"}
      alignmentFactors={alignmentFactors}
      text={options.text}
      itemSpacing={8}
      isOverflow={false}
      theme={theme}
    />
  );
}

function range(sparkline: any, timeRange: TimeRange) {
  return sparkline && { ...sparkline, timeRange, xMin: timeRange.from.valueOf(), xMax: timeRange.to.valueOf() };
}
