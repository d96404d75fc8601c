// A browser as people have it, and what every page is held to.
import { chromium } from "playwright-core";
import { createRequire } from "node:module";
import { readFileSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const require = createRequire(import.meta.url);
const AXE = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const EXECUTABLE = process.env.CHROMIUM || "/usr/bin/chromium";
const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

export const DESK = { width: 1366, height: 768 };
export const TELEPHONE = { width: 390, height: 844 };

// Opens a browser with a profile of its own; `close` removes it.
export async function open({ javascript = true, dark = false, viewport = DESK, language = "en" }) {
  const profile = mkdtempSync(join(tmpdir(), "tocsin-browser-"));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: EXECUTABLE,
    headless: true,
    args: [
      "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking",
      "--disable-component-update", "--disable-sync", "--no-first-run", "--no-default-browser-check",
      "--disable-features=OptimizationHints,MediaRouter,Translate",
    ],
    javaScriptEnabled: javascript,
    colorScheme: dark ? "dark" : "light",
    viewport,
    locale: { en: "en-GB", fr: "fr-FR" }[language] ?? language,
    ignoreHTTPSErrors: true,
  });
  context.setDefaultTimeout(20_000);
  const page = context.pages()[0] ?? (await context.newPage());
  const complaints = [];
  page.on("console", (message) => {
    if (message.type() === "error") complaints.push(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => complaints.push(`page: ${error.message}`));
  page.on("requestfailed", (request) => {
    const text = request.failure()?.errorText ?? "";
    // Leaving a page ends its event stream.
    if (!text.includes("ERR_ABORTED")) complaints.push(`request: ${request.url()} ${text}`);
  });
  const close = async () => {
    await context.close();
    rmSync(profile, { recursive: true, force: true });
  };
  return { page, context, complaints, close };
}

// Notes every request that leaves the console's own origin.
export function watchForeign(page, base, foreign) {
  page.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith(base) && !url.startsWith("data:") && !url.startsWith("about:")) foreign.push(url);
  });
}

// What axe finds on the page, as lines. Runs in a world of its own, where the page's policy
// does not reach.
export async function axe(page, name) {
  const session = await page.context().newCDPSession(page);
  const run = `${AXE}; axe.run(document, { iframes: false, runOnly: ${JSON.stringify(TAGS)} })
    .then((r) => JSON.stringify(r.passes.length < 5 ? ["axe looked at nothing"] : r.violations.map((v) => v.id + ": " + v.help + " " + v.nodes.map((n) => n.target.join(" ") + " " + (n.any[0]?.message ?? "")).join(" | "))))`;
  const { frameTree } = await session.send("Page.getFrameTree");
  const { executionContextId } = await session.send("Page.createIsolatedWorld", { frameId: frameTree.frame.id, worldName: "axe" });
  const answer = await session.send("Runtime.evaluate", { expression: run, contextId: executionContextId, awaitPromise: true, returnByValue: true });
  await session.detach();
  if (answer.exceptionDetails) throw new Error(`axe did not run on ${name}: ${answer.exceptionDetails.exception?.description}`);
  return JSON.parse(answer.result.value).map((line) => `${name}: ${line}`);
}

// Content that is wider than the window: nothing may need sideways scrolling.
export async function overflow(page, name) {
  const session = await page.context().newCDPSession(page);
  const { result } = await session.send("Runtime.evaluate", {
    expression: "document.documentElement.scrollWidth - document.documentElement.clientWidth", returnByValue: true,
  });
  await session.detach();
  return result.value > 1 ? [`${name}: ${result.value} px too wide`] : [];
}

export function folder(path) {
  mkdirSync(path, { recursive: true });
  return path;
}
