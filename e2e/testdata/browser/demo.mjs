// Goes through the demo's page in a real Chromium, as a person does. It fails at the first thing that is not as it should be.
// Arguments: where the sidecar listens, the folder of the node modules, Chromium, and a folder for scratch and screenshots.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { connect, createServer } from "node:net";
import { join } from "node:path";

const [sidecar, modules, chromium, scratch] = process.argv.slice(2);
const require = createRequire(join(modules, "node_modules/"));
const puppeteer = require("puppeteer-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

// The network between the browser and the sidecar, which can be cut.
const wires = new Set();
let whole = true;
const network = createServer({ allowHalfOpen: true }, (near) => {
  if (!whole) return near.destroy();
  const far = connect({ host: new URL(sidecar).hostname, port: new URL(sidecar).port, allowHalfOpen: true });
  for (const end of [near, far]) end.on("error", () => {}); // it closes then
  near.pipe(far);
  far.pipe(near);
  wires.add(near).add(far);
  near.on("close", () => far.destroy());
  far.on("close", () => near.end().resume()); // what the sidecar does not read goes nowhere
});
await new Promise((listening) => network.listen(0, "127.0.0.1", listening));
const url = `http://127.0.0.1:${network.address().port}/`;
function cut() {
  whole = false;
  wires.forEach((end) => end.destroy());
  wires.clear();
}
function mend() {
  whole = true;
}

const browser = await puppeteer.launch({
  executablePath: chromium, headless: true, userDataDir: join(scratch, "profile"),
  args: ["--disable-gpu", "--force-color-profile=srgb", "--lang=en-GB", ...(process.getuid() === 0 ? ["--no-sandbox"] : [])],
});
process.on("exit", () => browser.process()?.kill("SIGKILL"));
const page = await browser.newPage();
page.setDefaultTimeout(60_000);
await page.evaluateOnNewDocument(() => addEventListener("securitypolicyviolation", (event) => console.error(`${event.violatedDirective}: ${event.blockedURI}`)));

// What must never happen, whatever is done to the page.
const faults = [];
page.on("pageerror", (error) => faults.push(`error: ${error}`));
page.on("console", (message) => {
  if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) faults.push(`console: ${message.text()}`);
});
page.on("request", (request) => {
  if (!request.url().startsWith(url)) faults.push(`a request to ${request.url()}`);
});

const step = (what) => console.error(`- ${what}`);
const text = (selector) => page.$eval(selector, (e) => e.textContent.trim());
const until = (what, predicate, ...args) => page.waitForFunction(predicate, {}, ...args).catch(async (error) => {
  throw new Error(`never ${what}: ${error.message}\n${await page.$eval("main", (e) => e.innerText)}`);
});
const verdict = (headline) => until(`"${headline}"`, (want) => document.querySelector("#verdict-headline").textContent === want, headline);
const pick = (title) => page.$$eval(".choice", (all, title) => all.find((e) => e.textContent.includes(title)).querySelector("input").click(), title);

// entry waits until the newest upload is in a state, and returns what is shown of it.
async function entry(state) {
  await until(`an upload ${state}`, (want) => document.querySelector(".upload")?.dataset.state === want, state);
  return page.$eval(".upload", (e) => ({
    name: e.querySelector(".upload-name").textContent, said: e.querySelector(".upload-state").textContent,
    buttons: [...e.querySelectorAll("button")].map((b) => b.textContent), bold: e.querySelectorAll("b").length,
    facts: Object.fromEntries([...e.querySelectorAll("dt")].map((dt) => [dt.textContent, dt.nextElementSibling.textContent])),
  }));
}

// press clicks a button of the newest upload.
const press = (label) => page.$$eval(".upload:first-child button", (all, label) => all.find((b) => b.textContent === label).click(), label);

function file(name, content) {
  const path = join(scratch, name);
  writeFileSync(path, content);
  return path;
}

const choose = async (path) => (await page.$("#file")).uploadFile(path);

