// What .ci/pages does once browser and tools are there. It takes a folder of
// reports: NAME.html with NAME.json beside it.
import { readFileSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const tools = createRequire(join(process.env.HUSTINGS_PAGES_TOOLS, "package.json"));
const { chromium } = tools("playwright-core");
const axe = readFileSync(tools.resolve("axe-core/axe.min.js"), "utf8");

const folder = resolve(process.argv[2]);
const output = process.env.HUSTINGS_PAGES_OUTPUT;
const views = [
  { name: "phone", width: 390, height: 844, colorScheme: "light" },
  { name: "desk", width: 1280, height: 800, colorScheme: "light" },
  { name: "dark", width: 390, height: 844, colorScheme: "dark" },
];
const classes = ["reached", "not_reached", "not_contacted", "unknown"];
const withheld = { fr: "non communiqué", en: "withheld" };

// Whoever ends this because it takes too long wants no complaint about that.
process.on("SIGTERM", () => process.exit(faults ? 1 : 124));

let faults = 0;
const fault = (...words) => { faults++; console.error("FAULT:", ...words); };

// A browser that asks nobody for anything by itself, so that each request is the page's.
const browser = await chromium.launchPersistentContext(process.env.HUSTINGS_PAGES_PROFILE, {
  executablePath: process.env.HUSTINGS_CHROMIUM,
  headless: true,
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync"],
});

const reports = readdirSync(folder).filter((file) => file.endsWith(".html")).map((file) => basename(file, ".html"));
if (reports.length === 0) fault(`${folder} has no report`);
for (const name of reports) {
  const address = pathToFileURL(join(folder, name + ".html")).href;
  const report = JSON.parse(readFileSync(join(folder, name + ".json"), "utf8"));
  for (const view of views) await look(name, address, report, view);
  await print(name, address);
}
await browser.close();
console.log(`${reports.length} reports, ${views.length} views each, and on paper: ${faults} faults`);
process.exit(faults ? 1 : 0);

async function open(address, view) {
  const page = await browser.newPage();
  const requests = [];
  page.on("request", (request) => requests.push(request.url()));
  page.on("pageerror", (error) => fault(address, error.message));
  await page.setViewportSize({ width: view.width, height: view.height });
  await page.emulateMedia({ colorScheme: view.colorScheme });
  await page.goto(address, { waitUntil: "load" });
  return { page, requests };
}

async function look(name, address, report, view) {
  const { page, requests } = await open(address, view);
  const where = `${name}, ${view.name}:`;
  await page.screenshot({ path: join(output, `${name}-${view.name}.png`), fullPage: true });
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  if (wide > 0) fault(where, `the page is ${wide} pixels wider than the window`);
  const small = await page.evaluate(() => [...document.querySelectorAll("p, li, td, th, dd, dt, figcaption, text, code")]
    .filter((element) => parseFloat(getComputedStyle(element).fontSize) < 12).map((element) => element.textContent));
  if (small.length > 0) fault(where, "text of less than 12 pixels:", small[0]);
  await figures(page, where, report);
  await spoken(page, where);
  await check(page, where);
  if (requests.length !== 1 || requests[0] !== address) fault(where, "requests:", requests.join(" "));
  await page.close();
}

// figures holds what is shown, in the tables, charts and headings of both languages, against the JSON rendering.
async function figures(page, where, report) {
  for (const language of ["fr", "en"]) {
    const shown = await page.evaluate((id) => {
      const text = (elements) => [...elements].map((element) => element.textContent.trim());
      const article = document.getElementById(id);
      return {
        cells: [...article.querySelectorAll("tbody td")].map((cell) => (cell.querySelector("strong, .withheld") ?? cell).textContent),
        margins: text(article.querySelectorAll("tbody .margin")),
        chart: text(article.querySelectorAll("svg text.value")),
        facts: text(article.querySelectorAll("dd")),
        key: article.textContent,
      };
    }, language);
    const expected = classes.map((name) => report.classes[name]);
    const read = (words) => words.map((word) => (word === withheld[language] ? null : Number(word.replace(/[\s\u202f\u00a0,]/g, ""))));
    for (const place of ["cells", "chart"]) {
      const got = read(shown[place]);
      if (JSON.stringify(got) !== JSON.stringify(expected)) fault(where, language, place, JSON.stringify(got), "and the JSON says", JSON.stringify(expected));
    }
    if (shown.margins.some((margin) => margin !== `± ${report.margin.plus_minus}`)) fault(where, language, "margins:", shown.margins.join(" "));
    if (!read(shown.facts).includes(report.size)) fault(where, language, "the order is not", report.size);
    if (!shown.key.includes(report.key_id)) fault(where, language, "the key is not named");
  }
}

// spoken looks at what a screen reader is told: the table by its name with its headers, the chart as one picture with words.
async function spoken(page, where) {
  const told = await page.locator("body").ariaSnapshot();
  for (const [what, times] of [[/^\s*- table /gm, 2], [/^\s*- '?img /gm, 2], [/^\s*- rowheader "/gm, 8], [/^\s*- columnheader "/gm, 4],
    [/^\s*- heading ".*" \[level=1\]/gm, 1], [/^\s*- main/gm, 1], [/^\s*- navigation "/gm, 1], [/^\s*- region "/gm, 8]]) {
    const found = (told.match(what) ?? []).length;
    if (found !== times) fault(where, `a screen reader hears ${what} ${found} times, not ${times}`);
  }
}

async function check(page, where) {
  const results = await page.evaluate(`${axe}; axe.run(document, { resultTypes: ["violations"] })`);
  for (const violation of results.violations) {
    const words = `${violation.impact}: ${violation.id}: ${violation.help}: ${violation.nodes.map((node) => node.target.join(" ")).slice(0, 3).join(", ")}`;
    if (["serious", "critical"].includes(violation.impact)) fault(where, words);
    else console.log(where, words);
  }
}

// print makes the PDF that a printer would get: a few pages, and the links to languages, which lead nowhere on paper, not on them.
async function print(name, address) {
  const { page } = await open(address, views[1]);
  const pdf = await page.pdf({ path: join(output, `${name}.pdf`), preferCSSPageSize: true });
  const pages = (pdf.toString("latin1").match(/\/Type\s*\/Page[^s]/g) ?? []).length;
  if (pages < 2 || pages > 4) fault(`${name}, on paper: ${pages} pages`);
  await page.emulateMedia({ media: "print" });
  if (await page.locator("nav").isVisible()) fault(`${name}, on paper: links to languages`);
  await page.close();
}
