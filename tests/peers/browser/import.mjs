// A list of people comes as a file: its columns are named, the bad rows seen, the good ones
// taken, the file exported again, and all of it taken back.
const PEOPLE = [
  "First name,Last name,E-mail,Mobile,Quarter",
  "Odile,Marchetti,odile.marchetti@example.org,+33 6 12 34 56 78,Harbour",
  "Per,Lindqvist,per@hotmial.com,,",
  "Nobody,At All,not an address,,",
  "Ruth,Okafor,ruth.okafor@example.org,07400 123456,",
].join("\r\n");

export async function importPeople({ page, name, base, live, check, sees, shot }) {
  await page.goto(`${base}/contacts`);
  await page.getByRole("link", { name: "Import", exact: true }).click();
  await page.getByLabel("File", { exact: true }).setInputFiles({
    name: "sign-ups.csv",
    mimeType: "text/csv",
    buffer: Buffer.from(PEOPLE),
  });
  await shot("import");
  await page.getByRole("button", { name: "Continue" }).click();
  await page.waitForURL(/\/columns$/);
  const meaning = (letter) => page.getByLabel(`What column ${letter} holds`).locator("option:checked").innerText();
  check(`${name}: the column of addresses is recognised`, (await meaning("C")) === "Email address");
  check(`${name}: the column of mobiles is recognised`, (await meaning("D")) === "Mobile number");
  await page.getByLabel("What column E holds").selectOption({ label: "Not wanted" });
  await page.getByLabel("Country of national numbers").fill("GB");
  await shot("import-columns");
  await page.getByRole("button", { name: "Check every row" }).click();
  check(`${name}: every row is looked at first`, await sees(page, "Checked, not imported", live));
  const found = await page.locator("main").innerText();
  check(`${name}: the bad row stands there with its value`, found.includes("not an address"));
  check(`${name}: a misspelt domain is pointed out`, found.includes("hotmail.com"));
  await shot("import-checked");
  await page.getByRole("button", { name: /^Import \d+ people$/ }).click();
  check(`${name}: the good rows are taken`, await sees(page, "Imported", live));
  await page.goto(`${base}/contacts?q=odile`);
  check(`${name}: who was imported is found`, (await page.locator("main").innerText()).includes("Marchetti"));
  await page.goto(`${base}/contacts/export?q=odile`);
  await page.getByRole("radio", { name: /^CSV/ }).check();
  const [file] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: /^Export/ }).click()]);
  const text = Buffer.concat(await (await file.createReadStream()).toArray()).toString("utf8");
  check(`${name}: who is exported is who was found`, text.includes("odile.marchetti@example.org") && text.trim().split("\n").length === 2);
  await page.goto(`${base}/contacts/import`);
  await page.getByRole("link", { name: "sign-ups.csv" }).first().click();
  await page.getByRole("link", { name: /^Take it back/ }).click();
  await shot("import-undo");
  await page.getByRole("button", { name: "Take it back" }).click();
  check(`${name}: the import is taken back`, await sees(page, "Taken back", live));
  await page.goto(`${base}/contacts?q=odile`);
  check(`${name}: nobody of it is left`, !(await page.locator("main").innerText()).includes("Marchetti"));
}