// accessible fails where axe finds anything, or the page is wider than its window.
async function accessible(where) {
  await page.evaluate(axe);
  const found = await page.evaluate(() => globalThis.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }));
  assert.deepEqual(found.violations.map((v) => `${v.id}: ${v.nodes.map((n) => `${n.html} ${n.failureSummary}`).join("; ")}`), [], where);
  assert.ok(found.passes.length > 10, `${where}: axe looked at nothing`);
  const [wide, window] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert.ok(wide <= window, `${where}: the page is ${wide} wide`);
}

// look takes a picture in each theme, after axe has looked.
async function look(name, width, height) {
  await page.setViewport({ width, height, deviceScaleFactor: width < 500 ? 2 : 1 });
  for (const theme of ["dark", "light"]) {
    await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: theme }, { name: "prefers-reduced-motion", value: "reduce" }]);
    await accessible(`${name} ${theme}`);
    await page.screenshot({ path: join(scratch, `${name}-${theme}.png`), fullPage: true });
  }
}

step("nobody, at first");
const first = await page.goto(url);
assert.match(first.headers()["content-security-policy"], /^default-src 'self';/);
await verdict("Nobody is logged in");
assert.equal(await text("#verdict-why"), "The request has no session cookie.");
await look("nobody-1280", 1280, 800);

step("ada");
await pick("ada is logged in");
await verdict("ada is logged in");
assert.equal(await text("#verdict-status"), "200");
const [cookie, ...more] = await browser.cookies();
assert.deepEqual([cookie.name, cookie.path, cookie.httpOnly, cookie.sameSite, cookie.secure, more], ["sessionid", "/", true, "Lax", false, []]);
assert.equal(await page.evaluate(() => document.cookie), "");
await page.reload();
await verdict("ada is logged in");
assert.equal(await page.$eval("input[name=visit]:checked", (e) => e.closest("label").textContent.includes("ada is logged in")), true);

step("the keyboard alone");
await page.focus("input[name=visit]:checked");
await page.keyboard.press("ArrowDown");
await verdict("grace is logged in");
await page.keyboard.press("ArrowUp");
await verdict("ada is logged in");
await page.keyboard.press("Tab");
assert.equal(await page.evaluate(() => document.activeElement.value), "resumable");
await page.keyboard.press("Tab");
assert.equal(await page.evaluate(() => document.activeElement.id), "file");

step("a file through the input, as a form");
await page.click("input[value=form]");
assert.equal(await text("#uploads-wire"), "POST /upload");
await choose(file("notes.txt", "What Django would have stored.\n"));
const stored = await entry("stored");
assert.match(stored.facts.Name, /^uploads\/\d{4}\/\d\d\/\d\d\/notes\.txt$/);
assert.equal(stored.facts.URL, `/media/${stored.facts.Name}`);
assert.equal(readFileSync(stored.facts["On disk"], "utf8"), "What Django would have stored.\n");
assert.deepEqual([stored.facts.Size, stored.facts.Type], ["31 bytes", "text/plain; charset=utf-8"]);
assert.match(await text("#uploads-said"), /^notes\.txt is stored as uploads/);
const names = { "notes.txt": stored.facts.Name };

step("a name that is no markup, dropped");
const hostile = file("<b>bold<b>.txt", "x");
const { x, y } = await page.$eval("#drop", (e) => {
  e.scrollIntoView();
  const r = e.getBoundingClientRect();
  return { x: r.x + r.width / 2, y: r.y + r.height / 2 };
});
const session = await page.createCDPSession();
for (const type of ["dragEnter", "dragOver", "drop"]) {
  await session.send("Input.dispatchDragEvent", { type, x, y, data: { items: [], files: [hostile], dragOperationsMask: 1 } });
}
await until("two uploads", () => document.querySelectorAll(".upload").length === 2);
const dropped = await entry("stored");
assert.deepEqual([dropped.name, dropped.bold], ["<b>bold<b>.txt", 0]);
names["<b>bold<b>.txt"] = dropped.facts.Name;

