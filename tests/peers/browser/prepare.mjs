// What a console in use holds and a new one does not: a group, a campaign, a saved filter, a
// contact that looks like another, somebody on the recipient list, a second user, a token, an
// import that waits to be named and one that can be taken back, a draft with a file, a case with a
// letter and a note. Made through the forms, by their names in English.
//
// Answers the addresses of pages to which no link leads from the first page of their kind.

const PEOPLE = "First name,Last name,E-mail\r\nOdile,Marchetti,odile.marchetti@example.org\r\n";

async function press(page, name) {
  const button = page.locator("main").getByRole("button", { name, exact: true }).first();
  await Promise.all([page.waitForLoadState("load"), button.click()]);
}

async function upload(page, base, name) {
  await page.goto(`${base}/contacts/import`);
  await page.getByLabel("File", { exact: true }).setInputFiles({ name, mimeType: "text/csv", buffer: Buffer.from(PEOPLE) });
  await press(page, "Continue");
  await page.waitForURL(/\/columns$/);
  return page.url();
}

async function reads(page, text) {
  for (let look = 0; look < 100; look += 1) {
    if ((await page.locator("main").innerText()).includes(text)) return;
    await page.waitForTimeout(200);
    await page.reload();
  }
  throw new Error(`${page.url()} does not come to say "${text}"`);
}

const link = async (page, css) => (await page.locator(css).first().evaluate((one) => one.href)).split("#")[0];

async function contact(page, base, kind, last, email) {
  await page.goto(`${base}/contacts/new`);
  await page.getByLabel("Last name").fill(last);
  await page.getByLabel("Kind").selectOption({ label: kind });
  await page.locator("input[name=method_to]").first().fill(email);
  await press(page, "Add contact");
  await page.waitForURL(/\/contacts\/[0-9a-f]{32}/);
  return page.url().split("?")[0];
}

// A client, a creditor, their case, a letter that goes out and a note.
async function firm(page, base) {
  const creditor = await contact(page, base, "Creditor", "Meridian Finance", "letters-meridian@mail.example");
  const client = await contact(page, base, "Client", "Longstaff", "longstaff@mail.example");
  await page.goto(`${base}/cases/new?client=${client.split("/").pop()}`);
  await page.getByLabel("What it is about").fill("Two credit cards");
  await page.locator("select[name=creditor]").first().selectOption({ label: "Meridian Finance" });
  await press(page, "Save the case");
  await page.waitForURL(/\/cases\/[0-9a-f]{32}/);
  const of = page.url().split("?")[0];
  const id = of.split("/").pop();
  await page.goto(`${base}/letters/new?case=${id}`);
  const letter = page.url();
  const way = page.locator("select[name=to] option", { hasText: "Meridian" }).first();
  await page.locator("select[name=to]").selectOption(await way.getAttribute("value"));
  await press(page, "Write");
  await page.waitForURL(/\/communications\/[0-9a-f]{32}\/edit/);
  const draft = page.url().replace(/\/edit.*$/, "");
  await page.getByLabel("Subject").fill("Please send a copy of the agreement");
  await page.getByLabel("Plain text").fill("Please send a copy of the agreement.");
  await press(page, "Review");
  await page.locator("main form[action$='/send'] button").click();
  await page.waitForURL(/done=sent/);
  await page.goto(`${base}/notes/new?case=${id}`);
  const note = page.url();
  await page.locator("textarea[name=text]").fill("They rang and offer 40 %.");
  await page.locator("main form[action='/notes'] button[type=submit]").last().click();
  await page.waitForURL(/\/correspondence\/[0-9a-f]{32}/);
  const entry = page.url().split("?")[0];
  return [
    of, `${of}/edit`, `${of}/log`, `${of}/status`, entry, letter, note, `${draft}/template`,
    `${client}/correspondence`, `${client}/timeline`, `${base}/search?q=agreement`,
  ];
}

