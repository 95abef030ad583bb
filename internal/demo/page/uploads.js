// The uploads: takes files, sends one after the other, and shows how far each is, where it landed, or why not.

import { bytes, put, words } from "./format.js";
import { form, isTaken, resumable, unfinished } from "./transport.js";
import { authenticate } from "./verdict.js";

const nothingStored = "Nothing of it was stored.";

// explain says what went wrong, what there is of the file, and whether another try may help. Where no answer arrived, the
// verdict tells more.
async function explain(file, max, status, message, remains) {
  if (status === 0) {
    const { body } = await authenticate();
    if (!body) return { text: `${words.unreachable} Is the network there? ${remains}`, again: true };
    if (!body.result) status = 401;
    else if (file.size > max) status = 413;
    else return { text: `The connection broke. ${remains}`, again: true };
  }
  switch (status) {
    case 200: // SIDECAR_ENDED_STATUS=200
    case 401:
      return { text: `Nobody is logged in, so the file was refused. Pick somebody who is, and try again.`, again: true };
    case 413:
      return { text: `The file is too large: it has ${bytes(file.size)}, and ${bytes(max)} is the most.`, again: false };
    case 429:
      return { text: "Too many uploads at once. Try again in a moment.", again: true };
    case 507:
      return { text: `There is no space for it. ${remains}`, again: true };
  }
  return { text: `${message || `The sidecar answered ${status}.`} ${remains}`, again: status >= 500 || status === 408 };
}

// labels of what is told of a stored file.
const labels = { name: "Name", path: "On disk", url: "URL", size: "Size", detected_type: "Type", sha256: "SHA-256" };

const exactly = (size) => (size < 1024 ? bytes(size) : `${bytes(size)} (${size} bytes)`);

// How a file can be sent, by the values of the page's choice.
const transports = {
  resumable: { start: resumable, wire: "PATCH /tus/…" },
  form: { start: form, wire: "POST /upload" },
};