step("progress");
await page.evaluate(() => {
  globalThis.seen = [];
  new MutationObserver((records) => records.forEach((r) => r.target.value !== undefined && globalThis.seen.push(r.target.value)))
    .observe(document.querySelector("#uploads-list"), { subtree: true, attributes: true, attributeFilter: ["value"] });
});
await page.emulateNetworkConditions({ upload: 400_000, download: 1e7, latency: 0 });
await choose(file("photo.bin", Buffer.alloc(900_000, 7)));
await until("half way", () => document.querySelector(".upload-progress").value > 0.2 && document.querySelector(".upload-progress").value < 1);
await page.setViewport({ width: 1280, height: 800 });
await page.screenshot({ path: join(scratch, "sending-1280.png"), fullPage: true });
names["photo.bin"] = (await entry("stored")).facts.Name;
const seen = await page.evaluate(() => globalThis.seen);
assert.ok(seen.filter((v) => v > 0 && v < 1).length >= 3, `progress was ${seen}`);
assert.deepEqual(seen, [...seen].sort((a, b) => a - b));

step("cancelled, with one waiting");
await choose(file("long.bin", Buffer.alloc(4_000_000, 1)));
await until("sending", () => document.querySelector(".upload-progress").value > 0);
await choose(file("later.txt", "later"));
assert.equal((await entry("waiting")).said, "Waiting for its turn");
await page.$$eval(".upload button", (all) => all.find((b) => b.getAttribute("aria-label") === "Cancel: long.bin").click());
names["later.txt"] = (await entry("stored")).facts.Name;
assert.equal(await page.$eval(".upload:nth-child(2)", (e) => e.dataset.state), "cancelled");
await page.emulateNetworkConditions(null);

step("the network is gone, and comes back");
cut();
await choose(file("again.txt", "again"));
const lost = await entry("failed");
assert.match(lost.said, /^The sidecar cannot be reached\. Is the network there\?/);
await verdict("The sidecar cannot be reached.");
mend();
await verdict("ada is logged in");
await page.$eval(".upload:first-child button", (b) => b.focus());
await page.keyboard.press("Enter");
names["again.txt"] = (await entry("stored")).facts.Name;
assert.equal(await page.evaluate(() => document.activeElement.className), "upload"); // the button that had the focus is gone

step("too large, and too large by far");
for (const megabytes of [9, 40]) {
  await choose(file(`large-${megabytes}.bin`, Buffer.alloc(megabytes << 20)));
  await until("taken", (name) => document.querySelector(".upload-name").textContent === name, `large-${megabytes}.bin`);
  const large = await entry("failed");
  assert.match(large.said, /^The file is too large: it has .* MiB, and 8 MiB is the most\.$/);
  assert.deepEqual(large.buttons, []);
}

step("an expired session");
await pick("past its time");
await verdict("Nobody is logged in");
assert.equal(await text("#verdict-why"), "The session is past its time.");
assert.equal(await text("#verdict-reason"), "expired");
for (const [name, size] of [["refused.txt", 10], ["refused.bin", 6 << 20]]) {
  await choose(file(name, Buffer.alloc(size)));
  await until("taken", (name) => document.querySelector(".upload-name").textContent === name, name);
  const refused = await entry("failed");
  assert.match(refused.said, /^Nobody is logged in, so the file was refused\./);
  assert.deepEqual(refused.buttons, ["Try again"]);
}
await look("full-1280", 1280, 800);
await look("full-360", 360, 740);

