// One panel: its frame, and in it what its kind draws.
import { type DataFrame, renderTextPanelMarkdown, type TimeRange } from "@grafana/data";
import { PanelChrome, useTheme2 } from "@grafana/ui";
import { TableNG } from "@grafana/ui/unstable";
import { Component, type ComponentType, type ReactNode } from "react";
import { prepare } from "./fields";
import { type Answer, toFrames } from "./frames";
import { Heatmap } from "./heatmap";
import { type Annotation, Series } from "./series";
import { Timeline } from "./timeline";
import { Values } from "./values";

const DRAWN: Record<string, ComponentType<any>> = {
  timeseries: Series,
  stat: Values,
  gauge: Values,
  bargauge: Values,
  table: Table,
  "state-timeline": Timeline,
  "status-history": Timeline,
  heatmap: Heatmap,
};

interface Props {
  panel: any;
  title: string;
  answers: Answer[];
  annotations: Annotation[];
  timeRange: TimeRange;
  width: number;
  height: number;
}

export function Panel({ panel, title, answers, annotations, timeRange, width, height }: Props) {
  const theme = useTheme2();
  const wrong = answers.find((answer) => answer.error);
  const full = panel.type === "table" || panel.type === "timeseries" ? {} : { padding: "md" as const };
  return (
    <PanelChrome
      title={title}
      description={panel.description}
      width={width}
      height={height}
      displayMode={panel.transparent ? "transparent" : "default"}
      hoverHeader={!title}
      {...full}
    >
      {(wide, high) => {
        if (wrong) {
          return <Message text={`${wrong.refId}: ${wrong.error}`} colour={theme.colors.error.text} />;
        }
        return (
          <Guard>
            <Drawn {...{ panel, annotations, timeRange }} answers={answers} width={wide} height={high} />
          </Guard>
        );
      }}
    </PanelChrome>
  );
}

function Drawn({ panel, answers, annotations, timeRange, width, height }: Omit<Props, "title">) {
  const theme = useTheme2();
  if (panel.type === "text") {
    const { content = "", mode = "markdown" } = panel.options ?? {};
    const html = mode === "markdown" ? renderTextPanelMarkdown(content) : content;
    return <div className="markdown-html" dangerouslySetInnerHTML={{ __html: html }} />;
  }
  if (!(panel.type in DRAWN)) {
    return <Message text={`${panel.type}: not drawn`} colour={theme.colors.warning.text} />;
  }
  const frames = prepare(panel, toFrames(answers), theme);
  if (!frames.some((frame) => frame.length > 0 && frame.fields.length > 0)) {
    return <Message text={panel.fieldConfig?.defaults?.noValue ?? "No data"} colour={theme.colors.text.secondary} />;
  }
  const Kind = DRAWN[panel.type];
  return <Kind {...{ panel, frames, timeRange, width, height, annotations }} />;
}

function Table({ panel, frames, width, height }: { panel: any; frames: DataFrame[]; width: number; height: number }) {
  const { options = {} } = panel;
  return (
    <TableNG
      data={frames[options.frameIndex ?? 0] ?? frames[0]}
      width={width}
      height={height}
      initialSortBy={options.sortBy}
      noHeader={!(options.showHeader ?? true)}
      cellHeight={options.cellHeight ?? "sm"}
      enableVirtualization={false}
    />
  );
}

function Message({ text, colour }: { text: string; colour: string }) {
  return <div style={{ display: "grid", placeItems: "center", height: "100%", padding: 8, color: colour }}>{text}</div>;
}

// A component that fails says so in its own panel.
class Guard extends Component<{ children: ReactNode }, { failed?: Error }> {
  state: { failed?: Error } = {};

  static getDerivedStateFromError(failed: Error) {
    return { failed };
  }

  render() {
    const { failed } = this.state;
    return failed ? <Message text={`not drawn: ${failed.stack ?? failed}`} colour="red" /> : this.props.children;
  }
}
