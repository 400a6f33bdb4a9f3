// The page: what is served, and one player at a time. Formats that the browser plays itself are given to it; DASH goes
// through player.js.

import { Player } from "./player.js";

const $ = (id) => document.getElementById(id);
const video = $("video");
const native = video.canPlayType("application/vnd.apple.mpegurl") !== "";
let player = null;
let playing = ""; // URL
let patience = 0; // timer

function start(item, button) {
  player?.destroy();
  clearTimeout(patience);
  player = null;
  playing = item.url;
  $("fault").hidden = true;
  for (const b of document.querySelectorAll("button[aria-pressed]")) b.setAttribute("aria-pressed", String(b === button));
  $("quality").replaceChildren(new Option("auto", -1));
  $("quality").disabled = true;
  $("engine").textContent = `${item.format} · ${item.endpoint} · ${item.format === "DASH" ? "own player" : "the browser's player"}`;
  if (item.format === "DASH") startDASH(item);
  else startNative(item);
  video.play().catch(() => {}); // where the browser wants a second click, the controls are there
}

function startDASH(item) {
  const p = (player = new Player(video));
  p.addEventListener("levels", () => {
    p.levels.forEach((l, i) => $("quality").add(new Option(`${l.height}p · ${Math.round(l.bandwidth / 1000)} kbit/s`, i)));
    $("quality").disabled = p.levels.length < 2;
  });
  p.addEventListener("fault", (e) => fault(e.message));
  p.load(item.url).catch((err) => p.fail(err));
}

// startNative leaves all to the browser, which may neither play nor say why: encrypted fMP4 in Chromium, for one.
function startNative(item) {
  video.src = item.url;
  patience = setTimeout(() => {
    if (video.readyState === 0 && !video.error) fault("the browser's own player shows nothing and gives no reason: try hls.js or Shaka Player");
  }, 8000);
}

function fault(text) {
  $("fault").textContent = text;
  $("fault").hidden = false;
}

$("quality").addEventListener("change", (e) => { player?.select(+e.target.value); });
video.addEventListener("error", async () => {
  const reason = player ? "" : await why(video.currentSrc);
  fault(reason || video.error?.message || "the browser cannot play this");
});
setInterval(() => {
  const ahead = video.buffered.length ? video.buffered.end(video.buffered.length - 1) - video.currentTime : 0;
  $("stats").textContent = video.videoWidth ? `${video.videoWidth}×${video.videoHeight} · ${Math.max(0, ahead).toFixed(1)} s ahead` : "";
}, 250);

// why asks the origin for its reason where the browser's player does not tell.
async function why(url) {
  const response = await fetch(url).catch(() => null);
  return response && !response.ok ? response.text() : "";
}

function row(asset, item) {
  const manifest = item.url.replace(/.*\//, "").replace(/\.\w+$/, "");
  const name = manifest === "index" ? item.endpoint : `${item.endpoint} ${manifest}`;
  const what = `${item.format} ${name}`;
  const play = Object.assign(document.createElement("button"), { textContent: `${item.format} `, onclick: () => start(item, play) });
  play.append(Object.assign(document.createElement("small"), { textContent: name }));
  play.setAttribute("aria-pressed", String(item.url === playing));
  play.disabled = item.format === "HLS" && !native;
  if (play.disabled) play.title = "this browser has no HLS of its own";
  const copy = Object.assign(document.createElement("button"), { textContent: "copy", title: item.url, onclick: () => copyURL(item.url) });
  copy.setAttribute("aria-label", `copy the URL of ${asset.name} as ${what}`);
  const div = Object.assign(document.createElement("div"), { className: "play" });
  div.append(play, copy);
  return div;
}

// copyURL shows the URL where the page may not use the clipboard: over plain HTTP it is for localhost alone.
function copyURL(path) {
  const url = new URL(path, location.href).href;
  if (navigator.clipboard) navigator.clipboard.writeText(url).catch(() => prompt("URL", url));
  else prompt("URL", url);
}

function card(asset) {
  const article = document.createElement("article");
  article.append(Object.assign(document.createElement("h2"), { textContent: asset.name }));
  article.append(...asset.plays.map((item) => row(asset, item)));
  return article;
}

// list shows the assets whose names hold the words of the search; the last question asked is the one that is answered.
let asked = 0;
async function list() {
  const turn = ++asked;
  const response = await fetch(`catalog.json?q=${encodeURIComponent($("search").value)}`);
  if (turn !== asked) return;
  if (!response.ok) return fault(await response.text());
  const { total, assets } = await response.json();
  $("assets").replaceChildren(...assets.map(card));
  $("find").hidden &&= total <= 8;
  $("count").textContent = total > assets.length ? `${assets.length} of ${total}` : `${total}`;
}

$("search").addEventListener("input", list);
await list();
const hash = location.hash.slice(1).replaceAll("/", " "); // #DASH/cmaf plays that of the first asset, #HLS/cmaf-cbcs/identity that manifest
[...document.querySelectorAll(".play button:first-child")].find((b) => b.textContent === hash && !b.disabled)?.click();
