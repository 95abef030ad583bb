// How one file travels. A transport is a function of a file and of what to tell:
//
//   start(file, {sending(offset), progress(sent), lost(seconds), stored(facts), failed(status, message)})
//     -> {cancel(), pause?(), resume?(), drop?(), dropped?}
//
// It says sending when the file's bytes begin to go, from an offset. stored or failed come last, and nothing after cancel.
// A status is that of an answer, 0 where there is none. One that can go on where it stopped has resume, also after failed;
// it says lost instead of failed where it goes on by itself. drop takes its network away, as a tunnel does, until resume.

const { tus } = globalThis; // vendor/tus.min.js, which is no module

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
  return {
    cancel() {
      request.onloadend = request.upload.onprogress = null;
      request.abort();
    },
  };
}

const endpoint = new URL("/tus/", location.href).href;

// What a resumable upload waits, in milliseconds, after each failure in a row: some minutes in all.
const waits = [1, 2, 4, ...Array(30).fill(8)].map((seconds) => seconds * 1000);

// The uploads that this page has, by their URLs. The same file again is another upload.
const taken = new Set();

// Network is how tus-js-client sends, and can be dropped.
class Network extends tus.DefaultHttpStack {
  dropped = false;
  #cut = () => {}; // fails the running request

  createRequest(method, url) {
    const request = super.createRequest(method, url);
    const send = request.send.bind(request);
    request.send = (body) => new Promise((resolve, reject) => {
      this.#cut = () => {
        request.abort();
        reject(new Error("The network is dropped."));
      };
      if (this.dropped) this.#cut();
      else send(body).then(resolve, reject);
    });
    return request;
  }

  drop() {
    this.dropped = true;
    this.#cut();
  }
}

// resumable sends the file to /tus/ by version 1.0.0 of the tus protocol. It goes on where an earlier page stopped.
export function resumable(file, tell) {
  const network = new Network();
  let sending = false;

  const upload = new tus.Upload(file, {
    endpoint,
    httpStack: network,
    metadata: { filename: file.name, filetype: file.type },
    removeFingerprintOnSuccess: true,
    retryDelays: waits,
    onUploadUrlAvailable: () => taken.add(upload.url),
    onBeforeRequest(request) {
      if (request.getMethod() !== "PATCH") return;
      sending = true;
      tell.sending(Number(request.getHeader("Upload-Offset")));
    },
    // The client would forget an upload whose offset it is refused, and begin anew: right where the upload is gone, or is
    // another user's, and wrong where somebody has only to log in again.
    onAfterResponse(request, response) {
      const status = response.getStatus();
      if (request.getMethod() === "HEAD" && status >= 400 && status !== 404 && status !== 410) throw new Refused(response);
    },
    onProgress(sent) {
      if (sending) tell.progress(sent);
    },
    onShouldRetry(error, attempt) {
      const status = answered(error)?.getStatus() ?? 0;
      if (error.originalRequest.getMethod() === "DELETE") return false; // without it, the upload expires
      if (status !== 0 && status !== 409 && status !== 423 && (status < 500 || status === 507)) return false;
      sending = false;
      tell.lost(waits[attempt] / 1000);
      return true;
    },
    onError(error) {
      sending = false;
      const answer = answered(error);
      tell.failed(answer?.getStatus() ?? 0, parsed(answer?.getBody())?.message ?? "");
    },
    onSuccess: ({ lastResponse }) => tell.stored(facts(file, lastResponse)),
  });

  function stop() {
    sending = false;
    upload.abort();
  }

  upload.findPreviousUploads().then((earlier) => {
    const left = earlier.findLast((e) => !taken.has(e.uploadUrl));
    if (left) upload.resumeFromPreviousUpload(left);
    upload.start();
  });
  return {
    pause: stop,
    resume() {
      stop(); // it may be waiting
      network.dropped = false;
      upload.start();
    },
    drop: () => network.drop(),
    get dropped() {
      return network.dropped;
    },
    cancel() {
      sending = false;
      network.dropped = false;
      upload.abort(true).catch(() => {}); // what has arrived is thrown away. Nobody waits for the answer
    },
  };
}

// Refused is why an upload cannot go on for now.
class Refused extends Error {
  constructor(response) {
    super("The upload was refused.");
    this.response = response;
  }
}

// answered is the answer that an error of tus-js-client is about, if there was one.
const answered = (error) => error.originalResponse ?? error.causingError?.response;

// unfinished are the uploads that an earlier page has begun and the sidecar still has, for who is logged in: [{url, name}].
export async function unfinished() {
  const found = await tus.defaultOptions.urlStorage.findAllUploads();
  const ours = found.filter((u) => u.uploadUrl?.startsWith(endpoint) && !taken.has(u.uploadUrl));
  const there = await Promise.all(ours.map(async ({ uploadUrl }) => {
    try {
      return (await fetch(uploadUrl, { method: "HEAD", headers: { "Tus-Resumable": "1.0.0" } })).ok;
    } catch {
      return false;
    }
  }));
  return ours.filter((_, i) => there[i]).map((u) => ({ url: u.uploadUrl, name: u.metadata.filename }));
}

// isTaken tells whether an upload is this page's by now.
export const isTaken = (url) => taken.has(url);

// facts are what the answer to the last byte says, as /upload says it.
function facts(file, answer) {
  const name = answer.getHeader("Upload-Name");
  const digest = /^sha-256=:(.+):$/.exec(answer.getHeader("Repr-Digest") ?? "");
  const hex = digest && [...atob(digest[1])].map((c) => c.charCodeAt(0).toString(16).padStart(2, "0")).join("");
  return { name: decodeURIComponent(name), url: mediaURL + name, size: file.size, sha256: hex ?? undefined };
}

const mediaURL = document.getElementById("uploads").dataset.mediaUrl;

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
