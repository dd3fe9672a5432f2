// The day in figures, each with the formula that the service names, over the raw counts.
import { byId, keep, make, write } from "./dom.js";
import { clock, count, fine, percent, seconds } from "./words.js";

const QUEUE_FIGURES = [
  ["service_level_percent", "Service level", percent],
  ["asa_secs", "Average speed of answer", seconds],
  ["aht_secs", "Average handle time", seconds],
  ["abandon_percent", "Abandoned", percent],
];

const QUEUE_COUNTS = [
  ["entered", "Entered", count],
  ["answered_in_target", "Answered in target", count],
  ["answered_late", "Answered late", count],
  ["abandoned_short", "Short abandons", count],
  ["abandoned_in_target", "Abandoned in target", count],
  ["abandoned_late", "Abandoned late", count],
  ["timed_out", "Timed out", count],
  ["overflowed", "Over\u00adflowed", count],
  ["closed", "Closed", count],
  ["full", "Full", count],
  ["withdrawn", "With\u00addrawn", count],
  ["callback_taken", "Call-backs", count],
  ["failed", "Failed", count],
  ["max_wait_millis", "Longest wait", clock],
  ["offers", "Offers", count],
  ["offers_missed", "Missed", count],
  ["offers_rejected", "Rejected", count],
  ["handled", "Handled", count],
  ["transferred", "Trans\u00adferred", count],
];

const AGENT_COUNTS = [
  ["answered", "Answered", count],
  ["offers", "Offers", count],
  ["missed", "Missed", count],
  ["rejected", "Rejected", count],
  ["handled", "Handled", count],
  ["talk_millis", "Talk", clock],
  ["hold_millis", "of it hold", clock],
  ["wrap_up_millis", "Wrap-up", clock],
  ["ready_millis", "Ready", clock],
  ["not_ready_millis", "Not ready", clock],
];

const AGENT_FIGURES = [
  ["occupancy_percent", "Occupancy", percent],
  ["aht_secs", "Average handle time", seconds],
];

const TIMES = [
  ["wait", "Wait", "waits of answered calls"],
  ["talk", "Talk", "talk times with hold, of talks that ended"],
  ["setup", "Set-up", "from the agent’s answer to the open audio path"],
];

const TIME_COLUMNS = [
  ["count", "Counted", count],
  ["p50_millis", "Half below", fine],
  ["p90_millis", "90 % below", fine],
  ["p99_millis", "99 % below", fine],
  ["max_millis", "Largest", fine],
];

/** Draws the day's report. */
export function drawDay(day) {
  write(byId("day-title"), day.day ? `Day ${day.day}` : "Day");
  write(byId("day-note"), `From the start of the day to event ${count(day.seq)}. Figures are computed from the raw counts below.`);
  drawFigures(day.figures);

  const total = { id: "", name: "All queues", counts: day.total, figures: day.figures };
  const queues = day.queues.map(({ info, counts, figures }) => ({ id: `queue ${info.id}`, name: info.name, counts, figures }));
  table(byId("day-queues"), "Queue", [...pick("figures", QUEUE_FIGURES), ...pick("counts", QUEUE_COUNTS)], [...queues, total]);
  formulas(byId("queue-formulas"), QUEUE_FIGURES.map(([key, word]) => [word, day.figures[key].formula]));

  const agents = day.agents.map((report) => ({ id: `agent ${report.agent}`, name: report.name, counts: report.counts, figures: report }));
  table(byId("day-agents"), "Agent", [...pick("figures", AGENT_FIGURES), ...pick("counts", AGENT_COUNTS)], agents);
  const first = day.agents[0];
  formulas(byId("agent-formulas"), first ? AGENT_FIGURES.map(([key, word]) => [word, first[key].formula]) : []);

  const times = TIMES.map(([key, name]) => ({ id: key, name, counts: day[key], figures: {} }));
  table(byId("day-times"), "Time", pick("counts", TIME_COLUMNS), times);
  formulas(byId("time-formulas"), TIMES.map(([, word, what]) => [word, what]));
}

function drawFigures(figures) {
  const list = QUEUE_FIGURES.map(([key, word, show]) => ({ key, word, show, figure: figures[key] }));
  keep(byId("figures"), list, (item) => item.key, (item) => {
    const card = make("section", "figure");
    card.setAttribute("aria-label", item.word);
    card.append(make("h3", "", item.word), make("p", "figure-value"), make("p", "figure-formula"));
    card.dataset.figure = item.key;
    return card;
  }, (card, item) => {
    write(card.children[1], item.show(item.figure));
    write(card.children[2], `= ${item.figure.formula}`);
  });
}

function pick(from, columns) {
  return columns.map(([key, word, show]) => ({ word, show: (row) => show(row[from][key]), isFigure: from === "figures" }));
}

function table(element, head, columns, rows) {
  if (!element.tHead) {
    const row = element.createTHead().insertRow();
    for (const word of [head, ...columns.map((column) => column.word)]) {
      const cell = make("th", "", word);
      cell.scope = "col";
      row.append(cell);
    }
    element.createTBody();
  }
  keep(element.tBodies[0], rows, (row) => row.id, () => {
    const line = make("tr");
    const name = make("th");
    name.scope = "row";
    line.append(name, ...columns.map((column) => make("td", column.isFigure ? "is-figure" : "")));
    return line;
  }, (line, row) => {
    line.classList.toggle("is-total", row.id === "");
    write(line.children[0], row.name);
    columns.forEach((column, index) => write(line.children[index + 1], column.show(row)));
  });
}

function formulas(element, list) {
  keep(element, list, ([word]) => word, () => {
    const pair = make("div");
    pair.append(make("dt"), make("dd"));
    return pair;
  }, (pair, [word, formula]) => {
    write(pair.children[0], word);
    write(pair.children[1], formula);
  });
}
