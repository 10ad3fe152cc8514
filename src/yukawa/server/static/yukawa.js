// Makes the pages quicker where scripts run: questions without a new page, checks while one writes, keys. Nothing needs it.
"use strict";
(() => {
  const root = document.body.dataset.root, token = document.body.dataset.token || "";
  const say = (words) => { document.getElementById("status").textContent = words; };
  let asking = null;

  /** Put the page at an address in place of this one, without losing what listens to the window. */
  const show = async (url, signal) => {
    const reply = await fetch(url, { headers: { accept: "text/html" }, signal });
    const page = new DOMParser().parseFromString(await reply.text(), "text/html");
    document.title = page.title;
    document.getElementById("main").replaceWith(page.getElementById("main"));
    const target = new URL(reply.url);
    target.hash = new URL(url, location.href).hash;
    if (target.href !== location.href) history.pushState(null, "", target);
    prepare();
  };

  /** The events of a stream, each with its name and what its data say. */
  async function* events(reply) {
    const reader = reply.body.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      text += value;
      const parts = text.split("\n\n");
      text = parts.pop();
      for (const part of parts) {
        const lines = part.split("\n");
        const name = lines.find((line) => line.startsWith("event: "));
        const data = lines.find((line) => line.startsWith("data: "));
        if (data) yield [name ? name.slice(7) : "", JSON.parse(data.slice(6))];
      }
    }
  }

  const steps = {
    plan: "reading the question", propose: "reading the question", passages: "looking for passages",
    execute: "computing", write: "writing and checking the answer",
  };

  const ask = async (form) => {
    const fields = new FormData(form), stop = form.querySelector(".stop"), line = form.querySelector(".progress");
    const body = { question: fields.get("question"), chat: fields.get("chat") || "new" };
    for (const name of ["model", "domain", "as_of"]) if (fields.get(name)) body[name] = fields.get(name);
    const control = new AbortController();
    asking = control;
    form.setAttribute("aria-busy", "true");
    form.querySelector("button.main").disabled = true;
    stop.hidden = false;
    line.textContent = "answering";
    say("answering");
    try {
      const reply = await fetch(`${root}/api/ask`, {
        method: "POST", signal: control.signal, body: JSON.stringify(body),
        headers: { "content-type": "application/json", accept: "text/event-stream", "x-csrf-token": token },
      });
      if (!reply.ok) throw new Error((await reply.json()).error.message);
      let answer = null;
      for await (const [name, data] of events(reply)) {
        if (name === "step") line.textContent = steps[data.step] || data.step;
        else if (name === "answer") answer = data;
        else if (data.error) throw new Error(data.error.message);
      }
      if (!answer) throw new Error("the server ended without an answer");
      await show(`${root}/chats/${encodeURIComponent(answer.chat)}#${answer.id}`, control.signal);
      const card = document.getElementById(answer.id);
      if (card) card.scrollIntoView({ block: "start" });
      const box = document.getElementById("question");
      if (box) box.focus({ preventScroll: true });
      const count = answer.sources.length;
      say(answer.abstained ? "there is no supported answer" : `answer ready, ${count} ${count === 1 ? "source" : "sources"}`);
    } catch (error) {
      const words = error.name === "AbortError" ? "stopped" : error.message;
      line.textContent = words;
      say(words);
    } finally {
      asking = null;
      form.removeAttribute("aria-busy");
      form.querySelector("button.main").disabled = false;
      stop.hidden = true;
    }
  };

  /** Show below a text, while it is written, what it would contradict. */
  const check = (form) => {
    const area = form.querySelector("textarea[name=text]");
    let timer = 0, control = null;
    const look = async () => {
      if (control) control.abort();
      control = new AbortController();
      if (!area.value.trim()) return;
      const fields = new URLSearchParams(new FormData(form));
      fields.set("do", "check");
      try {
        const reply = await fetch(form.action, { method: "POST", body: fields, signal: control.signal });
        if (!reply.ok) return;
        const page = new DOMParser().parseFromString(await reply.text(), "text/html");
        const found = page.querySelector("#main .foreseen"), place = form.querySelector(".foreseen");
        if (found && place) {
          place.replaceWith(found);
          const heading = found.querySelector(".banner h2, p.banner");
          if (heading) say(heading.textContent);
        }
      } catch (error) {
        if (error.name !== "AbortError") say("");
      }
    };
    area.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(look, 350); });
  };

  const prepare = () => {
    for (const form of document.querySelectorAll("form[data-ask]")) {
      form.addEventListener("submit", (event) => { event.preventDefault(); if (!asking) ask(form); });
      form.querySelector(".stop").addEventListener("click", () => asking && asking.abort());
    }
    for (const form of document.querySelectorAll("form[data-check]")) check(form);
    for (const details of document.querySelectorAll("details.correct")) {
      details.addEventListener("toggle", () => { if (details.open) details.querySelector("textarea").focus(); });
    }
    openTarget();
  };

  /** A source that a marker leads to is opened. */
  const openTarget = () => {
    const target = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
    const details = target && target.querySelector(":scope > details");
    if (details) details.open = true;
  };

  const help = () => {
    let dialog = document.getElementById("keys-help");
    if (!dialog) {
      dialog = document.createElement("dialog");
      dialog.id = "keys-help";
      dialog.setAttribute("aria-label", "Keys");
      const list = document.createElement("dl");
      const rows = [["Enter", "ask"], ["Shift + Enter", "new line"], ["Esc", "stop asking"], ["/", "to the question"], ["?", "these keys"]];
      for (const [key, what] of rows) {
        const term = document.createElement("dt"), text = document.createElement("dd"), label = document.createElement("kbd");
        label.textContent = key;
        text.textContent = what;
        term.append(label);
        list.append(term, text);
      }
      const close = document.createElement("button");
      close.textContent = "Close";
      close.addEventListener("click", () => dialog.close());
      dialog.append(list, close);
      document.body.append(dialog);
    }
    dialog.showModal();
  };

  document.addEventListener("keydown", (event) => {
    const writing = event.target.matches("input, textarea, select");
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing && event.target.matches("textarea[data-enter]")) {
      event.preventDefault();
      event.target.form.requestSubmit();
    } else if (event.key === "Escape" && asking) asking.abort();
    else if (writing || event.ctrlKey || event.metaKey || event.altKey) return;
    else if (event.key === "?") help();
    else if (event.key === "/") {
      const box = document.getElementById("question") || document.getElementById("q");
      if (box) { event.preventDefault(); box.focus(); }
    }
  });
  window.addEventListener("hashchange", openTarget);
  window.addEventListener("popstate", () => location.reload());
  const hint = document.querySelector(".keys-hint");
  if (hint) hint.hidden = false;
  prepare();
})();
