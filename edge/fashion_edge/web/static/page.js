// The live page: draws a picture, asks for the next one, and shows what is said of it.
// No module: Chromium asks for a module with the page's origin, and where that is refused nobody could say why.

"use strict";

const STAGES = ["capture", "preprocess", "infer", "decide"];
const SILENT_S = 3; // without a frame while the source calls itself live
const DEAF_S = 10; // without a word of the program, which says something each second
const LONG = 24; // letters of a decision that gets smaller ones
const NOTHING = "nothing I know";
const AWAY = "Connection lost; trying again.";
const WAITS_MS = [500, 1000, 2000, 5000];
const SHOWN_CHANGES = 6;

const $ = (id) => document.getElementById(id);
const canvas = $("picture");
const context = canvas.getContext("2d");
const rows = new Map(); // label -> {row, fill, value, meter}
let newest = 0; // number of the change that is listed first
let attempt = 0;
let ended = false;

function make(tag, parent, name) {
  const element = document.createElement(tag);
  if (name) element.className = name;
  parent.append(element);
  return element;
}

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

// ---- scores -------------------------------------------------------------------------------------------------------

function buildRows(space) {
  $("bars").replaceChildren();
  rows.clear();
  const grouped = new Set(Object.values(space.groups).flat());
  const free = space.labels.filter((label) => !grouped.has(label));
  for (const [title, labels] of [...Object.entries(space.groups), ["other", free]]) {
    if (!labels.length) continue;
    const group = make("div", $("bars"), "group");
    group.setAttribute("role", "group");
    group.setAttribute("aria-label", title);
    for (const label of labels) buildRow(group, label, title, space.thresholds[label]);
  }
  const longest = longer(NOTHING, Object.values(space.groups).map((labels) => labels.reduce(longer, "")).join(" "));
  setText($("longest"), longest);
  $("longest").classList.toggle("nothing", longest === NOTHING); // in letters that are less bold
  $("longest").parentElement.classList.toggle("long", longest.length > LONG);
}

function longer(one, other) {
  return other.length > one.length ? other : one;
}

function buildRow(group, label, title, threshold) {
  const row = make("div", group, "row");
  const name = make("span", row, "name");
  if (/^colou?rs?$/i.test(title) && CSS.supports("color", label)) make("i", name, "swatch").style.background = `color-mix(in oklab, ${label} 80%, #7c7770)`;
  name.append(label);
  const track = make("div", row, "track");
  track.setAttribute("role", "meter");
  track.setAttribute("aria-label", label);
  track.setAttribute("aria-valuemin", "0");
  track.setAttribute("aria-valuemax", "1");
  const fill = make("div", track, "fill");
  make("i", track, "threshold").style.left = `calc(${threshold * 100}% - 1px)`;
  rows.set(label, { row, track, fill, value: make("span", row, "value") });
}

function showScores(scores, chosen) {
  for (const [label, { row, track, fill, value }] of rows) {
    const score = scores ? scores[label] : 0;
    row.classList.toggle("chosen", chosen.includes(label));
    fill.style.transform = `translateX(${(score - 1) * 100}%)`;
    track.setAttribute("aria-valuenow", score.toFixed(2));
    setText(value, scores ? score.toFixed(2) : "–");
    track.setAttribute("aria-valuetext", scores ? score.toFixed(2) : "unknown");
  }
}

function showWords(text) {
  const title = $("text");
  if (title.dataset.text === text) return;
  title.dataset.text = text;
  title.classList.toggle("nothing", !text || text === NOTHING);
  title.replaceChildren();
  for (const word of (text || "–").split(" ")) {
    if (title.childNodes.length) title.append(" ");
    const span = make("span", title);
    span.textContent = word;
    if (word === "?") span.className = "unsure";
  }
  showTitle(text);
}

function showTitle(text) {
  document.title = text ? `${text} · fashion-edge` : "fashion-edge";
}

// ---- the loop's figures -------------------------------------------------------------------------------------------

const stageBars = new Map(
  STAGES.map((stage) => {
    const bar = make("i", $("stages"));
    const entry = make("li", $("legend"));
    bar.dataset.stage = make("i", entry).dataset.stage = stage;
    const text = make("span", entry);
    text.textContent = stage;
    return [stage, { bar, text, smooth: null }];
  }),
);
let figuresAt = 0;

