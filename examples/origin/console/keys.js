// W3C Clear Key: gives a <video> the keys that its media asks for (Encrypted Media Extensions). Only for development: the
// licence server answers anybody.

export function unlock(video, licence, fail) {
  let ready; // promise of MediaKeys
  const sessions = [];
  const asked = new Set();
  const keys = async () => {
    if (!navigator.requestMediaKeySystemAccess) throw new Error("encrypted media needs https or localhost");
    const access = await navigator.requestMediaKeySystemAccess("org.w3.clearkey", [{
      initDataTypes: ["cenc"], videoCapabilities: [{ contentType: 'video/mp4; codecs="avc1.42E01E"' }],
    }]);
    const made = await access.createMediaKeys();
    await video.setMediaKeys(made);
    return made;
  };
  const onEncrypted = async (e) => {
    const id = String(new Uint8Array(e.initData ?? new ArrayBuffer(0)));
    if (asked.has(id)) return;
    asked.add(id);
    try {
      const session = (await (ready ??= keys())).createSession();
      sessions.push(session);
      session.addEventListener("message", async (m) => {
        try {
          const response = await fetch(licence, { method: "POST", body: m.message });
          if (!response.ok) throw new Error(`${licence}: ${await response.text()}`);
          await session.update(await response.arrayBuffer());
        } catch (err) {
          fail(err);
        }
      });
      await session.generateRequest(e.initDataType, e.initData);
    } catch (err) {
      fail(err);
    }
  };
  video.addEventListener("encrypted", onEncrypted);
  return () => {
    video.removeEventListener("encrypted", onEncrypted);
    for (const s of sessions) s.close().catch(() => {});
    ready?.then(() => video.setMediaKeys(null)).catch(() => {});
  };
}
