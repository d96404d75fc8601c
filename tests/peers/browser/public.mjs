// The public pages, as people open them from a message: home, sign-up, codes, the links in
// messages, what one finds after logging in, and what is refused. All in English on a desk and on
// a telephone, light and dark, with axe; in French on a desk.
//
//   node public.mjs BASE_URL LOGIN_PATH CONFIRM_PATH UNSUBSCRIBE_PATH SCREENSHOT_FOLDER
import { join } from "node:path";
import { axe, DESK, folder, open, overflow, TELEPHONE, watchForeign } from "./browser.mjs";

const [base, logIn, confirm, unsubscribe, shots] = process.argv.slice(2);
if (!shots) {
  console.error("usage: node public.mjs BASE_URL LOGIN_PATH CONFIRM_PATH UNSUBSCRIBE_PATH SCREENSHOT_FOLDER");
  process.exit(2);
}

let passed = 0;
const failures = [];
function check(what, holds) {
  if (holds) passed += 1;
  else failures.push(what);
  console.log(`${holds ? "ok  " : "FAIL"} ${what}`);
}

// Logs in once by the link in the mail, without scripts; its cookie serves all views.
async function enter() {
  const { page, context, close } = await open({ javascript: false });
  await page.goto(`${base}${logIn}`);
  await page.locator("main form button[type=submit]").click();
  await page.waitForURL(/\/me$/);
  check("the link in the mail logs in", (await page.locator("h1").count()) === 1);
  const cookies = await context.cookies();
  await close();
  return cookies;
}

async function view({ name, dark = false, viewport = DESK, language = "en" }, cookies, more = async () => {}) {
  const at = folder(join(shots, name));
  const { page, context, complaints, close } = await open({ dark, viewport, language });
  const foreign = [];
  watchForeign(page, base, foreign);
  const visit = async (file) => {
    await page.screenshot({ path: join(at, `${file}.png`), fullPage: true });
    const found = [...(await axe(page, file)), ...(await overflow(page, file))];
    const lang = await page.locator("html").getAttribute("lang");
    if (lang !== language) found.push(`its language is ${lang}`);
    const keys = (await page.locator("body").innerText()).match(/\bself\.[a-z_.]+/g) ?? [];
    if (keys.length) found.push(`words are missing: ${keys}`);
    check(`${name} ${file}: nothing found${found.length ? `: ${found.join("; ")}` : ""}`, found.length === 0);
  };
  const press = async (button) => {
    await button.click();
    await page.waitForLoadState();
  };
  const asked = language === "en" ? "" : `?lang=${language}`;
  try {
    for (const [path, file] of [
      ["/", "home"], ["/code", "code"], ["/sign-up", "sign-up"], ["/nowhere", "not-found"],
      ["/v/unknown", "link-over"], ["/c/unknown", "confirm-over"], [confirm, "confirm"], [unsubscribe, "unsubscribe"],
    ]) {
      await page.goto(`${base}${path}${asked}`);
      await visit(file);
    }
    await page.goto(`${base}/${asked}`);
    await page.locator("input[name=to]").fill("nobody at all");
    await press(page.locator("main form button[type=submit]").first());
    await visit("home-problem");
    await page.goto(`${base}/sign-up${asked}`);
    await press(page.locator("main form button[type=submit]").last());
    await visit("sign-up-problems");
    await context.addCookies(cookies);
    for (const [path, file] of [["/me", "me"], ["/me/delete", "delete"]]) {
      await page.goto(`${base}${path}${asked}`);
      await visit(file);
    }
    await more(page, visit, press);
  } catch (error) {
    failures.push(`${name}: ${error.message}`);
    console.log(`FAIL ${name}: ${error.stack}`);
  }
  check(`${name}: nothing was asked of other hosts${foreign.length ? `: ${foreign}` : ""}`, foreign.length === 0);
  const real = complaints.filter((line) => !/40[0-9]|422|429/.test(line));
  check(`${name}: the browser complains of nothing${real.length ? `: ${real.join("; ")}` : ""}`, real.length === 0);
  await close();
}

// What the buttons of the links in messages lead to.
async function act(page, visit, press) {
  await page.goto(`${base}${confirm}`);
  await press(page.getByRole("button", { name: "I confirm", exact: true }));
  check("the button confirms", (await page.locator("h1").innerText()) === "Thank you");
  await visit("confirmed");
  await page.goto(`${base}${confirm}`);
  check("once", (await page.locator("main button").count()) === 0);
  await visit("confirmed-before");
  await page.goto(`${base}${unsubscribe}`);
  await press(page.locator("main form button[type=submit]"));
  await visit("unsubscribed");
}

const cookies = await enter();
await view({ name: "public-desk-light" }, cookies);
await view({ name: "public-desk-dark", dark: true }, cookies);
await view({ name: "public-telephone-light", viewport: TELEPHONE }, cookies);
await view({ name: "public-desk-light-fr", language: "fr" }, cookies);
await view({ name: "public-telephone-dark", dark: true, viewport: TELEPHONE }, cookies, act);

for (const failure of failures) console.error(`failed: ${failure}`);
console.log(`${passed} passed, ${failures.length} failed`);
process.exit(failures.length === 0 ? 0 : 1);
