// Every page there is: follows the links of the console from its first page, one page of each
// kind, and looks at it with axe and for what is wider than the window; a screenshot of each is
// kept. A new page is looked at as soon as a link leads to it.
//
// In English it first makes what a new console has nothing of (`prepare.mjs`).
//
//   node crawl.mjs BASE_URL LOGIN PASSWORD SCREENSHOT_FOLDER [--language fr]
import { join } from "node:path";
import { axe, DESK, folder, open, overflow, TELEPHONE, watchForeign } from "./browser.mjs";
import { prepare } from "./prepare.mjs";

const [base, login, password, shots] = process.argv.slice(2);
if (!shots) {
  console.error("usage: node crawl.mjs BASE_URL LOGIN PASSWORD SCREENSHOT_FOLDER [--language fr]");
  process.exit(2);
}
const languageAt = process.argv.indexOf("--language");
const language = languageAt > 0 ? process.argv[languageAt + 1] : "en";

// Kinds of pages in one crawl; a console with more of them needs a larger number here.
const PAGES_MAX = 150;
// Files, and what ends the session.
const NOT_PAGES = /\.(xlsx|csv|zip|wav|gif|json|eml|txt)$|\/(logout|events|download|raw|preview|speech|data|files)(\/|$|\?|\.)|\/attachments\/[0-9]|\/(log|audit|search|correspondence)\/export|\/cases\/[0-9a-f]+\/export|\/export\/file/;

// Every page of the console but four: logging in, its code, contacting again those who were not reached,
// which is offered only an hour after something was sent, and deleting what is due, after years.
const PAGES = [
  "/", "/api", "/areas", "/areas/ID", "/areas/ID/delete", "/audit", "/cases", "/cases/new", "/cases/ID", "/cases/ID/edit", "/cases/ID/log", "/cases/ID/status",
  "/correspondence", "/correspondence/ID", "/contacts/ID/correspondence", "/contacts/ID/timeline",
  "/letters/new", "/notes/new", "/communications/ID/template", "/search", "/retention", "/campaigns", "/campaigns/ID", "/communications",
  "/communications/new", "/communications/ID", "/communications/ID/attachments",
  "/communications/ID/delete", "/communications/ID/edit", "/communications/ID/follow",
  "/communications/ID/people/ID", "/communications/ID/review", "/contacts", "/contacts/duplicates",
  "/contacts/export", "/contacts/import", "/contacts/imports/ID", "/contacts/imports/ID/columns",
  "/contacts/imports/ID/undo", "/contacts/new", "/contacts/ID", "/contacts/ID/edit",
  "/contacts/ID/erase", "/contacts/ID/log", "/contacts/ID/merge", "/contacts/ID/methods/ID/remove", "/deliveries/ID",
  "/filters", "/filters/ID/delete", "/groups", "/groups/ID", "/groups/ID/delete", "/inbox",
  "/inbox/ID", "/issues", "/log", "/me", "/recipients", "/recipients/clear", "/templates", "/templates/new",
  "/templates/ID", "/templates/ID/edit", "/unknown-answers", "/users", "/users/new",
  "/me/second-factor", "/users/ID", "/users/ID/disable", "/users/ID/tokens", "/users/ID/tokens/ID/revoke",
  "/webhooks", "/webhooks/new", "/webhooks/ID", "/webhooks/ID/delete",
];

let passed = 0;
const failures = [];
function check(what, holds) {
  if (holds) passed += 1;
  else failures.push(what);
  console.log(`${holds ? "ok  " : "FAIL"} ${what}`);
}

// What an address is a page of: ids and cursors are all the same.
function kind(url) {
  const path = url.pathname
    .replace(/([0-9a-f]{32})+/g, "ID")
    .replace(/[0-9a-f]{8}-[0-9a-f-]{27}/g, "ID")
    .replace(/\/[0-9]+(?=\/|$)/g, "/N");
  const keys = [...new Set(url.searchParams.keys())].filter((key) => !["after", "before", "done", "q", "state"].includes(key));
  return path + (keys.length ? `?${keys.sort().join("&")}` : "");
}

async function enter(page) {
  await page.goto(`${base}/login`);
  await page.locator("input[name=login]").fill(login);
  await page.locator("input[name=password]").fill(password);
  await page.locator("main button[type=submit]").click();
  await page.waitForURL(`${base}/`);
}

