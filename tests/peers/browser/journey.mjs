// An operator's day in a real browser: log in, write an alert to an area, review, send, watch
// it arrive, find out why somebody was not reached by email, and put it right.
//
//   npm ci && node journey.mjs BASE_URL LOGIN PASSWORD SCREENSHOT_FOLDER [--wait SECONDS]
//
// Walks it with and without JavaScript, looks at every page with axe in light and dark, on a
// desk and on a telephone, and ends with one line that says how many checks passed.
import { join } from "node:path";
import { axe, DESK, folder, open, overflow, TELEPHONE, watchForeign } from "./browser.mjs";
import { importPeople } from "./import.mjs";

const [base, login, password, shots] = process.argv.slice(2);
if (!shots) {
  console.error("usage: node journey.mjs BASE_URL LOGIN PASSWORD SCREENSHOT_FOLDER [--wait SECONDS]");
  process.exit(2);
}
const waitAt = process.argv.indexOf("--wait");
const WAIT_MS = 1000 * (waitAt > 0 ? Number(process.argv[waitAt + 1]) : 90);

let passed = 0;
const failures = [];
function check(what, holds) {
  if (holds) passed += 1;
  else failures.push(what);
  console.log(`${holds ? "ok  " : "FAIL"} ${what}`);
}

async function enter(page) {
  await page.goto(`${base}/login`);
  await page.getByLabel("Login name").fill(login);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Log in" }).click();
  await page.waitForURL(`${base}/`);
}

// Until the text is on the page; reloads where nothing updates by itself.
async function sees(page, text, live) {
  const end = Date.now() + WAIT_MS;
  while (Date.now() < end) {
    if ((await page.locator("main").innerText()).includes(text)) return true;
    await new Promise((resolve) => setTimeout(resolve, 500));
    if (!live) await page.reload();
  }
  return false;
}

async function writeAlert(page, name, subject) {
  await page.getByRole("link", { name: "New communication" }).first().click();
  await page.getByRole("button", { name: "Review", exact: true }).last().click();
  check(`${name}: an empty form names its fields`, (await page.getByRole("link", { name: /Subject: An email needs a subject/ }).count()) === 1);
  const confirmed = page.getByLabel("Category").locator("option", { hasText: "confirmation required" }).first();
  await page.getByLabel("Category").selectOption({ label: await confirmed.innerText() });
  await page.getByLabel("Subject").fill(subject);
  await page.getByLabel("Plain text", { exact: true }).fill("High water is expected at 21:00.\n\nMove cars and valuables to higher ground.\nStay away from the quays.");
  await page.getByLabel("HTML").fill("<h2 style=\"font-family:Georgia,serif;color:#12305c\">Flood warning</h2><p>High water is expected at <strong>21:00</strong>.</p><p>Move cars and valuables to higher ground. Stay away from the quays.</p><script>document.title='no'</script>");
  await page.getByLabel("Text message", { exact: true }).last().fill("Flood warning: high water at 21:00. Move to higher ground, stay away from the quays.");
  await page.getByLabel("What the call says").fill("This is a flood warning from Eastmere County. High water is expected at nine this evening. Press 1 to confirm that you have heard this message.");
  await page.getByLabel("Find a contact by name, address or number").fill("benedict");
  await page.getByRole("button", { name: "Find", exact: true }).click();
  await page.getByRole("checkbox", { name: /^Gets it Benedict/ }).check();
  check(`${name}: searching keeps what was written`, (await page.getByLabel("Subject").inputValue()) === subject);
  await page.getByRole("checkbox", { name: /^Harbour/ }).first().check();
}

async function journey({ name, javascript, subject }) {
  const at = folder(join(shots, name));
  const { page, complaints, close } = await open({ javascript });
  const foreign = [];
  watchForeign(page, base, foreign);
  const shot = (file) => page.screenshot({ path: join(at, `${file}.png`), fullPage: true });
  try {
    await page.goto(`${base}/contacts`);
    check(`${name}: without a login one is led to it`, page.url().includes("/login?next="));
    await enter(page);
    await writeAlert(page, name, subject);
    await shot("compose");
    await page.getByRole("button", { name: "Review", exact: true }).last().click();
    await page.waitForURL(/\/review$/);
    check(`${name}: the review counts people`, (await page.getByRole("button", { name: /^Send to \d+ people$/ }).count()) === 1);
    const preview = page.frameLocator("iframe").locator("h2");
    check(`${name}: the HTML email is previewed`, (await preview.innerText()) === "Flood warning");
    await shot("review");
    await page.getByRole("button", { name: /^Send to/ }).click();
    await page.waitForURL(/\/communications\/[0-9a-f]+\?done=sent$/);
    const communication = page.url().split("?")[0];
    check(`${name}: sees a call confirmed`, await sees(page, "Confirmed", javascript));
    check(`${name}: sees a message received`, await sees(page, "Received", javascript));
    check(`${name}: sees the comms issue`, await sees(page, "Comms issue", javascript));
    await shot("communication");
    await page.goto(`${communication}?state=contacted`);
    await page.getByRole("link", { name: /^Details/ }).first().click();
    check(`${name}: the timeline is there`, (await page.locator("ol.timeline li").count()) > 1);
    await shot("person");
    await solve(page, name, shot);
    await openMenu(page);
    await importPeople({ page, name, base, live: javascript, check, sees, shot });
  } catch (error) {
    failures.push(`${name}: ${error.message}`);
    console.log(`FAIL ${name}: ${error.stack}`);
    await shot("failure").catch(() => {});
  }
  check(`${name}: nothing was asked of other hosts${foreign.length ? `: ${foreign}` : ""}`, foreign.length === 0);
  // The preview's script is there to be refused, and the browser says so.
  const real = complaints.filter((line) => !/preview|sandbox|Blocked script execution|422/.test(line));
  check(`${name}: the browser complains of nothing${real.length ? `: ${real.join("; ")}` : ""}`, real.length === 0);
  await close();
}

