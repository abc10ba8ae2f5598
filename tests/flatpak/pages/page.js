// SPDX-License-Identifier: BSD-3-Clause
// Uses what a page has: DOM, storage, fetch, workers, WebAssembly, canvas, crypto.
window.frameLoaded = new Promise((resolve) => {
  addEventListener('message', (event) => resolve(event.data));
});

async function usePage() {
  const results = {};
  results.frame = await frameLoaded;
  results.fetch = (await (await fetch('frame.html')).text()).includes('frame');
  localStorage.setItem('key', 'value');
  results.storage = localStorage.getItem('key');
  results.database = await new Promise((resolve) => {
    const request = indexedDB.open('nestbox');
    request.onsuccess = () => resolve('open');
    request.onerror = () => resolve('failed');
  });
  results.worker = await new Promise((resolve) => {
    const source = new Blob(['postMessage(6 * 7)']);
    new Worker(URL.createObjectURL(source)).onmessage = (event) => resolve(event.data);
  });
  const wasm = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]);
  results.wasm = (await WebAssembly.instantiate(wasm)).instance instanceof WebAssembly.Instance;
  const context = document.getElementById('canvas').getContext('2d');
  context.fillStyle = '#123456';
  context.fillRect(0, 0, 8, 8);
  results.canvas = Array.from(context.getImageData(1, 1, 1, 1).data).join(',');
  results.random = crypto.getRandomValues(new Uint8Array(4)).length;
  results.time = new Date(0).getFullYear();
  return results;
}
