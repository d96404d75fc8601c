// Writing with JavaScript: the preview changes as one types, the draft is kept as one types (it
// is there after a reload), the count of segments follows the category, and the call is heard.
//
//   node compose.mjs BASE_URL LOGIN PASSWORD SCREENSHOT_FOLDER
import { join } from "node:path";
import { folder, open, watchForeign } from "./browser.mjs";

const [base, login, password, shots] = process.argv.slice(2);
if (!shots) {
  console.error("usage: node compose.mjs BASE_URL LOGIN PASSWORD SCREENSHOT_FOLDER");
  process.exit(2);
}

let passed = 0;
const failures = [];
function check(what, holds) {
  if (holds) passed += 1;
  else failures.push(what);
  console.log(`${holds ? "ok  " : "FAIL"} ${what}`);
}

async function becomes(what, locator, text) {
  try {
    await locator.filter({ hasText: text }).first().waitFor({ timeout: 20_000 });
    check(what, true);
  } catch {
    check(`${what} (there is: ${(await locator.first().innerText().catch(() => "nothing")).slice(0, 300)})`, false);
  }
}

// Whether the sound that the page offers plays: the browser itself decodes it.
async function hears(page) {
  const audio = page.locator("#preview audio");
  await audio.waitFor({ state: "attached", timeout: 20_000 });
  const source = await audio.getAttribute("src");
  const answer = await page.request.get(new URL(source, base).href);
  check(`the call is spoken (${answer.status()} ${answer.headers()["content-type"]})`, answer.status() === 200 && answer.headers()["content-type"] === "audio/wav");
  const bytes = await answer.body();
  check(`it is sound (${bytes.length} bytes)`, bytes.subarray(0, 4).toString() === "RIFF" && bytes.length > 10_000);
  const heard = await audio.evaluate((element) => new Promise((resolve) => {
    element.muted = true;
    element.addEventListener("canplaythrough", () => resolve(element.duration));
    element.addEventListener("error", () => resolve(`error ${element.error?.code} ${element.error?.message}`));
    element.preload = "auto";
    element.load();
  }));
  check(`the browser can play it (${heard})`, typeof heard === "number" && heard > 1);
}

const at = folder(join(shots, "compose"));
const { page, complaints, close } = await open({});
const foreign = [];
watchForeign(page, base, foreign);
try {
  await page.goto(`${base}/login`);
  await page.locator("input[name=login]").fill(login);
  await page.locator("input[name=password]").fill(password);
  await page.locator("main button[type=submit]").click();
  await page.waitForURL(`${base}/`);

  await page.goto(`${base}/communications/new`);
  const preview = page.locator("#preview");
  for (const by of ["by_email", "by_text", "by_call"]) await page.locator(`#${by}`).check();
  await page.locator("#subject").pressSequentially("Road closed");
  await page.locator("#text").fill("The quay is closed until Monday.");
  await becomes("the preview shows the email as one types", preview, "Road closed");
  await becomes("and says when the draft was kept", page.locator("#saved"), /\d\d:\d\d/);
  check("the address is the draft's now", /\/communications\/[0-9a-f]{32}\/edit$/.test(page.url()));
  await page.locator("#sms_text").pressSequentially("Quay closed until Monday");
  await becomes("the text appears beside it", preview, "Quay closed until Monday");
  await page.locator("#sms_text").pressSequentially(", use the bridge");
  await becomes("and changes as one goes on", preview, "Quay closed until Monday, use the bridge");
  await page.locator("#voice_script").fill("The quay is closed until Monday. Please use the bridge.");
  await becomes("the call too", preview, "Please use the bridge.");
  await page.screenshot({ path: join(at, "preview.png"), fullPage: true });

  const count = page.locator("#sms-count");
  const options = await page.locator("#category option").evaluateAll((all) => all.map((one) => [one.value, one.dataset.under ?? ""]));
  const asking = options.find(([, under]) => under !== "");
  const plain = options.find(([, under]) => under === "");
  check("there is a category that asks for confirmation, and one that does not", Boolean(asking && plain));
  const counted = async (category) => {
    const answered = page.waitForResponse((response) => response.url().endsWith("/count"));
    await page.locator("#category").selectOption(category);
    await (await answered).finished();
    await page.waitForTimeout(100);
    return Number((await count.innerText()).match(/\d+/)[0]);
  };
  const without = await counted(plain[0]);
  const withLine = await counted(asking[0]);
  check(`the count holds the line that asks (${without}, ${withLine})`, withLine === without + asking[1].length + 1);
  await becomes("the preview shows that line", preview, asking[1].slice(0, 8));
  await hears(page);

  await page.waitForTimeout(3_000);
  await page.reload();
  check("after a reload the subject is there", (await page.locator("#subject").inputValue()) === "Road closed");
  check("and the text", (await page.locator("#sms_text").inputValue()) === "Quay closed until Monday, use the bridge");
  check("and the script", (await page.locator("#voice_script").inputValue()).startsWith("The quay is closed"));
  check("and the category", (await page.locator("#category").inputValue()) === asking[0]);
  await page.screenshot({ path: join(at, "reloaded.png"), fullPage: true });
} catch (error) {
  failures.push(error.message);
  console.log(`FAIL ${error.stack}`);
  await page.screenshot({ path: join(at, "failure.png"), fullPage: true }).catch(() => {});
}
check(`nothing was asked of other hosts${foreign.length ? `: ${foreign}` : ""}`, foreign.length === 0);
check(`the browser complains of nothing${complaints.length ? `: ${complaints.join("; ")}` : ""}`, complaints.length === 0);
await close();

for (const failure of failures) console.error(`failed: ${failure}`);
console.log(`${passed} passed, ${failures.length} failed`);
process.exit(failures.length === 0 ? 0 : 1);
