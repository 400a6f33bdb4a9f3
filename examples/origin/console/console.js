// The page: what is served, and one player at a time. Formats that the browser plays itself are given to it; DASH goes
// through player.js.

import { Player } from "./player.js";

const $ = (id) => document.getElementById(id);
const video = $("video");
const native = video.canPlayType("application/vnd.apple.mpegurl") !== "";
let player = null;

function start(item, button) {
  player?.destroy();
  player = null;
  $("fault").hidden = true;
  for (const b of document.querySelectorAll("button[aria-pressed]")) b.setAttribute("aria-pressed", b === button);
  $("quality").replaceChildren(new Option("auto", -1));
  $("quality").disabled = true;
  $("engine").textContent = `${item.format} · ${item.endpoint} · ${item.format === "DASH" ? "own player" : "the browser's player"}`;
  if (item.format === "DASH") startDASH(item);
  else video.src = item.url;
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

function fault(text) {
  $("fault").textContent = text;
  $("fault").hidden = false;
}

$("quality").addEventListener("change", (e) => { player?.select(+e.target.value); });
video.addEventListener("error", () => fault(video.error?.message || "the browser cannot play this"));
setInterval(() => {
  const ahead = video.buffered.length ? video.buffered.end(video.buffered.length - 1) - video.currentTime : 0;
  $("stats").textContent = video.videoWidth ? `${video.videoWidth}×${video.videoHeight} · ${Math.max(0, ahead).toFixed(1)} s ahead` : "";
}, 250);

function row(item) {
  const div = document.createElement("div");
  div.className = "play";
  const play = document.createElement("button");
  play.setAttribute("aria-pressed", false);
  play.textContent = item.format;
  play.append(Object.assign(document.createElement("small"), { textContent: item.endpoint }));
  play.disabled = item.format === "HLS" && !native;
  if (play.disabled) play.title = "this browser has no HLS of its own";
  play.onclick = () => start(item, play);
  const copy = Object.assign(document.createElement("button"), { textContent: "copy", title: item.url });
  copy.onclick = () => navigator.clipboard?.writeText(new URL(item.url, location.href).href);
  div.append(play, copy);
  return div;
}

const response = await fetch("catalog.json");
if (!response.ok) fault(await response.text());
else {
  for (const asset of await response.json()) {
    const article = document.createElement("article");
    article.append(Object.assign(document.createElement("h2"), { textContent: asset.name }));
    article.append(...asset.plays.map(row));
    $("list").append(article);
  }
  const hash = location.hash.slice(1).split("/"); // #DASH/cmaf plays that of the first asset
  [...document.querySelectorAll(".play button:first-child")].find((b) => b.textContent === hash.join("") && !b.disabled)?.click();
}
