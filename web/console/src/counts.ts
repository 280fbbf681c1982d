// The ledger counted, and which of its lines each number is of: a number and the lines that it opens are one thing.

import type { Due } from "./setting.js";

export interface Group {
  village: string | null;
  sector: string;
  level: string;
  status: string;
  count: number;
}

export interface Overview {
  groups: Group[];
  overdue: Group[];
  spans: { from: number; before: number; found: number; closed: number }[];
  due: Due;
}

export type Query = Record<string, string>;

/** How many hazards, and the query of the ledger that lists them. */
export interface Count {
  value: number;
  query: Query;
}

const OPEN = "reported,ordered,rectified";

export const sum = (groups: readonly Group[], of: (group: Group) => boolean = () => true) =>
  groups.filter(of).reduce((total, group) => total + group.count, 0);
const isOpen = (group: Group) => group.status !== "closed";

/** What is counted of some hazards; `within` is what narrows the ledger to them. */
export function counted({ groups, overdue, due }: Overview, of: (group: Group) => boolean, within: Query) {
  const own = groups.filter(of);
  const open = sum(own, isOpen);
  const late = sum(overdue, of);
  const count = (value: number, query: Query): Count => ({ value, query: { ...within, ...query } });
  return {
    found: count(sum(own), {}),
    closed: count(sum(own) - open, { status: "closed" }),
    open: count(open, { status: OPEN }),
    overdue: count(late, { overdue: "true" }),
    /** Open, and not past a deadline: what has none counts too. */
    inTime: count(open - late, { status: OPEN, due_from: due.today }),
    majorOpen: count(sum(own, (group) => isOpen(group) && group.level === "major"), { status: OPEN, level: "major" }),
    waiting: count(sum(own, (group) => group.status === "rectified"), { status: "rectified" }),
  };
}

export type Counted = ReturnType<typeof counted>;

/** Whole percents of a whole, rounded down. Multiplied first: 29 / 50 is a little less than 0.58. */
export const percent = (part: number, whole: number) => (whole === 0 ? 0 : Math.floor((part * 100) / whole));

/** The share of what was found that is closed. */
export function rate({ found, closed }: Counted): string {
  return found.value === 0 ? "—" : `${percent(closed.value, found.value)}%`;
}

/** One row of a table by village, sector or level. */
export interface Row {
  key: string;
  name: string;
  counted: Counted;
}