// The menu lies behind a button where there is no room beside the page; it opens without a script.
async function openMenu(page) {
  const button = page.getByRole("button", { name: "Menu", exact: true });
  if (await button.isVisible()) await button.click();
}

// From the list of issues to the evidence, and back in use.
async function solve(page, name, shot) {
  await openMenu(page);
  await page.getByRole("link", { name: /^Comms issues/ }).first().click();
  await page.getByRole("link", { name: /^Drill down/ }).first().click();
  await page.getByRole("link", { name: "List people Harbour" }).click();
  check(`${name}: somebody is listed`, (await page.getByRole("link", { name: /^View/ }).count()) > 0);
  await shot("issues");
  await page.getByRole("link", { name: /^View/ }).first().click();
  await shot("contact");
  const contact = page.url();
  await page.getByRole("link", { name: /^Failing: see why/ }).first().click();
  const log = await page.locator("main").innerText();
  check(`${name}: the log shows that it was returned and suspended`, log.includes("Message returned") && log.includes("Method suspended"));
  check(`${name}: the log shows the diagnostic code`, (await page.locator("pre.diagnostic").first().innerText()).length > 10);
  await shot("log");
  await page.goto(contact);
  await page.getByRole("button", { name: /^Reinstate/ }).first().click();
  check(`${name}: reinstating is told`, await sees(page, "Reinstated", true));
  await shot("reinstated");
}

// Every page, in light and dark, on a desk and on a telephone.
async function look({ name, dark, viewport }) {
  const at = folder(join(shots, name));
  const { page, close } = await open({ dark, viewport });
  const visit = async (file) => {
    await page.screenshot({ path: join(at, `${file}.png`), fullPage: true });
    const found = [...(await axe(page, `${name} ${file}`)), ...(await overflow(page, `${name} ${file}`))];
    check(`${name} ${file}: nothing found${found.length ? `: ${found.join("; ")}` : ""}`, found.length === 0);
  };
  try {
    await page.goto(`${base}/login`);
    await visit("login");
    await enter(page);
    await visit("overview");
    await openMenu(page);
    check(`${name}: the menu is open`, await page.getByRole("link", { name: "Contacts", exact: true }).isVisible());
    await visit("menu");
    for (const path of ["communications", "communications/new", "contacts", "contacts?q=nobodyatall", "issues", "areas", "users", "nowhere"]) {
      await page.goto(`${base}/${path}`);
      await visit(path.replace(/[/?=]/g, "-"));
    }
    await page.goto(`${base}/communications`);
    await page.getByRole("link", { name: /Flood warning/ }).first().click();
    await visit("communication");
    if (name === "desk-light") await page.screenshot({ path: join(at, "communication-window.png") });
    await page.getByRole("link", { name: /^Details/ }).first().click();
    await visit("person");
    await page.getByRole("link", { name: "Contact", exact: true }).click();
    await visit("contact");
    await page.locator("main").getByRole("link", { name: "Communications log" }).click();
    await visit("log");
    await page.goto(`${base}/issues`);
    await page.getByRole("link", { name: /^List people/ }).first().click();
    await visit("issues-list");
    if ((await page.getByRole("link", { name: /^View/ }).count()) > 0) {
      await page.getByRole("link", { name: /^View/ }).first().click();
      await visit("contact-issue");
      await page.locator("main").getByRole("link", { name: "Communications log" }).click();
      await visit("log-issue");
    }
    await page.goto(`${base}/communications/new`);
    await page.getByRole("button", { name: "Review", exact: true }).last().click();
    await visit("compose-problems");
  } catch (error) {
    failures.push(`${name}: ${error.message}`);
    console.log(`FAIL ${name}: ${error.stack}`);
  }
  await close();
}

// Everything can be reached with the keyboard, and one sees where one is.
async function keyboard() {
  const { page, close } = await open({});
  await enter(page);
  await page.keyboard.press("Tab");
  check("keyboard: the first stop skips to the content", (await page.evaluate(() => document.activeElement?.getAttribute("href"))) === "#main");
  await page.keyboard.press("Enter");
  check("keyboard: and takes one there", (await page.evaluate(() => document.activeElement?.id)) === "main");
  await page.keyboard.press("Tab");
  const ring = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
  check("keyboard: the focus is to be seen", ring !== "none");
  await close();
}

await journey({ name: "with-javascript", javascript: true, subject: "Flood warning for the harbour" });
await journey({ name: "without-javascript", javascript: false, subject: "Flood warning, second notice" });
await keyboard();
await look({ name: "desk-light", dark: false, viewport: DESK });
await look({ name: "desk-dark", dark: true, viewport: DESK });
await look({ name: "telephone-light", dark: false, viewport: TELEPHONE });
await look({ name: "telephone-dark", dark: true, viewport: TELEPHONE });

for (const failure of failures) console.error(`failed: ${failure}`);
console.log(`${passed} passed, ${failures.length} failed`);
process.exit(failures.length === 0 ? 0 : 1);
