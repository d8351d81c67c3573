// The shapes of a classic dashboard's JSON, from the types that Grafana publishes.
// A panel may leave out any option: Grafana then takes the option's default. All else is as Grafana declares it.
import type * as board from "schema/raw/dashboard/x/types.gen";
import type * as bargauge from "schema/raw/composable/bargauge/panelcfg/x/types.gen";
import type * as barchart from "schema/raw/composable/barchart/panelcfg/x/types.gen";
import type * as dashlist from "schema/raw/composable/dashboardlist/panelcfg/x/types.gen";
import type * as gauge from "schema/raw/composable/gauge/panelcfg/x/types.gen";
import type * as heatmap from "schema/raw/composable/heatmap/panelcfg/x/types.gen";
import type * as piechart from "schema/raw/composable/piechart/panelcfg/x/types.gen";
import type * as stat from "schema/raw/composable/stat/panelcfg/x/types.gen";
import type * as statushistory from "schema/raw/composable/statushistory/panelcfg/x/types.gen";
import type * as statetimeline from "schema/raw/composable/statetimeline/panelcfg/x/types.gen";
import type * as table from "schema/raw/composable/table/panelcfg/x/types.gen";
import type * as text from "schema/raw/composable/text/panelcfg/x/types.gen";
import type * as timeseries from "schema/raw/composable/timeseries/panelcfg/x/types.gen";
import type { PromQuery, PromVariableQuery } from "prometheus/types";
import type { FieldMatcherID } from "data/transformations/matchers/ids";
import type { CalculateFieldTransformerOptions } from "data/transformations/transformers/calculateField";
import type { ConvertFieldTypeTransformerOptions } from "data/transformations/transformers/convertFieldType";
import type { FilterFieldsByNameTransformerOptions } from "data/transformations/transformers/filterByName";
import type { GroupByTransformerOptions } from "data/transformations/transformers/groupBy";
import type { JoinByFieldOptions } from "data/transformations/transformers/joinByField";
import type { LabelsToFieldsOptions } from "data/transformations/transformers/labelsToFields";
import type { LimitTransformerOptions } from "data/transformations/transformers/limit";
import type { MergeTransformerOptions } from "data/transformations/transformers/merge";
import type { OrganizeFieldsTransformerOptions } from "data/transformations/transformers/organize";
import type { ReduceTransformerOptions } from "data/transformations/transformers/reduce";
import type { RenameByRegexTransformerOptions } from "data/transformations/transformers/renameByRegex";
import type { SortByTransformerOptions } from "data/transformations/transformers/sortBy";

// JSON has the value of an enum's member where TypeScript wants the member.
type Json<T> = unknown extends T
  ? T
  : T extends string
    ? `${T}`
    : T extends number | boolean | null | undefined
      ? T
      : T extends Array<infer Item>
        ? Json<Item>[]
        : { [Key in keyof T]: Json<T[Key]> };

// All of it may be left out, at every depth; what is there has its type.
type Some<T> = unknown extends T
  ? T
  : T extends Array<infer Item>
    ? Item[]
    : T extends object
      ? { [Key in keyof T]?: Some<T[Key]> }
      : T;

type Standard = Omit<Json<board.FieldConfig>, "custom">;

// An override's property has the type of the field that it replaces.
type Property<Custom> =
  | { [Key in keyof Standard]-?: { id: Key; value: NonNullable<Standard[Key]> } }[keyof Standard]
  | { [Key in keyof Custom & string]-?: { id: `custom.${Key}`; value: NonNullable<Custom[Key]> } }[keyof Custom & string];

type Override<Custom> = {
  matcher: { id: `${FieldMatcherID}`; options?: unknown };
  properties: Property<Custom>[];
};

// Grafana ignores an option of a transformation that it does not know, without a word.
interface Transformers {
  calculateField: CalculateFieldTransformerOptions;
  convertFieldType: ConvertFieldTypeTransformerOptions;
  filterFieldsByName: FilterFieldsByNameTransformerOptions;
  groupBy: GroupByTransformerOptions;
  joinByField: JoinByFieldOptions;
  labelsToFields: LabelsToFieldsOptions;
  limit: LimitTransformerOptions;
  merge: MergeTransformerOptions;
  organize: OrganizeFieldsTransformerOptions;
  reduce: ReduceTransformerOptions;
  renameByRegex: RenameByRegexTransformerOptions;
  sortBy: SortByTransformerOptions;
}
type Transformation = {
  [Id in keyof Transformers]: { id: Id; options: Some<Json<Transformers[Id]>>; disabled?: boolean; filter?: unknown };
}[keyof Transformers];

type Shape<Type extends string, Options, Custom> = Omit<
  Json<board.Panel>,
  "type" | "options" | "fieldConfig" | "targets" | "transformations"
> & {
  type: Type;
  options?: Some<Json<Options>>;
  fieldConfig?: {
    defaults: Standard & { custom?: Some<Json<Custom>> };
    overrides: Override<Some<Json<Custom>>>[];
  };
  targets?: Json<PromQuery>[];
  transformations?: Transformation[];
};

type None = Record<never, never>;

export interface Panels {
  alertlist: Shape<"alertlist", Record<string, unknown>, None>; // no types are published
  barchart: Shape<"barchart", barchart.Options, barchart.FieldConfig>;
  bargauge: Shape<"bargauge", bargauge.Options, None>;
  dashlist: Shape<"dashlist", dashlist.Options, None>;
  gauge: Shape<"gauge", gauge.Options, None>;
  heatmap: Shape<"heatmap", heatmap.Options, heatmap.FieldConfig>;
  piechart: Shape<"piechart", piechart.Options, piechart.FieldConfig>;
  row: Omit<Json<board.RowPanel>, "panels"> & { panels: [] };
  stat: Shape<"stat", stat.Options, None>;
  "state-timeline": Shape<"state-timeline", statetimeline.Options, statetimeline.FieldConfig>;
  "status-history": Shape<"status-history", statushistory.Options, statushistory.FieldConfig>;
  table: Shape<"table", table.Options, table.FieldConfig>;
  text: Shape<"text", text.Options, None>;
  timeseries: Shape<"timeseries", timeseries.Options, timeseries.FieldConfig>;
}

// A Prometheus annotation keeps its query in `target`, or, as before Grafana 9, in `expr` and `step`.
type Annotation = Omit<Json<board.AnnotationQuery>, "target"> & {
  target?: Json<PromQuery>;
  expr?: string;
  step?: string;
  tagKeys?: string;
  titleFormat?: string;
  textFormat?: string;
  useValueForTime?: boolean;
};
type Variable = Omit<Json<board.VariableModel>, "query"> & { query?: string | Json<PromVariableQuery> };

export type Board = Omit<Json<board.Dashboard>, "panels" | "annotations" | "templating"> & {
  panels: [];
  annotations?: { list?: Annotation[] };
  templating?: { list?: Variable[] };
};
