// Writes the answers of opening_hours.js into answers.tsv: `npm ci && npm run write [FILE ...]`.
// Every expression that the file has is asked again. Those of FILE are added: GeoJSON, whose places are taken to be in
// Munich, or lines of a place and an expression, separated by a tab.
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const OpeningHours = require("opening_hours");
const { version } = require("opening_hours/package.json");

const places = [
  ["munich", "Europe/Berlin", "DE", "Bayern", "48.137", "11.575"],
  ["berlin", "Europe/Berlin", "DE", "Berlin", "52.52", "13.405"],
  ["dresden", "Europe/Berlin", "DE", "Sachsen", "51.05", "13.737"],
  ["hamburg", "Europe/Berlin", "DE", "Hamburg", "53.55", "9.993"],
  ["vienna", "Europe/Vienna", "AT", "Wien", "48.208", "16.373"],
  ["new-york", "America/New_York", "US", "New York", "40.713", "-74.006"],
];

// In Berlin: 150 spread over the year, two on each holiday, the changes of the clock, and nights of weekends.
const local = (month, day, hour, minute) => {
  process.env.TZ = "Europe/Berlin";
  return new Date(2026, month - 1, day, hour, minute).getTime();
};
const holidays = [[1, 1], [1, 6], [3, 8], [4, 3], [4, 5], [4, 6], [5, 1], [5, 14], [5, 25], [6, 4], [8, 15], [10, 3], [10, 31], [11, 1], [11, 18], [12, 24], [12, 25], [12, 26], [12, 31]];
const changes = ["03-29T00:30", "03-29T01:05", "03-29T02:00", "10-25T00:10", "10-25T01:10", "10-25T01:59", "10-25T02:10"];
const nights = [[2, 14], [3, 21], [5, 9], [7, 5], [9, 13], [11, 22]];
const instants = [
  ...Array.from({ length: 150 }, (_, index) => local(1, 1, 0, 7) + index * 3491 * 60_000),
  ...holidays.flatMap(([month, day]) => [local(month, day, 12, 3), local(month, day, 19, 37)]),
  ...changes.map((text) => Date.parse(`2026-${text}Z`)),
  ...nights.flatMap(([month, day]) => [local(month, day, 0, 45), local(month, day, 3, 50)]),
].sort((one, other) => one - other);

const file = new URL("answers.tsv", import.meta.url);
const asked = new Map();
const add = (place, text) => asked.set(`${place}\t${text}`, [place, text]);
const lines = (text) => text.split("\n").filter((line) => line && !line.startsWith("#"));
for (const line of lines(readFileSync(file, { encoding: "utf8", flag: "a+" }))) add(...line.split("\t"));
for (const name of process.argv.slice(2)) {
  const text = readFileSync(name, "utf8");
  if (name.endsWith(".geojson")) {
    const hours = JSON.parse(text).features.map((feature) => feature.properties.opening_hours);
    for (const one of hours.filter(Boolean)) add("munich", one.replace(/\s+/g, " ").trim());
  } else {
    for (const line of lines(text)) add(...line.split("\t"));
  }
}

// Asked about one instant, the reference forgets that after `12:00-14:00+` it may still be open. It knows that when it
// walks through the year, but then it stumbles where the clock changes. So it is asked both.
const DAY_MS = 86_400_000;
// Three states in each letter, `a` for closed three times; `-` for what the reference refuses.
const letters = "abcdefghijklmnopqrstuvwxyz_";
function answers(place, text) {
  const [, zone, country, state, lat, lon] = places.find(([name]) => name === place);
  process.env.TZ = zone;
  try {
    const hours = new OpeningHours(text, { lat, lon, address: { country_code: country.toLowerCase(), state } }, { locale: "en" });
    const intervals = hours.getOpenIntervals(new Date(instants[0] - DAY_MS), new Date(instants.at(-1) + DAY_MS));
    const states = instants.map((at) => {
      const now = new Date(at);
      const perhaps = intervals.some(([from, to, unknown]) => unknown && from <= at && at < to);
      return hours.getState(now) ? 1 : hours.getUnknown(now) || perhaps ? 2 : 0;
    });
    return states.map((state, index) => (index % 3 ? "" : letters[state * 9 + (states[index + 1] ?? 0) * 3 + (states[index + 2] ?? 0)])).join("");
  } catch {
    return "-";
  }
}

const head = [
  `# Answers of opening_hours.js ${version}, written by write.mjs. The expressions of munich that are not ours are facts`,
  "# from OpenStreetMap, © OpenStreetMap contributors, ODbL 1.0.",
  ...places.map((place) => `# place\t${place.join("\t")}`),
  `# minutes since 1970\t${instants.map((at) => at / 60_000).join(" ")}`,
];
const rows = [...asked.values()].sort().map(([place, text]) => `${place}\t${text}\t${answers(place, text)}`);
writeFileSync(file, `${[...head, ...rows].join("\n")}\n`);
console.log(`${rows.length} expressions, ${rows.filter((row) => row.endsWith("\t-")).length} of them refused, ${instants.length} instants`);
