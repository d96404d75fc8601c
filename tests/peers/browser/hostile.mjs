// A page with many hostile mails, each in the frame in which the console shows it. Looks at every
// frame for what should not be there; whether anything was fetched, the server counts.
//
//   node hostile.mjs PAGE_URL
import { open } from "./browser.mjs";

const [url] = process.argv.slice(2);
if (!url) {
  console.error("usage: node hostile.mjs PAGE_URL");
  process.exit(2);
}

// What a frame may not hold, whatever was written in the mail.
const FORBIDDEN = "script, body style, link, meta[http-equiv], base, form, input, button, iframe, object, embed, svg, math, video, audio, [onclick], [onerror], [onload]";
// How long a late script, timer or refresh is waited for, in milliseconds.
const SETTLE = 3000;

const { page, close } = await open({});
let failures = 0;
function fail(what) {
  failures += 1;
  console.log(`FAIL ${what}`);
}
try {
  page.on("dialog", (dialog) => {
    fail(`a mail opened a dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  await page.goto(url, { waitUntil: "load" });
  await page.waitForTimeout(SETTLE);
  const frames = page.frames().slice(1);
  console.log(`${frames.length} mails`);
  if (frames.length < 40) fail("too few mails were shown");
  for (const frame of frames) {
    const found = await frame.locator(FORBIDDEN).count();
    if (found) fail(`${frame.url()}: ${found} elements that should not be there`);
  }
} finally {
  await close();
}
process.exit(failures ? 1 : 0);