function showFigures(result) {
  for (const [stage, entry] of stageBars) {
    const ms = result.stages_ms[stage] ?? 0;
    entry.smooth = entry.smooth === null ? ms : entry.smooth * 0.9 + ms * 0.1;
  }
  const now = performance.now();
  if (now - figuresAt < 500) return; // figures that change with each frame cannot be read
  figuresAt = now;
  for (const [stage, entry] of stageBars) {
    entry.bar.style.flexGrow = entry.smooth * 1000; // a sum below 1 would not fill the bar
    setText(entry.text, `${stage} ${entry.smooth.toFixed(entry.smooth < 10 ? 2 : 1)} ms`);
  }
  if (result.fps === null) return; // photos were not captured just now
  setText($("age"), `${result.age_p50_ms.toFixed(1)} ms`);
  setText($("p99"), `${result.age_p99_ms.toFixed(1)} ms`);
  setText($("fps"), `${result.fps.toFixed(1)} /s`);
}

function clearFigures() {
  for (const id of ["age", "p99", "fps"]) setText($(id), "–");
  for (const [stage, entry] of stageBars) {
    entry.smooth = null;
    entry.bar.style.flexGrow = 0;
    setText(entry.text, stage);
  }
}

function showDevice(device) {
  $("heat").hidden = device.temperature_c === null;
  if (device.temperature_c !== null) setText($("temperature"), `${device.temperature_c.toFixed(0)} °C`);
  const now = device.throttled.join(", ");
  $("warning").hidden = !now;
  setText($("warning"), now ? `The machine reports: ${now}` : "");
  const before = device.throttled_before.length ? ` · earlier: ${device.throttled_before.join(", ")}` : "";
  const use = device.cpu_percent === null ? "" : `CPU ${device.cpu_percent.toFixed(0)} % of a core · ${device.memory_mb.toFixed(0)} MB`;
  setText($("machine"), use + before);
}

// ---- state --------------------------------------------------------------------------------------------------------

const WORDS = {
  starting: "Waiting for the first frame",
  live: "Live",
  silent: "No new frame",
  lost: "No signal",
  away: "Connection lost",
  ended: "The run has ended",
};

function showState(state, notice) {
  document.body.dataset.state = state;
  setText($("state"), WORDS[state]);
  setText($("silence"), "");
  $("notice").hidden = !notice;
  setText($("notice"), notice ?? "");
  if (state !== "live" && state !== "silent") {
    showWords("");
    showTitle(""); // a tab in the background has one without words
    showScores(null, []);
    $("guide").hidden = true;
    clearFigures();
  }
}

// The seconds stand outside of what a screen reader is told to say, or it would count them aloud.
function showSilence(seconds) {
  showState("silent");
  setText($("silence"), ` for ${seconds.toFixed(0)} s`);
}

// In letters of the page's own: those of the card are too small for a phone, and no screen reader sees them.
function showNoPicture({ state, detail }) {
  showState(state, state === "lost" && detail ? `${WORDS.lost}: ${detail}` : WORDS[state]);
}

function showStatus(status) {
  const { source, silent_s: silent } = status;
  if (source.state === "ended") {
    ended = true;
    return showState("ended", "The run has ended.");
  }
  if (!rows.size) buildRows(status.space);
  setText($("source"), source.detail || source.name);
  showDevice(status.device);
  for (const change of status.changes) addChange(change);
  if (source.state === "live" && silent > SILENT_S) showSilence(silent);
  else if (source.state !== "live") showNoPicture(source);
  else if (document.body.dataset.state !== "live") showState("live");
  if (document.hidden) showTitle(status.result?.text); // no picture is drawn that would bring it
}

function addChange({ number, kind, at, text }) {
  if (number <= newest) return;
  newest = number;
  const item = document.createElement("li");
  const time = make("time", item);
  time.dateTime = at;
  time.textContent = new Date(at).toLocaleTimeString([], { hourCycle: "h23" });
  const words = make("span", item);
  const said = { live: "signal is back", lost: "no signal", failed: `an output failed: ${text}`, restored: `an output is back: ${text}` };
  words.textContent = said[kind] ?? text;
  if (["lost", "fault", "failed"].includes(kind)) words.className = "alarm";
  $("changes").prepend(item);
  while ($("changes").children.length > SHOWN_CHANGES) $("changes").lastChild.remove();
}

