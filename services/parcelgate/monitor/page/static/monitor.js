// Keeps the page fresh: asks the JSON feed of this page every few seconds, and only if something has changed takes the
// new page and exchanges those sections that differ. Focus, scrolling and what is being typed stay where they are.
"use strict";

const SECONDS = 3;
const feed = document.body.dataset.feed;
const fresh = document.getElementById("fresh");
let known = null;

function say(text, stale) {
  if (fresh.textContent !== text) fresh.textContent = text;
  fresh.classList.toggle("stale", stale);
}

function exchange(text) {
  const next = new DOMParser().parseFromString(text, "text/html");
  for (const section of document.querySelectorAll("[data-live]")) {
    const newer = next.getElementById(section.id);
    if (!newer || newer.innerHTML === section.innerHTML) continue;
    const path = section.contains(document.activeElement) ? document.activeElement : null;
    const place = path && [...section.querySelectorAll("a, [tabindex]")].indexOf(path);
    const scrolled = [...section.querySelectorAll(".scroll")].map((one) => one.scrollLeft);
    section.replaceChildren(...newer.childNodes);
    section.querySelectorAll(".scroll").forEach((one, number) => { one.scrollLeft = scrolled[number] || 0; });
    if (path) section.querySelectorAll("a, [tabindex]")[place]?.focus({ preventScroll: true });
  }
  for (const section of next.querySelectorAll("[data-live]")) {
    // A section that was not there before, such as the first timeline of an interchange.
    if (!document.getElementById(section.id)) document.getElementById("main").append(section);
  }
}

async function look() {
  if (document.hidden) return;
  try {
    const answer = await fetch(feed, { headers: { Accept: "application/json" } });
    if (answer.status === 401) { location.assign("/login"); return; }
    if (!answer.ok) throw new Error(String(answer.status));
    const shown = await answer.json();
    delete shown.as_of;
    const now = JSON.stringify(shown);
    if (known !== null && now !== known) {
      const page = await fetch(location.href);
      if (!page.ok) throw new Error(String(page.status));
      exchange(await page.text());
    }
    known = now;
    say(`Updated ${new Date().toISOString().slice(0, 19).replace("T", " ")} UTC.`, false);
  } catch {
    say("The gateway does not answer; trying again.", true);
  }
}

async function watch() {
  await look();
  setTimeout(watch, SECONDS * 1000);
}

if (feed) {
  watch();
  document.addEventListener("visibilitychange", look);
}
document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, textarea, select");
  if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && document.getElementById("q")) {
    event.preventDefault();
    document.getElementById("q").focus();
  }
});
