// SPDX-License-Identifier: BSD-3-Clause
// Uses what needs services and processes of its own: GPU, audio, network, compilers.
async function webgl() {
  const gl = document.getElementById('gl').getContext('webgl2');
  if (!gl) return 'no context';
  gl.clearColor(0.2, 0.4, 0.6, 1);
  gl.clear(gl.COLOR_BUFFER_BIT);
  const pixel = new Uint8Array(4);
  gl.readPixels(1, 1, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, pixel);
  return Array.from(pixel).join(',');
}

// A second of silence, as WAV.
function silence() {
  const bytes = new DataView(new ArrayBuffer(44 + 8000));
  const text = (at, string) => [...string].forEach(
    (letter, index) => bytes.setUint8(at + index, letter.charCodeAt(0)));
  text(0, 'RIFF');
  bytes.setUint32(4, 36 + 8000, true);
  text(8, 'WAVEfmt ');
  bytes.setUint32(16, 16, true);
  bytes.setUint16(20, 1, true);
  bytes.setUint16(22, 1, true);
  bytes.setUint32(24, 8000, true);
  bytes.setUint32(28, 8000, true);
  bytes.setUint16(32, 1, true);
  bytes.setUint16(34, 8, true);
  text(36, 'data');
  bytes.setUint32(40, 8000, true);
  for (let at = 44; at < 44 + 8000; at++) bytes.setUint8(at, 128);
  return URL.createObjectURL(new Blob([bytes], {type: 'audio/wav'}));
}

async function audio() {
  const element = document.getElementById('audio');
  element.src = silence();
  await element.play();
  return new Promise((resolve) => {
    element.ontimeupdate = () => element.currentTime > 0 && resolve('plays');
  });
}

async function loopback() {
  const [one, other] = [new RTCPeerConnection(), new RTCPeerConnection()];
  one.onicecandidate = (event) => event.candidate && other.addIceCandidate(event.candidate);
  other.onicecandidate = (event) => event.candidate && one.addIceCandidate(event.candidate);
  const channel = one.createDataChannel('test');
  const heard = new Promise((resolve) => {
    other.ondatachannel = ({channel: theirs}) => {
      theirs.onmessage = (event) => resolve(event.data);
    };
  });
  channel.onopen = () => channel.send('over the loopback');
  await one.setLocalDescription(await one.createOffer());
  await other.setRemoteDescription(one.localDescription);
  await other.setLocalDescription(await other.createAnswer());
  await one.setRemoteDescription(other.localDescription);
  return heard;
}

async function sharedMemoryWorker() {
  const source = `onmessage = async ({data}) => {
    const {instance} = await WebAssembly.instantiate(data);
    postMessage(instance.exports.f());
  }`;
  const wasm = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 127, 3, 2, 1, 0,
    7, 5, 1, 1, 102, 0, 0, 10, 6, 1, 4, 0, 65, 42, 11]);
  const worker = new Worker(URL.createObjectURL(new Blob([source])));
  return new Promise((resolve) => {
    worker.onmessage = (event) => resolve(event.data);
    worker.postMessage(wasm);
  });
}

async function cache() {
  const store = await caches.open('nestbox');
  await store.add('frame.html');
  return (await store.keys()).length;
}

async function privateFile() {
  const root = await navigator.storage.getDirectory();
  const handle = await root.getFileHandle('test', {create: true});
  const writable = await handle.createWritable();
  await writable.write('text');
  await writable.close();
  return (await handle.getFile()).size;
}

// A part that does not come to an end is named, rather than waited for.
function within(seconds, name, promise) {
  return Promise.race([promise.catch((error) => `${name}: ${error}`),
    new Promise((resolve) => setTimeout(() => resolve(`${name}: no answer`), seconds * 1000))]);
}

async function useFeatures() {
  const results = {};
  for (const part of [webgl, audio, loopback, sharedMemoryWorker, cache, privateFile]) {
    results[part.name] = await within(15, part.name, part());
  }
  return results;
}
