// One application in Express 5 and in Express 4, each on a port of its own. Every answer says in X-Place which handler has served
// the request. Express compares paths without regard to capitals, and with or without a slash at the end, unless it is told.
// Run as application.js NODE_MODULES PORT5 PORT4.
const path = require("node:path");

const [modules, ...ports] = process.argv.slice(2);

["express", "express4"].forEach((name, i) => {
  const express = require(path.join(modules, name));
  const application = express();
  const place = (word) => (request, response) => response.set("X-Place", word).end();
  application.use("/admin", place("admin"));
  application.use("/accounts", place("accounts"));
  application.use("/static", place("static"));
  application.use(place("other"));
  application.listen(Number(ports[i]), "127.0.0.1");
});
