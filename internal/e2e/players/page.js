// One <video>, one player, and what happens to it. run.js drives window.player.
const video = document.getElementById('video')
const name = new URLSearchParams(location.search).get('player')
const errors = []

function script(src) {
  return new Promise((done, fail) => {
    const s = document.createElement('script')
    s.onload = done
    s.onerror = () => fail(new Error('cannot load ' + src))
    s.src = '/modules/' + src
    document.head.append(s)
  })
}

// The states of the keys that EME was given, whatever the player.
const statuses = new Set()
const update = MediaKeySession.prototype.update
MediaKeySession.prototype.update = function (response) {
  this.addEventListener('keystatuseschange', () => { for (const s of this.keyStatuses.values()) statuses.add(s) })
  return update.call(this, response)
}

// Each adapter loads a URL, with the licence server if there is one, and lists and chooses qualities by height. switching is
// false where a page cannot choose.
const adapters = {
  async native(url) {
    video.src = url
    return { switching: false, heights: () => [], choose() {} }
  },
  async hlsjs(url, licence) {
    await script('hls.js/dist/hls.min.js')
    const drm = licence ? { emeEnabled: true, drmSystems: { 'org.w3.clearkey': { licenseUrl: licence } } } : {}
    const hls = new Hls({ startLevel: 0, ...drm })
    hls.on(Hls.Events.ERROR, (_, e) => { if (e.fatal) errors.push(`${e.type} ${e.details}`) })
    hls.loadSource(url)
    hls.attachMedia(video)
    await new Promise(done => { hls.once(Hls.Events.MANIFEST_PARSED, done); hls.once(Hls.Events.ERROR, done) })
    if (errors.length) throw new Error(errors.join('; '))
    hls.currentLevel = 0
    return { switching: true, heights: () => hls.levels.map(l => l.height), choose: i => { hls.nextLevel = i } }
  },
  async shaka(url, licence) {
    await script('shaka-player/dist/shaka-player.compiled.js')
    const player = new shaka.Player()
    player.configure({ abr: { enabled: false }, drm: { servers: licence ? { 'org.w3.clearkey': licence } : {} } })
    player.addEventListener('error', e => errors.push(`shaka ${e.detail.code} ${e.detail.data}`))
    await player.attach(video)
    try { await player.load(url) } catch (e) { errors.push(`shaka ${e.code} ${e.data}`) }
    const tracks = () => player.getVariantTracks().sort((a, b) => a.height - b.height || a.bandwidth - b.bandwidth)
    return { switching: true, heights: () => tracks().map(t => t.height), choose: i => player.selectVariantTrack(tracks()[i], true) }
  },
  async dashjs(url, licence) {
    await script('dashjs/dist/modern/umd/dash.all.min.js')
    const player = dashjs.MediaPlayer().create()
    player.on('error', e => errors.push(`dash.js ${e.error.code} ${e.error.message}`))
    player.updateSettings({ streaming: { abr: { autoSwitchBitrate: { video: false }, initialBitrate: { video: 1 } } } })
    player.initialize(video, url, false)
    // else it takes the common pssh of the init segment for a list of key ids
    player.updateSettings({ streaming: { protection: { ignoreEmeEncryptedEvent: true } } })
    if (licence) player.setProtectionData({ 'org.w3.clearkey': { serverURL: licence } })
    await new Promise(done => player.on('streamInitialized', done))
    const list = () => player.getRepresentationsByType('video').sort((a, b) => a.height - b.height)
    return { switching: true, heights: () => list().map(r => r.height), choose: i => player.setRepresentationForTypeById('video', list()[i].id, true) }
  },
}

// The record: how far currentTime went by playing, how often it jumped, how long it stood still.
const record = { played: 0, jumps: 0, stalled: 0, waits: 0 }
let last = null, grace = 0
const calm = ms => { grace = performance.now() + ms; last = null }

function sample() {
  const now = performance.now()
  if (!video.paused && !video.seeking && !video.ended && last && now > grace) {
    const wall = (now - last.wall) / 1000, step = video.currentTime - last.time
    if (step > wall * video.playbackRate + 0.3 || step < -0.05) record.jumps++
    else record.played += step
    if (step === 0) record.stalled += wall
  } else if (!video.paused && !video.seeking && last && video.currentTime > last.time && video.currentTime - last.time < 0.5) {
    record.played += video.currentTime - last.time
  }
  last = { wall: now, time: video.currentTime }
}
setInterval(sample, 50)
video.addEventListener('waiting', () => { if (performance.now() > grace && !video.ended) record.waits++ })
video.addEventListener('error', () => errors.push(`media error ${video.error.code} ${video.error.message}`))

let adapter
window.player = {
  async load(url, licence) {
    calm(5000)
    adapter = await adapters[name](url, licence)
    if (video.readyState < 1) await new Promise(done => video.addEventListener('loadedmetadata', done, { once: true }))
    await video.play()
    calm(1500)
    return { duration: video.duration, switching: adapter.switching, heights: adapter.heights() }
  },
  rate(r) { video.playbackRate = r; calm(1000) },
  choose(i) { calm(3000); adapter.choose(i) },
  async seek(t) {
    calm(6000)
    const done = new Promise(ok => video.addEventListener('seeked', ok, { once: true }))
    video.currentTime = t
    await done
    calm(1500)
  },
  state() {
    const q = video.getVideoPlaybackQuality(), ranges = []
    for (let i = 0; i < video.buffered.length; i++) ranges.push([video.buffered.start(i), video.buffered.end(i)])
    return {
      ...record, time: video.currentTime, ended: video.ended, width: video.videoWidth, height: video.videoHeight,
      frames: q.totalVideoFrames, dropped: q.droppedVideoFrames, audio: video.webkitAudioDecodedByteCount, ranges, errors,
      statuses: [...statuses],
    }
  },
}
