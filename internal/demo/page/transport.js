// How one file travels. A transport is a function of a file and of what to tell:
//
//   start(file, {sending(offset), progress(sent), lost(seconds), stored(facts), failed(status, message)})
//     -> {cancel(), pause?(), resume?(), drop?()}
//
// It says sending when the file's bytes begin to go, from an offset. stored or failed come last, and nothing after cancel.
// A status is that of an answer, 0 where there is none. One that can go on where it stopped has resume, also after failed;
// it says lost instead of failed where it goes on by itself. drop breaks its connection, as a bad network does.

// form sends the file to /upload as a form does. fetch would not tell how much of it has been sent.
export function form(file, tell) {
  const data = new FormData();
  data.append("file", file, file.name);
  const request = new XMLHttpRequest();
  request.open("POST", "/upload");
  request.upload.onprogress = (event) => tell.progress(Math.min(file.size, Math.round((event.loaded / event.total) * file.size)));
  request.onloadend = () => {
    const body = parsed(request.responseText);
    const facts = body?.files?.[0];
    if (request.status === 201 && facts) tell.stored(facts);
    else tell.failed(request.status, body?.message ?? "");
  };
  request.send(data);
  queueMicrotask(() => tell.sending(0)); // when the caller has what is returned
  return { cancel: () => abort(request) };
}

// What a resumable upload waits, in seconds, after each failure in a row.
const waits = [1, 2, 4, 8];

// resumable sends the file to /tus/ by version 1.0.0 of the tus protocol.
export function resumable(file, tell) {
  let url = ""; // of the upload, once there is one
  let request = null; // the running one
  let timer = 0;
  let failures = 0;

  // call sends a request, and hands its end to next.
  function call(method, target, headers, body, next) {
    const r = new XMLHttpRequest();
    request = r;
    r.open(method, target);
    r.setRequestHeader("Tus-Resumable", "1.0.0");
    for (const [name, value] of Object.entries(headers)) r.setRequestHeader(name, value);
    r.onloadend = () => {
      if (r.status >= 200 && r.status < 300) next(r);
      else refused(r);
    };
    if (body) {
      const offset = file.size - body.size;
      r.upload.onprogress = (event) => {
        failures = 0;
        tell.progress(offset + event.loaded);
      };
    }
    r.send(body);
  }

  // go creates the upload, or asks how far it is, and sends the rest of it.
  function go() {
    clearTimeout(timer);
    const meta = `filename ${base64(file.name)},filetype ${base64(file.type)}`;
    if (url) call("HEAD", url, {}, null, send);
    else call("POST", "/tus/", { "Upload-Length": String(file.size), "Upload-Metadata": meta }, null, (r) => {
      url = r.getResponseHeader("Location");
      send(r);
    });
  }

  function send(answer) {
    const offset = Number(answer.getResponseHeader("Upload-Offset"));
    if (answer.getResponseHeader("Upload-Name") !== null) {
      tell.stored(facts(file, answer));
      return;
    }
    const headers = { "Upload-Offset": String(offset), "Content-Type": "application/offset+octet-stream" };
    call("PATCH", url, headers, file.slice(offset), send);
    tell.sending(offset);
  }

  function refused({ status, responseText }) {
    if (url && (status === 404 || status === 410)) { // it has expired, or is another user's: a new one
      url = "";
      go();
    } else if (status === 0 || status === 409 || status === 423 || (status >= 500 && status !== 507)) {
      lost();
    } else {
      tell.failed(status, parsed(responseText)?.message ?? "");
    }
  }

  function lost() {
    const seconds = waits[Math.min(failures++, waits.length - 1)];
    timer = setTimeout(go, seconds * 1000);
    tell.lost(seconds);
  }

  function stop() {
    clearTimeout(timer);
    abort(request);
  }

  go();
  return {
    pause: stop,
    resume: go,
    drop() {
      stop();
      lost();
    },
    cancel() {
      stop();
      // What has arrived is thrown away. Nobody waits for the answer: without it, the upload expires.
      if (url) fetch(url, { method: "DELETE", headers: { "Tus-Resumable": "1.0.0" } }).catch(() => {});
    },
  };
}

// facts are what the answer to the last byte says, as /upload says it.
function facts(file, answer) {
  const name = answer.getResponseHeader("Upload-Name");
  const digest = /^sha-256=:(.+):$/.exec(answer.getResponseHeader("Repr-Digest") ?? "");
  const hex = digest && [...atob(digest[1])].map((c) => c.charCodeAt(0).toString(16).padStart(2, "0")).join("");
  return { name: decodeURIComponent(name), url: mediaURL + name, size: file.size, sha256: hex ?? undefined };
}

const mediaURL = document.getElementById("uploads").dataset.mediaUrl;

const base64 = (text) => btoa(String.fromCharCode(...new TextEncoder().encode(text)));

// abort ends a request, of which nothing more is heard.
function abort(request) {
  request.onloadend = request.upload.onprogress = null;
  request.abort();
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