// The addresses of one page of each kind, in the order in which they were found.
async function crawl(page, seeds, complaints) {
  const waiting = [...seeds, `${base}/`].map((seed) => new URL(seed));
  const found = new Map();
  while (waiting.length > 0 && found.size < PAGES_MAX) {
    const url = waiting.shift();
    if (found.has(kind(url))) continue;
    const answer = await page.goto(url.href);
    if (!(answer.headers()["content-type"] ?? "").startsWith("text/html")) continue;
    found.set(kind(url), url.href);
    check(`${kind(url)} is a page (${answer.status()})`, answer.status() < 400);
    const links = await page.locator("a[href]").evaluateAll((all) => all.map((one) => one.href));
    for (const link of links) {
      const next = new URL(link);
      next.hash = "";
      if (next.origin !== new URL(base).origin || NOT_PAGES.test(next.pathname)) continue;
      if (!found.has(kind(next))) waiting.push(next);
    }
  }
  check(`there are no more than ${PAGES_MAX} kinds of pages`, found.size < PAGES_MAX);
  // The preview of an email is a page without scripts, and the browser says so.
  const real = complaints.filter((line) => !/preview|sandbox|Blocked script execution/.test(line));
  check(`the browser complains of nothing while it walks${real.length ? `: ${real.join("; ")}` : ""}`, real.length === 0);
  return found;
}

const name = (kind) => kind.replace(/^\//, "").replace(/[^A-Za-z0-9]+/g, "-").replace(/-+$/, "") || "overview";

async function look(pages, { view, dark, viewport }) {
  const at = folder(join(shots, language === "en" ? view : `${view}-${language}`));
  const { page, close } = await open({ dark, viewport, language });
  const foreign = [];
  watchForeign(page, base, foreign);
  await enter(page);
  for (const [kind, href] of pages) {
    try {
      await page.goto(href);
      await page.screenshot({ path: join(at, `${name(kind)}.png`), fullPage: true });
      const wrong = [...(await axe(page, kind)), ...(await overflow(page, kind))];
      const lang = await page.locator("html").getAttribute("lang");
      if (lang !== language) wrong.push(`${kind}: its language is ${lang}`);
      const raw = (await page.locator("body").innerText()).match(/\b[a-z]+(\.[a-z_0-9]+){1,3}\b(?=\s|$)/g) ?? [];
      // What stands as code is meant to look like one: acts in the audit log.
      const code = new Set(await page.locator("code").allInnerTexts());
      const keys = raw.filter((word) => !code.has(word)).filter((word) => /^(c|nav|field|log|people|contact|contacts|compose|issue|issues|inbox|statistics|campaign|import|review|state|done)\./.test(word));
      if (keys.length) wrong.push(`${kind}: words are missing: ${keys}`);
      check(`${view} ${kind}: nothing found${wrong.length ? `: ${wrong.join("; ")}` : ""}`, wrong.length === 0);
    } catch (error) {
      check(`${view} ${kind}: ${error.message}`, false);
    }
  }
  check(`${view}: nothing was asked of other hosts${foreign.length ? `: ${foreign}` : ""}`, foreign.length === 0);
  await close();
}

// The console speaks the language of the account, whatever the browser's.
async function speak(page) {
  await page.goto(`${base}/me`);
  await page.locator("select[name=language]").selectOption(language);
  await page.locator("form[action='/me'] button[type=submit]").first().click();
  await page.waitForURL(/\/me/);
}

const first = await open({ language });
await enter(first.page);
await speak(first.page);
const seeds = language === "en" ? await prepare(first.page, base) : [];
await first.close();
const { page, complaints, close } = await open({ language });
await enter(page);
const pages = await crawl(page, seeds, complaints);
await close();
for (const path of language === "en" ? PAGES : []) {
  check(`${path} was looked at`, [...pages.keys()].some((kind) => kind.split("?")[0] === path));
}
await look(pages, { view: "desk-light", dark: false, viewport: DESK });
if (language === "en") {
  await look(pages, { view: "desk-dark", dark: true, viewport: DESK });
  await look(pages, { view: "telephone-dark", dark: true, viewport: TELEPHONE });
  await look(pages, { view: "telephone-light", dark: false, viewport: TELEPHONE });
}

for (const failure of failures) console.error(`failed: ${failure}`);
console.log(`${pages.size} kinds of pages; ${passed} passed, ${failures.length} failed`);
process.exit(failures.length === 0 ? 0 : 1);
