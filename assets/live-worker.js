/* The feed, once per browser. HTTP/1.1 allows six connections a host, so the tabs share one EventSource that lives in
   a SharedWorker; a browser without SharedWorker runs the same class in the page (live.js decides). The worker folds
   what it hears into one state, so that a tab opened later starts at once with a snapshot.

   EventSource gives up for good on a 502, and a dead proxy can keep a silent socket open for hours: a watchdog reopens
   it with ?last= when nothing, not even a heartbeat, came for 15 s. Told to the tabs: {type: "event", kind, data},
   {type: "state", state, last} and {type: "link", live, tries, recovered, signedOut}. */
"use strict";

(function (root) {
  const SILENCE = 15000;      // ms without a sign of life: the feed is down (three heartbeats)
  const RETRY = [1000, 2000, 4000, 8000, 15000];
  const TRAIL = 600000;       // ms of trail that a patrol keeps
  const STEP = 15000;         // ms between its points, as in the snapshot
  const KEPT_ALERTS = 200;
  const OVER = new Set(["closed", "rated", "rejected", "merged"]);   // no longer open: as in the snapshot, they leave
  const KINDS = ["snapshot", "patrols", "case", "alert", "device", "notice", "figures", "heartbeat"];

  function empty() {
    return {now: 0, last: "", patrols: {}, cases: {}, alerts: {}, devices: {}, figures: {}};
  }

  /* Applies one event to the state; the worker and every page fold by this one function. */
  function fold(state, kind, data) {
    if (kind === "snapshot") {
      const fresh = empty();
      for (const p of data.patrols || []) fresh.patrols[p.id] = p;
      for (const c of data.cases || []) if (!OVER.has(c.state)) fresh.cases[c.no] = c;
      for (const a of data.alerts || []) fresh.alerts[a.alert] = a;
      for (const d of data.devices || []) fresh.devices[d.id] = d;
      fresh.figures = data.figures || {};
      fresh.now = +data.now || 0;
      fresh.last = data.id || "";
      return fresh;
    }
    if (kind === "heartbeat") {
      state.now = data.now;
      state.last = data.last || state.last;
    } else if (kind === "patrols") {
      for (const item of data.items) movePatrol(state.patrols, item);
    } else if (kind === "case") {
      for (const item of data.items) {
        const known = state.cases[item.no];
        if (known && known.version > item.version) continue;
        if (OVER.has(item.state)) delete state.cases[item.no];
        else state.cases[item.no] = item;
      }
    } else if (kind === "alert") {
      for (const item of data.items) state.alerts[item.alert] = Object.assign(state.alerts[item.alert] || {}, item);
      forgetOldAlerts(state);
    } else if (kind === "device") {
      for (const item of data.items) state.devices[item.id] = Object.assign(state.devices[item.id] || {}, item);
    } else if (kind === "figures") {
      state.figures = data;
    }
    return state;
  }

  function movePatrol(patrols, item) {
    const known = patrols[item.id] = Object.assign(patrols[item.id] || {trail: []}, item);
    if (item.lon === undefined) return;
    const trail = known.trail || (known.trail = []);
    const newest = trail.length ? trail[trail.length - 1][0] : 0;
    if (item.at >= newest + STEP) trail.push([item.at, item.lon, item.lat]);
    while (trail.length > 2 && trail[0][0] < item.at - TRAIL) trail.shift();
  }

  function forgetOldAlerts(state) {
    const names = Object.keys(state.alerts);
    if (names.length <= KEPT_ALERTS * 1.25) return;
    names.sort((a, b) => state.alerts[b].received - state.alerts[a].received);
    for (const name of names.slice(KEPT_ALERTS)) delete state.alerts[name];
  }

  class Feed {
    /* `tell(message)` hears everything. */
    constructor(url, tell) {
      this.url = url;
      this.tell = tell;
      this.state = empty();
      this.last = "";
      this.heard = Date.now();
      this.live = false;
      this.tries = 0;
      this.missed = 0;
      this.opened = false;
      this.open();
      setInterval(() => this.watch(), 1000);
    }

    open() {
      this.tries += 1;
      this.missed = 0;
      this.openedAt = Date.now();
      const last = this.last ? "?last=" + encodeURIComponent(this.last) : "";
      this.source = new EventSource(this.url + last);
      for (const kind of KINDS) {
        this.source.addEventListener(kind, (event) => this.hear(kind, event));
      }
      this.source.onerror = () => {
        if (this.source && this.source.readyState === 2) this.refused();
      };
    }

    hear(kind, event) {
      const data = JSON.parse(event.data);
      if (event.lastEventId) this.last = event.lastEventId;
      if (kind === "snapshot" && data.id) this.last = data.id;
      this.heard = Date.now();
      if (!this.live) this.missed += data.items ? data.items.length : 0;
      this.state = fold(this.state, kind, data);
      this.tell({type: "event", kind, data});
      if (!this.live && (kind === "heartbeat" || kind === "snapshot")) {
        this.live = true;
        this.tell(this.link(this.opened ? this.missed : null));
        this.opened = true;
        this.tries = 0;
      }
    }

    /* The server closed for good: signed out, or a gateway's error page. Only the first needs a person. */
    refused() {
      this.source.close();
      this.source = null;
      fetch(this.url.replace(/feed$/, "api/v1/patrols?limit=1")).then((answer) => {
        if (answer.status === 401) this.tell({type: "link", live: false, tries: this.tries, signedOut: true});
      }).catch(() => undefined);   // unreachable: the watchdog tries again
    }

    watch() {
      const silent = Date.now() - this.heard;
      if (this.live && silent > SILENCE) {
        this.live = false;
        this.tell(this.link(null));
      }
      const wait = RETRY[Math.min(this.tries, RETRY.length - 1)];
      const broken = !this.source || silent > SILENCE;
      if (broken && Date.now() - this.openedAt > Math.max(wait, this.source ? SILENCE : 0)) {
        if (this.source) this.source.close();
        this.open();
        this.tell(this.link(null));
      }
    }

    link(recovered) {
      return {type: "link", live: this.live, tries: this.tries, recovered};
    }
  }

  root.GridpostFeed = {Feed, fold, empty, SILENCE};

  if (typeof SharedWorkerGlobalScope !== "undefined" && root instanceof SharedWorkerGlobalScope) {
    const ports = new Set();
    let feed = null;
    const send = (message) => ports.forEach((port) => port.postMessage(message));
    root.onconnect = (event) => {
      const port = event.ports[0];
      port.onmessage = (message) => {
        if (message.data.type === "bye") ports.delete(port);
        if (message.data.type !== "hello") return;
        if (!feed) feed = new Feed(message.data.url, send);
        ports.add(port);
        if (feed.opened) port.postMessage({type: "state", state: feed.state, heard: feed.heard});
        port.postMessage(feed.link(null));
      };
    };
  }
})(typeof self !== "undefined" ? self : this);
