// Defaults, overrides and transformations of a panel, by @grafana/data.
// Grafana's registry of field settings is not published: it is built here of the settings that the panel uses.
import {
  applyFieldOverrides,
  cacheFieldDisplayNames,
  type DataFrame,
  FieldConfigOptionsRegistry,
  type GrafanaTheme2,
  standardTransformers,
  standardTransformersRegistry,
  transformDataFrame,
} from "@grafana/data";

const STANDARD = "unit min max decimals displayName color thresholds mappings links noValue".split(" ");

// What Grafana's panels take where a dashboard says nothing.
const CUSTOM: Record<string, object> = {
  timeseries: { drawStyle: "line", lineInterpolation: "linear", lineWidth: 1, fillOpacity: 0, showPoints: "auto" },
  "state-timeline": { fillOpacity: 70 },
  "status-history": { fillOpacity: 70 },
  table: { align: "auto", cellOptions: { type: "auto" } },
};
const THRESHOLDS = {
  mode: "absolute",
  steps: [
    { value: null, color: "green" },
    { value: 80, color: "red" },
  ],
};

export function prepareTransformers() {
  standardTransformersRegistry.setInit(() =>
    [...new Map(Object.values(standardTransformers).map((one) => [one.id, one])).values()].map(
      (one) => ({ id: one.id, name: one.name, transformation: one, editor: () => null }) as any,
    ),
  );
}

export function prepare(panel: any, frames: DataFrame[], theme: GrafanaTheme2): DataFrame[] {
  let transformed = frames;
  transformDataFrame(panel.transformations ?? [], frames).subscribe((after) => {
    transformed = after;
  });
  const fieldConfig = source(panel);
  const made = applyFieldOverrides({
    data: transformed,
    fieldConfig,
    fieldConfigRegistry: registry(fieldConfig),
    replaceVariables: (text) => text,
    theme,
    timeZone: "utc",
  });
  cacheFieldDisplayNames(made);
  return made;
}

export function source(panel: any) {
  const { defaults = {}, overrides = [] } = panel.fieldConfig ?? {};
  const mode = panel.type === "timeseries" ? "palette-classic" : "thresholds";
  return {
    defaults: {
      color: { mode },
      ...defaults,
      thresholds: steps(defaults.thresholds ?? THRESHOLDS),
      custom: { ...CUSTOM[panel.type], ...defaults.custom },
    },
    overrides,
  };
}

function registry(config: ReturnType<typeof source>): FieldConfigOptionsRegistry {
  const custom = new Set(Object.keys(config.defaults.custom));
  for (const { id } of config.overrides.flatMap((override: any) => override.properties)) {
    if (id.startsWith("custom.")) {
      custom.add(id.slice("custom.".length));
    }
  }
  const item = (id: string, path: string, isCustom: boolean) => ({
    id,
    path,
    name: id,
    isCustom,
    process: (value: any) => (id === "thresholds" && value ? steps(value) : value),
    shouldApply: () => true,
    override: () => null as any,
    editor: () => null as any,
    settings: {},
  });
  return new FieldConfigOptionsRegistry(
    () =>
      [
        ...STANDARD.map((id) => item(id, id, false)),
        ...[...custom].map((path) => item(`custom.${path}`, path, true)),
      ] as any,
  );
}

// JSON has no -Infinity: the first step's value is null there.
function steps(thresholds: any) {
  return { ...thresholds, steps: thresholds.steps.map((step: any) => ({ ...step, value: step.value ?? -Infinity })) };
}
