// Reads a static MPD (ISO/IEC 23009-1) into plain objects: for each set its representations with the URLs and times of
// their segments, in seconds.

export async function loadMPD(url, signal) {
  const response = await fetch(url, { signal });
  if (!response.ok) throw new Error(`${url}: ${response.status} ${await response.text()}`);
  const doc = new DOMParser().parseFromString(await response.text(), "text/xml");
  const mpd = doc.documentElement;
  const periods = children(mpd, "Period");
  const sets = new Map(); // by kind: what the first Period offers goes on in the next
  let start = 0;
  for (const period of periods) {
    start = seconds(period.getAttribute("start")) ?? start;
    const length = seconds(period.getAttribute("duration")) ?? seconds(mpd.getAttribute("mediaPresentationDuration")) - start;
    for (const set of playable(children(period, "AdaptationSet"))) {
      const known = sets.get(set.kind) ?? { kind: set.kind, representations: new Map() };
      sets.set(set.kind, known);
      for (const rep of set.representations) addRepresentation(known, rep, { start, length, base: response.url });
    }
    start += length;
  }
  return {
    duration: seconds(mpd.getAttribute("mediaPresentationDuration")) ?? start,
    sets: [...sets.values()].map((s) => ({ kind: s.kind, representations: [...s.representations.values()].sort((a, b) => a.bandwidth - b.bandwidth) })),
  };
}

// playable picks one set of each kind: the first whose codecs the browser has.
function playable(list) {
  const chosen = new Map();
  for (const el of list) {
    const kind = (el.getAttribute("contentType") ?? el.getAttribute("mimeType")).split("/")[0];
    const representations = children(el, "Representation").map((rep) => {
      const get = (name) => rep.getAttribute(name) ?? el.getAttribute(name);
      const template = merge(children(el, "SegmentTemplate")[0], children(rep, "SegmentTemplate")[0]);
      return { id: get("id"), bandwidth: +get("bandwidth"), height: +get("height"), type: `${get("mimeType")}; codecs="${get("codecs")}"`, template };
    }).filter((rep) => MediaSource.isTypeSupported(rep.type));
    if (representations.length && !chosen.has(kind)) chosen.set(kind, { kind, representations });
  }
  return chosen.values();
}

function merge(outer, inner) {
  const get = (name) => inner?.getAttribute(name) ?? outer?.getAttribute(name);
  const timeline = [inner, outer].map((el) => el && children(el, "SegmentTimeline")[0]).find(Boolean);
  return {
    media: get("media"), init: get("initialization"), timescale: +(get("timescale") ?? 1), offset: +(get("presentationTimeOffset") ?? 0),
    number: +(get("startNumber") ?? 1), duration: +(get("duration") ?? 0),
    entries: timeline && children(timeline, "S").map((s) => ({ t: s.getAttribute("t"), d: +s.getAttribute("d"), r: +(s.getAttribute("r") ?? 0) })),
  };
}

function addRepresentation(set, rep, period) {
  const t = rep.template;
  const fill = (url, n, time) => new URL(url.replace(/\$(RepresentationID|Number|Time|Bandwidth)(?:%0(\d+)d)?\$/g, (_, name, width) =>
    String({ RepresentationID: rep.id, Number: n, Time: time, Bandwidth: rep.bandwidth }[name]).padStart(width ?? 0, "0")), period.base).href;
  const out = set.representations.get(rep.id) ?? { ...rep, segments: [] };
  set.representations.set(rep.id, out);
  const init = fill(t.init);
  const add = (n, time, d) => {
    const from = period.start + (time - t.offset) / t.timescale;
    out.segments.push({ init, url: fill(t.media, n, time), from, to: from + d / t.timescale, shift: period.start - t.offset / t.timescale });
  };
  let n = t.number;
  let time = 0;
  for (const s of t.entries ?? [{ t: t.offset, d: t.duration, r: Math.ceil((period.length * t.timescale) / t.duration - 1e-6) - 1 }]) {
    time = s.t === null ? time : +s.t;
    for (let i = 0; i <= s.r; i++, time += s.d) add(n++, time, s.d);
  }
}

// seconds reads an xs:duration of hours, minutes and seconds.
function seconds(text) {
  const m = /^PT(?:([\d.]+)H)?(?:([\d.]+)M)?(?:([\d.]+)S)?$/.exec(text ?? "");
  return m && (+(m[1] ?? 0) * 60 + +(m[2] ?? 0)) * 60 + +(m[3] ?? 0);
}

const children = (el, name) => [...el.children].filter((c) => c.localName === name);