// ---- pictures -----------------------------------------------------------------------------------------------------

function showGuide([left, top, width, height]) {
  const guide = $("guide");
  guide.hidden = width >= 1 && height >= 1;
  const place = guide.style;
  const [shownLeft, shownTop, scaleX, scaleY] = shownArea();
  place.left = `${shownLeft + left * scaleX}px`;
  place.top = `${shownTop + top * scaleY}px`;
  place.width = `${width * scaleX}px`;
  place.height = `${height * scaleY}px`;
}

// Where the picture lies inside its element, which keeps the ratio and may leave margins.
function shownArea() {
  const { clientWidth, clientHeight } = canvas;
  const scale = Math.min(clientWidth / canvas.width, clientHeight / canvas.height);
  const [width, height] = [canvas.width * scale, canvas.height * scale];
  return [(clientWidth - width) / 2, (clientHeight - height) / 2, width, height];
}

async function showPicture(buffer, socket) {
  const came = performance.now();
  const length = new DataView(buffer).getUint32(0);
  const { source, result } = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  const picture = await createImageBitmap(new Blob([new Uint8Array(buffer, 4 + length)], { type: "image/jpeg" }));
  await new Promise(requestAnimationFrame); // a page that nobody sees asks for nothing
  const stale = result && performance.now() - came > SILENT_S * 1000; // it waited for a page that nobody saw
  if (ended || stale || socket.readyState !== WebSocket.OPEN) return picture.close(); // it is of the past by now
  if (canvas.width !== picture.width || canvas.height !== picture.height) {
    canvas.width = picture.width;
    canvas.height = picture.height;
  }
  context.drawImage(picture, 0, 0);
  picture.close();
  if (!result) return showNoPicture(source);
  if (document.body.dataset.state !== "live") showState("live");
  showGuide(result.box);
  showWords(result.text);
  showScores(result.smoothed, result.labels);
  showFigures(result);
}

// ---- connection ---------------------------------------------------------------------------------------------------

function connect() {
  const address = new URL("api/live", location.href);
  address.protocol = address.protocol.replace("http", "ws");
  const socket = new WebSocket(address);
  let [opened, over, heard] = [false, false, performance.now()];
  const end = () => {
    if (over) return;
    over = true;
    clearInterval(watch);
    socket.close();
    reconnect(opened);
  };
  // A network that dies tells nobody: the browser would call the socket open for a quarter of an hour.
  const watch = setInterval(() => {
    const deaf = (performance.now() - heard) / 1000;
    if (deaf > DEAF_S) end();
    else if (deaf > SILENT_S && ["live", "silent"].includes(document.body.dataset.state)) showSilence(deaf);
  }, 1000);
  socket.binaryType = "arraybuffer";
  socket.onopen = () => {
    opened = true;
    attempt = 0;
    ended = false;
    rows.clear(); // it may be another run, with another model
    newest = 0;
    $("changes").replaceChildren();
  };
  socket.onmessage = async ({ data }) => {
    heard = performance.now();
    if (typeof data === "string") return showStatus(JSON.parse(data));
    try {
      await showPicture(data, socket);
    } finally {
      if (socket.readyState === WebSocket.OPEN) socket.send("next");
    }
  };
  socket.onclose = end;
}

// A browser does not tell why a WebSocket failed. A POST carries the page's origin as it does, which a GET does not.
async function reason(opened) {
  const answer = await fetch("api/live", { method: "POST", signal: AbortSignal.timeout?.(3000) }).catch(() => null);
  if (answer?.status === 401) return "This link is of an earlier run: open the one that fashion-edge printed.";
  if (answer?.status === 403 && answer.headers.get("Content-Type")?.startsWith("text/plain")) return answer.text();
  if (answer?.status === 405 && !opened) return "No picture comes through; a reverse proxy must pass WebSockets, and sixteen may watch at most.";
  return AWAY;
}

async function reconnect(opened) {
  if (!ended) {
    if (document.body.dataset.state !== "away") showState("away", AWAY); // at once: to find out why may take a while
    showState("away", await reason(opened));
  }
  setTimeout(connect, WAITS_MS[Math.min(attempt++, WAITS_MS.length - 1)]);
}

connect();
