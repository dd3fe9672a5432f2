// What the wall shows: tiles, queues, agents, alerts. Every number is the service's; only timers run here.
import { byId, dress, icon, keep, make, write } from "./dom.js";
import {
  FINE, GROUPS, LEVEL_TONES, NEAR, OVER, agentBadge, agentSince, clock, count, decimal, falling, isFree, isSignedIn,
  moment, percent, rising, seconds,
} from "./words.js";

const LEVEL_ICONS = ["\uE184", "\uE4E0", "\uE4E2"];
/** More alerts than this become a number. */
const ALERTS = 3;
/** More queues than this are sorted by need, because not all fit on a screen. */
const QUEUES_IN_ORDER = 14;
/** With so few queues the agents stand below them, not beside. */
const QUEUES_ABOVE = 4;
/** With so few agents each state is a column, where there is room. */
const AGENTS_IN_COLUMNS = 36;

/** Values of the service level: the one that is shown, and the one before it. */
const trend = { now: null, before: null };

/** What one queue's numbers mean now. */
function judge(report, now) {
  const { info, figures, counts } = report;
  const waited = report.longest_since === null ? null : Math.max(0, now - moment(report.longest_since));
  const level = figures.service_level_percent.value;
  return {
    report,
    waited,
    wait: waited === null ? FINE : rising(waited / 1000, info.target_secs),
    service: falling(level, info.target_percent),
    places: rising(report.waiting, info.max_waiting),
    deserted: report.waiting > 0 && report.agents_signed_in === 0,
    answered: counts.answered_in_target + counts.answered_late,
    abandoned: counts.abandoned_short + counts.abandoned_in_target + counts.abandoned_late,
  };
}

const need = (queue) => (queue.deserted ? 10 : 0) + queue.wait * 3 + queue.places * 2 + queue.service;

/** Draws everything. `now` is the service's time in milliseconds. */
export function drawLive(floor, day, now) {
  const queues = day.queues.map((report) => judge(report, now));
  const agents = Object.values(floor.agents);
  drawTiles(queues, agents, day);
  drawQueues(queues);
  drawAgents(agents, floor.breaks, now);
  drawAlerts(queues);
}

/** Forgets what was shown before, for the next person. */
export function forgetLive() {
  trend.now = trend.before = null;
}

function drawTiles(queues, agents, day) {
  const tiles = [waitingTile(queues), longestTile(queues), serviceTile(queues, day), agentsTile(queues, agents)];
  keep(byId("tiles"), tiles, (tile) => tile.id, createTile, fillTile);
}

function createTile(tile) {
  const card = make("section", "tile");
  card.setAttribute("aria-label", tile.label);
  const value = make("p", "tile-value");
  value.append(make("span", "tile-number"), make("span", "tile-unit"));
  const state = make("p", "tile-state");
  state.append(icon(""), make("span"));
  card.append(make("h2", "tile-label", tile.label), value, state, make("p", "tile-note"));
  return card;
}

function fillTile(card, tile) {
  dress(card, `tile ${tile.level === FINE ? "" : "is-marked"} tone-${LEVEL_TONES[tile.level]}`);
  card.dataset.metric = tile.id;
  const [, value, state, note] = card.children;
  write(value.children[0], tile.value);
  write(value.children[1], tile.unit ?? "");
  dress(value, tile.value.length > 5 ? "tile-value is-long" : "tile-value");
  write(state.children[0], tile.quiet ? "" : LEVEL_ICONS[tile.level]);
  write(state.children[1], tile.word);
  dress(state, tile.quiet ? "tile-state is-quiet" : "tile-state");
  write(note, tile.note);
}

function waitingTile(queues) {
  const waiting = queues.reduce((sum, queue) => sum + queue.report.waiting, 0);
  const level = Math.max(FINE, ...queues.map((queue) => queue.places));
  const worst = queues.filter((queue) => queue.places === level);
  const name = worst.length === 1 ? worst[0].report.info.name : `${worst.length} queues`;
  const words = ["Room in every queue", `Nearly full: ${name}`, `Full: ${name}`];
  const most = queues.filter((queue) => queue.report.waiting > 0);
  most.sort((left, right) => right.report.waiting - left.report.waiting);
  const note = most.slice(0, 2).map((queue) => `${queue.report.info.name} ${queue.report.waiting}`).join(" · ");
  return {
    id: "waiting", label: "Waiting now", value: count(waiting), level,
    word: waiting === 0 ? "Nobody waits" : words[level], note: most.length > 2 ? `${note} · …` : note,
  };
}

