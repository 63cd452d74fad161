import { type Summary, summarize } from './statistics.ts';

/** One run of one side. */
export interface Run {
  seconds: number;
  peakMemoryBytes: number;
}

/** All runs of one side. */
export interface Side {
  seconds: Summary;
  /** Left out where no bytes are moved. */
  megabytesPerSecond?: number;
  peakMemoryMegabytes: number;
}

/** What the two sides took for the same work. */
export interface Comparison {
  work: string;
  set: string;
  ours: Side;
  dcmtk?: Side;
  curl?: Side;
  /** Ours by C-GET, beside another way of ours. */
  cGet?: Side;
  /** Median time of the other side divided by ours: above 1, ours is faster. */
  ratio: number;
  /** What the ratio should reach, where that is laid down. */
  goal?: number;
}

/** Something of ours that is measured by itself. */
export interface Figure {
  work: string;
  value: number;
  unit: string;
  /** What the value should stay below, or at. */
  limit: number;
}

export type Result = Comparison | Figure;

export interface Contest {
  work: string;
  set: { name: string; bytes?: number };
  rounds: number;
  goal?: number | undefined;
  ours(): Promise<Run>;
  /** One of these. */
  dcmtk?(): Promise<Run>;
  curl?(): Promise<Run>;
  cGet?(): Promise<Run>;
}

/**
 * Lets both sides do the same work in turns, so that whatever else the machine is doing meets both. One round before the
 * others warms files and peers up and does not count. What it measures is told on stderr as it goes.
 */
export async function compare(contest: Contest): Promise<Comparison> {
  const { work, set, rounds, goal, ours } = contest;
  const rival = (['dcmtk', 'curl', 'cGet'] as const).find((name) => contest[name]) ?? 'dcmtk';
  const theirs = contest[rival];
  if (!theirs) throw new Error('A contest needs another side.');
  const runs: { ours: Run[]; theirs: Run[] } = { ours: [], theirs: [] };
  for (let round = 0; round <= rounds; round += 1) {
    const pair = { theirs: await theirs(), ours: await ours() };
    console.error(
      `${work}, ${set.name}, ${round === 0 ? 'warm-up' : `round ${round} of ${rounds}`}:`,
      `${rival} ${pair.theirs.seconds.toFixed(3)} s, ours ${pair.ours.seconds.toFixed(3)} s`,
    );
    if (round > 0) {
      runs.ours.push(pair.ours);
      runs.theirs.push(pair.theirs);
    }
  }
  const own = sideOf(runs.ours, set.bytes);
  const other = sideOf(runs.theirs, set.bytes);
  return {
    work,
    set: set.name,
    ours: own,
    [rival]: other,
    ratio: round(other.seconds.median / own.seconds.median, 3),
    ...(goal !== undefined && { goal }),
  };
}

function sideOf(runs: readonly Run[], bytes: number | undefined): Side {
  const seconds = summarize(runs.map((run) => run.seconds));
  return {
    seconds: { median: round(seconds.median, 3), min: round(seconds.min, 3), max: round(seconds.max, 3) },
    ...(bytes !== undefined && { megabytesPerSecond: round(bytes / 1e6 / seconds.median, 1) }),
    peakMemoryMegabytes: round(Math.max(...runs.map((run) => run.peakMemoryBytes)) / 1e6, 1),
  };
}

export function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