export function startUploads(section, verdict) {
  const max = Number(section.dataset.maxBytes);
  const list = section.querySelector("#uploads-list");
  const said = section.querySelector("#uploads-said");
  const template = document.getElementById("upload-template");
  const waiting = [];
  let running = null;

  put(section.querySelector("#max-bytes"), bytes(max));
  const remind = startReminder(section.querySelector("#uploads-left"), () => chosen().start === resumable);

  // An Upload is an entry of the list: waiting, starting, sending, paused, lost, stored, failed or cancelled.
  class Upload {
    constructor(file, transport) {
      this.file = file;
      this.transport = transport;
      this.way = null; // what the transport returned
      this.cancelling = ["Cancel", () => this.cancel()];
      this.element = template.content.cloneNode(true).firstElementChild;
      this.at = (name) => this.element.querySelector(`.upload-${name}`);
      this.at("name").textContent = file.name;
      this.at("size").textContent = bytes(file.size);
      this.at("progress").setAttribute("aria-label", `Progress of ${file.name}`);
      list.prepend(this.element);
    }

    // show puts the entry into a state, with what can be done in it: [label, what it does].
    show(state, text, ...actions) {
      this.element.dataset.state = state;
      put(this.at("state"), text);
      this.at("progress").hidden = state === "stored" || state === "failed" || state === "cancelled";
      const labels = actions.map(([label]) => label).join();
      if (labels === this.offered) return; // a label does the same wherever it is, and a button may have the focus
      this.offered = labels;
      const focused = this.at("actions").contains(document.activeElement);
      this.at("actions").replaceChildren(...actions.map(([label, act]) => {
        const button = document.createElement("button");
        button.type = "button";
        button.textContent = label;
        button.setAttribute("aria-label", `${label}: ${this.file.name}`);
        button.addEventListener("click", act);
        return button;
      }));
      // The button that had the focus is gone.
      if (focused) (this.at("actions").firstElementChild ?? this.element).focus();
    }

    wait() {
      if (!this.way) this.at("progress").value = 0;
      this.show("waiting", "Waiting for its turn", this.cancelling);
      waiting.push(this);
      next();
    }

    // send starts the transport, or lets the one that has stopped go on.
    send() {
      this.show("starting", this.way ? "Asking how much has arrived" : "Starting", this.cancelling);
      if (this.way) this.way.resume();
      else this.way = this.transport(this.file, this);
    }

    // sending, progress, lost, stored and failed are what the transport tells.
    sending(offset) {
      this.from = offset;
      this.began = performance.now();
      const actions = [];
      if (this.way.pause) actions.push(["Pause", () => this.pause()]);
      if (this.way.drop) actions.push(["Drop the network", () => this.way.drop()]);
      this.show("sending", "Sending", ...actions, this.cancelling);
      this.progress(offset);
      remind.refresh();
    }

    progress(sent) {
      const share = this.file.size ? sent / this.file.size : 1;
      this.at("progress").value = share;
      const seconds = (performance.now() - this.began) / 1000;
      const rate = sent > this.from && seconds > 0.5 ? `, ${bytes((sent - this.from) / seconds)}/s` : "";
      put(this.at("state"), share === 1 ? "Sent; waiting for the answer" : `${this.percent()}: ${bytes(sent)} of ${bytes(this.file.size)}${rate}`);
    }

    percent() {
      return `${Math.floor(this.at("progress").value * 100)} %`;
    }

    lost(seconds) {
      const { dropped } = this.way;
      const what = dropped ? "The network is dropped" : "The connection was lost";
      const text = `${what} at ${this.percent()}. The next try is in ${seconds} s.`;
      this.show("lost", text, [dropped ? "Bring the network back" : "Go on now", () => this.send()], this.cancelling);
      put(said, `${this.file.name}: ${text}`);
      verdict.ask();
    }

    stored(facts) {
      facts = { ...facts, path: `${section.dataset.mediaRoot}/${facts.name}` };
      this.show("stored", "Stored");
      const list = this.at("facts");
      list.hidden = false;
      for (const [key, label] of Object.entries(labels)) {
        if (facts[key] === undefined) continue;
        const term = document.createElement("dt");
        const value = document.createElement("dd");
        term.textContent = label;
        value.textContent = key === "size" ? exactly(facts.size) : facts[key];
        list.append(term, value);
      }
      this.leave(`${this.file.name} is stored as ${facts.name}.`);
    }

    async failed(status, message) {
      const way = this.way;
      const remains = way.resume && this.at("progress").value > 0 ? "What has arrived is kept." : nothingStored;
      const { text, again } = await explain(this.file, max, status, message, remains);
      if (this.way !== way) return; // cancelled meanwhile
      if (!way.resume) this.way = null;
      this.show("failed", text, ...(again ? [["Try again", () => this.wait()]] : []));
      this.leave(`${this.file.name}: ${text}`);
      verdict.ask();
    }

    pause() {
      this.way.pause();
      this.show("paused", `Paused at ${this.percent()}`, ["Resume", () => this.wait()], this.cancelling);
      this.leave(`${this.file.name} is paused.`);
    }

    cancel() {
      const at = waiting.indexOf(this);
      if (at >= 0) waiting.splice(at, 1);
      this.way?.cancel();
      this.way = null;
      this.show("cancelled", `Cancelled. ${nothingStored}`, ["Try again", () => this.wait()]);
      this.leave(`${this.file.name} is cancelled.`);
    }

    // leave says what has become of it, and lets the next one go.
    leave(text) {
      put(said, text);
      if (running === this) running = null;
      next();
    }
  }

  // next sends what has waited longest, one at a time.
  function next() {
    if (running || waiting.length === 0) return;
    running = waiting.shift();
    running.send();
  }

  const how = section.querySelector("#uploads-how");
  const chosen = () => transports[new FormData(how).get("how")];
  const showHow = () => {
    put(section.querySelector("#uploads-wire"), chosen().wire);
    remind.refresh();
  };
  how.addEventListener("change", showHow);
  how.addEventListener("submit", (event) => event.preventDefault());
  showHow();
  takeFiles(section, (files) => files.forEach((f) => new Upload(f, chosen().start).wait()), (text) => put(said, text));
  remind.ask();
  return remind;
}

// startReminder names what an earlier page has not finished, where it applies: ask finds it, refresh leaves out what goes on by
// now.
function startReminder(element, applies) {
  let left = [];
  let latest = 0;
  function refresh() {
    const names = left.filter(({ url }) => !isTaken(url)).map(({ name }) => name);
    element.hidden = names.length === 0 || !applies();
    put(element, `Not finished: ${names.join(", ")}. Choose ${names.length === 1 ? "that file" : "those files"} again to go on.`);
  }
  async function ask() {
    const turn = ++latest;
    const found = await unfinished();
    if (turn !== latest) return; // what was asked later counts
    left = found;
    refresh();
  }
  return { ask, refresh };
}

// takeFiles hands over what is chosen, and what is dropped anywhere: a browser would leave the page for it otherwise.
function takeFiles(section, take, say) {
  const input = section.querySelector("#file");
  const drop = section.querySelector("#drop");
  input.addEventListener("change", () => {
    take([...input.files]);
    input.value = ""; // so that the same file can be chosen again
  });
  const mark = (over) => {
    drop.dataset.over = String(over);
  };
  addEventListener("dragover", (event) => {
    if (!event.dataTransfer.types.includes("Files")) return;
    event.preventDefault();
    mark(true);
  });
  addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) mark(false);
  });
  addEventListener("drop", (event) => {
    if (!event.dataTransfer.types.includes("Files")) return;
    event.preventDefault();
    mark(false);
    const items = [...event.dataTransfer.items].filter((item) => item.kind === "file");
    const files = items.filter((item) => !item.webkitGetAsEntry()?.isDirectory).map((item) => item.getAsFile());
    if (files.length < items.length) say("Folders are not sent. Choose the files in them.");
    take(files.filter(Boolean));
  });
}