function longestTile(queues) {
  const waiting = queues.filter((queue) => queue.waited !== null);
  waiting.sort((left, right) => right.waited - left.waited);
  const longest = waiting[0];
  if (!longest) {
    return { id: "longest", label: "Longest wait", value: "–", level: FINE, word: "Nobody waits", note: "" };
  }
  const { name, target_secs } = longest.report.info;
  return {
    id: "longest", label: "Longest wait", value: clock(longest.waited), level: longest.wait,
    word: ["In time", "Near the target", "Over the target"][longest.wait],
    note: `${name} · target ${clock(target_secs * 1000)}`,
  };
}

function serviceTile(queues, day) {
  const { value } = day.figures.service_level_percent;
  if (value !== trend.now) {
    // What reads the same is no trend.
    if (value === null || trend.now === null || decimal(value) !== decimal(trend.now)) trend.before = trend.now;
    trend.now = value;
  }
  const targets = queues.map((queue) => queue.report.info.target_percent);
  const times = queues.map((queue) => queue.report.info.target_secs);
  const [least, most] = [Math.min(...targets), Math.max(...targets)];
  const [short, long] = [Math.min(...times), Math.max(...times)];
  const range = (low, high) => (low === high ? String(low) : `${low}–${high}`);
  const target = queues.length === 0 ? "" : `target ${range(least, most)} % in ${range(short, long)} s`;
  const tile = { id: "service-level", label: "Service level", note: target };
  if (value === null) return { ...tile, value: "–", level: FINE, quiet: true, word: "Nothing counted yet" };
  // With different targets it is surely missed only below the lowest, surely met only from the highest on.
  const level = value < least ? OVER : Math.max(value < most ? NEAR : FINE, falling(value, least));
  const word = level === OVER ? "Below target" : value < most ? "Between the targets" : ["On target", "Near the target"][level];
  const moved = trend.before === null || decimal(trend.before) === decimal(value) ? "" :
    ` ${value > trend.before ? "↑" : "↓"} from ${decimal(trend.before)} %`;
  return { ...tile, value: decimal(value), unit: "%", level, word: word + moved };
}

function agentsTile(queues, agents) {
  const ready = agents.filter(isFree).length;
  const signedIn = agents.filter(isSignedIn).length;
  const talking = agents.filter((agent) => agent.state.state === "talking").length;
  const wrapUp = agents.filter((agent) => agent.state.state === "wrap_up").length;
  const waiting = queues.some((queue) => queue.report.waiting > 0);
  const level = ready > 0 || !waiting ? FINE : signedIn > 0 ? NEAR : OVER;
  const word = signedIn === 0 ? "Nobody is signed in" : ready === 0 ? "Nobody is free" : "Free to answer";
  return {
    id: "agents", label: "Agents ready", value: count(ready), unit: `/ ${count(signedIn)}`, level, word,
    quiet: level === FINE && ready === 0, note: `${count(talking)} talking · ${count(wrapUp)} in wrap-up`,
  };
}

function drawQueues(queues) {
  const rows = [...queues];
  if (rows.length > QUEUES_IN_ORDER) rows.sort((left, right) => need(right) - need(left));
  const table = byId("queue-table");
  table.hidden = rows.length === 0;
  byId("queues-empty").hidden = rows.length > 0;
  write(byId("queues-title"), rows.length > QUEUES_IN_ORDER ? `Queues, ${rows.length}, most urgent first` : "Queues");
  const size = rows.length <= 5 ? "is-roomy" : rows.length <= 9 ? "" : "is-dense";
  dress(table, `queue-table ${size}`);
  byId("floor").classList.toggle("is-stacked", rows.length <= QUEUES_ABOVE);
  keep(byId("queue-rows"), rows, (queue) => queue.report.info.id, createRow, fillRow);
}

const COLUMNS = ["Waiting", "Longest", "Service level", "Answered", "Abandoned", "ASA", "Ready", "Talking"];

function createRow() {
  const row = make("tr");
  row.setAttribute("role", "row");
  const name = make("th", "queue-name");
  name.scope = "row";
  name.setAttribute("role", "rowheader");
  row.append(name);
  for (const column of COLUMNS) {
    const cell = make("td");
    cell.setAttribute("role", "cell");
    cell.dataset.column = column;
    const note = make("span", "cell-note");
    note.append(icon(""), make("span"));
    cell.append(make("span", "cell-value"), note);
    row.append(cell);
  }
  return row;
}

