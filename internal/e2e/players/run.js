// run.js CASES.json: plays each case in Chromium and prints one line of JSON for it. See players_test.go.
const fs = require('fs')
const { createRequire } = require('module')

const cases = JSON.parse(fs.readFileSync(process.argv[2]))
const { chromium } = createRequire(cases.modules + '/')('playwright-core')
const sleep = ms => new Promise(done => setTimeout(done, ms))

async function until(what, seconds, test) {
  const end = Date.now() + seconds * 1000
  for (;;) {
    if (await test()) return
    if (Date.now() > end) throw new Error(`${what}: not within ${seconds} s`)
    await sleep(100)
  }
}

const state = page => page.evaluate(() => window.player.state())

// playFor plays until currentTime has gone on by so many seconds from where it is.
async function playFor(page, seconds) {
  const from = (await state(page)).time
  await until(`playing ${seconds} s from ${from.toFixed(1)}`, seconds * 2 + 15, async () => {
    const s = await state(page)
    if (s.errors.length) throw new Error(s.errors.join('; '))
    return s.ended || s.time >= from + seconds
  })
}

async function play(page, c, result) {
  const info = await page.evaluate(({ url, licence }) => window.player.load(url, licence), { url: c.url, licence: c.licence })
  Object.assign(result, info)
  if (c.rate) await page.evaluate(r => window.player.rate(r), c.rate)
  if (c.whole) return playToEnd(page, result, info.duration)
  if (c.seconds) {
    await playFor(page, c.seconds)
    result.last = await state(page)
    return
  }
  await playFor(page, 2)
  result.first = await state(page)
  if (info.switching && info.heights.length > 1) {
    const to = info.heights[0] === result.first.height ? info.heights.length - 1 : 0
    await page.evaluate(i => window.player.choose(i), to)
    await until(`switching to ${info.heights[to]} lines`, 15, async () => (await state(page)).height === info.heights[to])
    result.switched = true
    await playFor(page, 1)
  }
  await page.evaluate(t => window.player.seek(t), info.duration / 2)
  await playFor(page, 1.5)
  result.middle = await state(page)
  await page.evaluate(t => window.player.seek(t), Math.max(0, info.duration - 2.5))
  await playToEnd(page, result, 2.5)
}

async function playToEnd(page, result, seconds) {
  await until('the end', seconds * 1.5 + 20, async () => {
    const s = await state(page)
    if (s.errors.length) throw new Error(s.errors.join('; '))
    return s.ended
  })
  result.last = await state(page)
}

async function main() {
  const browser = await chromium.launch({
    executablePath: cases.chromium, headless: true,
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync', '--autoplay-policy=no-user-gesture-required'],
  })
  for (const c of cases.cases) {
    const result = { name: c.name, http: [], requests: 0 }
    const context = await browser.newContext()
    const page = await context.newPage()
    page.on('response', r => {
      result.requests++
      if (r.status() >= 400 && !r.url().endsWith('/favicon.ico')) result.http.push(`${r.status()} ${r.url()}`)
    })
    page.on('console', m => { if (m.type() === 'error') (result.console ??= []).push(m.text()) })
    try {
      await page.goto(`${cases.page}?player=${c.player}`)
      await page.waitForFunction(() => window.player)
      await Promise.race([play(page, c, result), sleep((c.limit || 60) * 1000).then(() => { throw new Error(`took more than ${c.limit || 60} s`) })])
    } catch (e) {
      result.error = String(e.message || e)
      result.last ??= await state(page).catch(() => null)
    }
    console.log(JSON.stringify(result))
    await context.close()
  }
  await browser.close()
}

main().then(() => process.exit(0), e => { console.error(e); process.exit(1) })
