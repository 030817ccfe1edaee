// The live page: fetches the newest picture with its result, draws it, and fetches the next one.
// A classic script, not a module: Chromium requests modules with the page's origin, which may be refused.

"use strict";

const STAGES = ["capture", "preprocess", "infer", "decide"];
const STALE_S = 3; // without a new frame while the source is live
const TIMEOUT_S = 10; // without a message of the server, which sends one each second
const LONG = 24; // characters of a decision that gets a smaller font
const NOTHING = "nothing I know";
const RETRY_MS = [500, 1000, 2000, 5000];
const MAX_CHANGES = 6;
const CHANGES = {
  decision: (text) => text,
  fault: (text) => text,
  lost: () => "no signal",
  lagging: () => "late frames are skipped",
  live: () => "signal is back",
  failed: (text) => `an output failed: ${text}`,
  restored: (text) => `an output works again: ${text}`,
};
const STATES = {
  starting: "Waiting for the first frame",
  live: "Live",
  stale: "No new frame",
  lost: "No signal",
  lagging: "Late frames",
  away: "Connection lost",
  ended: "The run has ended",
};

const $ = (id) => document.getElementById(id);
const canvas = $("picture");
const context = canvas.getContext("2d");
const rows = new Map(); // label -> {row, track, fill, value}
let attempt = 0;
let ended = false;
let figuresAt = 0;

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
    Object.assign(group, { role: "group", ariaLabel: title });
    for (const label of labels) buildRow(group, label, title, space.thresholds[label]);
  }
  // Reserve the space of the longest decision, so that nothing moves when it changes.
  const longer = (one, other) => (other.length > one.length ? other : one);
  const longest = longer(NOTHING, Object.values(space.groups).map((labels) => labels.reduce(longer, "")).join(" "));
  setText($("longest"), longest);
  $("longest").classList.toggle("nothing", longest === NOTHING);
  $("longest").parentElement.classList.toggle("long", longest.length > LONG);
}

function buildRow(group, label, title, threshold) {
  const row = make("div", group, "row");
  const name = make("span", row, "name");
  if (/^colou?rs?$/i.test(title) && CSS.supports("color", label)) {
    make("i", name, "swatch").style.background = `color-mix(in oklab, ${label} 80%, #7c7770)`;
  }
  name.append(label);
  const track = make("div", row, "track");
  Object.assign(track, { role: "meter", ariaLabel: label, ariaValueMin: "0", ariaValueMax: "1" });
  const fill = make("div", track, "fill");
  make("i", track, "threshold").style.left = `calc(${threshold * 100}% - 1px)`;
  rows.set(label, { row, track, fill, value: make("span", row, "value") });
}

function showScores(scores, decided) {
  for (const [label, { row, track, fill, value }] of rows) {
    const score = scores ? scores[label] : 0;
    row.classList.toggle("decided", decided.includes(label));
    fill.style.transform = `translateX(${(score - 1) * 100}%)`;
    Object.assign(track, { ariaValueNow: score.toFixed(2), ariaValueText: scores ? score.toFixed(2) : "unknown" });
    setText(value, scores ? score.toFixed(2) : "–");
  }
}

