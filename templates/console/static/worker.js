// Says so when the connection is gone. It keeps that page and its look, and nothing of the plant: no answer of the
// server is stored or shown again, and nothing is sent later in somebody's name.
"use strict";
const CACHE = "mos-offline-1";
const KEPT = ["/static/offline.html", "/static/console.css", "/static/icon.svg"];

self.addEventListener("install", (event) => {
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(KEPT)).then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  const old = (names) => Promise.all(names.filter((name) => name !== CACHE).map((name) => caches.delete(name)));
  event.waitUntil(caches.keys().then(old).then(() => self.clients.claim()));
});

self.addEventListener("fetch", (event) => {
  const request = event.request;
  const path = new URL(request.url).pathname;
  if (request.mode === "navigate" && request.method === "GET") {
    event.respondWith(fetch(request).catch(() => caches.match(KEPT[0])));
  } else if (KEPT.includes(path) && request.method === "GET") {
    event.respondWith(fetch(request).catch(() => caches.match(path)));
  }
});
