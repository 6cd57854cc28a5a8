/* Keeps every label from the key press until the server has it.

An entry is {row, label or value, client, seq, takes_back?}. It is written to the browser's own storage before anything else happens, sent in order
in the background, and forgotten only when the server has answered. The server takes the same (client, seq) twice as once, so
sending again is always safe: after a lost answer, after a reload, or from another window that finds what a closed one left.
Knows nothing of the page: it calls `changed` when there is something to tell. */
(function () {
  "use strict";
  const BATCH = 200;
  const LONGEST_WAIT = 15000;

  /* `send(entries, project)` -> Promise of {refused: [{client, seq, message}]}; it rejects when the server cannot be reached. `person`: what
     one of several people at this browser left behind is never sent in the name of another. */
  function keeper({ project, person, send, changed, storage = window.localStorage }) {
    const whose = person ? encodeURIComponent(person) : "";
    const prefix = `hone:${project}${whose && "!" + whose}:labels:`;
    const foreign = /^hone:([^:]+):labels:/;
    const client = newClient();
    const own = prefix + client;
    const entries = [];
    let seq = 0;
    let running = null;
    let failures = 0;
    let wake = null;
    let stored = true; // false: the browser refuses to keep anything (full, or private)
    let refused = [];

    /* `answer` is {label} or {value}. `takesBack` names an earlier answer ({client, seq}) that this one undoes; `answer` is then what
       stands again. */
    function put(row, answer, takesBack) {
      seq += 1;
      entries.push({ row, ...answer, client, seq, ...(takesBack ? { takes_back: takesBack } : {}) });
      mirror();
      changed();
      if (!running) flush(); // while the server is away the loop waits by itself; a key does not hurry it
      return { client, seq };
    }

    /* What windows that are gone have left behind. Call once, before the first `put`. */
    function adopt() {
      const keys = keysOf(storage, foreign);
      for (const key of keys) {
        const [, of, theirs] = /^([^!]*)!?(.*)$/.exec(foreign.exec(key)[1]);
        if (key.startsWith(prefix)) entries.push(...readList(storage, key));
        else if (!theirs || theirs === whose) elsewhere(key, of);
      }
      if (entries.length) {
        changed();
        flush();
      }
    }

    /* Left behind in another project, which was closed too quickly: one try, and it stays stored if that fails. */
    async function elsewhere(key, of) {
      const left = readList(storage, key);
      try {
        if (left.length) await send(left, of);
        keep(key, []);
      } catch {
        /* not this person's project, or not now */
      }
    }

    function flush() {
      if (wake) wake();
      if (!running) running = run().finally(() => (running = null));
      return running;
    }

    async function run() {
      while (entries.length) {
        const batch = entries.slice(0, BATCH);
        try {
          const answer = await send(batch);
          failures = 0;
          refused.push(...(answer.refused || []));
          forget(batch);
          changed(answer);
        } catch (error) {
          failures += 1;
          changed(null, error);
          await pause(Math.min(1000 * 2 ** (failures - 1), LONGEST_WAIT));
        }
      }
    }

    function forget(batch) {
      const gone = new Set(batch.map((e) => `${e.client} ${e.seq}`));
      for (let i = entries.length - 1; i >= 0; i -= 1) {
        if (gone.has(`${entries[i].client} ${entries[i].seq}`)) entries.splice(i, 1);
      }
      mirror();
      for (const other of new Set(batch.map((e) => e.client))) {
        if (other !== client) mirrorOther(other, gone);
      }
    }

    function mirror() {
      keep(own, entries.filter((e) => e.client === client));
    }

    function mirrorOther(other, gone) {
      const left = readList(storage, prefix + other).filter((e) => !gone.has(`${e.client} ${e.seq}`));
      keep(prefix + other, left);
    }

    function keep(key, list) {
      try {
        if (list.length) storage.setItem(key, JSON.stringify(list));
        else storage.removeItem(key);
        stored = true;
      } catch {
        stored = false;
      }
    }

    function pause(milliseconds) {
      return new Promise((resolve) => {
        const timer = setTimeout(done, milliseconds);
        function done() {
          clearTimeout(timer);
          wake = null;
          resolve();
        }
        wake = done;
      });
    }

    window.addEventListener("online", flush);
    window.addEventListener("beforeunload", (event) => {
      if (entries.length && !stored) event.preventDefault(); // only then would something be lost
    });

    return {
      put,
      adopt,
      flush,
      /* The answer that `row` will have once everything is sent; undefined when nothing is under way for it. */
      latest(row) {
        for (let i = entries.length - 1; i >= 0; i -= 1) if (entries[i].row === row) return "value" in entries[i] ? entries[i].value : entries[i].label;
        return undefined;
      },
      get waiting() {
        return entries.length;
      },
      get offline() {
        return failures > 0;
      },
      get safe() {
        return stored;
      },
      takeRefused() {
        const list = refused;
        refused = [];
        return list;
      },
    };
  }

  /* A new one for each page load: two windows must never count in the same sequence, and a duplicated tab copies sessionStorage. */
  function newClient() {
    const bytes = crypto.getRandomValues(new Uint8Array(9));
    return Array.from(bytes, (b) => (b % 36).toString(36)).join("") + Date.now().toString(36);
  }

  function keysOf(storage, pattern) {
    try {
      return Object.keys(storage).filter((key) => pattern.test(key)).sort();
    } catch {
      return [];
    }
  }

  function readList(storage, key) {
    try {
      const list = JSON.parse(storage.getItem(key) || "[]");
      return Array.isArray(list) ? list.filter((e) => e && e.row && e.client && e.seq) : [];
    } catch {
      return [];
    }
  }

  window.Hone = window.Hone || {};
  window.Hone.keeper = keeper;
})();