step("resumable: paused, resumed, dropped, cut off, and whole in the end");
await page.click("input[value=resumable]");
await pick("ada is logged in");
await verdict("ada is logged in");
const film = Buffer.from(Array.from({ length: 6_000_000 }, (_, i) => (i * 31 + (i >> 8)) & 255));
const beyond = (value) => until(`above ${value}`, (value) => document.querySelector(".upload").dataset.state === "sending" && document.querySelector(".upload-progress").value > value, value);
const asked = []; // of the sidecar, about uploads
const patches = []; // the offsets that were gone on from
page.on("request", (request) => {
  if (!request.url().startsWith(`${url}tus/`)) return;
  asked.push(request.method());
  if (request.method() === "PATCH") patches.push(Number(request.headers()["upload-offset"]));
});
const slow = () => page.emulateNetworkConditions({ upload: 500_000, download: 1e7, latency: 0 });
await slow();
await choose(file("film.bin", film));
await beyond(0.2);
assert.deepEqual(patches, [0]);
await press("Pause");
assert.match((await entry("paused")).said, /^Paused at \d+ %$/);
assert.deepEqual((await entry("paused")).buttons, ["Resume", "Cancel"]);
await look("paused-1280", 1280, 800);
assert.deepEqual(asked, ["POST", "PATCH"]); // nothing goes while it is paused
await press("Resume");
await beyond(0.4);
assert.deepEqual(asked, ["POST", "PATCH", "HEAD", "PATCH"]);

step("resumable: the network dropped, and brought back");
await press("Drop the network");
assert.match((await entry("lost")).said, /^The network is dropped at \d+ %\. The next try is in \d+ s\.$/);
assert.deepEqual((await entry("lost")).buttons, ["Bring the network back", "Cancel"]);
await page.$eval(".upload:first-child button", (b) => b.focus());
await until("tried in vain", () => /in [248] s\.$/.test(document.querySelector(".upload-state").textContent));
assert.match(await page.evaluate(() => document.activeElement.textContent), /^Bring the network back$/);
await look("dropped-360", 360, 740);
assert.equal(asked.length, 4);
await page.keyboard.press("Enter");
await beyond(0.5);
assert.equal(patches.length, 3);

step("resumable: the network is gone, and comes back");
cut();
assert.match((await entry("lost")).said, /^The connection was lost at \d+ %\./);
await verdict("The sidecar cannot be reached.");
await look("lost-1280", 1280, 800);
mend();
await beyond(0.6); // it has gone on by itself

step("resumable: logged out halfway, and back");
await press("Pause");
await entry("paused");
await pick("a logout");
await verdict("Nobody is logged in");
await press("Resume");
assert.match((await entry("failed")).said, /^Nobody is logged in/);
await pick("ada is logged in");
await verdict("ada is logged in");
await page.emulateNetworkConditions(null);
await press("Try again");
const resumed = await entry("stored");
names["film.bin"] = resumed.facts.Name;
assert.match(resumed.facts.Name, /^uploads\/\d{4}\/\d\d\/\d\d\/film\.bin$/);
assert.equal(resumed.facts["SHA-256"], createHash("sha256").update(film).digest("hex"));
assert.equal(patches[0], 0);
assert.deepEqual(readFileSync(resumed.facts["On disk"]), film);
assert.ok(patches.length >= 5 && patches.slice(1).every((offset, i) => offset > 0 && offset >= patches[i]), `the offsets were ${patches}`);

step("resumable: on after a reload, with the same file");
await slow();
await choose(file("series.bin", film));
await until("taken", () => document.querySelector(".upload-name").textContent === "series.bin");
await beyond(0.3);
await press("Pause");
await entry("paused");
await page.reload();
await until("reminded", () => document.querySelector("#uploads-left").textContent === "Not finished: series.bin. Choose that file again to go on.");
await look("left-1280", 1280, 800);
await look("left-360", 360, 740);
await page.click("input[value=form]");
assert.equal(await page.$eval("#uploads-left", (e) => e.hidden), true); // a form does not go on
await page.click("input[value=resumable]");
assert.equal(await page.$eval("#uploads-left", (e) => e.hidden), false);
await pick("grace is staff");
await until("grace is reminded of nothing", () => document.querySelector("#uploads-left").hidden);
await pick("ada is logged in");
await until("ada is reminded", () => !document.querySelector("#uploads-left").hidden);
await page.emulateNetworkConditions(null);
patches.length = 0;
await choose(join(scratch, "series.bin"));
const continued = await entry("stored");
names["series.bin"] = continued.facts.Name;
assert.equal(patches.length, 1);
assert.ok(patches[0] > film.length / 5, `it has gone on from ${patches[0]}`);
assert.equal(continued.facts["SHA-256"], createHash("sha256").update(film).digest("hex"));
assert.equal(await page.$eval("#uploads-left", (e) => e.hidden), true);
assert.equal(await page.evaluate(() => Object.keys(localStorage).filter((key) => key.startsWith("tus::")).length), 0);

