// A small DASH player on Media Source Extensions: it keeps AHEAD seconds buffered, seeks, and switches quality at segment
// boundaries, by hand or by measured throughput.

import { unlock } from "./keys.js";
import { loadMPD } from "./mpd.js";

const AHEAD = 20;
const BEHIND = 30;

export class Player extends EventTarget {
  constructor(video) {
    super();
    this.video = video;
    this.quality = -1; // index into levels; -1: by throughput
    this.rate = 1e6; // bits per second, measured
    this.stop = new AbortController();
    this.lock = unlock(video, "drm/clearkey", (err) => this.fail(err));
  }

  async load(url) {
    const source = new MediaSource();
    this.video.src = URL.createObjectURL(source);
    await new Promise((done) => source.addEventListener("sourceopen", done, { once: true }));
    URL.revokeObjectURL(this.video.src);
    const mpd = await loadMPD(url, this.stop.signal);
    if (!mpd.sets.length) throw new Error("this browser has none of the codecs");
    source.duration = mpd.duration;
    this.levels = mpd.sets.find((s) => s.kind === "video")?.representations ?? [];
    this.dispatchEvent(new Event("levels"));
    const tracks = mpd.sets.map((set) => ({ set, buffer: source.addSourceBuffer(set.representations[0].type) }));
    this.picture = tracks.find((t) => t.set.kind === "video");
    let ended = 0;
    for (const track of tracks) {
      this.feed(track, () => {
        if (++ended === tracks.length && source.readyState === "open") source.endOfStream();
      }, () => { ended = Math.max(0, ended - 1); }).catch((err) => this.fail(err));
    }
  }

  // select changes the quality from the next segment on, also where the old one is buffered.
  select(quality) {
    this.quality = quality;
    if (this.picture) this.picture.stale = true;
  }

  fail(err) {
    if (!this.stop.signal.aborted) this.dispatchEvent(Object.assign(new Event("fault"), { message: err.message }));
  }

  destroy() {
    this.stop.abort();
    this.video.removeAttribute("src");
    this.video.load();
    this.lock();
  }

  // feed appends segment after segment, from wherever the buffer around the playhead ends.
  async feed(track, atEnd, resumed) {
    let done = false;
    while (!this.stop.signal.aborted) {
      if (track.stale) {
        track.stale = false;
        const next = track.set.representations[0].segments.find((s) => s.from > this.video.currentTime + 0.5);
        if (next) {
          track.buffer.remove(next.from, Infinity);
          await updated(track.buffer);
        }
      }
      const position = bufferedUntil(track.buffer, this.video.currentTime);
      const rep = this.choose(track.set);
      const segment = rep.segments.find((s) => s.to > position + 0.05 && (s.from <= position + 0.05 || s === rep.segments[0]));
      if (!segment !== done) (done = !segment) ? atEnd() : resumed();
      if (!segment || position > this.video.currentTime + AHEAD) {
        await this.pause();
        continue;
      }
      if (track.init !== segment.init) {
        const header = await this.fetch(segment.init);
        track.buffer.changeType(rep.type);
        track.buffer.timestampOffset = segment.shift;
        await append(track.buffer, header);
        track.init = segment.init;
      }
      await append(track.buffer, await this.fetch(segment.url, true));
      if (track.set.kind === "video") this.dispatchEvent(Object.assign(new Event("level"), { level: rep }));
      await forget(track.buffer, this.video.currentTime - BEHIND);
    }
  }

  choose(set) {
    const reps = set.representations;
    if (set.kind !== "video") return reps[reps.length - 1];
    return this.quality >= 0 ? reps[this.quality] : reps.findLast((r) => r.bandwidth < this.rate * 0.8) ?? reps[0];
  }

  async fetch(url, measure) {
    const start = performance.now();
    const response = await fetch(url, { signal: this.stop.signal });
    if (!response.ok) throw new Error(`${url}: ${response.status} ${await response.text()}`);
    const bytes = await response.arrayBuffer();
    const took = performance.now() - start;
    if (measure && bytes.byteLength > 16384) this.rate = 0.7 * this.rate + (0.3 * bytes.byteLength * 8e3) / Math.max(took, 1);
    return bytes;
  }

  // pause waits until the playhead has moved.
  pause() {
    return new Promise((done) => {
      const timer = setTimeout(done, 250);
      this.video.addEventListener("seeking", () => { clearTimeout(timer); done(); }, { once: true });
    });
  }
}

function bufferedUntil(buffer, time) {
  for (let i = 0; i < buffer.buffered.length; i++) {
    if (buffer.buffered.start(i) <= time + 0.2 && buffer.buffered.end(i) > time) return buffer.buffered.end(i);
  }
  return time;
}

async function append(buffer, bytes) {
  buffer.appendBuffer(bytes);
  await updated(buffer);
}

async function forget(buffer, until) {
  if (buffer.buffered.length && buffer.buffered.start(0) < until - 5) {
    buffer.remove(0, until);
    await updated(buffer);
  }
}

function updated(buffer) {
  return new Promise((done, failed) => {
    buffer.addEventListener("updateend", done, { once: true });
    buffer.addEventListener("error", () => failed(new Error("the browser refused a segment")), { once: true });
  });
}