function fillRow(row, queue) {
  const { report } = queue;
  const { info, figures } = report;
  row.dataset.queue = info.id;
  write(row.children[0], info.name);
  row.children[0].title = info.name;
  const target = clock(info.target_secs * 1000);
  const level = figures.service_level_percent;
  const cells = [
    [count(report.waiting), queue.places, ["", "nearly full", "full"][queue.places]],
    [queue.waited === null ? "–" : clock(queue.waited), queue.wait,
      ["target", "near", "over"][queue.wait] + ` ${target}`],
    [percent(level), queue.service, ["target", "near", "below"][queue.service] + ` ${info.target_percent} %`],
    [count(queue.answered)],
    [count(queue.abandoned)],
    [seconds(figures.asa_secs)],
    [count(report.agents_ready), queue.deserted ? OVER : FINE,
      queue.deserted ? "nobody there" : `of ${count(report.agents_signed_in)}`],
    [count(report.agents_talking)],
  ];
  cells.forEach(([value, mark = FINE, note = ""], index) => {
    const cell = row.children[index + 1];
    dress(cell, mark === FINE ? "" : `is-marked tone-${LEVEL_TONES[mark]}`);
    write(cell.children[0], value);
    write(cell.children[1].children[0], mark === FINE ? "" : LEVEL_ICONS[mark]);
    write(cell.children[1].children[1], note);
  });
}

function drawAgents(agents, breaks, now) {
  const all = agents.map((agent) => {
    const badge = agentBadge(agent, breaks);
    return { id: agent.info.id, name: agent.info.name, badge, since: agentSince(agent) };
  });
  const groups = GROUPS.map((group) => {
    const members = all.filter((agent) => agent.badge.group === group.id);
    members.sort((left, right) => left.since - right.since || left.id.localeCompare(right.id));
    return { ...group, members };
  }).filter((group) => group.members.length > 0);
  keep(byId("agent-counts"), groups, (group) => group.id, createCount, (item, group) => {
    dress(item, `count tone-${group.tone}`);
    write(item.children[1], count(group.members.length));
    write(item.children[2], group.word);
  });
  const signedIn = groups.filter((group) => group.id !== "offline");
  const many = signedIn.reduce((sum, group) => sum + group.members.length, 0);
  const few = all.length <= AGENTS_IN_COLUMNS;
  const shown = few && many > 0 ? groups : signedIn;
  byId("floor").classList.toggle("has-columns", few);
  dress(byId("agent-groups"), many > AGENTS_IN_COLUMNS ? "groups is-dense" : many <= 12 ? "groups is-roomy" : "groups");
  keep(byId("agent-groups"), shown, (group) => group.id, createGroup, (section, group) => {
    write(section.children[0].children[1], count(group.members.length));
    keep(section.children[1], group.members, (agent) => agent.id, createAgent, (item, agent) => {
      fillAgent(item, agent, now);
    });
  });
  const empty = byId("agents-empty");
  empty.hidden = shown.length > 0;
  write(empty, agents.length === 0 ? "No agents are configured." : "Nobody is signed in.");
}

function createCount(group) {
  const item = make("li", "count");
  item.append(icon(group.icon), make("strong"), make("span"));
  return item;
}

function createGroup(group) {
  const section = make("section", `group tone-${group.tone}`);
  section.setAttribute("aria-label", group.word);
  const head = make("h3", "group-word");
  head.append(icon(group.icon), make("strong"), make("span", "", group.word));
  section.append(head, make("ul", "agent-list"));
  return section;
}

function createAgent() {
  const item = make("li", "agent");
  const who = make("span", "agent-who");
  who.append(make("span", "agent-name"), make("span", "agent-word"));
  item.append(icon(""), who, make("span", "agent-time"));
  return item;
}

function fillAgent(item, agent, now) {
  dress(item, `agent tone-${agent.badge.tone}`);
  item.dataset.agent = agent.id;
  write(item.children[0], agent.badge.icon);
  write(item.children[1].children[0], agent.name);
  item.children[1].children[0].title = agent.name;
  write(item.children[1].children[1], agent.badge.word);
  write(item.children[2], clock(now - agent.since));
}

/** Alerts stand as long as their number is bad; their words do not tick, so that they are read aloud once. */
function drawAlerts(queues) {
  const alerts = [];
  for (const queue of queues) {
    const { info } = queue.report;
    const add = (kind, weight, text) => alerts.push({ id: `${info.id}/${kind}`, weight, text });
    if (queue.deserted) add("deserted", 4, `Calls wait, nobody is signed in: ${info.name}`);
    if (queue.places === OVER) add("full", 3, `Queue full: ${info.name}`);
    if (queue.wait === OVER) add("wait", 2, `Longest wait over ${clock(info.target_secs * 1000)}: ${info.name}`);
    if (queue.service === OVER) add("service", 1, `Service level below ${info.target_percent} %: ${info.name}`);
  }
  alerts.sort((left, right) => right.weight - left.weight);
  const shown = alerts.slice(0, alerts.length > ALERTS + 1 ? ALERTS : ALERTS + 1);
  const rest = alerts.length - shown.length;
  if (rest > 0) shown.push({ id: "rest", text: `and ${rest} more in the rows below` });
  keep(byId("alerts"), shown, (alert) => alert.id, () => {
    const item = make("li", "alert tone-away");
    item.append(icon(LEVEL_ICONS[OVER]), make("span"));
    return item;
  }, (item, alert) => write(item.children[1], alert.text));
}