export async function prepare(page, base) {
  const seeds = await firm(page, base);

  await page.goto(`${base}/groups`);
  await page.locator("main input[name=name]").fill("Flood wardens");
  await press(page, "Make group");
  await page.goto(`${base}/groups`);
  const group = await link(page, "main a[href^='/groups/']");
  await page.goto(`${group}?find=Crowther`);
  await page.locator("main form[action$='/members'] button").first().click();
  seeds.push(group, `${group}/delete`);

  await page.goto(`${base}/campaigns`);
  await page.locator("main input[name=campaign_name]").fill("Spring tides");
  await press(page, "Make");
  await page.goto(`${base}/campaigns`);
  seeds.push(await link(page, "main a[href^='/campaigns/']"));

  await page.goto(`${base}/areas`);
  const leaf = page.locator("main tbody tr").last();
  const area = (await leaf.locator("a[href^='/areas/']").first().evaluate((one) => one.href)).split("#")[0];
  seeds.push(`${area}/delete`);
  await page.goto(await leaf.locator("a[href^='/contacts']").first().evaluate((one) => one.href));
  await page.getByPlaceholder("Name of the filter").fill("Westfield only");
  await press(page, "Save this filter");
  await page.goto(`${base}/filters`);
  seeds.push(page.url(), await link(page, "main a[href$='/delete']"));

  await page.goto(`${base}/contacts/new`);
  await page.getByLabel("First name").fill("Ada");
  await page.getByLabel("Last name").fill("Crowther");
  await page.getByLabel("Area").selectOption({ label: "Harbour" });
  await page.locator("input[name=method_to]").first().fill("ada.crowther@mail.example");
  await press(page, "Add contact");
  // It is pointed out that there is one already.
  await press(page, "It is somebody else: add");
  await page.goto(`${base}/contacts/duplicates`);
  seeds.push(page.url(), await link(page, "main a[href*='/merge?']"));

  await page.goto(`${base}/contacts?q=Okafor`);
  await page.locator("main form[action^='/recipients'] button").last().click();
  seeds.push(`${base}/recipients`, `${base}/recipients/clear`, `${base}/contacts/export`);

  await page.goto(`${base}/users/new`);
  await page.getByLabel("Login name").fill("olive");
  await page.getByLabel("Name", { exact: true }).fill("Olive Marsh");
  await page.locator("main input[type=password]").fill("a password for a second user");
  await press(page, "Add a user");
  await page.goto(`${base}/users`);
  const other = (await page.locator("main a[href^='/users/']", { hasText: "Olive" }).first().evaluate((one) => one.href)).split("?")[0];
  seeds.push(other, `${other}/disable`);
  await page.goto(`${other}/tokens`);
  await page.locator("main input[name=name]").fill("Flood gauge");
  await press(page, "Make a token");
  await page.goto(`${other}/tokens`);
  seeds.push(page.url(), await link(page, "main a[href$='/revoke']"));

  await page.goto(`${base}/webhooks/new`);
  await page.locator("main input[name=name]").fill("Control room");
  await page.locator("main input[name=url]").fill("https://control.example/in");
  await press(page, "Add a webhook");
  await page.goto(`${base}/webhooks`);
  const webhook = (await page.locator("main a.title-link[href^='/webhooks/']").first().evaluate((one) => one.href)).split("?")[0];
  seeds.push(webhook, `${webhook}/delete`);

  const taken = (await upload(page, base, "taken.csv")).replace(/\/columns$/, "");
  await press(page, "Check every row");
  await reads(page, "Checked, not imported");
  await press(page, "Import 1 people").catch(() => press(page, "Import 1 person"));
  await reads(page, "Imported");
  seeds.push(taken, `${taken}/undo`, await upload(page, base, "columns.csv"));

  await page.goto(`${base}/communications/new`);
  await page.getByLabel("Subject").fill("Market moved");
  await page.getByLabel("Plain text").fill("The market is on the green this week.");
  for (const channel of ["Text message", "Call"]) await page.getByRole("checkbox", { name: channel, exact: true }).uncheck();
  await page.getByRole("checkbox", { name: /^Westfield/ }).first().check();
  await press(page, "Add or remove files");
  const files = page.url().split("#")[0];
  await page.locator("main input[type=file]").setInputFiles({ name: "plan.txt", mimeType: "text/plain", buffer: Buffer.from("The green.") });
  await page.locator("main form:has(input[type=file]) button[type=submit]").first().click();
  await page.waitForLoadState("load");
  seeds.push(files, files.replace(/\/attachments.*$/, "/review"));
  return seeds;
}