function showDecision(text) {
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

// ---- timing and device --------------------------------------------------------------------------------------------

const stageBars = new Map(
  STAGES.map((stage) => {
    const bar = make("i", $("stages"));
    const entry = make("li", $("legend"));
    bar.dataset.stage = make("i", entry).dataset.stage = stage;
    const text = make("span", entry);
    text.textContent = stage;
    return [stage, { bar, text, average: null }];
  }),
);

function showFigures(result) {
  for (const [stage, entry] of stageBars) {
    const ms = result.stages_ms[stage] ?? 0;
    entry.average = entry.average === null ? ms : entry.average * 0.9 + ms * 0.1;
  }
  const now = performance.now();
  if (now - figuresAt < 500) return; // numbers that change with each frame cannot be read
  figuresAt = now;
  for (const [stage, entry] of stageBars) {
    entry.bar.style.flexGrow = entry.average * 1000; // a sum below 1 would not fill the bar
    setText(entry.text, `${stage} ${entry.average.toFixed(entry.average < 10 ? 2 : 1)} ms`);
  }
  if (result.fps === null) return; // photos have neither an age nor a rate
  setText($("age"), `${result.age_p50_ms.toFixed(1)} ms`);
  setText($("p99"), `${result.age_p99_ms.toFixed(1)} ms`);
  setText($("fps"), `${result.fps.toFixed(1)} /s`);
}

function clearFigures() {
  for (const id of ["age", "p99", "fps"]) setText($(id), "–");
  for (const [stage, entry] of stageBars) {
    entry.average = null;
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
  setText($("machine"), `CPU ${device.cpu_percent.toFixed(0)} % of one core · ${device.memory_mb.toFixed(0)} MB${before}`);
}

// ---- state --------------------------------------------------------------------------------------------------------

function showState(state, notice) {
  document.body.dataset.state = state;
  setText($("state"), STATES[state]);
  setText($("duration"), "");
  $("notice").hidden = !notice;
  setText($("notice"), notice ?? "");
  if (state === "live" || state === "stale") return;
  showDecision("");
  showTitle(""); // a hidden tab has a title without a drawn decision
  showScores(null, []);
  $("roi").hidden = true;
  clearFigures();
}

// The seconds are outside the live region, or a screen reader would announce each of them.
function showStale(seconds) {
  showState("stale");
  setText($("duration"), ` for ${seconds.toFixed(0)} s`);
}

// The page's own text: that of the no-signal card is too small for a phone, and not accessible.
function showNoPicture({ state, detail }) {
  showState(state, ["lost", "lagging"].includes(state) && detail ? `${STATES[state]}: ${detail}` : STATES[state]);
}

function showStatus({ source, silent_s: silent, space, device, result }) {
  if (!rows.size) buildRows(space);
  setText($("source"), source.detail || source.name);
  showDevice(device);
  if (source.state === "live" && silent > STALE_S) showStale(silent);
  else if (source.state === "lagging" && document.body.dataset.state === "lagging") return; // pictures may come
  else if (source.state !== "live") showNoPicture(source);
  else if (document.body.dataset.state !== "live") showState("live");
  if (document.hidden) showTitle(result?.text); // a hidden tab draws no pictures
}

function addChange(kind, { at, text }) {
  const item = document.createElement("li");
  const time = make("time", item);
  time.dateTime = at;
  time.textContent = new Date(at).toLocaleTimeString([], { hourCycle: "h23" });
  const words = make("span", item);
  words.textContent = CHANGES[kind](text);
  if (["lost", "lagging", "fault", "failed"].includes(kind)) words.className = "alarm";
  $("changes").prepend(item);
  while ($("changes").children.length > MAX_CHANGES) $("changes").lastChild.remove();
}

// ---- pictures -----------------------------------------------------------------------------------------------------

// The region of interest that was classified.
function showRoi([left, top, width, height]) {
  const roi = $("roi");
  roi.hidden = width >= 1 && height >= 1;
  const [shownLeft, shownTop, shownWidth, shownHeight] = shownArea();
  const box = [shownLeft + left * shownWidth, shownTop + top * shownHeight, width * shownWidth, height * shownHeight];
  ["left", "top", "width", "height"].forEach((side, i) => (roi.style[side] = `${box[i]}px`));
}

// Where the picture is inside its element, which keeps the aspect ratio and may have margins.
function shownArea() {
  const { clientWidth, clientHeight } = canvas;
  const scale = Math.min(clientWidth / canvas.width, clientHeight / canvas.height);
  const [width, height] = [canvas.width * scale, canvas.height * scale];
  return [(clientWidth - width) / 2, (clientHeight - height) / 2, width, height];
}

async function showPicture(buffer, connection) {
  const received = performance.now();
  const length = new DataView(buffer).getUint32(0);
  const { number, source, result } = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  const picture = await createImageBitmap(new Blob([new Uint8Array(buffer, 4 + length)], { type: "image/jpeg" }));
  await new Promise(requestAnimationFrame); // a hidden page waits here, and fetches no more pictures
  const stale = result && performance.now() - received > STALE_S * 1000;
  if (!ended && !stale && !connection.closed) {
    if (canvas.width !== picture.width || canvas.height !== picture.height) {
      canvas.width = picture.width;
      canvas.height = picture.height;
    }
    context.drawImage(picture, 0, 0);
    if (result) showResult(result, source);
    else showNoPicture(source);
  }
  picture.close();
  return number;
}

function showResult(result, source) {
  if (source.state === "live" && document.body.dataset.state !== "live") showState("live");
  showRoi(result.box);
  showDecision(result.text);
  showScores(result.smoothed, result.labels);
  showFigures(result);
}

// ---- connection ---------------------------------------------------------------------------------------------------

async function showPictures(connection) {
  let number = 0;
  while (!connection.closed) {
    const request = { method: "POST", signal: AbortSignal.timeout?.(TIMEOUT_S * 1000) };
    const response = await fetch(`api/picture?after=${number}`, request);
    if (!response.ok) throw new Error(response.statusText);
    attempt = 0;
    if (response.status === 200) number = await showPicture(await response.arrayBuffer(), connection);
  }
}

function connect() {
  const events = new EventSource("api/events?state");
  const connection = { opened: false, closed: false };
  let heard = performance.now();
  const close = () => {
    if (connection.closed) return;
    connection.closed = true;
    clearInterval(timer);
    events.close();
    reconnect(connection.opened);
  };
  // When the network fails, the browser keeps the connection open for minutes.
  const timer = setInterval(() => {
    const silent = (performance.now() - heard) / 1000;
    if (silent > TIMEOUT_S) close();
    else if (silent > STALE_S && ["live", "stale"].includes(document.body.dataset.state)) showStale(silent);
  }, 1000);
  const listen = (kind, show) => {
    events.addEventListener(kind, ({ data }) => {
      heard = performance.now();
      show(JSON.parse(data));
    });
  };
  events.onopen = () => {
    connection.opened = true;
    ended = false;
    rows.clear(); // it may be another run with another model
    $("changes").replaceChildren();
    showPictures(connection).catch(close);
  };
  events.onerror = close;
  listen("state", showStatus);
  for (const kind of Object.keys(CHANGES)) listen(kind, (change) => addChange(kind, change));
  listen("ended", () => {
    ended = true;
    showState("ended", "The run has ended.");
  });
}

async function reconnect(opened) {
  if (!ended) {
    const lost = "Connection lost; trying again.";
    if (document.body.dataset.state !== "away") showState("away", lost); // at once: the reason may take a while
    showState("away", (await refusal(opened)) ?? lost);
  }
  setTimeout(connect, RETRY_MS[Math.min(attempt++, RETRY_MS.length - 1)]);
}

// Why the server refuses this page: an EventSource does not tell, and only a POST always carries the page's origin.
async function refusal(opened) {
  const response = await fetch("api/state", { method: "POST", signal: AbortSignal.timeout?.(3000) }).catch(() => null);
  if (response?.status === 401) return "This link is of an earlier run: open the one that fashion-edge printed.";
  if (response?.status === 403 && response.headers.get("Content-Type")?.startsWith("text/plain")) return response.text();
  if (response?.status === 405 && !opened) return "Sixteen clients are connected already; close one.";
  return null;
}

connect();
