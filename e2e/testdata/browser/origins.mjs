// Uploads from pages of other origins in a real Chromium, with the user's cookie: by fetch and by tus-js-client.
// Arguments: where the sidecar listens, the user's cookie, the port of the origin that it trusts, the folder of the node modules,
// Chromium, tus-js-client, and a folder for scratch. It prints what each origin saw, as JSON.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createServer } from "node:http";
import { join } from "node:path";

const [sidecar, cookie, trusted, modules, chromium, client, scratch] = process.argv.slice(2);
const require = createRequire(join(modules, "node_modules/"));
const puppeteer = require("puppeteer-core");
const tus = readFileSync(client, "utf8");

// The same empty page on two ports, which are two origins.
async function origin(port) {
  const server = createServer((_, answer) => answer.setHeader("Content-Type", "text/html").end("<!doctype html><title>a page</title>"));
  await new Promise((listening) => server.listen(port, "127.0.0.1", listening));
  return `http://127.0.0.1:${server.address().port}`;
}

const browser = await puppeteer.launch({
  executablePath: chromium, headless: true, userDataDir: join(scratch, "profile"),
  args: ["--disable-gpu", "--disable-background-networking", ...(process.getuid() === 0 ? ["--no-sandbox"] : [])],
});
process.on("exit", () => browser.process()?.kill("SIGKILL"));

async function visit(where, name) {
  const page = await browser.newPage();
  page.setDefaultTimeout(60_000);
  await page.goto(where);
  await page.addScriptTag({ content: tus });
  const seen = await page.evaluate(async (sidecar, name) => {
    const seen = {};
    const attempt = async (what, path, method, options) => {
      try {
        const answer = await fetch(sidecar + path, { method, credentials: "include", ...options });
        seen[what] = [answer.status, (await answer.json()).message];
      } catch (e) {
        seen[what] = ["no answer", e.name];
      }
    };
    const form = new FormData();
    form.append("file", new Blob(["a form"]), `${name}-form.txt`);
    await attempt("form", "/upload", "POST", { body: form });
    await attempt("put", "/upload", "PUT", { body: "a body", headers: { "Content-Type": "text/plain", "Content-Disposition": `attachment; filename=${name}-put.txt` } });
    await attempt("stranger", "/upload", "POST", { body: form, credentials: "omit" });
    seen.tus = await new Promise((done) => {
      const upload = new window.tus.Upload(new Blob(["x".repeat(3000)]), {
        endpoint: `${sidecar}/tus/`, chunkSize: 1000, retryDelays: null, metadata: { filename: `${name}-tus.txt` },
        onBeforeRequest: (request) => { request.getUnderlyingObject().withCredentials = true; },
        onError: () => done(["no answer"]), onSuccess: () => done(["stored"]),
      });
      upload.start();
    });
    return seen;
  }, sidecar, name);
  await page.close();
  return seen;
}

const [cookieName, value] = cookie.split(/=(.*)/s);
const first = await origin(Number(trusted)), other = await origin(0);
const page = await browser.newPage();
await page.setCookie({ name: cookieName, value, url: sidecar });
console.log(JSON.stringify({ trusted: await visit(first, "trusted"), other: await visit(other, "other") }));
await browser.close();
process.exit(0);
