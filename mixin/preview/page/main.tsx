// The page: the head of the dashboard, its rows and panels, each in its place.
import "@fontsource/inter/latin-400.css";
import "@fontsource/inter/latin-500.css";
import { createTheme, dateTime, dateTimeFormat, ThemeContext } from "@grafana/data";
import { initPluginTranslations } from "@grafana/i18n";
import { GlobalStyles, Icon } from "@grafana/ui";
import { createRoot } from "react-dom/client";
import { prepareTransformers } from "./fields";
import type { Answer } from "./frames";
import { Panel } from "./panel";
import type { Annotation } from "./series";

interface Preview {
  dashboard: any;
  from: number;
  to: number;
  variables: Record<string, string>;
  answers: Record<string, Answer[]>;
  titles: Record<string, string>;
  annotations: Annotation[];
  places: { panel: any; x: number; y: number; width: number; height: number }[];
}

const theme = createTheme({ colors: { mode: "dark" } });

function Page({ preview }: { preview: Preview }) {
  const range = { from: dateTime(preview.from), to: dateTime(preview.to) };
  const timeRange = { ...range, raw: range };
  return (
    <div style={{ fontFamily: "Inter", color: theme.colors.text.primary }}>
      <Head preview={preview} />
      {preview.places.map(({ panel, x, y, width, height }) => (
        <div key={panel.id} style={{ position: "absolute", left: x, top: y, width, height }}>
          {panel.type === "row" ? (
            <Row panel={panel} opened={preview.places.some((one) => one.y > y)} />
          ) : (
            <Panel
              panel={panel}
              title={preview.titles[panel.id]}
              answers={preview.answers[panel.id] ?? []}
              annotations={preview.annotations}
              timeRange={timeRange}
              width={width}
              height={height}
            />
          )}
        </div>
      ))}
    </div>
  );
}

function Head({ preview }: { preview: Preview }) {
  const time = (at: number) => dateTimeFormat(at, { format: "YYYY-MM-DD HH:mm:ss", timeZone: "utc" });
  const box = { border: `1px solid ${theme.colors.border.medium}`, borderRadius: 2, padding: "4px 8px" };
  return (
    <div style={{ position: "absolute", left: 16, top: 12, width: 1568 }}>
      <div style={{ display: "flex", alignItems: "center" }}>
        <div style={{ fontSize: 20, fontWeight: 500, flex: 1 }}>{preview.dashboard.title}</div>
        <div style={box}>
          {time(preview.from)} to {time(preview.to)} UTC
        </div>
      </div>
      <div style={{ display: "flex", gap: 8, marginTop: 8 }}>
        {Object.entries(preview.variables).map(([name, value]) => (
          <div key={name} style={{ ...box, background: theme.colors.background.secondary }}>
            <span style={{ fontWeight: 500, marginRight: 12 }}>{label(preview.dashboard, name)}</span>
            {value}
          </div>
        ))}
      </div>
    </div>
  );
}

function Row({ panel, opened }: { panel: any; opened: boolean }) {
  return (
    <div style={{ display: "flex", alignItems: "center", gap: 8, height: "100%", fontSize: 16, fontWeight: 500 }}>
      <Icon name={opened ? "angle-down" : "angle-right"} />
      {panel.title}
    </div>
  );
}

function label(dashboard: any, name: string): string {
  return dashboard.templating.list.find((one: any) => one.name === name)?.label ?? name;
}

// Grafana measures text before it draws: the font must be there first.
const fonts = [400, 500].map((weight) => document.fonts.load(`${weight} 14px Inter`));

Promise.all([initPluginTranslations("grafana"), ...fonts]).then(() => {
  prepareTransformers();
  createRoot(document.getElementById("root")!).render(
    <ThemeContext.Provider value={theme}>
      <GlobalStyles />
      <Page preview={(window as any).preview} />
    </ThemeContext.Provider>,
  );
});
