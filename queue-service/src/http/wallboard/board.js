// The wallboard: signs in, follows the live feed, and draws what the service says.
import { byId, write } from "./dom.js";
import { drawDay } from "./day.js";
import { drawLive, forgetLive } from "./live.js";
import { Feed, Refresher, ServiceClock, ask } from "./net.js";

const TOKEN_KEY = "callfloor.token";
const THEME_KEY = "callfloor.theme";

const serviceClock = new ServiceClock();
let token = null;
let feed = null;
let refresher = null;
let floor = null;
let day = null;
/** While the numbers are old: since when, in the service's time; timers stand still there. */
let staleSince = null;
/** When the feed tries again, on the page's steady clock; none while it is there. */
let retryAt = null;
let reason = "";
let retryTimer = 0;

/** Storage may be forbidden; then a reload asks again. */
function remember(storage, key, value) {
  try {
    if (value === null) window[storage].removeItem(key);
    else window[storage].setItem(key, value);
  } catch {
    // It works without.
  }
}

function recall(storage, key) {
  try {
    return window[storage].getItem(key);
  } catch {
    return null;
  }
}

/* ---- theme ---- */

const prefersLight = window.matchMedia("(prefers-color-scheme: light)");

function chosenTheme() {
  const known = (theme) => (theme === "dark" || theme === "light" ? theme : null);
  return known(new URLSearchParams(location.search).get("theme")) ?? known(recall("localStorage", THEME_KEY));
}

function showTheme(chosen) {
  const theme = chosen ?? (prefersLight.matches ? "light" : "dark");
  document.documentElement.dataset.theme = theme;
  write(byId("theme-icon"), theme === "dark" ? "\uE472" : "\uE330");
  write(byId("theme-word"), theme === "dark" ? "Light" : "Dark");
  byId("theme").setAttribute("aria-label", theme === "dark" ? "Switch to light colours" : "Switch to dark colours");
}

function switchTheme() {
  const theme = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
  remember("localStorage", THEME_KEY, theme);
  const address = new URL(location.href);
  if (address.searchParams.has("theme")) {
    address.searchParams.set("theme", theme);
    history.replaceState(null, "", address);
  }
  showTheme(theme);
}

/* ---- signing in and out ---- */

/** The token of `#token=…`; it leaves the address bar at once. */
function takeTokenFromAddress() {
  const found = /^#(?:.*&)?token=([^&]+)/.exec(location.hash);
  if (!found) return null;
  history.replaceState(null, "", location.pathname + location.search);
  try {
    return decodeURIComponent(found[1]);
  } catch {
    return null;
  }
}

function askToSignIn(words) {
  stop();
  token = null;
  remember("sessionStorage", TOKEN_KEY, null);
  document.body.dataset.view = "sign-in";
  showLink("off", "\uE4C4", "Signed out");
  const problem = byId("sign-in-problem");
  problem.hidden = !words;
  write(problem, words ?? "");
  byId("user").focus();
}

async function signIn(event) {
  event.preventDefault();
  const go = byId("sign-in-go");
  if (go.disabled) return;
  const user = byId("user").value.trim().toLowerCase();
  const password = byId("password").value;
  go.disabled = true;
  write(go, "Signing in …");
  try {
    const signed = await ask("POST", "session", null, { user, password });
    byId("password").value = "";
    start(signed.token);
  } catch (error) {
    const problem = byId("sign-in-problem");
    problem.hidden = false;
    write(problem, error.words ?? String(error));
    byId("password").select();
  } finally {
    go.disabled = false;
    write(go, "Sign in");
  }
}

async function signOut() {
  const old = token;
  askToSignIn(null);
  try {
    await ask("DELETE", "session", old);
  } catch {
    // The token is forgotten here in any case, and expires there.
  }
}

/* ---- numbers ---- */

