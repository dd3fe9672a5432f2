// Times, numbers and states as people read them, in the words of the apps; and when a number is a warning.

/** Milliseconds since the epoch of an RFC 3339 time with microseconds. */
export function moment(text) {
  return Date.parse(String(text).replace(/(\.\d{3})\d+/, "$1"));
}

/** A length in milliseconds as 0:07, 12:34 or 1:02:03. */
export function clock(millis) {
  const secs = Math.max(0, Math.floor(millis / 1000));
  const two = (number) => String(number).padStart(2, "0");
  const [hours, minutes] = [Math.floor(secs / 3600), Math.floor(secs / 60) % 60];
  return hours > 0 ? `${hours}:${two(minutes)}:${two(secs % 60)}` : `${minutes}:${two(secs % 60)}`;
}

/** A length in milliseconds where fractions of a second matter: 340 ms, 2.1 s, 12:34. */
export function fine(millis) {
  if (millis < 1000) return `${millis} ms`;
  if (millis < 60000) return `${(millis / 1000).toFixed(1)} s`;
  return clock(millis);
}

/** One decimal at most, so that 79.6 never reads as a target of 80 that is met. */
export function decimal(value) {
  const cut = Math.floor(value * 10 + 1e-9) / 10;
  return Number.isInteger(cut) ? String(cut) : cut.toFixed(1);
}

/** A figure in percent, or a dash when nothing was counted yet. */
export function percent(figure) {
  return figure.value === null ? "–" : `${decimal(figure.value)} %`;
}

/** A figure in seconds, or a dash when nothing was counted yet. */
export function seconds(figure) {
  return figure.value === null ? "–" : clock(figure.value * 1000);
}

/** A whole number with thin spaces between thousands. */
export function count(number) {
  return String(number).replace(/\B(?=(\d{3})+$)/g, "\u202f");
}

/** Levels of a number against its threshold, worst last. */
export const FINE = 0;
export const NEAR = 1;
export const OVER = 2;

/** The tone of a level; the word always stands beside it. */
export const LEVEL_TONES = ["ready", "wrap-up", "away"];

/** For numbers that should stay small: near from 70 % of the threshold on, over from the threshold on. */
export function rising(value, threshold) {
  if (!(threshold > 0)) return FINE;
  if (value >= threshold) return OVER;
  return value >= 0.7 * threshold ? NEAR : FINE;
}

/** For a share that should stay large: near when 70 % of what may be missed is missed, over below the target. */
export function falling(value, target) {
  if (value === null) return FINE;
  if (value < target) return OVER;
  return target < 100 && 100 - value >= 0.7 * (100 - target) ? NEAR : FINE;
}

const REASONS = {
  signed_in: ["Not ready", "\uE39E", "break"],
  missed_offer: ["Missed call", "\uE3C4", "away"],
  rejected_offer: ["Rejected call", "\uE3C4", "away"],
  phone_lost: ["Phone lost", "\uE3C2", "away"],
  connection_lost: ["Connection lost", "\uE4F2", "away"],
  supervisor: ["Set by supervisor", "\uE57E", "away"],
};

/** Groups of agents in the order of the board. */
export const GROUPS = [
  { id: "away", word: "Attention", icon: "\uE4E0", tone: "away" },
  { id: "ready", word: "Ready", icon: "\uE184", tone: "ready" },
  { id: "ringing", word: "Ringing", icon: "\uE3BE", tone: "talking" },
  { id: "talking", word: "Talking", icon: "\uE3BA", tone: "talking" },
  { id: "wrap-up", word: "Wrap-up", icon: "\uE34C", tone: "wrap-up" },
  { id: "break", word: "Not ready", icon: "\uE1C2", tone: "break" },
  { id: "offline", word: "Offline", icon: "\uE3DA", tone: "break" },
];

function badge(group, word, icon, tone) {
  return { group, word, icon, tone };
}

/** What an agent does, while the machine does something, else what the person wants. */
export function agentBadge(agent, breaks) {
  switch (agent.state.state) {
    case "offered":
      return badge("ringing", "Ringing", "\uE3BE", "talking");
    case "talking":
      return agent.state.held
        ? badge("talking", "On hold", "\uE39E", "talking")
        : badge("talking", "Talking", "\uE3BA", "talking");
    case "wrap_up":
      return badge("wrap-up", "Wrap-up", "\uE34C", "wrap-up");
  }
  if (agent.status.status === "offline") return badge("offline", "Offline", "\uE3DA", "break");
  if (agent.status.status === "ready") {
    return agent.device.kind === "none"
      ? badge("away", "Ready, no phone", "\uE3C2", "away")
      : badge("ready", "Ready", "\uE184", "ready");
  }
  const reason = agent.status.reason;
  if (reason.kind === "break") {
    const known = breaks.find((code) => code.id === reason.code);
    return badge("break", known ? known.label : reason.code, "\uE1C2", "break");
  }
  const [word, icon, tone] = REASONS[reason.kind] ?? ["Not ready", "\uE39E", "break"];
  return badge(tone, word, icon, tone);
}

/** Since when the badge is true, in milliseconds. */
export function agentSince(agent) {
  const state = moment(agent.state_since);
  return agent.state.state === "idle" ? Math.max(moment(agent.status_since), state) : state;
}

/** Ready and idle: what the service counts as ready. */
export function isFree(agent) {
  return agent.status.status === "ready" && agent.state.state === "idle";
}

/** Signed in, ready or not. */
export function isSignedIn(agent) {
  return agent.status.status !== "offline";
}
