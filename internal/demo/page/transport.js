// How one file travels. A transport is a function of a file and of what to tell:
//
//   start(file, {progress(sent), stored(facts), failed(status, message)}) -> {cancel(), pause?(), resume?()}
//
// It calls stored or failed once and last, and neither after cancel. status is that of the answer, 0 where there is none.
// One that can go on where it stopped returns pause and resume too, and the page offers them.

// form sends the file to /upload as a form does. fetch would not tell how much of it has been sent.
export function form(file, tell) {
  const request = new XMLHttpRequest();
  let cancelled = false;

  const ended = () => {
    if (cancelled) return;
    const body = parsed(request.responseText);
    const facts = body?.files?.[0];
    if (request.status === 201 && facts) tell.stored(facts);
    else tell.failed(request.status, body?.message ?? "");
  };
  request.upload.onprogress = (event) => tell.progress(Math.min(file.size, Math.round((event.loaded / event.total) * file.size)));
  request.onloadend = ended;

  const data = new FormData();
  data.append("file", file, file.name);
  request.open("POST", "/upload");
  request.send(data);
  return {
    cancel() {
      cancelled = true;
      request.abort();
    },
  };
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