function start(newToken) {
  stop();
  token = newToken;
  remember("sessionStorage", TOKEN_KEY, token);
  document.body.dataset.view = "starting";
  showLink("connecting", "\uE2B2", "Connecting");
  refresher = new Refresher(refresh);
  feed = new Feed(token, { frame: onFrame, down: onDown, refused: (problem) => askToSignIn(problem.words) });
  refresher.want();
}

function stop() {
  feed?.close();
  refresher?.close();
  feed = refresher = floor = day = staleSince = retryAt = null;
  clearTimeout(retryTimer);
  forgetLive();
  byId("banner").hidden = true;
}

/** Asks for the numbers themselves: so they are the service's own, whatever is folded how. */
async function refresh() {
  const asked = token;
  try {
    const [newDay, newFloor] = await Promise.all([ask("GET", "reports/day", asked), ask("GET", "floor", asked)]);
    if (asked !== token) return;
    [day, floor] = [newDay, newFloor];
    serviceClock.atLeast(floor.at);
    document.body.dataset.view = "board";
    if (retryAt === null) fresh();
    draw();
    drawDay(day);
  } catch (error) {
    if (asked !== token) return;
    if (error.status === 401 || error.status === 403) {
      askToSignIn(error.words);
      return;
    }
    // A mistake of the page itself must be seen, too.
    stale(error.words ?? `The page cannot show what came: ${error}.`);
    clearTimeout(retryTimer);
    retryTimer = setTimeout(() => refresher?.want(), 3000);
  }
}

function onFrame(frame) {
  if (frame.now) serviceClock.set(frame.now);
  else if (frame.at) serviceClock.atLeast(frame.at);
  retryAt = null;
  refresher.want();
}

function onDown(millis, why) {
  retryAt = performance.now() + millis;
  stale(why);
}

function stale(why) {
  reason = why;
  staleSince ??= serviceClock.now();
  showLink("lost", "\uE4F2", "Disconnected");
  drawBanner();
}

function fresh() {
  staleSince = null;
  byId("banner").hidden = true;
  showLink("live", "\uE184", "Live");
}

function showLink(state, code, word) {
  document.body.dataset.link = state;
  write(byId("link-icon"), code);
  write(byId("link-word"), word);
}

function timeOfDay(millis, withSecs) {
  const date = new Date(millis);
  const parts = [date.getHours(), date.getMinutes(), ...(withSecs ? [date.getSeconds()] : [])];
  return parts.map((part) => String(part).padStart(2, "0")).join(":");
}

function drawBanner() {
  const secs = retryAt === null ? 0 : Math.max(0, Math.ceil((retryAt - performance.now()) / 1000));
  const again = secs > 0 ? `trying again in ${secs} s` : "trying again";
  const what = retryAt === null ? reason : `Connection lost, ${again}.${reason ? ` ${reason}.` : ""}`;
  const since = day ? ` Numbers are from ${timeOfDay(staleSince, true)}.` : "";
  write(byId("banner-word"), what + since);
  byId("banner").hidden = false;
}

function draw() {
  if (day && floor) drawLive(floor, day, staleSince ?? serviceClock.now());
}

function everySecond() {
  write(byId("now"), timeOfDay(serviceClock.now(), false));
  if (staleSince !== null) drawBanner();
  else draw();
}

byId("theme").addEventListener("click", switchTheme);
byId("sign-out").addEventListener("click", signOut);
byId("sign-in-form").addEventListener("submit", signIn);
prefersLight.addEventListener("change", () => showTheme(chosenTheme()));
document.addEventListener("visibilitychange", () => document.hidden || refresher?.want());
window.addEventListener("hashchange", () => {
  const given = takeTokenFromAddress();
  if (given) start(given);
});
showTheme(chosenTheme());
setInterval(everySecond, 1000);
everySecond();
const given = takeTokenFromAddress() ?? recall("sessionStorage", TOKEN_KEY);
if (given) start(given);
else askToSignIn(null);