step("resumable: empty, refused, and cancelled");
await choose(file("empty ü.txt", ""));
await until("taken", () => document.querySelector(".upload-name").textContent === "empty ü.txt");
names["empty ü.txt"] = (await entry("stored")).facts.Name;
await choose(file("large-9.bin", Buffer.alloc(9 << 20)));
await until("taken", () => document.querySelector(".upload-name").textContent === "large-9.bin");
assert.match((await entry("failed")).said, /^The file is too large/);
await slow();
await choose(file("given-up.bin", Buffer.alloc(3_000_000, 9)));
await beyond(0.1);
const ended = page.waitForResponse((response) => response.request().method() === "DELETE");
await press("Cancel");
await entry("cancelled");
assert.equal((await ended).status(), 204);
await page.emulateNetworkConditions(null);

step("every other session");
const titles = await page.$$eval(".choice", (all) => all.map((e) => [e.querySelector("input").value, e.querySelector(".choice-tag").textContent]));
assert.equal(titles.length, 10);
for (const [value, tag] of titles) {
  await page.click(`input[name=visit][value="${value}"]`);
  if (tag === "alive") await until(tag, () => document.querySelector("#verdict").dataset.state === "alive");
  else await until(tag, (tag) => document.querySelector("#verdict-reason").textContent === tag, tag);
}
assert.deepEqual(await browser.cookies(), []); // the last one is "no cookie"

step("a phone: the verdict stays in sight");
await page.setViewport({ width: 360, height: 740, deviceScaleFactor: 2, isMobile: true, hasTouch: true });
await page.goto(url);
await verdict("Nobody is logged in");
assert.equal(await page.$eval("#verdict-details", (e) => e.open), false);
await pick("grace is staff");
await verdict("grace is logged in");
await page.$eval(".choice:last-child", (e) => e.scrollIntoView({ block: "center" }));
const top = await page.$eval("#verdict-headline", (e) => e.getBoundingClientRect().top);
assert.ok(top >= 0 && top < 200, `the verdict is at ${top}`);
await accessible("phone");
await page.screenshot({ path: join(scratch, "phone.png") });

step("the picture of the README");
await page.setViewport({ width: 1280, height: 800 });
await page.reload();
await pick("ada is logged in");
await verdict("ada is logged in");
await choose(file("holiday.jpg", Buffer.concat([Buffer.from("ffd8ffe000104a46494600010100000100010000", "hex"), Buffer.alloc(2_400_000, 5)])));
names["holiday.jpg"] = (await entry("stored")).facts.Name;
await look("alive-360", 360, 740);
await page.setViewport({ width: 1280, height: 800 });
await slow();
await choose(file("film.mp4", film));
await beyond(0.4);
await page.mouse.move(0, 0);
await page.evaluate(() => { document.activeElement.blur(); scrollTo(0, 0); });
const height = await page.$eval("footer", (e) => e.getBoundingClientRect().top);
await page.screenshot({ path: join(scratch, "readme.png"), clip: { x: 0, y: 0, width: 1280, height } });
await press("Cancel");
await entry("cancelled");

assert.deepEqual(faults, []);
await browser.close();
cut();
network.close();
console.log(JSON.stringify(names));
