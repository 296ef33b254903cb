// Opens a report in a browser as a reader would and prints what it saw, as JSON:
// node browse.mjs NODE_MODULES CHROMIUM PAGE PICTURES
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [modules, executablePath, page, pictures] = process.argv.slice(2);
const { chromium } = createRequire(pathToFileURL(`${modules}/`))("playwright-core");
const browser = await chromium.launch({
	executablePath,
	args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync"],
});
const seen = {};

const table = (tab, id) => tab.$$eval(`#${id} tbody tr`,
	(rows) => rows.map((row) => [...row.cells].map((cell) => cell.textContent)));

for (const colorScheme of ["light", "dark"]) {
	const context = await browser.newContext({ colorScheme, viewport: { width: 1280, height: 900 }, offline: true });
	const tab = await context.newPage();
	const result = (seen[colorScheme] = { messages: [], requests: [] });
	tab.on("console", (message) => result.messages.push(`${message.type()}: ${message.text()}`));
	tab.on("pageerror", (error) => result.messages.push(`error: ${error.message}`));
	tab.on("request", (request) => result.requests.push(request.url()));
	await tab.goto(pathToFileURL(page).href);
	await tab.waitForSelector('html[data-state="ready"]', { timeout: 20000 });
	result.facts = await tab.textContent("#facts");
	result.stale = await tab.isVisible("#stale");
	result.background = await tab.evaluate(() => getComputedStyle(document.body).backgroundColor);
	result.axis = await tab.$eval("#suite-chart .role-axis-label text", (text) => text.getAttribute("fill"));
	result.matrix = await tab.$$eval("#confusion-chart .mark-text.role-mark text", (texts) => texts.map((t) => t.textContent));
	result.reliability = await tab.$$eval("#reliability-chart .mark-symbol.role-mark path", (points) => points.map((p) => p.getAttribute("aria-label")));
	result.bars = await tab.$$eval("#tag-chart .mark-text.role-mark text", (texts) => texts.map((t) => t.textContent));
	result.lines = await tab.$$eval("#suite-chart .mark-line path", (paths) => paths.map((p) => p.getAttribute("stroke")));
	result.counts = await table(tab, "counts");
	result.suspects = await table(tab, "suspects");
	result.sparklines = await tab.$$eval("#suspects svg.sparkline path", (paths) => paths.map((p) => p.getAttribute("d")));
	await tab.screenshot({ path: `${pictures}/${colorScheme}.png`, fullPage: true });
	// sorting, by the third last heading that sorts
	await tab.click('#suspects th button:text-is("distance")');
	result.ascending = (await table(tab, "suspects")).map((row) => row.at(-3));
	await tab.click('#suspects th button:text-is("distance")');
	result.descending = (await table(tab, "suspects")).map((row) => row.at(-3));
	// a row's chart, by mouse; closed by the keyboard; and open when the colours change
	await tab.click("#suspects tbody tr.row");
	await tab.waitForSelector("#suspects svg.marks");
	result.chart = await tab.$$eval("#suspects .mark-line path", (paths) => paths.length);
	await tab.locator("#suspects").screenshot({ path: `${pictures}/${colorScheme}-row.png` });
	await tab.focus("#suspects tbody tr.row");
	await tab.keyboard.press("Enter");
	result.closed = (await tab.$$("#suspects svg.marks")).length === 0;
	await tab.emulateMedia({ colorScheme: colorScheme === "light" ? "dark" : "light" });
	await tab.waitForFunction((fill) => document.querySelector("#suite-chart .role-axis-label text").getAttribute("fill") !== fill,
		result.axis, { timeout: 10000 });
	result.state = await tab.getAttribute("html", "data-state");
	result.injected = await tab.evaluate(() => document.querySelectorAll("main b, main img, main i").length + Number("hacked" in window));
	await context.close();
}
await browser.close();
console.log(JSON.stringify(seen));
